"""API tokens: issue, find, revoke, and the limits that each carries (docs/contract.md, "Callers and rights")."""

import hashlib
import secrets
import zlib
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any, Final

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Case, F, Q, QuerySet, Value, When
from django.db.models.functions import Now
from django.utils import timezone

from builds.domain.access import Role, Scope
from builds.domain.address_ranges import check_range, normal_range, refused_address
from builds.domain.errors import FieldError, Invalid, NoRight, NotFound
from builds.models import Account, Activity, ApiToken, Build, Caller, Did, Membership, WrongTokens
from builds.services.accounts.access import caller_for

PREFIX: Final = "bh_"
BASE36: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
LONGEST_NAME: Final = 100
MOST_DAYS: Final = 36_500
MOST_RANGES: Final = 100
MOST_BUILDS: Final = 1000
MOST_REQUESTS: Final = 1_000_000
MOST_WRONG_TOKENS: Final = 300  # a minute, from one address: no token is guessed so, and a wrong script is stopped
MINUTE: Final = timedelta(minutes=1)
KEPT: Final = timedelta(hours=1)  # how long the count of an address is


def issue_token(  # noqa: PLR0913  the fields of a token, as the contract lists them
    *,
    owner: User,
    account: Account | None,
    name: str,
    scopes: list[Scope],
    days: int | None = None,
    build_ids: Sequence[int] | None = None,
    allowed_ranges: Sequence[str] = (),
    blocked_ranges: Sequence[str] = (),
    requests_per_minute: int = 0,
) -> str:
    """Create a token and return it: the only time that it can be read.

    `days` until it expires (None: never), `build_ids` None for every build of the account, an empty list is refused;
    `requests_per_minute` 0 for no limit. Without an account the token sees nothing.
    Raises `Invalid` with every wrong field: name, scopes, days, builds, allowedRanges, blockedRanges,
    requestsPerMinute, account.
    """
    errors = [
        *_plain_errors(name, scopes, days, requests_per_minute),
        *_range_errors("allowedRanges", allowed_ranges),
        *_range_errors("blockedRanges", blocked_ranges),
        *_reach_errors(owner, account, build_ids),
    ]
    if errors:
        raise Invalid(errors)
    body = secrets.token_urlsafe(32).replace("-", "0").replace("_", "1")
    word = f"{PREFIX}{body}{_checksum(body)}"
    with transaction.atomic():
        token = ApiToken.objects.create(
            name=name.strip(),
            owner=owner,
            account=account,
            digest=_digest(word),
            scopes=[scope.value for scope in Scope if scope in scopes],
            limited_to_builds=build_ids is not None,
            allowed_ranges=[normal_range(text) for text in allowed_ranges],
            blocked_ranges=[normal_range(text) for text in blocked_ranges],
            requests_per_minute=requests_per_minute,
            expires_at=timezone.now() + timedelta(days=days) if days else None,
        )
        token.builds.set(build_ids or ())
        Activity.record(by=owner, did=Did.CREATE_TOKEN, account_id=token.account_id, detail=token.name)
    return word


def revoke_token(*, token_id: int, caller: Caller) -> None:
    """End a token for ever; one that is revoked already stays so.

    Its owner, an admin of its account and an instance admin may. Raises `NotFound` and `NoRight`.
    """
    if caller.scopes is not None and Scope.WRITE not in caller.scopes:
        raise NoRight("Revoke a token: this token lacks the scope write; issue one that has it.")
    with transaction.atomic():
        token = tokens_of(caller).select_for_update(of=("self",)).filter(pk=token_id).first()
        if token is None:
            raise NotFound(f"There is no token {token_id}.")
        if token.revoked_at is None:
            ApiToken.objects.filter(pk=token.pk).update(revoked_at=Now())
            Activity.record(by=caller.user, did=Did.REVOKE_TOKEN, account_id=token.account_id, detail=token.name)


def tokens_of(caller: Caller) -> QuerySet[ApiToken]:
    """Return the tokens that `caller` may know of, newest first: the own ones and those of accounts administered.

    A caller who is a token sees only those of its account. The secret itself is nowhere.
    """
    tokens = ApiToken.objects.select_related("owner", "account").order_by("-pk")
    if caller.sees_everything:
        return tokens
    administered = [
        account_id
        for account_id in caller.account_ids
        if (role := caller.role_in(account_id)) and role.covers(Role.ADMIN)
    ]
    own = Q(owner=caller.user) if caller.account_id is None else Q(owner=caller.user, account_id=caller.account_id)
    return tokens.filter(own | Q(account_id__in=administered))


