"""Ends of runs with no worker process beside: one that took the run first would decide instead of the test."""

from dataclasses import replace

from builds.execution.executor import execute_build
from builds.models import BuildRun, WorkerHost
from builds.services.runs.cancel_and_remove import request_cancel
from tests.support.runs import marked_sleep, press, processes_with


def test_a_run_that_takes_too_long_is_stopped_and_says_so(caller, build_of):
    """The executor runs in this process, with a limit of its own that is shorter than any build may ask for."""
    instruction, marker = marked_sleep()
    WorkerHost.objects.create(name="here", workers=1)
    run = press(build_of(instruction), caller)
    run.refresh_from_db()
    BuildRun.objects.filter(pk=run.pk).update(definition=replace(run.definition, time_limit_seconds=3))
    execute_build(run.pk, run.claim)
    run.refresh_from_db()
    assert (run.run_state, run.end_reason) == ("ERROR", "TIME_LIMIT")
    assert "3 seconds" in run.end_message
    assert not processes_with(marker)


def test_a_waiting_run_is_cancelled_without_ever_starting(caller, build_of):
    run = press(build_of("RUN true"), caller)
    BuildRun.objects.filter(pk=run.pk).update(claimed_at=None, claim=99)
    cancel = request_cancel(run_id=run.pk, caller=caller)
    run.refresh_from_db()
    assert (run.run_state, run.end_reason, run.begin_time) == ("ERROR", "CANCELLED", None)
    assert (cancel.run_state, cancel.end_reason) == ("DONE", "DONE")
