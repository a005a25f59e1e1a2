"""PostgreSQL crashes and starts again, and sessions are ended, at 21 moments of runs; then it stays away (case 17).

A database, workers and a world of the module's own; engine and registry are those of the test run.
"""

import time
import uuid
from collections import Counter
from collections.abc import Iterator

import pytest
from django.db import Error, connection
from django.test import Client

from builds.contract.runs import run_detail
from builds.models import BuildRun, Caller, RunEvent, WorkerCluster
from builds.queries.runs import find_run
from builds.services.runs.transitions import seal
from supervisor.plan import CLUSTERS
from tests.support.own_postgres import OwnPostgres
from tests.support.people import make_build, make_world, operator_of
from tests.support.plugin import SERVICES
from tests.support.runs import ended, press, processes_with, texts
from tests.support.waiting import wait_until
from tests.support.workers import Workers

pytestmark = pytest.mark.faults

LOG = SERVICES.home / "away-workers.log"
LAST = 600
COUNTING = f"for n in 1 2 3 4 5 6; do seq $((n*100-99)) $((n*100)); usleep 700000; done; : {LAST}"
# Where a moment has come: a fact in the history of the run, an image that was built, or a line that was stored.
STORIES = {
    "crashes": [
        ("claimed", "crash"),
        ("running", "crash"),
        ("line 100", "crash"),
        ("line 300", "crash"),
        ("line 500", "crash"),
        ("pushed", "crash"),
    ],
    "single sessions": [
        ("claimed", "queue"),
        ("running", "worker"),
        ("step", "worker"),
        ("line 100", "heartbeat"),
        ("line 200", "sweeper"),
        ("line 300", "worker"),
        ("line 400", "queue"),
        ("line 500", "heartbeat"),
        ("line 600", "worker"),
        ("pushed", "worker"),
    ],
    "all sessions, crashes": [
        ("running", "all"),
        ("line 100", "all"),
        ("line 400", "crash"),
        ("built", "crash"),
        ("pushed", "all"),
    ],
}


@pytest.fixture(scope="module")
def database(django_db_blocker) -> Iterator[OwnPostgres]:
    """PostgreSQL of this module."""
    own = OwnPostgres()
    try:
        own.start()
        with django_db_blocker.unblock(), own.as_default():
            yield own
    finally:
        own.stop()


@pytest.fixture(scope="module")
def own_caller(database: OwnPostgres, engine_url: str, registry_host: str) -> Iterator[Caller]:
    """An operator in this database's world, with workers of its own."""
    caller = operator_of(make_world(registry=registry_host, engine=engine_url))
    workers = Workers(engine_url, host="away-host", log=LOG)
    workers.start()
    # A cluster that starts while there is no database ends, and here nobody starts it again.
    up = WorkerCluster.objects.filter(asked_at=None, process_group__isnull=False)
    wait_until(lambda: up.count() == len(CLUSTERS), timeout=60, message="the workers do not start")
    yield caller
    workers.stop()
    said = LOG.read_text(errors="replace")
    assert "trying again" in said
    assert not [line for line in said.splitlines() if "without patience" in line or "started anew" in line]


def start(caller: Caller, base_image: str, instruction: str, **fields: object) -> tuple[BuildRun, str]:
    """Press Build; return the run and what marks the processes of its instruction."""
    marker = f"marker-{uuid.uuid4().hex}"
    build = make_build(caller, f"FROM {base_image}\nRUN : {marker}; {instruction}\n", name=marker[:20], **fields)
    return press(build, caller), marker


def has_come(run: BuildRun, moment: str) -> bool:
    """Say whether a moment of a run has come; not yet, where the database cannot say."""
    try:
        if moment == "built":
            return BuildRun.objects.filter(pk=run.pk).exclude(image_id="").exists()
        if moment.startswith("line "):
            return moment.removeprefix("line ") in texts(run)
        return RunEvent.objects.filter(run=run, what=moment).exists()
    except Error:
        connection.close()
        return False


def until(run: BuildRun, moment: str) -> None:
    """Wait until a moment of a run has come."""
    wait_until(
        lambda: has_come(run, moment), timeout=40, message=lambda: f"{moment} of run {run.pk}, {texts(run)[-3:]}"
    )


def strike(database: OwnPostgres, fault: str) -> None:
    """Do it; at least one session is hit."""
    if fault == "crash":
        database.crash()
        connection.close()
        database.start()
    else:
        wait_until(lambda: database.end_sessions(fault), timeout=5, message=f"no session of {fault}")


def numbers(run: BuildRun) -> list[str]:
    """Return the lines that are numbers."""
    return [text for text in texts(run) if text.isdigit()]


@pytest.mark.parametrize("story", STORIES)
def test_a_run_goes_on_as_if_the_database_had_been_there(database, own_caller, base_image, story, record_property):
    began = time.monotonic()
    run, _ = start(own_caller, base_image, COUNTING)
    for moment, fault in STORIES[story]:
        until(run, moment)
        strike(database, fault)
    ended(run, timeout=60)
    assert (run.run_state, run.end_reason, run.attempt) == ("DONE", "DONE", 1), run.end_message
    assert numbers(run) == [str(number) for number in range(1, LAST + 1)]
    assert (len(texts(run)), *seal(run.pk)) == (run.line_count, run.byte_count, run.log_sha256)
    events = Counter(RunEvent.objects.filter(run=run).values_list("what", flat=True))
    assert {what: events[what] for what in ("running", "step", "pushed", "ended")} == {
        "running": 1,
        "step": 2,
        "pushed": 1,
        "ended": 1,
    }
    record_property("told", f"{story}: {len(STORIES[story])} moments, DONE in {time.monotonic() - began:.1f} s")


def test_a_database_that_stays_away_costs_an_attempt_that_does_not_count(database, own_caller, base_image, settings):
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}  # no collectstatic here
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}
    run, marker = start(own_caller, base_image, "seq 1 100; sleep 16; seq 101 200", max_attempts=1)
    client = Client(raise_request_exception=False)
    client.force_login(own_caller.user)
    until(run, "line 100")
    assert processes_with(marker)
    database.crash()
    connection.close()
    page, answer = client.get("/"), client.get("/v1/build/run")
    wait_until(lambda: not processes_with(marker), timeout=25, message="the worker did not stop itself")
    database.start()
    ended(run, timeout=60)
    assert (run.run_state, run.attempt) == ("DONE", 2), run.end_message
    assert numbers(run) == [str(number) for number in (*range(1, 101), *range(1, 201))]
    (lost,) = run_detail(find_run(run.pk, own_caller), own_caller)["attempts"]
    assert lost["endMessage"] == "Attempt 1 is over: its worker could not reach the database."
    assert any(text.startswith(f"{lost['endMessage']} Attempt 2 begins.") for text in texts(run))
    assert (page.status_code, page["Retry-After"]) == (503, "5")
    assert (answer.status_code, answer["Content-Type"]) == (502, "application/problem+json")  # the contract's word