def find_token(word: str) -> ApiToken | None:
    """Return the live token that `word` is, or None; what is misspelt never reaches the database."""
    body, checksum = word.removeprefix(PREFIX)[:-6], word[-6:]
    if not word.startswith(PREFIX) or not secrets.compare_digest(_checksum(body).encode(), checksum.encode()):
        return None
    live = Q(revoked_at=None) & (Q(expires_at=None) | Q(expires_at__gt=timezone.now()))
    found = ApiToken.objects.select_related("owner").filter(live, digest=_digest(word), owner__is_active=True).first()
    now = timezone.now()
    if found and (found.last_used_at is None or found.last_used_at < now - MINUTE):
        ApiToken.objects.filter(pk=found.pk).update(last_used_at=now)
    return found


def address_refused(token: ApiToken, address: str) -> str | None:
    """Say why `token` may not be used from `address`, or None; blocked ranges win over allowed ones.

    `address` is that of the caller, as `client_address` tells it.
    """
    return refused_address(address, allowed=token.allowed_ranges, blocked=token.blocked_ranges)


def count_request(token: ApiToken) -> int | None:
    """Count one request of `token`; return None, or in how many seconds to come again where its minute is used up.

    One UPDATE on the row by the database's clock: exact however many processes count at the same time.
    """
    if not token.requests_per_minute:
        return None
    return _count_in_minute(ApiToken.objects.filter(pk=token.pk), most=token.requests_per_minute)


def count_wrong_token(address: str) -> int | None:
    """Count a wrong token from `address`; return None, or in how many seconds to come again where there were too many.

    Whoever sends a right one is not counted: others behind the same address go on working.
    """
    _, is_new = WrongTokens.objects.get_or_create(address=address)
    if is_new:
        WrongTokens.objects.filter(minute_began_at__lt=Now() - KEPT).delete()
    return _count_in_minute(WrongTokens.objects.filter(address=address), most=MOST_WRONG_TOKENS)


def _count_in_minute(row: "QuerySet[Any]", *, most: int) -> int | None:
    """Count one more in the minute of `row`, a single one; return None, or in how many seconds it begins anew."""
    is_over = Q(minute_began_at=None) | Q(minute_began_at__lte=Now() - MINUTE)
    counted = row.filter(is_over | Q(minute_count__lt=most)).update(
        minute_began_at=Case(When(is_over, then=Now()), default=F("minute_began_at")),
        minute_count=Case(When(is_over, then=Value(1)), default=F("minute_count") + 1),
    )
    if counted:
        return None
    left = row.values_list(F("minute_began_at") + MINUTE - Now(), flat=True).first()
    return max(1, -int(-left.total_seconds() // 1)) if left else 1


def _plain_errors(name: str, scopes: list[Scope], days: int | None, requests: int) -> Iterator[FieldError]:
    if not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
        yield FieldError("name", f"Give the token a name of 1 to {LONGEST_NAME} characters on one line.")
    if not scopes:
        yield FieldError("scopes", f"Choose at least one of {', '.join(Scope)}.")
    if days is not None and not 1 <= days <= MOST_DAYS:
        yield FieldError("days", f"Give a whole number of days from 1 to {MOST_DAYS}, or none for no expiry.")
    if not 0 <= requests <= MOST_REQUESTS:
        yield FieldError(
            "requestsPerMinute", f"Give a whole number of requests from 1 to {MOST_REQUESTS}, or 0 for no limit."
        )


def _range_errors(field: str, ranges: Sequence[str]) -> Iterator[FieldError]:
    if len(ranges) > MOST_RANGES:
        yield FieldError(field, f"At most {MOST_RANGES} ranges are kept; join some of these {len(ranges)}.")
        return
    for text in ranges:
        if sentence := check_range(text):
            yield FieldError(field, sentence)


def _reach_errors(owner: User, account: Account | None, build_ids: Sequence[int] | None) -> Iterator[FieldError]:
    """Check that the owner belongs to the account and sees the builds: a token never reaches further than its owner."""
    is_member = account is None or Membership.objects.filter(user=owner, account=account).exists()
    if not is_member and not owner.is_superuser:
        yield FieldError("account", f"{owner.get_username()} does not belong to this account; choose another one.")
        return
    if build_ids is None:
        return
    if not 1 <= len(build_ids) <= MOST_BUILDS:
        yield FieldError("builds", f"Choose 1 to {MOST_BUILDS} builds, or leave the list out for every build.")
        return
    visible = Build.objects.visible_to(caller_for(owner)).filter(account=account, pk__in=build_ids)
    unknown = set(build_ids) - set(visible.values_list("pk", flat=True))
    if unknown:
        yield FieldError("builds", f"There is no build {min(unknown)} in this account; take it off the list.")


def _digest(word: str) -> str:
    return hashlib.sha256(word.encode()).hexdigest()


def _checksum(body: str) -> str:
    """Return six characters over `body`: scanners recognise a leaked token, and typing errors are caught early."""
    number, characters = zlib.crc32(body.encode()), ""
    for _ in range(6):
        number, rest = divmod(number, 36)
        characters += BASE36[rest]
    return characters
