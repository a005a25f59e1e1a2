"""State moves: whatever is tried, a final state stays and only legal moves happen."""

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from builds.domain.states import (
    ACTIVE,
    MOVES,
    EndReason,
    RunState,
    fits,
    sources_of,
)


class RunLife(RuleBasedStateMachine):
    """A run moved by a guarded update: only from `sources_of` the target, as the database does it."""

    def __init__(self):
        super().__init__()
        self.state = RunState.CREATED
        self.path = [self.state]

    @rule(to=st.sampled_from(RunState))
    def move(self, to):
        if self.state in sources_of(to):
            self.state = to
            self.path.append(to)

    @invariant()
    def an_end_is_reached_once_and_stays(self):
        ends = [state for state in self.path if state.is_final]
        assert ends == self.path[-len(ends) :] if ends else True
        assert len(ends) <= 1

    @invariant()
    def done_is_only_reached_from_running(self):
        if self.path[-1] is RunState.DONE:
            assert self.path[-2] is RunState.RUNNING

    @invariant()
    def nothing_waits_again(self):
        assert self.path.count(RunState.CREATED) == 1


TestRunLife = RunLife.TestCase


def test_every_state_has_its_row_and_is_either_active_or_final():
    assert set(MOVES) == set(RunState)
    assert {state for state in RunState if not state.is_final} == {*ACTIVE}


@pytest.mark.parametrize(
    ("target", "sources"),
    [
        (RunState.CREATED, ()),
        (RunState.RUNNING, (RunState.CREATED, RunState.RUNNING)),
        (RunState.DONE, (RunState.RUNNING,)),
        (RunState.ERROR, (RunState.CREATED, RunState.RUNNING)),
    ],
)
def test_a_state_is_reached_from_these(target, sources):
    assert sources_of(target) == sources


@pytest.mark.parametrize("reason", EndReason)
def test_done_carries_done_and_error_any_other_reason(reason):
    assert fits(RunState.DONE, reason) is (reason is EndReason.DONE)
    assert fits(RunState.ERROR, reason) is (reason is not EndReason.DONE)
    assert not fits(RunState.RUNNING, reason)
