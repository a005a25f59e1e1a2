"""Cancel: the state is written only when the process is gone. Tests look at the engine's host at that very moment."""

import pytest

from builds.domain.errors import NotPossible
from builds.services.runs.cancel_and_remove import request_cancel
from tests.support.runs import ended, marked_sleep, press, processes_with, until_printed
from tests.support.waiting import wait_until


def test_a_cancelled_build_is_gone_from_the_engine_when_the_state_is_seen(workers, caller, build_of):
    instruction, marker = marked_sleep()
    run = press(build_of(instruction), caller)
    until_printed(run, "ready")
    assert processes_with(marker)
    cancel = request_cancel(run_id=run.pk, caller=caller)
    assert (cancel.run_type, cancel.run_state) == ("CANCEL", "RUNNING")
    seen: list[tuple[str, int]] = []

    def look() -> bool:
        run.refresh_from_db()
        seen.append((run.end_reason, len(processes_with(marker)) if run.is_final else -1))
        return run.is_final

    wait_until(look, timeout=20)
    assert seen[-1] == ("CANCELLED", 0)
    cancel.refresh_from_db()
    assert (cancel.run_state, cancel.end_reason, cancel.target_id) == ("DONE", "DONE", run.pk)


def test_cancelled_steps_are_error_and_a_waiting_slot_is_given_on(workers, caller, build_of):
    instruction, _marker = marked_sleep()
    run = press(build_of(instruction), caller)
    until_printed(run, "ready")
    request_cancel(run_id=run.pk, caller=caller)
    ended(run)
    assert [step.step_state for step in run.steps.all()] == ["DONE", "ERROR"]
    after = ended(press(build_of("RUN echo next", name="next"), caller))
    assert after.run_state == "DONE"


def test_a_cancel_that_comes_after_the_end_is_refused_with_the_reason_of_the_page(workers, caller, build_of):
    run = ended(press(build_of("RUN true"), caller))
    with pytest.raises(NotPossible, match="already ended"):
        request_cancel(run_id=run.pk, caller=caller)
