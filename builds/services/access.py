"""Joins the pure table of rights to the caller of a request."""

import hashlib
import secrets
import zlib
from datetime import timedelta
from typing import Final

from django.contrib.auth.models import User
from django.db.models import Q
from django.utils import timezone

from builds.domain.access import Permission, Role, Scope, refused
from builds.models import Account, ApiToken, Caller, Membership
from builds.services import activity
from builds.services.errors import NoRight

PREFIX: Final = "bh_"
BASE36: Final = "0123456789abcdefghijklmnopqrstuvwxyz"


def caller_for(user: User, token: ApiToken | None = None) -> Caller:
    """Return the rights of `user` now, narrowed by `token` where one is used."""
    roles = {row.account_id: Role(row.role) for row in Membership.objects.filter(user=user)}
    if token is None:
        return Caller(user=user, roles=roles, is_instance_admin=user.is_superuser)
    return Caller(
        user=user,
        roles=roles,
        is_instance_admin=user.is_superuser,
        scopes=frozenset(Scope(word) for word in token.scopes),
        account_id=token.account_id or 0,  # 0 is no account: such a token sees nothing
        build_ids=frozenset(token.builds.values_list("pk", flat=True)) if token.limited_to_builds else None,
    )


def require(caller: Caller, permission: Permission, account_id: int) -> None:
    """Raise `NoRight` with the reason unless `caller` has `permission` in the account."""
    if sentence := refused(permission, caller.role_in(account_id), caller.scopes):
        raise NoRight(sentence)


def issue_token(
    *, owner: User, account: Account | None, name: str, scopes: list[Scope], days: int | None = None
) -> str:
    """Create a token and return it: the only time that it can be read."""
    body = secrets.token_urlsafe(32).replace("-", "0").replace("_", "1")
    word = f"{PREFIX}{body}{_checksum(body)}"
    ApiToken.objects.create(
        name=name,
        owner=owner,
        account=account,
        digest=_digest(word),
        scopes=[scope.value for scope in scopes],
        expires_at=timezone.now() + timedelta(days=days) if days else None,
    )
    activity.record(by=owner, did=activity.Did.CREATE_TOKEN, detail=name)
    return word


def find_token(word: str) -> ApiToken | None:
    """Return the live token that `word` is, or None; what is misspelt never reaches the database."""
    body, checksum = word.removeprefix(PREFIX)[:-6], word[-6:]
    if not word.startswith(PREFIX) or not secrets.compare_digest(_checksum(body).encode(), checksum.encode()):
        return None
    live = Q(revoked_at=None) & (Q(expires_at=None) | Q(expires_at__gt=timezone.now()))
    found = ApiToken.objects.select_related("owner").filter(live, digest=_digest(word), owner__is_active=True).first()
    if found:
        ApiToken.objects.filter(pk=found.pk).filter(
            Q(last_used_at=None) | Q(last_used_at__lt=timezone.now() - timedelta(minutes=1))
        ).update(last_used_at=timezone.now())
    return found


def _digest(word: str) -> str:
    return hashlib.sha256(word.encode()).hexdigest()


def _checksum(body: str) -> str:
    """Return six signs over `body`, so that scanners recognise a leaked token and typing errors are caught early."""
    number, signs = zlib.crc32(body.encode()), ""
    for _ in range(6):
        number, rest = divmod(number, 36)
        signs += BASE36[rest]
    return signs
