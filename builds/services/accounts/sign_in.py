"""The limit of wrong passwords, at the sign-in page and at Django's admin alike.

django-axes counts them for each name and address, in the database, so that all web processes count together. What
is added here is the growing pause: once a name has used up its tries, each further wrong password doubles it. Nothing
is told of whether the name exists, and other addresses may go on signing in under it.

An address that has tried many names in vain waits too, whatever the name. Names are counted and not tries, and the
pause is short and does not grow: one person who mistypes does not lock out an office behind one address.
"""

from datetime import datetime, timedelta
from typing import Any, Final

from axes.backends import AxesStandaloneBackend
from axes.handlers.database import AxesDatabaseHandler
from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Count, Max, QuerySet, Sum
from django.http import HttpRequest
from django.utils import timezone

from builds.models import Activity, Did
from builds.services.accounts.access import client_address

FIRST_PAUSE: Final = timedelta(minutes=1)
LONGEST_PAUSE: Final = timedelta(hours=1)
MOST_NAMES: Final = 50  # that an address may try in vain within `NAMES_WINDOW`, each until its right password
NAMES_WINDOW: Final = timedelta(minutes=10)
ADDRESS_PAUSE: Final = timedelta(minutes=1)
MOST_DOUBLINGS: Final = 10  # more than the longest pause needs


class SignInLimitBackend(AxesStandaloneBackend):  # type: ignore[misc]
    """Refuses a locked name before its password is looked at; stands first in AUTHENTICATION_BACKENDS."""

    def authenticate(self, request: HttpRequest | None, **credentials: Any) -> None:
        """Return None, for the next backend to decide; raises `AxesBackendPermissionDenied` for a locked name.

        A program that asks without a request came through no door, and has no address to be counted under.
        """
        if request is not None:
            super().authenticate(request, **credentials)


class SignInHandler(AxesDatabaseHandler):  # type: ignore[misc]
    """django-axes' handler with a pause that grows; AXES_COOLOFF_TIME is how long wrong passwords are remembered."""

    def is_locked(self, request: HttpRequest, credentials: dict[str, Any] | None = None) -> bool:
        """Say whether the name of `credentials` may not sign in from the address of `request` now."""
        return self._seconds(request, credentials) > 0

    def seconds_left(self, request: HttpRequest) -> int:
        """Return in how many seconds the name that was just refused may sign in; at least 1."""
        credentials = getattr(request, "axes_credentials", None)
        return max(1, self._seconds(request, credentials))

    def _seconds(self, request: HttpRequest, credentials: dict[str, Any] | None) -> int:
        of_name = seconds_locked(self.get_user_attempts(request, credentials)[0])
        return max(of_name, seconds_address_locked(axes_address(request)))


def seconds_locked(attempts: "QuerySet[AccessAttempt]") -> int:
    """Return for how many seconds `attempts`, those of one name at one address, lock it; 0 where they do not."""
    found = attempts.aggregate(count=Sum("failures_since_start"), last=Max("attempt_time"))
    if not found["count"] or found["count"] < settings.AXES_FAILURE_LIMIT:
        return 0
    return _seconds_until(locked_until(found["count"], found["last"]))


def seconds_address_locked(address: str | None) -> int:
    """Return for how many seconds nobody may sign in from `address`, because of the many names tried there; or 0."""
    tried = AccessAttempt.objects.filter(ip_address=address, attempt_time__gt=timezone.now() - NAMES_WINDOW)
    found = tried.aggregate(names=Count("username", distinct=True), last=Max("attempt_time"))
    return _seconds_until(found["last"] + ADDRESS_PAUSE) if address and found["names"] >= MOST_NAMES else 0


def _seconds_until(moment: datetime) -> int:
    return max(0, -int(-(moment - timezone.now()).total_seconds() // 1))


def locked_until(count: int, last: datetime) -> datetime:
    """Return until when `count` wrong passwords, the limit or more, lock a name; the last one was given at `last`."""
    doublings = min(count - settings.AXES_FAILURE_LIMIT, MOST_DOUBLINGS)
    pause: timedelta = min(FIRST_PAUSE * 2**doublings, LONGEST_PAUSE)
    return last + pause


def axes_address(request: HttpRequest) -> str | None:
    """Return the client's address as django-axes keeps it."""
    return client_address(request) or None


def unlock(attempts: "QuerySet[AccessAttempt]", *, by: User) -> int:
    """Forget `attempts`, so that their names may sign in again at once; return how many there were."""
    with transaction.atomic():
        names = ", ".join(sorted(set(attempts.values_list("username", flat=True))))
        Activity.record(by=by, did=Did.UNLOCK_SIGN_IN, detail=names)
        return int(attempts.delete()[0])
