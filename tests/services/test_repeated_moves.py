"""Moves whose first try was committed and not answered: asked for again, they find what they have done."""

from dataclasses import replace

import pytest

from builds.domain.run_events import Pushed
from builds.domain.states import EndReason
from builds.models import BuildRun, RunEvent
from builds.queries.runs import counted_attempts
from builds.services.runs.ends import end_run
from builds.services.runs.steps import close_step, note, open_step, prepare_attempt
from builds.services.runs.transitions import End, Lease, give_back, take

DONE = End(EndReason.DONE, image_digest="sha256:" + "a" * 64, image_size=1)


@pytest.fixture
def lease(run) -> Lease:
    return take(run.pk, claim=1, owner="worker")


def times(run: BuildRun, what: str) -> int:
    return RunEvent.objects.filter(run=run, what=what).count()


def test_a_run_is_taken_once_by_its_owner(run, lease):
    again = take(run.pk, claim=1, owner="worker")
    assert replace(again, taken_at=0, elapsed_ms=0) == replace(lease, taken_at=0, elapsed_ms=0)
    assert take(run.pk, claim=1, owner="somebody else") is None
    assert times(run, "running") == 1


def test_an_end_counts_as_written_for_the_attempt_that_wrote_it_alone(run, lease):
    assert [end_run(lease, DONE), end_run(lease, DONE)] == [True, True]
    assert not end_run(replace(lease, token=lease.token + 1), DONE)
    assert not end_run(lease, End(EndReason.CANCELLED))
    assert times(run, "ended") == 1


def test_a_run_is_given_back_once(run, lease):
    for _ in range(2):
        give_back(lease, because="the database was away", counted=False)
    run.refresh_from_db()
    assert (times(run, "given back"), run.attempt, counted_attempts(run)) == (1, 1, 0)


def test_an_attempt_that_was_given_back_for_another_reason_counts(run, lease):
    give_back(lease, because="the engine stalled")
    run.refresh_from_db()
    assert counted_attempts(run) == 1


def test_a_step_is_opened_and_a_fact_noted_once(run, lease):
    step = prepare_attempt(lease)[0]
    for _ in range(2):
        open_step(lease, step)
        note(lease, Pushed(lease.attempt, "a:1"), "sha256:1")
        close_step(lease, step)
    step.refresh_from_db()
    assert (times(run, "step"), times(run, "pushed"), step.step_state) == (1, 1, "DONE")
