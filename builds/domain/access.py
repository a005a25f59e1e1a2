"""Who may do what: roles, token scopes and one table of permissions (docs/security.md, "Permission model")."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Role(StrEnum):
    """What a user is in an account; each role may do all that the one before it may."""

    VIEWER = "VIEWER"
    OPERATOR = "OPERATOR"
    ADMIN = "ADMIN"
    INSTANCE_ADMIN = "INSTANCE_ADMIN"

    @property
    def words(self) -> str:
        """The role as sentences name it."""
        return "account admin" if self is Role.ADMIN else self.value.lower().replace("_", " ")

    def covers(self, needed: "Role") -> bool:
        """Say whether this role is at least `needed`."""
        ranks = list(Role)
        return ranks.index(self) >= ranks.index(needed)


class Scope(StrEnum):
    """What an API token was issued for; a session has all of them."""

    READ = "read"
    RUN = "run"
    WRITE = "write"


class Permission(StrEnum):
    """Kinds of things that are allowed or refused as one."""

    SEE = "SEE"
    RUN = "RUN"  # run, cancel, push again, send a callback again
    REMOVE_RUN = "REMOVE_RUN"
    EDIT_BUILD = "EDIT_BUILD"  # also steps that are given for one run only
    REMOVE_BUILD = "REMOVE_BUILD"
    MANAGE_ACCOUNT = "MANAGE_ACCOUNT"
    MANAGE_CONNECTIONS = "MANAGE_CONNECTIONS"  # registries and credentials
    MANAGE_SERVERS = "MANAGE_SERVERS"
    MANAGE_ACCOUNTS = "MANAGE_ACCOUNTS"


# permission: (least role, scope that a token needs, what is refused in words)
NEEDS: Final[Mapping[Permission, tuple[Role, Scope, str]]] = {
    Permission.SEE: (Role.VIEWER, Scope.READ, "See this"),
    Permission.RUN: (Role.OPERATOR, Scope.RUN, "Run, cancel and push again"),
    Permission.REMOVE_RUN: (Role.OPERATOR, Scope.WRITE, "Remove a run"),
    Permission.EDIT_BUILD: (Role.OPERATOR, Scope.WRITE, "Create and edit builds, or run with steps of your own"),
    Permission.REMOVE_BUILD: (Role.ADMIN, Scope.WRITE, "Remove a build"),
    Permission.MANAGE_ACCOUNT: (Role.ADMIN, Scope.WRITE, "Manage the account"),
    Permission.MANAGE_CONNECTIONS: (Role.ADMIN, Scope.WRITE, "Manage registries and credentials"),
    Permission.MANAGE_SERVERS: (Role.INSTANCE_ADMIN, Scope.WRITE, "Manage build servers"),
    Permission.MANAGE_ACCOUNTS: (Role.INSTANCE_ADMIN, Scope.WRITE, "Create and remove accounts, or set their limits"),
}


def refused(permission: Permission, role: Role | None, scopes: frozenset[Scope] | None = None) -> str | None:
    """Say why a caller with `role` and `scopes` lacks `permission`, or None when it is granted.

    `role` is None for somebody without membership; `scopes` is None for a session, which has them all.
    """
    least, scope, what = NEEDS[permission]
    if role is None:
        return f"{what}: you have no role in this account; ask an account admin to add you as {least.words}."
    if not role.covers(least):
        return f"{what}: this needs the role {least.words}, and yours is {role.words}; ask an account admin."
    if scopes is not None and scope not in scopes:
        return f"{what}: this token lacks the scope {scope.value}; issue one that has it."
    return None
