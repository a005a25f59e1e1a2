"""Worker hosts of topics, each with an engine of its own, and engines that builds bring with them."""

import uuid
from datetime import timedelta

import pytest

from builds.domain.access import Role
from builds.domain.errors import Invalid
from builds.engine.registry import RegistryClient
from builds.engine.types import RegistryLogin
from builds.execution.executor import execute_build
from builds.models import Account, BuildRun, BuildServer, Caller, WorkerHost
from builds.queries.log import iterate_bytes
from builds.queries.waiting import waiting_of
from builds.services.accounts.access import caller_for
from builds.services.connections.registries import RegistryDraft, create_registry
from builds.services.connections.servers import ServerDraft, create_server
from builds.services.runs.cancel_and_remove import request_cancel
from builds.services.runs.transitions import seal
from tests.engine.certificates import Authority
from tests.engine.registries import OwnRegistry, htpasswd_settings
from tests.engine.secured import secured_engine
from tests.support.images import make_base_image
from tests.support.people import make_build, make_person
from tests.support.runs import ended, press, texts, until_printed
from tests.support.worker_hosts import Host, hosts_of_topics, until_announced

pytestmark = pytest.mark.faults
ONLY_THERE = "buildhub-test/far:1"  # a base image that the far engine alone has
SEED = "build-20230623-ws-namespace-thingcluster"  # the topic of the seed's page


@pytest.fixture(scope="module")
def far():
    """An engine behind TLS that holds the base image."""
    with secured_engine() as engine:
        make_base_image(engine.socket, ONLY_THERE)
        yield engine


@pytest.fixture(scope="module")
def hosts(far, engine_url, django_db_setup, django_db_blocker):
    """Two hosts of one topic beside the far engine, and one of another topic."""
    with django_db_blocker.unblock():
        first, second = (Host(name, topics=SEED, engine=far.url) for name in ("far-a", "far-b"))
        other = Host("near", topics="near", engine=engine_url)
    with hosts_of_topics(first, second, other):
        yield first, second, other


@pytest.fixture
def root(caller) -> Caller:
    return caller_for(make_person("root", Role.INSTANCE_ADMIN, None))


@pytest.fixture
def boss(caller) -> Caller:
    """The admin of the operator's account."""
    return caller_for(make_person("boss", Role.ADMIN, Account.objects.get(pk__in=caller.account_ids)))


@pytest.fixture
def topic(root, caller, hosts) -> BuildServer:
    """The seed's topic, registered."""
    until_announced(*hosts)
    draft = ServerDraft(name="thingcluster", url=f"topic:{SEED}", account_ids=caller.account_ids, capacity=2)
    return create_server(caller=root, draft=draft)


@pytest.fixture
def tls(far) -> dict[str, object]:
    """The TLS fields of a build for the far engine."""
    certificate, key = far.client.certificate, far.client.key
    fields = {"server_ca_cert": far.ca, "server_client_cert": certificate, "server_client_key": key}
    return {"server_tls_verify": True, **fields}


@pytest.fixture
def build_there(caller, topic, tls):
    """Make builds of these instructions for the topic."""

    def make(*instructions: str, **fields: object):
        text = "\n".join([f"FROM {ONLY_THERE}", *instructions, ""])
        return make_build(caller, text, **{"server_host": topic.url, **tls, **fields})

    return make


def test_the_seeds_example_is_built_on_a_far_engine_over_tls_and_pushed_with_a_login(
    build_there, root, caller, far, tmp_path
):
    with OwnRegistry(tmp_path, **htpasswd_settings(tmp_path)) as closed:
        draft = RegistryDraft(name="dev", host=closed.host, plain_http=True, username="tester", password="hush-hush")
        registry = create_registry(caller=root, draft=draft)
        build = build_there(
            "RUN echo far away > /where",
            name="build-api-test-gradle",
            project="dev",
            registry_id=registry.pk,
            tag_name="8u292-rmsoft",
        )
        run = ended(press(build, caller))
        assert (run.run_state, run.end_message) == ("DONE", "")
        with RegistryClient(closed.host, plain_http=True, login=RegistryLogin("tester", "hush-hush")) as client:
            assert client.digest("dev/build-api-test-gradle", "8u292-rmsoft") == run.image_digest
    assert run.claimed_host in ("far-a", "far-b")
    assert far.client.key not in "\n".join(texts(run))


