"""Builds and runs in every state, made through the services as a worker makes them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from builds.domain.failures import build_failed
from builds.domain.log.ink import InkTrail
from builds.domain.log.lines import LogLine, OpenLine
from builds.domain.log.packing import CHUNK_LINES
from builds.domain.states import EndReason, StepType
from builds.models import Build, BuildRun, Caller, RunStep
from builds.services.runs.cancel_and_remove import request_cancel
from builds.services.runs.log import append_chunks
from builds.services.runs.parameters import RunAsk
from builds.services.runs.start import start_run
from builds.services.runs.steps import close_step, open_step, prepare_attempt, show_vertices
from builds.services.runs.transitions import End, Lease, end_attempt, take

DIGEST = "sha256:" + "ab12" * 16
DOCKERFILE = "FROM busybox\nCOPY . /src\nRUN echo one\nRUN exit 7\nRUN echo never\n"
FAILING = "sha256:" + "f" * 64


def pressed(build: Build, caller: Caller, tag: str | None = None) -> BuildRun:
    """Press Build: no worker lives here, so the run waits."""
    return start_run(build_id=build.pk, caller=caller, ask=RunAsk(tag_name=tag))


def begun(run: BuildRun, *, up_to: StepType = StepType.CREATE_IMAGE) -> Lease:
    """Let a worker take the run and open its steps up to this one."""
    BuildRun.objects.filter(pk=run.pk).update(claim=1, claimed_host="here")
    lease = take(run.pk, claim=1, owner="here:1")
    assert lease is not None
    for step in prepare_attempt(lease):
        open_step(lease, step)
        if step.step_type == up_to:
            break
        if step.step_type == StepType.INIT:
            close_step(lease, step)
    run.refresh_from_db()
    return lease


def image_step_of(run: BuildRun) -> RunStep:
    """Return the latest image step of a run."""
    return RunStep.objects.filter(run=run, step_type=StepType.CREATE_IMAGE).latest("attempt")


def printed(
    lease: Lease,
    texts: list[str],
    *,
    vertex: str | None = None,
    stream: int = 1,
    of: StepType = StepType.CREATE_IMAGE,
    ends_open: bool = False,
) -> None:
    """Store lines as the recorder does; `ends_open`: nothing is unfinished behind them."""
    step = RunStep.objects.filter(run_id=lease.run_id, step_type=of).latest("attempt")
    trail = InkTrail()
    raws = [f"{text}\n".encode() for text in texts]
    lines = [LogLine(raw, vertex, stream, 1200 + n * 10, trail.pass_over(raw)) for n, raw in enumerate(raws)]
    chunks = [(step.pk, lines[at : at + CHUNK_LINES]) for at in range(0, len(lines), CHUNK_LINES)]
    after = BuildRun.objects.values_list("chunk_count", flat=True).get(pk=lease.run_id)
    assert append_chunks(lease, chunks, after=after, opened=(step.pk, []) if ends_open else None)


def unfinished(lease: Lease, text: str, *, vertex: str | None = None) -> None:
    """Store what is printed behind all lines and not finished, as the recorder does; empty for nothing."""
    opened = [OpenLine(vertex, 1, 1500, text)] if text else []
    run = BuildRun.objects.get(pk=lease.run_id)
    assert append_chunks(lease, [], after=run.chunk_count, opened=(image_step_of(run).pk, opened))


def vertex(digest: str, name: str, state: str = "DONE", **more: Any) -> dict[str, Any]:
    """Return an instruction as it is stored with the step."""
    now = datetime.now(UTC)
    started, completed = now.isoformat(timespec="milliseconds"), (now + timedelta(seconds=1)).isoformat()
    facts = {"vertex": digest, "name": name, "state": state, "cached": False, "current": 0, "total": 0, "error": ""}
    times = {
        "started": None if state == "WAIT" else started,
        "completed": completed if state in ("DONE", "ERROR") else None,
    }
    return facts | times | more


def show(lease: Lease, vertices: list[dict[str, Any]]) -> None:
    """Store how far the instructions are."""
    step = RunStep.objects.filter(run_id=lease.run_id, step_type=StepType.CREATE_IMAGE).latest("attempt")
    assert show_vertices(lease, step.pk, vertices)


def end(lease: Lease, outcome: End) -> BuildRun:
    """End the attempt."""
    assert end_attempt(lease, outcome)
    return BuildRun.objects.get(pk=lease.run_id)


def done_run(build: Build, caller: Caller, *, size: int = 3_250_000) -> BuildRun:
    """Make a run that pushed its image."""
    lease = begun(pressed(build, caller))
    show(lease, [vertex("sha256:a", "[1/2] FROM busybox", cached=True), vertex("sha256:b", "[2/2] RUN echo one")])
    printed(lease, ["one"], vertex="sha256:b")
    return end(lease, End(EndReason.DONE, "", image_digest=DIGEST, image_size=size))


def failed_run(build: Build, caller: Caller) -> BuildRun:
    """Make a run whose instruction ended with exit code 7."""
    lease = begun(pressed(build, caller))
    show(
        lease,
        [
            vertex("sha256:0", "[internal] load build definition from Dockerfile"),
            vertex("sha256:a", "[1/5] FROM busybox", cached=True),
            vertex("sha256:b", "[3/5] RUN echo one"),
            vertex(FAILING, "[4/5] RUN exit 7", "ERROR", error="process did not complete: exit code: 7"),
            vertex("sha256:e", "[5/5] RUN echo never", "WAIT"),
        ],
    )
    printed(lease, ["attempt 1 begins"], stream=0)
    printed(lease, ["one"], vertex="sha256:b")
    printed(lease, [f"line {n} of the step" for n in range(1, 15)], vertex=FAILING)
    failure = build_failed("exit code: 7", instruction="[4/5] RUN exit 7", dockerfile=DOCKERFILE)
    return end(lease, End(EndReason.BUILD_FAILED, failure.sentence, failure=failure.as_facts()))


def running_run(build: Build, caller: Caller) -> BuildRun:
    """Make a run that is under way."""
    run = pressed(build, caller)
    lease = begun(run)
    show(
        lease,
        [
            vertex("sha256:a", "[1/3] FROM busybox", cached=True),
            vertex("sha256:b", "[2/3] RUN sleep 60", "RUNNING"),
            vertex("sha256:c", "[3/3] COPY . .", "WAIT"),
        ],
    )
    printed(lease, ["waiting", "\x1b[32mgreen\x1b[0m and \x1b[1;31mbold red\x1b[0m"], vertex="sha256:b")
    run.refresh_from_db()
    return run


def cancelled(run: BuildRun, caller: Caller) -> BuildRun:
    """Ask for a cancel and return the CANCEL run."""
    return request_cancel(run_id=run.pk, caller=caller)
