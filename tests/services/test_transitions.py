"""Guarded moves, leases and fences: a stale attempt writes nothing; PostgreSQL itself refuses illegal rows."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, ProgrammingError, transaction
from django.db.models.functions import Now

from builds.domain.log.lines import LogLine
from builds.domain.run_events import Pushed
from builds.domain.states import EndReason
from builds.models import BuildRun, LogChunk, RunStep
from builds.queries.log import iterate_lines
from builds.services.runs.cancel_and_remove import request_cancel
from builds.services.runs.log import append_chunks
from builds.services.runs.start import start_run
from builds.services.runs.steps import LeaseLost, close_step, note, open_step, prepare_attempt, show_vertices
from builds.services.runs.transitions import End, end_attempt, end_cancel, take

DONE = End(EndReason.DONE, image_digest="sha256:" + "a" * 64, image_size=1)


@pytest.fixture
def run(build, caller) -> BuildRun:
    pressed = start_run(build_id=build.pk, caller=caller)
    BuildRun.objects.filter(pk=pressed.pk).update(claim=1, claimed_at=Now(), claimed_host="here")
    return pressed


def lapse(run: BuildRun) -> None:
    """Let the lease of a run be over, as after 20 silent seconds."""
    BuildRun.objects.filter(pk=run.pk).update(lease_expires_at=Now() - timedelta(seconds=1))


def lines(*texts: str) -> list[LogLine]:
    return [LogLine(f"{text}\n".encode(), None, 1) for text in texts]


def test_only_the_present_claim_takes_a_run_and_only_once(run):
    assert take(run.pk, claim=0, owner="old") is None
    lease = take(run.pk, claim=1, owner="worker")
    assert lease is not None
    assert (lease.token, lease.attempt) == (1, 1)
    assert take(run.pk, claim=1, owner="double delivery") is None


def test_a_run_with_a_silent_lease_is_taken_over_with_a_new_token(run):
    first = take(run.pk, claim=1, owner="one")
    run.refresh_from_db()
    begun = run.begin_time
    lapse(run)
    second = take(run.pk, claim=1, owner="two")
    assert (second.token, second.attempt) == (first.token + 1, 2)
    run.refresh_from_db()
    assert run.begin_time == begun


def test_every_write_of_a_stale_attempt_is_refused(run):
    stale = take(run.pk, claim=1, owner="one")
    step = RunStep.objects.filter(run=run).first()
    assert append_chunks(stale, [(step.pk, lines("one"))], after=0)
    lapse(run)
    fresh = take(run.pk, claim=1, owner="two")
    assert not append_chunks(stale, [(step.pk, lines("late"))], after=1)
    assert not show_vertices(stale, step.pk, [{"vertex": "x"}])
    with pytest.raises(LeaseLost):
        open_step(stale, step)
    with pytest.raises(LeaseLost):
        note(stale, Pushed(stale.attempt, "a:1"))
    assert not end_attempt(stale, DONE)
    assert append_chunks(fresh, [(step.pk, lines("two", "three"))], after=1)
    assert [line.text for _s, line in iterate_lines(run.pk)] == ["one", "two", "three"]
    assert end_attempt(fresh, DONE)


def test_storing_the_same_chunk_again_is_found_stored_and_not_doubled(run):
    lease = take(run.pk, claim=1, owner="one")
    assert append_chunks(lease, [(None, lines("a", "b"))], after=0)
    assert append_chunks(lease, [(None, lines("a", "b"))], after=0)
    assert LogChunk.objects.filter(run=run).count() == 1
    run.refresh_from_db()
    assert (run.line_count, run.byte_count, run.chunk_count) == (2, 4, 1)


def test_the_end_seals_the_log_and_closes_what_ran(run):
    lease = take(run.pk, claim=1, owner="one")
    init, image = prepare_attempt(lease)
    open_step(lease, init)
    close_step(lease, init)
    open_step(lease, image)
    append_chunks(lease, [(image.pk, lines("a"))], after=0)
    assert end_attempt(lease, End(EndReason.BUILD_FAILED, "It failed."))
    run.refresh_from_db()
    assert (run.run_state, run.end_reason, run.byte_count) == ("ERROR", "BUILD_FAILED", 2)
    assert run.log_sha256 == "87428fc522803d31065e7bce3cf03fe475096631e5e07bbd7a0fde60c4cf25c7"
    assert [step.step_state for step in run.steps.all()] == ["DONE", "ERROR"]


@pytest.mark.parametrize(
    ("sealed", "kept"),
    [
        ((2, "f" * 64), "f" * 64),  # of as many bytes as are stored: taken as it is, without reading the log again
        ((1, "f" * 64), "87428fc522803d31065e7bce3cf03fe475096631e5e07bbd7a0fde60c4cf25c7"),
    ],
)
def test_a_seal_of_the_whole_log_is_taken_and_any_other_made_anew(run, sealed, kept):
    lease = take(run.pk, claim=1, owner="one")
    image = prepare_attempt(lease)[-1]
    append_chunks(lease, [(image.pk, lines("a"))], after=0)
    assert end_attempt(lease, End(EndReason.BUILD_FAILED, "It failed.", sealed=sealed))
    run.refresh_from_db()
    assert (run.byte_count, run.log_sha256) == (2, kept)


def test_a_run_that_ended_by_itself_ends_its_cancel_with_the_truth(run, caller):
    lease = take(run.pk, claim=1, owner="one")
    cancel = request_cancel(run_id=run.pk, caller=caller)
    assert end_attempt(lease, DONE)
    cancel.refresh_from_db()
    assert (cancel.run_state, cancel.end_reason) == ("DONE", "DONE")
    assert "ended by itself" in cancel.end_message


def test_a_cancel_that_is_not_confirmed_is_listed_again(run, caller):
    take(run.pk, claim=1, owner="one")
    cancel = request_cancel(run_id=run.pk, caller=caller)
    assert end_cancel(cancel.pk, End(EndReason.NOT_CONFIRMED, "The engine does not answer."))
    run.refresh_from_db()
    assert (run.run_state, run.cancel_requested_at) == ("RUNNING", None)
    assert request_cancel(run_id=run.pk, caller=caller).pk != cancel.pk


@pytest.mark.parametrize(
    ("values", "guard"),
    [
        ({"run_state": "PAUSED"}, "Invalid transition"),
        ({"run_state": "DONE", "end_reason": "DONE", "end_time": Now()}, "Invalid transition"),
        ({"run_type": "TEST"}, "run_type_known"),
        ({"run_state": "ERROR", "end_reason": "DONE", "end_time": Now()}, "run_reason_fits_state"),
        ({"end_reason": "CANCELLED"}, "run_reason_fits_state"),
        ({"begin_time": Now()}, "run_begins_with_running"),
    ],
)
def test_the_database_refuses_rows_that_cannot_be(run, values, guard):
    with pytest.raises((IntegrityError, ProgrammingError), match=guard), transaction.atomic():
        BuildRun.objects.filter(pk=run.pk).update(**values)


def test_the_database_refuses_a_done_without_a_digest(run):
    lease = take(run.pk, claim=1, owner="one")
    with pytest.raises(IntegrityError, match="run_done_has_digest"), transaction.atomic():
        end_attempt(lease, End(EndReason.DONE))


def test_the_database_refuses_to_leave_an_end_state_and_to_change_a_chunk(run):
    lease = take(run.pk, claim=1, owner="one")
    append_chunks(lease, [(None, lines("a"))], after=0)
    end_attempt(lease, DONE)
    with pytest.raises(ProgrammingError, match="Invalid transition"), transaction.atomic():
        BuildRun.objects.filter(pk=run.pk).update(run_state="RUNNING", end_reason="", end_time=None)
    with pytest.raises(ProgrammingError, match="Cannot update"), transaction.atomic():
        LogChunk.objects.filter(run=run).update(text="b")
