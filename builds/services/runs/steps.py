"""Moves of a run's steps; every write carries the attempt's fence, and may be repeated where its answer was lost."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Exists
from django.db.models.functions import Now

from builds import doorbell
from builds.domain import run_events
from builds.domain.callbacks import Told
from builds.domain.definition import Step
from builds.domain.states import RunState, StepState
from builds.models import BuildRun, RunEvent, RunStep
from builds.services import callbacks
from builds.services.runs.transitions import Lease


class LeaseLost(Exception):  # noqa: N818  names what happened
    """Another attempt holds the run now, or it has ended: this attempt must stop without a further word."""


def copy_steps(run_id: int, steps: Iterable[Step], *, attempt: int) -> None:
    """Store an attempt's own copy of `steps`, secrets included: of the recipe, or of the first attempt."""
    RunStep.objects.bulk_create(
        RunStep(
            run_id=run_id,
            attempt=attempt,
            order=step.order,
            step_type=step.step_type,
            use=step.use,
            config=step.config,
            secrets_encrypted=step.secrets_encrypted,
            build_step_seq=step.build_step_seq,
        )
        for step in steps
    )


def prepare_attempt(lease: Lease) -> list[RunStep]:
    """Return the attempt's steps in order; a further attempt gets rows of its own, copied from the first."""
    with transaction.atomic():
        _fence(lease)
        if lease.attempt > 1 and not RunStep.objects.filter(run_id=lease.run_id, attempt=lease.attempt).exists():
            first = RunStep.objects.filter(run_id=lease.run_id, attempt=1)
            copy_steps(lease.run_id, [row.step for row in first], attempt=lease.attempt)
        # what an earlier, lost attempt left running
        older = RunStep.objects.filter(run_id=lease.run_id, attempt__lt=lease.attempt, step_state=StepState.RUNNING)
        older.update(step_state=StepState.ERROR, end_time=Now())
        doorbell.steps_changed(lease.run_id)
    return list(RunStep.objects.filter(run_id=lease.run_id, attempt=lease.attempt, use=True).order_by("order"))


def open_step(lease: Lease, step: RunStep, *, after: RunStep | None = None) -> None:
    """Move a step to RUNNING, and the one before it, `after`, that is done, to its end."""
    with transaction.atomic():
        _fence(lease)
        if after is not None:
            _close(after)
        waiting = RunStep.objects.filter(pk=step.pk, step_state=StepState.WAIT)
        if not waiting.update(step_state=StepState.RUNNING, begin_time=Now()):
            return
        RunEvent.note(lease.run_id, run_events.StepBegun(step.pk), because=step.step_type)
        callbacks.note_run(lease.run_id, what=Told.STEP)
        doorbell.steps_changed(lease.run_id)


def close_step(lease: Lease, step: RunStep) -> None:
    """Move a step that is done from RUNNING to its end."""
    with transaction.atomic():
        _fence(lease)
        _close(step)
        doorbell.steps_changed(lease.run_id)


def _close(step: RunStep) -> None:
    running = RunStep.objects.filter(pk=step.pk, step_state=StepState.RUNNING)
    running.update(step_state=StepState.DONE, end_time=Now())


def show_vertices(lease: Lease, step_id: int, vertices: Sequence[dict[str, Any]]) -> bool:
    """Store how far the build instructions of a step are; False where the lease was lost."""
    holds = BuildRun.objects.filter(pk=lease.run_id, token=lease.token, run_state=RunState.RUNNING)
    with transaction.atomic():
        written = RunStep.objects.filter(Exists(holds), pk=step_id).update(vertices=list(vertices))
        if written:
            doorbell.steps_changed(lease.run_id)
    return bool(written)


def note(lease: Lease, event: run_events.OfAttempt, because: str = "") -> None:
    """Keep an event of the attempt in the run's history, such as a confirmed push; each kind once an attempt."""
    with transaction.atomic():
        _fence(lease)
        RunEvent.note(lease.run_id, event, because)


def keep_image_id(lease: Lease, image_id: str) -> None:
    """Keep which image of its engine the run has made, so that it can be pushed again without a build."""
    with transaction.atomic():
        _fence(lease)
        BuildRun.objects.filter(pk=lease.run_id).update(image_id=image_id)


@dataclass(frozen=True, slots=True)
class FoundCommit:
    """The commit that a run is built from, as lists and pages show it."""

    commit_id: str
    branch: str
    author: str
    subject: str


def keep_commit(lease: Lease, found: FoundCommit) -> None:
    """Keep which commit the run is built from."""
    row = {
        "commit_id": found.commit_id,
        "commit_branch": _fitting(found.branch, "commit_branch"),
        "commit_author": _fitting(found.author, "commit_author"),
        "commit_subject": _fitting(found.subject, "commit_subject"),
    }
    with transaction.atomic():
        _fence(lease)
        run = BuildRun.objects.filter(pk=lease.run_id)
        run.update(**row)
        for build_id, account_id in run.values_list("build_id", "account_id"):
            doorbell.run_changed(lease.run_id, build_id=build_id, account_id=account_id)


def _fitting(text: str, column: str) -> str:
    """Return somebody else's text as the column can hold it."""
    longest = getattr(BuildRun._meta.get_field(column), "max_length", None)
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")[:longest]


def _fence(lease: Lease) -> None:
    """Hold the run's row against a take-over until the transaction ends; raises `LeaseLost`."""
    mine = BuildRun.objects.filter(pk=lease.run_id, token=lease.token, run_state=RunState.RUNNING)
    if not mine.select_for_update().values_list("pk", flat=True).first():
        raise LeaseLost