def test_a_host_that_is_pulled_away_in_mid_build_loses_nothing(build_there, caller, hosts):
    run = press(build_there("RUN seq 1 300; echo ready; sleep 6; echo over"), caller)
    until_printed(run, "ready")
    run.refresh_from_db()
    gone = next(host for host in hosts if host.name == run.claimed_host)
    before = texts(run)
    gone.pull_away()
    try:
        ended(run, timeout=120)
    finally:
        gone.start()
    assert (run.run_state, run.attempt) == ("DONE", 2), run.end_message
    assert {run.claimed_host, gone.name} == {"far-a", "far-b"}
    after = texts(run)
    assert after[: len(before)] == before
    assert after.count("over") == 1
    assert len(after) == run.line_count
    assert seal(run.pk) == (run.byte_count, run.log_sha256)
    assert sum(len(part) for part in iterate_bytes(run.pk)) == run.byte_count


def test_a_cancel_is_confirmed_by_the_host_beside_the_engine(build_there, caller):
    run = press(build_there(f"RUN : {uuid.uuid4().hex}; echo ready; sleep 300; echo over"), caller)
    until_printed(run, "ready")
    cancel = request_cancel(run_id=run.pk, caller=caller)
    assert ended(run).end_reason == "CANCELLED"
    assert ended(cancel).run_state == "DONE"


def test_hosts_of_topics_take_no_run_of_another_server(hosts, caller, base_image, topic):
    run = press(make_build(caller, f"FROM {base_image}\nRUN echo here\n"), caller)
    assert waiting_of(run).reason == "No live worker reaches default server now."
    assert sorted(WorkerHost.objects.values_list("name", "topics_only")) == [
        ("far-a", True),
        ("far-b", True),
        ("near", True),
    ]
    request_cancel(run_id=run.pk, caller=caller)


@pytest.fixture
def executed(boss, far, settings):
    """Execute a build with the far engine as its own, in this process."""
    WorkerHost.objects.create(name="here", workers=1)
    settings.OUTBOUND_ALLOW = ("127.0.0.0/8",)

    def execute(allowed: tuple[str, ...] = ("127.0.0.0/8",), **fields: object) -> BuildRun:
        text = f"FROM {ONLY_THERE}\nRUN echo own > /own\n"
        run = press(make_build(boss, text, name="own", server_host=far.url, **fields), boss)
        settings.OUTBOUND_ALLOW = allowed
        run.refresh_from_db()
        execute_build(run.pk, run.claim)
        run.refresh_from_db()
        return run

    return execute


def test_a_build_brings_an_engine_of_its_own_with_its_keys(executed, tls, far):
    run = executed(**tls)
    assert (run.run_state, run.end_message) == ("DONE", "")
    server = run.server
    assert (server.url, server.name, server.given_by_builds) == (far.url, far.url, True)
    assert (server.client_key_encrypted, server.ca_cert, server.client_cert) == ("", "", "")
    assert far.client.key not in "\n".join(texts(run))


def test_an_engine_of_a_builds_own_is_not_reached_where_it_is_private(executed, tls):
    run = executed((), **tls)
    assert run.end_reason == "SERVER_FAILED"
    assert "private" in run.end_message


def test_a_client_certificate_that_has_expired_is_refused_when_it_is_given(executed, tls, far):
    pair = far.authority.issue("late", ends_in=timedelta(minutes=-1))
    with pytest.raises(Invalid, match="expired on"):
        executed(**{**tls, "server_client_cert": pair.certificate, "server_client_key": pair.key})


def foreign(far) -> dict[str, str]:
    pair = Authority().issue("intruder")
    return {"server_client_cert": pair.certificate, "server_client_key": pair.key}


def other_ca(far) -> dict[str, str]:
    return {"server_ca_cert": Authority().ca}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [(foreign, "does not accept the client certificate"), (other_ca, "certificate is not of the CA that is given")],
    ids=["foreign", "other CA"],
)
def test_a_certificate_that_does_not_fit_has_a_sentence_of_its_own(executed, tls, far, wrong, said):
    run = executed(**{**tls, **wrong(far)})
    assert run.end_reason == "SERVER_FAILED"
    assert said in run.end_message
