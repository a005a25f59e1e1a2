"""Registries at private addresses: whose word allows one, when it is saved and whenever somebody would connect."""

import socket
import threading

import pytest

from builds.engine.errors import PushFailed, RegistryUnreachable
from builds.models import Registry
from builds.services.connections.clients import registry_client, registry_login
from tests.api.making import build_add
from tests.engine.registries import OwnRegistry
from tests.engine.test_outbound import resolving_to

PRIVATE = [
    "127.0.0.1:22",
    "10.1.2.3:5000",
    "192.168.1.1:5000",
    "localhost",
    "localhost:5000",
    "127.1:5000",
    "2130706433:5000",
    "0x7f000001:5000",
    "017700000001:5000",
    "[::1]:5000",
    "[::ffff:10.0.0.1]:5000",
    "[fd00::1]:5000",
]


def body(host: str, **changes):
    return {"registryName": "release", "registryUrl": host, **changes}


def add(client, host: str, **changes):
    return client.post("/v1/build/registry", body(host, **changes), format="json")


def assert_refused(answer):
    assert answer.status_code == 400, answer.content
    error = answer.json()["errors"][0]
    assert error["field"] == "registryUrl"
    return error["message"]


@pytest.fixture
def listener():
    """A port of this machine that counts who connects."""
    came = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def take() -> None:
            try:
                while True:
                    came.append(server.accept()[1])
            except OSError:
                return

        thread = threading.Thread(target=take)
        thread.start()
        yield server.getsockname()[1], came
        server.shutdown(socket.SHUT_RDWR)
        thread.join(10)


@pytest.mark.parametrize("host", PRIVATE)
def test_an_account_admin_cannot_name_a_private_address(as_, admin, host):
    assert_refused(add(as_(admin), host))
    assert Registry.objects.count() == 1


def test_the_refusal_names_the_remedy(as_, admin):
    said = assert_refused(add(as_(admin), "10.1.2.3:5000"))
    assert "BUILDHUB_OUTBOUND_ALLOW" in said
    assert "instance admin" in said


@pytest.mark.parametrize("allowed", ["10.1.0.0/16", "10.1.2.3"])
def test_the_operators_list_allows_it(as_, admin, settings, allowed):
    settings.OUTBOUND_ALLOW = (allowed,)
    assert add(as_(admin), "10.1.2.3:5000").status_code == 200
    assert_refused(add(as_(admin), "10.2.2.3:5000", registryName="other"))


def test_what_an_instance_admin_saves_is_allowed_and_moving_it_is_not(as_, admin, superuser, account):
    seq = add(as_(superuser), "10.1.2.3:5000", accountSeq=account.pk).json()["externalRegistrySeq"]
    path, ours = f"/v1/build/registry/{seq}", as_(admin)
    kept = ours.put(path, body("10.1.2.3:5000", registryName="renamed"), format="json")
    assert kept.status_code == 200, kept.content
    assert Registry.objects.get(pk=seq).may_be_private
    assert_refused(ours.put(path, body("10.1.2.3:22"), format="json"))
    assert ours.put(path, body("registry.example:5000"), format="json").status_code == 200
    assert not Registry.objects.get(pk=seq).may_be_private
    assert_refused(ours.put(path, body("10.1.2.3:5000"), format="json"))


def test_an_instance_admin_who_saves_what_an_account_admin_gave_allows_it(as_, admin, superuser):
    seq = add(as_(admin), "registry.example:5000").json()["externalRegistrySeq"]
    assert not Registry.objects.get(pk=seq).may_be_private
    assert as_(superuser).put(f"/v1/build/registry/{seq}", body("10.1.2.3:5000"), format="json").status_code == 200
    assert Registry.objects.get(pk=seq).may_be_private


def test_a_registry_that_was_there_before_stays_usable(as_, admin, account, tmp_path):
    with OwnRegistry(tmp_path) as own:
        old = Registry.objects.create(name="old", host=own.host, account=account)
        found = as_(admin).post(f"/v1/build/registry/{old.pk}/test").json()
    assert found["ok"], found["message"]


def test_a_name_that_leads_to_a_private_address_is_reached_by_nobody(as_, admin, listener, monkeypatch):
    port, came = listener
    name, ours = "registry.test", as_(admin)
    seq = add(ours, f"{name}:{port}", plainHttp=True).json()["externalRegistrySeq"]
    registry = Registry.objects.get(pk=seq)
    resolving_to(monkeypatch, *[["93.184.215.14", "127.0.0.1"]] * 3)
    found = ours.post(f"/v1/build/registry/{seq}/test").json()
    assert found["ok"] is False
    assert f"{name} leads to the private address" in found["message"]
    assert "BUILDHUB_OUTBOUND_ALLOW" in found["message"]
    with pytest.raises(RegistryUnreachable, match="private address"):
        registry_client(registry)
    with pytest.raises(PushFailed, match="private address") as caught:
        registry_login(registry)
    assert not caught.value.retryable
    assert came == []


def test_an_address_that_the_operator_has_taken_off_the_list_is_not_reached_any_more(as_, admin, settings, listener):
    port, came = listener
    settings.OUTBOUND_ALLOW = ("127.0.0.1",)
    seq = add(as_(admin), f"127.0.0.1:{port}").json()["externalRegistrySeq"]
    settings.OUTBOUND_ALLOW = ()
    found = as_(admin).post(f"/v1/build/registry/{seq}/test").json()
    assert (found["ok"], "This address is private" in found["message"]) == (False, True)
    assert came == []


def test_a_build_may_name_a_private_server_that_is_registered_and_no_other(as_, admin, superuser, account):
    server = {"buildServerName": "near", "buildServerHost": "tcp://10.1.2.3:2376", "accountSeqs": [account.pk]}
    assert as_(superuser).post("/v1/build/server", server, format="json").status_code == 200
    ours = as_(admin)
    assert ours.post("/v1/build", build_add(buildServerHost="tcp://10.1.2.3:2376"), format="json").status_code == 200
    other = ours.post("/v1/build", build_add(imageName="b", buildServerHost="tcp://10.1.2.3:22"), format="json")
    assert [error["field"] for error in other.json()["errors"]] == ["buildServerHost"]
