"""The only code that writes `run_state`: guarded moves, each one transaction with its event and its hint.

A move names in its WHERE what must be true (state, fencing token, claim); no row moved means that somebody else was
first, and the caller leaves. Times come from PostgreSQL's clock. A move of an attempt may be asked for again where its
answer was lost: it finds what it has done.
"""

import hashlib
import time
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from django.db import transaction
from django.db.models import DateTimeField, F, Q, QuerySet
from django.db.models.functions import Coalesce, Greatest, Now

from builds import doorbell
from builds.domain import run_events
from builds.domain.callbacks import Told
from builds.domain.failures import Failure
from builds.domain.run_events import Event, EventKind
from builds.domain.states import ACTIVE, EndReason, RunState, RunType, StepState, sources_of
from builds.models import BuildRun, OpenLines, RunEvent, RunStep
from builds.queries.log import iterate_bytes
from builds.services import callbacks

LEASE: Final = timedelta(seconds=20)


@dataclass(frozen=True, slots=True)
class Lease:
    """The right of one attempt to write a run. `token` is the fence in every write."""

    run_id: int
    token: int
    attempt: int
    chunk_count: int = 0  # chunks stored by earlier attempts
    elapsed_ms: int = 0  # since the run's begin
    taken_at: float = field(default_factory=time.monotonic)  # by the worker's clock: no later than by PostgreSQL's


@dataclass(frozen=True, slots=True)
class End:
    """How a run ended. `message` is one sentence; `failure` are the facts of a `Failure`; the image only when DONE.

    `sealed` are byte count and SHA-256 of the log, where who ends the run has stored all of it.
    """

    reason: EndReason
    message: str = ""
    failure: dict[str, object] | None = None
    image_digest: str = ""
    image_size: int = 0
    sealed: tuple[int, str] | None = None

    @classmethod
    def of(cls, failure: Failure, *, sealed: tuple[int, str] | None = None) -> "End":
        """Return the end that a failure brings."""
        return cls(failure.kind.end_reason, failure.sentence, failure.as_facts(), sealed=sealed)

    @property
    def state(self) -> RunState:
        """Return the end state that belongs to the reason."""
        return RunState.DONE if self.reason is EndReason.DONE else RunState.ERROR


def take(run_id: int, *, claim: int, owner: str) -> Lease | None:
    """Move a claimed run to RUNNING, or take one over whose lease has lapsed; None where it is not ours to take.

    The take-over is the only move that keeps the state; token and attempt count up in both. A claim is delivered once,
    so a run that its owner holds by the same claim is one whose take was committed without an answer.
    """
    asked = time.monotonic()
    waiting = Q(run_state=RunState.CREATED, cancel_requested_at=None)
    lapsed = Q(run_state=RunState.RUNNING, lease_expires_at__lt=Now(), cancel_requested_at=None)
    with transaction.atomic():
        moved = BuildRun.objects.filter(waiting | lapsed, pk=run_id, claim=claim).update(
            run_state=RunState.RUNNING,
            token=F("token") + 1,
            attempt=F("attempt") + 1,
            lease_owner=owner,
            lease_expires_at=Now() + LEASE,
            begin_time=Coalesce("begin_time", Now()),
            updated_at=Now(),
        )
        if moved != 1:  # taken by this very claim already, in a transaction whose answer was lost?
            held = BuildRun.objects.filter(pk=run_id, claim=claim, run_state=RunState.RUNNING, lease_owner=owner)
            if not held.filter(lease_expires_at__gt=Now()).update(lease_expires_at=Now() + LEASE):
                return None
        run = BuildRun.objects.annotate(elapsed=Now() - F("begin_time")).get(pk=run_id)
        if moved:
            OpenLines.objects.filter(run=run).delete()  # of an attempt that was lost
            _record(run, run_events.Running(), because=f"attempt {run.attempt} on {owner}")
            callbacks.note_state(run, what=Told.RUNNING)
    elapsed_ms = int(run.elapsed.total_seconds() * 1000)  # type: ignore[attr-defined]  # annotated above
    return Lease(run_id, run.token, run.attempt, run.chunk_count, elapsed_ms, taken_at=asked)


def give_back(lease: Lease, *, because: str, counted: bool = True) -> None:
    """Let a lease lapse now: the attempt's work is over, but not confirmed; the sweeper settles the run.

    `counted` False: this attempt shall not count against `max_attempts`.
    """
    with transaction.atomic():
        mine = BuildRun.objects.filter(pk=lease.run_id, token=lease.token, run_state=RunState.RUNNING)
        # Without a claim of a moment ago the sweeper need not wait for a worker to follow it up.
        if not mine.update(lease_expires_at=Now() - timedelta(seconds=1), claimed_at=None, updated_at=Now()):
            return
        if not RunEvent.objects.of(lease.run_id, EventKind.GIVEN_BACK, attempt=lease.attempt).exists():
            given_back = run_events.GivenBack(lease.attempt, counted=counted)
            _record(BuildRun.objects.get(pk=lease.run_id), given_back, because=because)


def end_attempt(lease: Lease, end: End) -> bool:
    """End a run as the attempt that holds it; False where the lease was lost, then nothing is written."""
    return _end(BuildRun.objects.filter(pk=lease.run_id, run_state=RunState.RUNNING, token=lease.token), end)


