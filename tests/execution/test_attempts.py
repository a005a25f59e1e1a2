"""What is told of an attempt that was given back: its own cause, and a further attempt that goes on."""

from django.db import DataError
from django.test import Client

from builds.domain.states import StepType
from builds.engine.docker import Engine
from builds.engine.errors import EngineStalled
from builds.execution import recorder
from builds.execution.executor import execute_build
from builds.execution.recovery import settle_lost_run
from builds.execution.steps import RUNNERS, push
from builds.execution.stop import StopReason
from builds.models import Account, BuildRun, BuildServer, WorkerHost
from builds.services.runs.steps import LeaseLost
from builds.services.runs.transitions import give_back, take
from tests.support.runs import press, texts

STALL = "the engine sends empty news without end"


def execute(run: BuildRun) -> None:
    """Execute the claimed run in this process, as a worker does."""
    run.refresh_from_db()
    execute_build(run.pk, run.claim)
    run.refresh_from_db()


def stall(*_: object, **__: object) -> str:
    """Fail as BuildKit before Docker 23 does by chance."""
    raise EngineStalled("build the image", STALL)


def test_an_attempt_given_back_for_a_stalled_engine_tells_its_own_cause(caller, build_of, monkeypatch):
    WorkerHost.objects.create(name="here", workers=1)
    run = press(build_of("RUN true"), caller)
    with monkeypatch.context() as patch:
        patch.setattr(Engine, "build", stall)
        execute(run)
    assert (run.run_state, run.attempt) == ("RUNNING", 1)
    settle_lost_run(run)
    execute(run)
    assert (run.run_state, run.attempt) == ("DONE", 2)
    client = Client()
    client.force_login(caller.user)
    (told,) = client.get(f"/v1/build/run/{run.pk}").json()["attempts"]
    assert told["endMessage"] == f"Attempt 1 is over: {STALL} (a known fault of Docker before 23)."
    assert any(text.startswith(f"{told['endMessage']} Attempt 2 begins.") for text in texts(run))


def test_the_end_of_a_lost_run_lets_the_next_of_its_account_start_on_another_server(caller, build_of):
    """The sweeper ends it, in this process, and with its last attempt."""
    WorkerHost.objects.create(name="here", workers=4, topics=["near"])
    BuildServer.objects.create(name="near", url="topic:near").accounts.set(Account.objects.all())
    Account.objects.update(parallel_limit=1)
    lost = press(build_of("RUN true", name="lost", max_attempts=1), caller)
    waiting = press(build_of("RUN true", name="waits", server_host="topic:near"), caller)
    lost.refresh_from_db()
    lease = take(lost.pk, claim=lost.claim, owner="a worker that dies")
    give_back(lease, because="it died")
    lost.refresh_from_db()
    waiting.refresh_from_db()
    assert (lost.run_state, waiting.claimed_host) == ("RUNNING", "")
    settle_lost_run(lost)
    lost.refresh_from_db()
    waiting.refresh_from_db()
    assert (lost.end_reason, waiting.claimed_host) == ("WORKER_LOST", "here")


def test_a_log_that_the_database_refuses_ends_the_run_as_our_fault(caller, build_of, monkeypatch):
    def refuse(*_: object, **__: object) -> bool:
        raise DataError("a value that PostgreSQL does not take")

    WorkerHost.objects.create(name="here", workers=1)
    run = press(build_of("RUN true"), caller)
    monkeypatch.setattr(recorder, "append_chunks", refuse)
    execute(run)
    assert (run.run_state, run.end_reason, run.attempt) == ("ERROR", "INTERNAL", 1)


def test_a_stop_between_two_steps_leaves_the_first_one_done_and_the_next_one_waiting(caller, build_of, monkeypatch):
    WorkerHost.objects.create(name="here", workers=1)
    run = press(build_of("RUN true"), caller)
    monkeypatch.setitem(RUNNERS, StepType.INIT, lambda context, _step: context.stop.ask(StopReason.CANCEL))
    execute(run)
    assert (run.run_state, run.end_reason) == ("ERROR", "CANCELLED")
    assert [step.step_state for step in run.steps.order_by("order")] == ["DONE", "WAIT"]


def test_a_lease_that_is_lost_while_a_fact_is_kept_ends_the_attempt_without_a_further_word(
    caller, build_of, monkeypatch
):
    WorkerHost.objects.create(name="here", workers=1)
    run = press(build_of("RUN true"), caller)

    def lose(*_: object, **__: object) -> None:
        raise LeaseLost

    monkeypatch.setattr(push, "note", lose)
    execute(run)
    assert (run.run_state, run.end_reason) == ("RUNNING", "")
