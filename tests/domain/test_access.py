"""The permission table of docs/security.md, one row each."""

import pytest

from builds.domain.access import NEEDS, Permission, Role, Scope, refused

ALLOWED_FROM = {
    Permission.SEE: Role.VIEWER,
    Permission.RUN: Role.OPERATOR,
    Permission.REMOVE_RUN: Role.OPERATOR,
    Permission.EDIT_BUILD: Role.OPERATOR,
    Permission.REMOVE_BUILD: Role.ADMIN,
    Permission.MANAGE_ACCOUNT: Role.ADMIN,
    Permission.MANAGE_CONNECTIONS: Role.ADMIN,
    Permission.MANAGE_SERVERS: Role.INSTANCE_ADMIN,
    Permission.MANAGE_ACCOUNTS: Role.INSTANCE_ADMIN,
}


@pytest.mark.parametrize("permission", Permission)
def test_each_permission_begins_at_its_role(permission):
    allowed = [role for role in Role if refused(permission, role) is None]
    roles = list(Role)
    assert allowed == roles[roles.index(ALLOWED_FROM[permission]) :]


@pytest.mark.parametrize("permission", Permission)
def test_who_has_no_role_may_nothing(permission):
    assert "no role in this account" in (refused(permission, None) or "")


@pytest.mark.parametrize(
    ("permission", "scope"),
    [(Permission.SEE, Scope.READ), (Permission.RUN, Scope.RUN)]
    + [(permission, Scope.WRITE) for permission in Permission if permission not in (Permission.SEE, Permission.RUN)],
)
def test_a_token_needs_the_scope_whatever_the_role(permission, scope):
    assert refused(permission, Role.INSTANCE_ADMIN, frozenset({scope})) is None
    others = frozenset(Scope) - {scope}
    assert f"scope {scope.value}" in (refused(permission, Role.INSTANCE_ADMIN, others) or "")


def test_a_scope_does_not_raise_a_role():
    sentence = refused(Permission.REMOVE_BUILD, Role.OPERATOR, frozenset(Scope))
    assert sentence == "Remove a build: this needs the role account admin, and yours is operator; ask an account admin."


def test_every_permission_has_its_row():
    assert set(NEEDS) == set(Permission)
