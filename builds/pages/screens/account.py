"""What the pages of an account show: settings, tokens, members."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.utils import timezone

from builds.domain.access import Permission, Role, refused
from builds.models import Account, ApiToken, Build, Caller
from builds.services.accounts.members import members_of
from builds.services.accounts.tokens import tokens_of

MOST_ACCOUNTS: Final = 100  # to choose from; an instance admin reaches the others by ?account=
MOST_BUILDS: Final = 200  # to choose from for a token
PAGE: Final = 50


@dataclass(frozen=True, slots=True)
class AccountScreen:
    """One account for one reader; `account` is None for somebody who belongs to none."""

    account: Any
    role: str
    may_manage: bool
    choice: Sequence[Account]

    @property
    def query(self) -> str:
        """Return what leads every address of these pages to the same account."""
        return f"?account={self.account.pk}" if self.account and len(self.choice) > 1 else ""


@dataclass(frozen=True, slots=True)
class TokenRow:
    """One token; what it may do is shown to its owner alone."""

    token: Any
    is_own: bool
    may_revoke: bool
    state: str  # live, expired, revoked
    builds: Sequence[str]


@dataclass(frozen=True, slots=True)
class Rows:
    """One page of a list, and where the next one begins."""

    rows: Sequence[Any]
    next_after: int | None


def account_screen(caller: Caller, wanted: int | None) -> AccountScreen | None:
    """Read the account that is asked for, else the caller's first; None where it may not be known of."""
    accounts = Account.objects.order_by("pk")
    if not caller.sees_everything:
        accounts = accounts.filter(pk__in=caller.account_ids)
    choice = list(accounts[:MOST_ACCOUNTS])
    if wanted is not None:
        account = accounts.filter(pk=wanted).first()
    else:  # one's own before those that an instance admin merely sees
        account = next((one for one in choice if one.pk in caller.roles), choice[0] if choice else None)
    if account is None:
        return None if wanted is not None else AccountScreen(None, "", may_manage=False, choice=choice)
    role = caller.role_in(account.pk)
    return AccountScreen(
        account=account,
        role=(role or Role.VIEWER).words,
        may_manage=refused(Permission.MANAGE_ACCOUNT, role, caller.scopes) is None,
        choice=choice,
    )


def token_rows(screen: AccountScreen, caller: Caller, *, after: int | None = None) -> Rows:
    """Return the newest tokens of the account that the reader may know of."""
    found = tokens_of(caller).filter(account=screen.account).select_related("owner").prefetch_related("builds")
    if after is not None:
        found = found.filter(pk__lt=after)
    tokens = list(found.order_by("-pk")[: PAGE + 1])
    now = timezone.now()
    rows = [_token_row(token, screen, caller, now) for token in tokens[:PAGE]]
    return Rows(rows, rows[-1].token.pk if len(tokens) > PAGE else None)


def member_rows(screen: AccountScreen, caller: Caller, *, after: int | None = None) -> Rows:
    """Return the members of the account. Raises `NoRight`."""
    found = members_of(screen.account.pk, caller).select_related("user")
    if after is not None:
        found = found.filter(pk__gt=after)
    members = list(found.order_by("pk")[: PAGE + 1])
    return Rows(members[:PAGE], members[PAGE - 1].pk if len(members) > PAGE else None)


def builds_to_choose(screen: AccountScreen, caller: Caller) -> Sequence[Build]:
    """Return the builds that a token can be limited to, by name."""
    return list(Build.objects.visible_to(caller).filter(account=screen.account).order_by("name", "pk")[:MOST_BUILDS])


def _token_row(token: ApiToken, screen: AccountScreen, caller: Caller, now: datetime) -> TokenRow:
    is_own = token.owner_id == caller.user.pk
    state = "revoked" if token.revoked_at else "live"
    if state == "live" and token.expires_at and token.expires_at <= now:
        state = "expired"
    may_revoke = state == "live" and (is_own or screen.may_manage)
    builds = [build.name for build in token.builds.all()] if is_own and token.limited_to_builds else []
    return TokenRow(token, is_own=is_own, may_revoke=may_revoke, state=state, builds=builds)
