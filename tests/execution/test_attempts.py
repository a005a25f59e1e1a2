"""What is told of an attempt that was given back: its own cause, and a further attempt that goes on."""

from django.test import Client

from builds.engine.docker import Engine
from builds.engine.errors import EngineStalled
from builds.execution.executor import execute_build
from builds.execution.recovery import settle_lost_run
from builds.models import BuildRun, WorkerHost
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
