"""A registered build server behind TLS: tested, built on, and closed to whoever shows another certificate."""

from dataclasses import replace

import pytest

from builds.domain.access import Role
from builds.engine.docker import Engine
from builds.engine.registry import RegistryClient
from builds.engine.types import Endpoint
from builds.models import BuildServer
from builds.queries.installation import installation_id
from builds.services.accounts.access import caller_for
from builds.services.builds.edit import BuildDraft, create_build
from builds.services.builds.steps import StepDraft
from builds.services.connections.servers import ServerDraft, create_server, try_server
from builds.services.runs.cancel_and_remove import request_cancel
from tests.engine.certificates import Authority
from tests.engine.secured import secured_engine
from tests.support.people import make_build, make_person
from tests.support.runs import ended, press, until_printed


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


def test_a_program_runs_there_live_and_a_cancel_ends_it(workers, caller, root, draft, elsewhere):
    server = create_server(caller=root, draft=draft)
    BuildServer.objects.filter(is_default=True).update(is_default=False)
    BuildServer.objects.filter(pk=server.pk).update(is_default=True)
    image = StepDraft("CREATE_IMAGE", order=2, config={"docker_file": "FROM scratch\nCOPY . /made\n"})

    def made(name, command):
        step = StepDraft("SHELL", order=1, config={"shell_type": "COMMAND", "command": command})
        named = {"name": name, "image_name": name, "tag_name": "1"}
        return create_build(caller=caller, draft=BuildDraft(**named, steps=(step, image)))

    run = ended(press(made("whole", "echo far > made; echo away >&2"), caller))
    assert (run.end_reason, run.end_message) == ("DONE", "")
    run = press(made("stopped", "echo ready; sleep 300; echo over"), caller)
    until_printed(run, "ready")
    request_cancel(run_id=run.pk, caller=caller)
    assert ended(run).end_reason == "CANCELLED"
    engine = Engine(Endpoint(elsewhere.socket))
    assert engine.leftovers({"buildhub.installation": installation_id()}) == ()
    engine.close()
