"""The states of runs and steps, and the only moves of a run between them; docs/states.md draws them."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class RunType(StrEnum):
    """What a run does."""

    BUILD = "BUILD"
    CANCEL = "CANCEL"
    REMOVE = "REMOVE"


class RunState(StrEnum):
    """Where a run stands. DONE and ERROR are final; there is no cancelled state (see `EndReason`)."""

    CREATED = "CREATED"
    RUNNING = "RUNNING"
    DONE = "DONE"
    ERROR = "ERROR"

    @property
    def is_final(self) -> bool:
        """True when no move leads out of this state."""
        return not MOVES[self]


class StepState(StrEnum):
    """Where a step of a run stands; a step never reached stays WAIT."""

    WAIT = "WAIT"
    RUNNING = "RUNNING"
    DONE = "DONE"
    ERROR = "ERROR"


class StepType(StrEnum):
    """Kinds of steps. Users configure CODE_DOWN to CREATE_IMAGE; BuildHub adds the others itself."""

    INIT = "INIT"
    CODE_DOWN = "CODE_DOWN"
    USER_TASK = "USER_TASK"
    FTP = "FTP"
    HTTP = "HTTP"
    SHELL = "SHELL"
    CREATE_IMAGE = "CREATE_IMAGE"
    CANCEL = "CANCEL"
    DELETE = "DELETE"


# Steps that do work of the user's own, besides fetching code and making the image: they share a workspace on the build
# server, and what is said while they run is theirs.
WORKING_STEPS: Final = frozenset((StepType.USER_TASK, StepType.SHELL, StepType.HTTP, StepType.FTP))


class EndReason(StrEnum):
    """What ended a run: stable words, the first for DONE, all others for ERROR."""

    DONE = "DONE"
    BUILD_FAILED = "BUILD_FAILED"
    SOURCE_FAILED = "SOURCE_FAILED"
    USER_TASK_FAILED = "USER_TASK_FAILED"
    STEP_FAILED = "STEP_FAILED"
    REGISTRY_FAILED = "REGISTRY_FAILED"
    SERVER_FAILED = "SERVER_FAILED"
    CANCELLED = "CANCELLED"
    TIME_LIMIT = "TIME_LIMIT"
    QUEUE_LIMIT = "QUEUE_LIMIT"
    WORKER_LOST = "WORKER_LOST"
    NOT_CONFIRMED = "NOT_CONFIRMED"
    DEFINITION_INVALID = "DEFINITION_INVALID"
    INTERNAL = "INTERNAL"


class WhenRunning(StrEnum):
    """What a press does while another BUILD run of the same build waits or runs."""

    REFUSE = "REFUSE"
    QUEUE = "QUEUE"
    REPLACE = "REPLACE"


MOVES: Final[Mapping[RunState, frozenset[RunState]]] = {
    RunState.CREATED: frozenset({RunState.RUNNING, RunState.ERROR}),  # ERROR: refused or cancelled while waiting
    # RUNNING to RUNNING is the take-over of a run whose lease has lapsed: the only move that keeps the state.
    RunState.RUNNING: frozenset({RunState.RUNNING, RunState.DONE, RunState.ERROR}),
    RunState.DONE: frozenset(),
    RunState.ERROR: frozenset(),
}

ACTIVE: Final = (RunState.CREATED, RunState.RUNNING)


def sources_of(target: RunState) -> tuple[RunState, ...]:
    """Return the states from which `target` can be reached in one move."""
    return tuple(source for source, targets in MOVES.items() if target in targets)


def fits(state: RunState, reason: EndReason) -> bool:
    """Say whether a run that ended in `state` may carry `reason`: DONE with DONE, ERROR with any other."""
    return state.is_final and (state is RunState.DONE) == (reason is EndReason.DONE)
