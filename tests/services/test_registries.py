"""Which registries builds of an account may push to, and what a start changes of the default ones."""

import pytest

from builds.credentials import encrypt
from builds.domain.errors import NotFound
from builds.models import Account, BuildServer, Registry, WorkerHost
from builds.services import setup
from builds.services.connections.clients import BaseLogins, registry_login
from builds.services.connections.registries import usable_registry
from builds.services.connections.servers import find_server

pytestmark = pytest.mark.django_db


@pytest.fixture
def account():
    return Account.objects.create(name="ours")


def registry(account=None, **fields):
    return Registry.objects.create(name="release", host="registry.example:5000", account=account, **fields)


def test_a_build_may_push_to_those_of_its_account_and_to_shared_ones(account):
    own, shared = registry(account), registry()
    assert usable_registry(own.pk, account_id=account.pk) == own
    assert usable_registry(shared.pk, account_id=account.pk) == shared
    assert usable_registry(0, account_id=account.pk) is None


def test_unknown_foreign_and_switched_off_ones_are_not_found(account):
    foreign = registry(Account.objects.create(name="theirs"))
    off = registry(account, enabled=False)
    for seq in (foreign.pk, off.pk, 999_999_999):
        with pytest.raises(NotFound) as caught:
            usable_registry(seq, account_id=account.pk)
        assert caught.value.code == "CCBD1020000"


def test_a_switched_off_server_is_named(account):
    BuildServer.objects.create(name="default", url="unix:///x", is_default=True, enabled=False)
    with pytest.raises(NotFound, match="the default build server is switched off") as caught:
        find_server("", account_id=account.pk)
    assert caught.value.code == "CCCM1013000"


def test_a_registered_tcp_server_is_found_by_its_address(account):
    BuildServer.objects.create(name="default", url="unix:///x", is_default=True)
    elsewhere = BuildServer.objects.create(name="elsewhere", url="tcp://10.0.0.1:2376")
    assert find_server("tcp://10.0.0.1:2376", account_id=account.pk).given_by_builds
    elsewhere.accounts.add(account)
    assert find_server("tcp://10.0.0.1:2376", account_id=account.pk) == elsewhere


def test_capacity_follows_the_workers_until_somebody_gives_it_a_number_of_its_own(settings):
    settings.DEFAULT_ENGINE = "unix:///one.sock"
    server = setup.ensure_default_server(capacity=2)
    WorkerHost.objects.create(name="host", workers=2)
    assert setup.ensure_default_server(capacity=4).capacity == 4
    WorkerHost.objects.update(workers=4)
    BuildServer.objects.update(capacity=7, enabled=False)
    again = setup.ensure_default_server(capacity=8)
    assert (again.pk, again.capacity, again.enabled) == (server.pk, 7, False)


def test_another_docker_host_takes_the_key_of_the_old_one_away(settings):
    settings.DEFAULT_ENGINE = "tcp://10.0.0.1:2376"
    setup.ensure_default_server(capacity=2)
    BuildServer.objects.update(client_key_encrypted=encrypt("key"), tls_verify=True)
    assert setup.ensure_default_server(capacity=2).client_key_encrypted
    settings.DEFAULT_ENGINE = "tcp://10.0.0.2:2376"
    moved = setup.ensure_default_server(capacity=2)
    assert (moved.url, moved.client_key_encrypted, moved.tls_verify) == ("tcp://10.0.0.2:2376", "", True)


def test_a_login_that_an_admin_has_stored_survives_a_start_but_not_another_host():
    setup.ensure_default_registry("one.example/team")
    Registry.objects.update(username="robot", password_encrypted=encrypt("canary"))
    kept = setup.ensure_default_registry("one.example/other")
    assert (kept.prefix, registry_login(kept).password) == ("other", "canary")
    given = setup.ensure_default_registry("one.example", username="env", password="from-env")
    assert registry_login(given).password == "from-env"
    assert registry_login(setup.ensure_default_registry("two.example")) is None


@pytest.mark.parametrize("own_comes_first", [True, False])
def test_a_base_is_pulled_with_the_accounts_own_login_before_one_that_all_share(account, own_comes_first):
    for owner in (account, None) if own_comes_first else (None, account):
        login = {"username": "own" if owner else "shared", "password_encrypted": encrypt("hush-hush")}
        Registry.objects.create(name="bases", host="bases.example", account=owner, may_be_private=True, **login)
    found = BaseLogins(registry(account), account.pk)("bases.example")
    assert found is not None
    assert found.username == "own"
