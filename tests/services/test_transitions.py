"""Guarded moves, leases and fences: a stale attempt writes nothing; PostgreSQL itself refuses illegal rows."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, ProgrammingError, transaction
from django.db.models.functions import Now

from builds.domain.log.lines import LogLine
from builds.domain.states import EndReason
from builds.models import BuildRun, LogChunk, RunStep
from builds.queries.log import iterate_lines
from builds.services import run_log, run_steps, runs, transitions
from builds.services.run_steps import LeaseLost
from builds.services.transitions import End

DONE = End(EndReason.DONE, image_digest="sha256:" + "a" * 64, image_size=1)


@pytest.fixture
def run(build, caller) -> BuildRun:
    pressed = runs.start_run(build_id=build.pk, caller=caller)
    BuildRun.objects.filter(pk=pressed.pk).update(claim=1, claimed_at=Now(), claimed_host="here")
    return pressed


def lapse(run: BuildRun) -> None:
    """Let the lease of a run be over, as after 20 silent seconds."""
    BuildRun.objects.filter(pk=run.pk).update(lease_expires_at=Now() - timedelta(seconds=1))


def lines(*texts: str) -> list[LogLine]:
    return [LogLine(f"{text}\n".encode(), None, 1) for text in texts]


def test_only_the_present_claim_takes_a_run_and_only_once(run):
    assert transitions.take(run.pk, claim=0, owner="old") is None
    lease = transitions.take(run.pk, claim=1, owner="worker")
    assert lease is not None
    assert (lease.token, lease.attempt) == (1, 1)
    assert transitions.take(run.pk, claim=1, owner="double delivery") is None


def test_a_run_with_a_silent_lease_is_taken_over_with_a_new_token(run):
    first = transitions.take(run.pk, claim=1, owner="one")
    run.refresh_from_db()
    begun = run.begin_time
    lapse(run)
    second = transitions.take(run.pk, claim=1, owner="two")
    assert (second.token, second.attempt) == (first.token + 1, 2)
    run.refresh_from_db()
    assert run.begin_time == begun


def test_every_write_of_a_stale_attempt_is_refused(run):
    stale = transitions.take(run.pk, claim=1, owner="one")
    step = RunStep.objects.filter(run=run).first()
    assert run_log.append_chunk(stale, step.pk, lines("one"), sequence=1)
    lapse(run)
    fresh = transitions.take(run.pk, claim=1, owner="two")
    assert not run_log.append_chunk(stale, step.pk, lines("late"), sequence=2)
    assert not run_steps.show_vertices(stale, step.pk, [{"vertex": "x"}])
    with pytest.raises(LeaseLost):
        run_steps.open_step(stale, step)
    with pytest.raises(LeaseLost):
        run_steps.note(stale, "pushed")
    assert not transitions.end_attempt(stale, DONE)
    assert run_log.append_chunk(fresh, step.pk, lines("two", "three"), sequence=2)
    assert [line.text for _s, line in iterate_lines(run.pk)] == ["one", "two", "three"]
    assert transitions.end_attempt(fresh, DONE)


def test_storing_the_same_chunk_again_is_found_stored_and_not_doubled(run):
    lease = transitions.take(run.pk, claim=1, owner="one")
    assert run_log.append_chunk(lease, None, lines("a", "b"), sequence=1)
    assert run_log.append_chunk(lease, None, lines("a", "b"), sequence=1)
    assert LogChunk.objects.filter(run=run).count() == 1
    run.refresh_from_db()
    assert (run.line_count, run.byte_count, run.chunk_count) == (2, 4, 1)


def test_the_end_seals_the_log_and_closes_what_ran(run):
    lease = transitions.take(run.pk, claim=1, owner="one")
    init, image = run_steps.prepare_attempt(lease)
    run_steps.open_step(lease, init)
    run_steps.close_step(lease, init, to="DONE")
    run_steps.open_step(lease, image)
    run_log.append_chunk(lease, image.pk, lines("a"), sequence=1)
    assert transitions.end_attempt(lease, End(EndReason.BUILD_FAILED, "It failed."))
    run.refresh_from_db()
    assert (run.run_state, run.end_reason, run.byte_count) == ("ERROR", "BUILD_FAILED", 2)
    assert run.log_sha256 == "87428fc522803d31065e7bce3cf03fe475096631e5e07bbd7a0fde60c4cf25c7"
    assert [step.step_state for step in run.steps.all()] == ["DONE", "ERROR"]


def test_a_run_that_ended_by_itself_ends_its_cancel_with_the_truth(run, caller):
    lease = transitions.take(run.pk, claim=1, owner="one")
    cancel = runs.request_cancel(run_id=run.pk, caller=caller)
    assert transitions.end_attempt(lease, DONE)
    cancel.refresh_from_db()
    assert (cancel.run_state, cancel.end_reason) == ("DONE", "DONE")
    assert "ended by itself" in cancel.end_message


def test_a_cancel_that_is_not_confirmed_is_listed_again(run, caller):
    transitions.take(run.pk, claim=1, owner="one")
    cancel = runs.request_cancel(run_id=run.pk, caller=caller)
    assert transitions.end_cancel(cancel.pk, End(EndReason.NOT_CONFIRMED, "The engine does not answer."))
    run.refresh_from_db()
    assert (run.run_state, run.cancel_requested_at) == ("RUNNING", None)
    assert runs.request_cancel(run_id=run.pk, caller=caller).pk != cancel.pk


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
    lease = transitions.take(run.pk, claim=1, owner="one")
    with pytest.raises(IntegrityError, match="run_done_has_digest"), transaction.atomic():
        transitions.end_attempt(lease, End(EndReason.DONE))


def test_the_database_refuses_to_leave_an_end_state_and_to_change_a_chunk(run):
    lease = transitions.take(run.pk, claim=1, owner="one")
    run_log.append_chunk(lease, None, lines("a"), sequence=1)
    transitions.end_attempt(lease, DONE)
    with pytest.raises(ProgrammingError, match="Invalid transition"), transaction.atomic():
        BuildRun.objects.filter(pk=run.pk).update(run_state="RUNNING", end_reason="", end_time=None)
    with pytest.raises(ProgrammingError, match="Cannot update"), transaction.atomic():
        LogChunk.objects.filter(run=run).update(text="b")
