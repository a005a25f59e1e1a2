"""Reads of who did what and when."""

from dataclasses import dataclass

from django.db.models import Q, QuerySet

from builds.domain.access import Permission, refused
from builds.models import Activity, Caller

LONGEST_NUMBER = 18  # digits, which fit a key


@dataclass(frozen=True, slots=True)
class ActivityFilter:
    """What narrows a list of acts; empty: not narrowed. It never widens what the caller may see."""

    who: str = ""  # user name, any case
    did: str = ""  # one of `Did`
    build: str = ""  # number of the build, or part of its name, any case

    @property
    def condition(self) -> Q:
        """Return what acts have to be."""
        wanted = Q()
        if self.who:
            wanted &= Q(by__username__iexact=self.who)
        if self.did:
            wanted &= Q(did=self.did)
        if self.build:
            is_number = self.build.isascii() and self.build.isdigit() and len(self.build) <= LONGEST_NUMBER
            of_number = Q(build_id=int(self.build)) if is_number else Q()
            wanted &= Q(build__name__icontains=self.build) | of_number
        return wanted


def visible_activity(caller: Caller, narrowed: ActivityFilter = ActivityFilter()) -> "QuerySet[Activity]":
    """Return the acts that `caller` may know of, newest first.

    Every member of an account sees the acts on its builds and runs, and the own acts. Acts on tokens, members,
    registries and settings are for account admins, acts without an account, as on build servers, for instance admins.
    """
    found = Activity.objects.order_by("-pk")
    if not caller.sees_everything:
        roles = {account_id: caller.role_in(account_id) for account_id in caller.account_ids}
        managed = [pk for pk, role in roles.items() if refused(Permission.MANAGE_ACCOUNT, role, caller.scopes) is None]
        of_members = Q(account_id__in=roles) & (Q(build__isnull=False) | Q(by=caller.user))
        found = found.filter(of_members | Q(account_id__in=managed))
    if caller.build_ids is not None:
        found = found.filter(build_id__in=caller.build_ids)
    return found.filter(narrowed.condition)
