"""Joins the pure table of rights to the caller of a request and to what the call is about."""

from django.contrib.auth.models import User
from django.http import HttpRequest

from builds.domain.access import Permission, Role, Scope, refused
from builds.domain.address_ranges import plain_address
from builds.domain.errors import NoRight
from builds.models import Account, ApiToken, Build, BuildRun, BuildServer, Caller, Membership, Registry

Thing = Account | Build | BuildRun | BuildServer | Registry

# what a token for some builds may do: nothing beyond them
OF_BUILDS = (Permission.SEE, Permission.RUN, Permission.REMOVE_RUN, Permission.EDIT_BUILD, Permission.REMOVE_BUILD)
BEYOND_BUILDS = "This token is for certain builds only; use one without a list of builds for anything else."


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


def client_address(request: HttpRequest) -> str:
    """Return the address that a request comes from, empty where it has none that can be read (a socket file).

    It is the connection's, and the client's behind a proxy of BUILDHUB_TRUSTED_PROXIES: the ASGI entry has settled
    that for requests and sockets alike, and nobody else reads a forwarded header.
    """
    return plain_address(request.META.get("REMOTE_ADDR") or "") or ""


def why_not(caller: Caller, permission: Permission, obj: Thing) -> str | None:
    """Say why `caller` may not do this to `obj`, or None when it is granted: the one question of every floor.

    `obj` is the account where something new is to be made in it. Look-ups by number go through `visible_to` first:
    what one may not know of is not found, never refused (docs/security.md, "Permission model").
    """
    if caller.build_ids is not None and not _is_of_builds(caller.build_ids, permission, obj):
        return BEYOND_BUILDS
    if isinstance(obj, Registry) and obj.account_id is None and permission is Permission.MANAGE_CONNECTIONS:
        permission = Permission.MANAGE_SERVERS  # what all accounts share is the instance's to change
    return refused(permission, _role(caller, obj), caller.scopes)


def require(caller: Caller, permission: Permission, account_id: int) -> None:
    """Raise `NoRight` with the reason unless `caller` has `permission` in the account."""
    if caller.build_ids is not None and permission not in OF_BUILDS:
        raise NoRight(BEYOND_BUILDS)
    if sentence := refused(permission, caller.role_in(account_id), caller.scopes):
        raise NoRight(sentence)


def require_on(caller: Caller, permission: Permission, obj: Thing) -> None:
    """Raise `NoRight` with the reason where `why_not` has one."""
    if sentence := why_not(caller, permission, obj):
        raise NoRight(sentence)


def _is_of_builds(build_ids: frozenset[int], permission: Permission, obj: Thing) -> bool:
    """Say whether a token for `build_ids` reaches `obj` at all."""
    if isinstance(obj, Build):
        return obj.pk in build_ids
    if isinstance(obj, BuildRun):
        return obj.build_id in build_ids
    return permission is Permission.SEE


def _role(caller: Caller, obj: Thing) -> Role | None:
    """Return the caller's role where `obj` belongs; the highest of all accounts for what is shared."""
    account_id = obj.pk if isinstance(obj, Account) else getattr(obj, "account_id", None)
    if account_id is not None:
        return caller.role_in(account_id)
    if caller.is_instance_admin:
        return Role.INSTANCE_ADMIN
    granted = None  # every account: the default server is for all, and a new one belongs nowhere yet
    if isinstance(obj, BuildServer) and obj.pk is not None and not obj.is_default:
        granted = set(obj.accounts.values_list("pk", flat=True))
    roles = [caller.role_in(seen) for seen in caller.account_ids if granted is None or seen in granted]
    return max((role for role in roles if role), key=list(Role).index, default=None)
