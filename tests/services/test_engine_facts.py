"""What engines have told of themselves: kept by a test and by the sweeper's looks, and told without asking again."""

import threading
import uuid

import pytest

from builds.domain.access import Role
from builds.domain.engine_versions import version_warnings
from builds.domain.log.limits import CLIPS_LOGS
from builds.engine.docker import Engine
from builds.execution.context import labels
from builds.execution.engine_watch import EngineWatch
from builds.models import BuildRun, BuildServer, WorkerHost
from builds.queries.connections import with_load
from builds.services.accounts.access import caller_for
from builds.services.connections.engine_facts import note_clipped_log
from builds.services.connections.servers import ServerDraft, edit_server, try_server
from tests.support.people import make_build, make_person, make_world, operator_of
from tests.support.runs import press
from tests.support.waiting import free_port, wait_until


@pytest.fixture
def world(transactional_db, engine_url):
    return make_world(engine=engine_url)


@pytest.fixture
def root(world):
    return caller_for(make_person("root", Role.INSTANCE_ADMIN, None))


def told() -> dict[str, BuildServer]:
    """Return the servers with what is told of them, by name."""
    return {server.name: server for server in with_load(BuildServer.objects.all())}


def until_looked(watch: EngineWatch, *, at_all: bool) -> None:
    watch.look(at_all=at_all)
    wait_until(lambda: not [one for one in threading.enumerate() if one.name == "engine-watch"], timeout=30)


def test_a_test_is_kept(root):
    server = BuildServer.objects.get()
    assert (told()["default server"].version, told()["default server"].last_seen) == ("", None)
    probe = try_server(server_id=server.pk, caller=root)
    assert probe.ok, probe.message
    found = told()["default server"]
    assert found.version == probe.version
    assert found.told_warnings == list(probe.warnings)
    assert found.disk_left == probe.disk_free
    assert (found.disk_left or 0) > 1_000_000
    assert found.last_seen is not None


def test_an_engine_that_does_not_answer_keeps_what_it_told_before_and_is_warned_of(root):
    server = BuildServer.objects.get()
    try_server(server_id=server.pk, caller=root)
    before = told()["default server"]
    BuildServer.objects.update(url=f"tcp://127.0.0.1:{free_port()}")
    until_looked(EngineWatch(), at_all=True)
    after = told()["default server"]
    assert (after.version, after.last_seen) == (before.version, before.last_seen)
    assert "Connection refused" in after.told_warnings[0]


def test_a_host_tells_of_the_engine_beside_it_for_its_topics(root, world, settings, engine_url):
    settings.WORKER_HOST, settings.TOPICS, settings.DEFAULT_ENGINE = "far", ["arm"], engine_url
    WorkerHost.objects.create(name="far", topics=["arm"], topics_only=True)
    for name in ("arm", "other"):
        BuildServer.objects.create(name=name, url=f"topic:{name}")
    until_looked(EngineWatch(), at_all=False)
    found = told()
    assert found["arm"].version
    assert found["arm"].disk_left
    assert (found["other"].version, found["other"].disk_left, found["other"].last_seen) == ("", None, None)
    assert found["default server"].last_seen is None  # a host of topics asks no other's engine


def test_servers_that_are_off_or_come_with_builds_are_not_asked(root, engine_url):
    edit_server(server_id=BuildServer.objects.get().pk, caller=root, draft=ServerDraft(enabled=False))
    BuildServer.objects.create(name="brought", url="tcp://127.0.0.1:1", given_by_builds=True)
    until_looked(EngineWatch(), at_all=True)
    assert [(one.last_seen, one.trouble) for one in told().values()] == [(None, ""), (None, "")]


def test_what_attempts_that_are_over_have_left_is_cleared_away(world, engine_endpoint, base_image):
    caller = operator_of(world)
    run = press(make_build(caller, "FROM scratch\n", name="a"), caller)
    BuildRun.objects.filter(pk=run.pk).update(run_state="RUNNING", attempt=2)
    engine = Engine(engine_endpoint)
    for attempt in (1, 2):
        name = f"left-{uuid.uuid4().hex}"
        engine.hold_volume(name, image=base_image, labels=labels(run.pk, attempt), has_network=False)
    foreign = labels(run.pk, 1) | {"buildhub.installation": f"other-{uuid.uuid4().hex}"}
    engine.hold_volume(f"other-{uuid.uuid4().hex}", image=base_image, labels=foreign, has_network=False)
    until_looked(EngineWatch(), at_all=True)
    assert {left.labels["buildhub.attempt"] for left in engine.leftovers(labels(run.pk))} == {"2"}
    assert len(engine.leftovers(foreign)) == 2  # of another installation on the same engine
    BuildRun.objects.filter(pk=run.pk).update(attempt=3)
    until_looked(EngineWatch(), at_all=True)
    assert engine.leftovers(labels(run.pk)) == ()
    engine.remove_leftovers(foreign)
    engine.close()


def test_a_log_that_the_engine_has_cut_is_warned_of(root, world):
    WorkerHost.objects.create(name="here", workers=2, topics=["arm"])
    BuildServer.objects.create(name="arm", url="topic:arm").accounts.add(world)
    caller = operator_of(world)
    note_clipped_log(press(make_build(caller, "FROM scratch\n", name="a"), caller).pk)
    assert told()["default server"].told_warnings == [CLIPS_LOGS]
    assert told()["arm"].told_warnings == []
    note_clipped_log(press(make_build(caller, "FROM scratch\n", name="b", server_host="topic:arm"), caller).pk)
    assert told()["arm"].told_warnings == [CLIPS_LOGS]


def test_a_server_that_builds_bring_is_not_tested_without_their_keys(root):
    server = BuildServer.objects.create(name="brought", url="tcp://127.0.0.1:1", given_by_builds=True)
    probe = try_server(server_id=server.pk, caller=root)
    assert (probe.ok, "Builds bring the keys" in probe.message) == (False, True)


@pytest.mark.parametrize(
    ("version", "said"),
    [
        ("20.10.24+dfsg1", ["CVE-2024-21626", "Docker before 23"]),
        ("24.0.8", ["CVE-2024-21626"]),
        ("24.0.9", []),
        ("25.0.1", ["CVE-2024-21626"]),
        ("25.0.2", []),
        ("28.5.2", []),
        ("", []),
        ("dev", []),
    ],
)
def test_what_a_version_is_known_for_is_told(version, said):
    warnings = version_warnings(version)
    assert len(warnings) == len(said)
    assert all(words in warning for words, warning in zip(said, warnings, strict=True))
