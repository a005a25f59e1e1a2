"""`why_not`: the one question that pages, API, sockets and possibleActions ask."""

import pytest

from builds.domain.access import Permission, Role, Scope
from builds.domain.errors import NoRight
from builds.models import Account, ApiToken, BuildRun, BuildServer, Registry
from builds.services.accounts.access import caller_for, require, require_on, why_not
from builds.services.accounts.tokens import issue_token
from tests.support.people import make_build, make_person


@pytest.fixture
def run(build):
    return BuildRun(build=build, account=build.account)


def token_of(user, account, **limits):
    issue_token(owner=user, account=account, name="t", scopes=list(Scope), **limits)
    return caller_for(user, ApiToken.objects.latest("pk"))


def test_a_role_holds_for_whatever_belongs_to_its_account(account, build, run):
    viewer = caller_for(make_person("viewer", Role.VIEWER, account))
    for thing in (account, build, run):
        assert why_not(viewer, Permission.SEE, thing) is None
        assert "operator" in str(why_not(viewer, Permission.RUN, thing))
    other = Account.objects.create(name="other")
    assert "no role" in str(why_not(viewer, Permission.SEE, other))


def test_a_refusal_is_raised_with_its_reason(caller, account, build):
    require_on(caller, Permission.RUN, build)
    with pytest.raises(NoRight, match="account admin"):
        require_on(caller, Permission.REMOVE_BUILD, build)
    with pytest.raises(NoRight, match="account admin"):
        require(caller, Permission.MANAGE_ACCOUNT, account.pk)


def test_a_registry_of_an_account_is_its_admins_and_a_shared_one_the_instances(account):
    admin = caller_for(make_person("admin", Role.ADMIN, account))
    root = caller_for(make_person("root", Role.INSTANCE_ADMIN, account))
    shared, ours = Registry.objects.get(), Registry(name="ours", account=account)
    assert why_not(admin, Permission.MANAGE_CONNECTIONS, ours) is None
    assert "instance admin" in str(why_not(admin, Permission.MANAGE_CONNECTIONS, shared))
    assert why_not(root, Permission.MANAGE_CONNECTIONS, shared) is None
    assert why_not(admin, Permission.SEE, shared) is None


def test_a_build_server_is_seen_by_accounts_it_is_granted_to_and_changed_by_the_instance(account):
    viewer = caller_for(make_person("viewer", Role.VIEWER, account))
    admin = caller_for(make_person("admin", Role.ADMIN, account))
    server = BuildServer.objects.create(name="second", url="topic:second")
    assert "no role" in str(why_not(viewer, Permission.SEE, server))
    server.accounts.add(Account.objects.create(name="other"))
    assert "no role" in str(why_not(viewer, Permission.SEE, server))
    server.accounts.add(account)
    assert why_not(viewer, Permission.SEE, server) is None
    assert "instance admin" in str(why_not(admin, Permission.MANAGE_SERVERS, server))
    assert "instance admin" in str(why_not(admin, Permission.MANAGE_SERVERS, BuildServer(name="new")))


def test_a_token_for_some_builds_reaches_nothing_beyond_them(caller, account, build, run):
    other = make_build(caller, "FROM scratch\n", name="other")
    narrow = token_of(caller.user, account, build_ids=[build.pk])
    assert why_not(narrow, Permission.RUN, build) is why_not(narrow, Permission.RUN, run) is None
    assert why_not(narrow, Permission.EDIT_BUILD, build) is None
    for permission, thing in ((Permission.RUN, other), (Permission.EDIT_BUILD, account)):
        assert "certain builds" in str(why_not(narrow, permission, thing))
    with pytest.raises(NoRight, match="certain builds"):
        require(narrow, Permission.MANAGE_ACCOUNT, account.pk)


def test_an_instance_role_holds_within_the_account_of_a_token_only(account, build):
    root = make_person("root", Role.INSTANCE_ADMIN, account)
    elsewhere = token_of(root, Account.objects.create(name="other"))
    assert why_not(elsewhere, Permission.RUN, build) is not None
    assert why_not(token_of(root, account), Permission.MANAGE_SERVERS, BuildServer()) is None
