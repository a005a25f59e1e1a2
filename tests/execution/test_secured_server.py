"""A registered build server behind TLS: tested, built on, and closed to whoever shows another certificate."""

from dataclasses import replace

import pytest

from builds.domain.access import Role
from builds.engine.registry import RegistryClient
from builds.models import BuildServer
from builds.services.accounts.access import caller_for
from builds.services.connections.servers import ServerDraft, create_server, try_server
from tests.engine.certificates import Authority
from tests.engine.secured import secured_engine
from tests.support.people import make_build, make_person
from tests.support.runs import ended, press


@pytest.fixture(scope="module")
def elsewhere():
    with secured_engine() as engine:
        yield engine


@pytest.fixture
def root(caller):
    return caller_for(make_person("root", Role.INSTANCE_ADMIN, None))


@pytest.fixture
def draft(elsewhere):
    return ServerDraft(
        name="elsewhere",
        url=elsewhere.url,
        tls_verify=True,
        ca_cert=elsewhere.ca,
        client_cert=elsewhere.client.certificate,
        client_key=elsewhere.client.key,
    )


def test_a_test_tells_what_the_engine_is(root, draft):
    server = create_server(caller=root, draft=draft)
    probe = try_server(server_id=server.pk, caller=root)
    assert probe.ok, probe.message
    assert probe.version
    assert probe.storage_driver
    assert not any("neither encrypted" in warning for warning in probe.warnings)


def test_a_certificate_of_somebody_else_is_not_let_in_and_the_reason_is_shown(root, draft):
    other = Authority().issue("intruder")
    foreign = replace(draft, client_cert=other.certificate, client_key=other.key)
    server = create_server(caller=root, draft=foreign)
    probe = try_server(server_id=server.pk, caller=root)
    assert not probe.ok
    assert "certificate" in probe.message.lower()
    assert probe.version is None


def test_plain_tcp_to_it_is_refused_and_warned_of(root, elsewhere):
    server = create_server(caller=root, draft=ServerDraft(name="plain", url=elsewhere.url))
    probe = try_server(server_id=server.pk, caller=root)
    assert not probe.ok
    assert "HTTPS" in probe.message
    assert "neither encrypted" in probe.warnings[0]


def test_a_build_runs_there(workers, caller, root, draft, registry_host):
    server = create_server(caller=root, draft=draft)
    build = make_build(caller, "FROM scratch\nWORKDIR /made\n", name="secured/hello")
    BuildServer.objects.filter(is_default=True).update(is_default=False)
    BuildServer.objects.filter(pk=server.pk).update(is_default=True)
    run = ended(press(build, caller))
    assert (run.run_state, run.server_id) == ("DONE", server.pk)
    with RegistryClient(registry_host, plain_http=True) as registry:
        assert registry.digest("secured/hello", "1") == run.image_digest