def has_ended(lease: Lease, end: End) -> bool:
    """Say whether this attempt has written this end already: its commit was done and only the answer lost."""
    mine = BuildRun.objects.filter(pk=lease.run_id, token=lease.token, run_state=end.state)
    return mine.filter(end_reason=end.reason, end_message=end.message, image_digest=end.image_digest).exists()


def end_lost(run_id: int, *, token: int, end: End) -> bool:
    """End a run whose attempt `token` is lost: only while its lease is over and no further attempt has begun."""
    lost = BuildRun.objects.filter(pk=run_id, run_state=RunState.RUNNING, token=token, lease_expires_at__lt=Now())
    return _end(lost, end)


def end_waiting(run_id: int, end: End) -> bool:
    """End a run that has never started; False where a worker was quicker."""
    return _end(BuildRun.objects.filter(pk=run_id, run_state=RunState.CREATED), end)


def start_cancel(run: BuildRun) -> None:
    """Move a new CANCEL run to RUNNING: it works, through others, from the moment it is asked for."""
    with transaction.atomic():
        _move(BuildRun.objects.filter(pk=run.pk, run_type=RunType.CANCEL), RunState.RUNNING)
        _record(BuildRun.objects.get(pk=run.pk), run_events.Running())
        callbacks.note_state(run, what=Told.RUNNING)


def end_cancel(run_id: int, end: End) -> bool:
    """End a CANCEL run by itself: it could not be confirmed (the original tells its own end)."""
    with transaction.atomic():
        target = BuildRun.objects.filter(follow_ups__pk=run_id, run_state__in=ACTIVE)
        ended = _end(BuildRun.objects.filter(pk=run_id, run_type=RunType.CANCEL, run_state=RunState.RUNNING), end)
        if ended:
            target.update(cancel_requested_at=None, updated_at=Now())
    return ended


def _end(guarded: "QuerySet[BuildRun]", end: End) -> bool:
    """Make the last move of a run, with its steps, its sealed log and the CANCEL runs that wait for it."""
    with transaction.atomic():
        run = guarded.select_for_update().first()
        if run is None:
            return False
        # Of as many bytes as are stored: else others have written to the log, and it is read once more.
        bytes_, sha256 = end.sealed if end.sealed and end.sealed[0] == run.byte_count else seal(run.pk)
        _move(
            guarded,
            end.state,
            end_reason=end.reason,
            end_message=end.message,
            failure=end.failure,
            image_digest=end.image_digest,
            image_size=end.image_size,
            end_time=Greatest(Now(), Coalesce("begin_time", Now())),
            byte_count=bytes_,
            log_sha256=sha256,
            lease_expires_at=None,
        )
        OpenLines.objects.filter(run=run).delete()
        ended = BuildRun.objects.get(pk=run.pk)
        _end_steps(ended)
        _record(ended, run_events.Ended(end.reason), because=end.message)
        if ended.run_type == RunType.BUILD:
            _end_cancels(ended)
        callbacks.note_state(ended, what=Told.ENDED)
    return True


def _move(guarded: "QuerySet[BuildRun]", to: RunState, **facts: object) -> None:
    """Write the state where the table of moves allows it; the caller holds the row's lock."""
    begun = {"begin_time": Now()} if to is RunState.RUNNING else {}
    moved = guarded.filter(run_state__in=sources_of(to)).update(run_state=to, updated_at=Now(), **begun, **facts)
    if moved != 1:
        raise RuntimeError(f"A run moved to {to} under a lock that should have held it.")


def _end_steps(run: BuildRun) -> None:
    """Close the steps that were running: with the run's own end, ERROR unless all is done."""
    last = StepState.DONE if run.run_state == RunState.DONE else StepState.ERROR
    steps = RunStep.objects.filter(run=run, attempt=max(run.attempt, 1))
    steps.filter(step_state=StepState.RUNNING).update(step_state=last, end_time=run.end_time)
    if run.run_type == RunType.CANCEL:
        steps.filter(step_state=StepState.WAIT).update(
            step_state=last,
            begin_time=Coalesce("begin_time", run.begin_time, output_field=DateTimeField()),
            end_time=run.end_time,
        )


def _end_cancels(original: BuildRun) -> None:
    """End the CANCEL runs of a run that has just ended: DONE, with the truth about how it ended."""
    if original.end_reason == EndReason.CANCELLED:
        message = f"Cancelled: nothing of run {original.pk} is left."
    else:
        message = f"Run {original.pk} had ended by itself before: {original.end_reason}."
    cancels = BuildRun.objects.filter(target=original, run_type=RunType.CANCEL, run_state__in=ACTIVE)
    for cancel in cancels.select_for_update():
        if cancel.run_state == RunState.CREATED:
            start_cancel(cancel)
        _end(BuildRun.objects.filter(pk=cancel.pk), End(EndReason.DONE, message))


def seal(run_id: int) -> tuple[int, str]:
    """Return byte count and SHA-256 of the stored log, as `log.txt` streams it."""
    digest, count = hashlib.sha256(), 0
    for data in iterate_bytes(run_id):
        digest.update(data)
        count += len(data)
    return count, digest.hexdigest()


def _record(run: BuildRun, event: Event, because: str = "") -> None:
    RunEvent.record(run, event, because)
    doorbell.run_changed(run.pk, build_id=run.build_id, account_id=run.account_id)


__all__ = [
    "LEASE",
    "End",
    "Lease",
    "end_attempt",
    "end_cancel",
    "end_lost",
    "end_waiting",
    "give_back",
    "has_ended",
    "seal",
    "start_cancel",
    "take",
]
