"""What may be done now with a run or a build: one table for buttons and refusals; docs/states.md draws it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from builds.domain.access import Permission, Role, refused
from builds.domain.states import ACTIVE, RunState, RunType, WhenRunning

__all__ = [
    "LISTED",
    "Action",
    "BuildFacts",
    "Role",
    "RunFacts",
    "build_possible_actions",
    "build_refusal",
    "possible_actions",
    "refusal",
]


class Action(StrEnum):
    """What may be done with a run or a build; only `LISTED` are words of possibleActions, the others are our own."""

    VIEW = "VIEW"
    BUILD = "BUILD"
    LOG = "LOG"
    REMOVE = "REMOVE"
    CANCEL = "CANCEL"
    PUSH = "PUSH"  # push its image again
    FRONT = "FRONT"  # move to the front of the queue
    RESEND = "RESEND"  # send one of its callbacks again


LISTED: Final = (Action.VIEW, Action.BUILD, Action.LOG, Action.REMOVE, Action.CANCEL)  # always in this order


NOT_IN_USE: Final = "This build is out of use; take it into use again to run it."
BUILD_GOES: Final = "This build is being removed."
ANOTHER_RUNS: Final = "Another run of this build waits or runs; wait for its end, cancel it, or let runs queue."


@dataclass(frozen=True, slots=True)
class RunFacts:
    """All that decides what one reader may do with one run."""

    run_type: RunType
    run_state: RunState
    role: Role | None
    build_in_use: bool = True
    when_running: WhenRunning = WhenRunning.REFUSE
    cancel_active: bool = False  # a CANCEL run of it is CREATED or RUNNING
    other_active: bool = False  # another BUILD run of the build is CREATED or RUNNING
    build_removal_active: bool = False
    removal_active: bool = False  # a REMOVE of this run is under way
    has_image: bool = False  # it pushed one, or its engine holds one
    claimed_host: str = ""  # the worker host that it waits for, once it was handed over
    elder: int = 0  # a waiting run of the same build that has to start before it; read for FRONT only
    being_sent: bool = False  # the callback that RESEND is about


@dataclass(frozen=True, slots=True)
class BuildFacts:
    """All that decides what one reader may do with one build.

    `removing` holds for a REMOVE of the build and of any of its runs; `build_removal_active` for the build
    alone (a run's removal does not keep its build from running). None: not known apart, `removing` decides.
    """

    role: Role | None
    in_use: bool = True
    when_running: WhenRunning = WhenRunning.REFUSE
    active: bool = False  # a BUILD run of it waits or runs
    removing: bool = False
    build_removal_active: bool | None = None


def refusal(action: Action, run: RunFacts) -> str | None:
    """Say in one sentence why `action` is not possible on `run`, or None when it is.

    The page shows and the API answers this sentence.
    """
    return RUN_REFUSALS[action](run)


def possible_actions(run: RunFacts) -> tuple[Action, ...]:
    """Return which words of `LISTED` may be done with `run` now."""
    return tuple(action for action in LISTED if refusal(action, run) is None)


def build_refusal(action: Action, build: BuildFacts) -> str | None:
    """Say in one sentence why `action` (VIEW, BUILD, or REMOVE of the definition) is not possible on `build`."""
    rule = BUILD_REFUSALS.get(action)
    return rule(build) if rule else f"{action} is an action on a run, not on a build."


def build_possible_actions(build: BuildFacts) -> tuple[Action, ...]:
    """Return which of VIEW, BUILD and REMOVE may be done with `build` now, in this order."""
    return tuple(action for action in LISTED if build_refusal(action, build) is None)


def _see_run(run: RunFacts) -> str | None:
    return refused(Permission.SEE, run.role)


def _build_from_run(run: RunFacts) -> str | None:
    if sentence := refused(Permission.RUN, run.role):
        return sentence
    if run.run_type is not RunType.BUILD:
        return f"A {run.run_type} run cannot be built; press Build on its build."
    if not run.build_in_use:
        return NOT_IN_USE
    if run.build_removal_active:
        return BUILD_GOES
    if run.when_running is WhenRunning.REFUSE:
        return _busy(run)
    return None


def _busy(run: RunFacts) -> str | None:
    if run.run_state is RunState.CREATED:
        return "This run still waits to start."
    if run.run_state is RunState.RUNNING:
        return "This run is still running."
    return ANOTHER_RUNS if run.other_active else None


def _remove_run(run: RunFacts) -> str | None:
    if sentence := refused(Permission.REMOVE_RUN, run.role):
        return sentence
    if run.run_type is not RunType.BUILD:
        return f"A {run.run_type} run has no image; it stays as history."
    if run.run_state in ACTIVE:
        return "This run is active; cancel it or wait for its end before removing it."
    if run.removal_active:
        return "This run is being removed."
    return BUILD_GOES if run.build_removal_active else None


def _cancel_run(run: RunFacts) -> str | None:
    if sentence := refused(Permission.RUN, run.role):
        return sentence
    if run.run_type is not RunType.BUILD:
        return f"A {run.run_type} run cannot be cancelled; it ends by itself."
    if run.run_state not in ACTIVE:
        return "This run has already ended."
    return "Cancelling was already asked for." if run.cancel_active else None


def _push_again(run: RunFacts) -> str | None:
    if sentence := refused(Permission.RUN, run.role):
        return sentence
    if run.run_type is not RunType.BUILD:
        return f"A {run.run_type} run has no image that could be pushed."
    if run.run_state in ACTIVE:
        return "This run has not ended; wait for its end before its image is pushed again."
    if run.removal_active:
        return "This run is being removed."
    if not run.has_image:
        return "This run ended before its image was built; press Build instead."
    return _build_from_run(run)


def _move_to_front(run: RunFacts) -> str | None:
    if sentence := refused(Permission.RUN, run.role):
        return sentence
    if run.run_type is not RunType.BUILD:
        return f"A {run.run_type} run does not wait in the queue."
    if run.run_state is not RunState.CREATED:
        return "This run waits no more."
    if run.claimed_host:
        return f"This run was handed to a worker on {run.claimed_host} already."
    return f"Run {run.elder} of this build has to start before it; move that one." if run.elder else None


def _send_again(run: RunFacts) -> str | None:
    if sentence := refused(Permission.RUN, run.role):
        return sentence
    return "This callback is being sent at this moment; look again in a few seconds." if run.being_sent else None


def _see_build(build: BuildFacts) -> str | None:
    return refused(Permission.SEE, build.role)


def _run_build(build: BuildFacts) -> str | None:
    if sentence := refused(Permission.RUN, build.role):
        return sentence
    if not build.in_use:
        return NOT_IN_USE
    if build.removing if build.build_removal_active is None else build.build_removal_active:
        return BUILD_GOES
    return ANOTHER_RUNS if build.active and build.when_running is WhenRunning.REFUSE else None


def _remove_build(build: BuildFacts) -> str | None:
    if sentence := refused(Permission.REMOVE_BUILD, build.role):
        return sentence
    if build.active:
        return "A run of this build waits or runs; cancel it or wait for its end before removing the build."
    return "This build, or a run of it, is being removed already." if build.removing else None


RUN_REFUSALS: Final[Mapping[Action, Callable[[RunFacts], str | None]]] = {
    Action.VIEW: _see_run,
    Action.BUILD: _build_from_run,
    Action.LOG: _see_run,
    Action.REMOVE: _remove_run,
    Action.CANCEL: _cancel_run,
    Action.PUSH: _push_again,
    Action.FRONT: _move_to_front,
    Action.RESEND: _send_again,
}

BUILD_REFUSALS: Final[Mapping[Action, Callable[[BuildFacts], str | None]]] = {
    Action.VIEW: _see_build,
    Action.BUILD: _run_build,
    Action.REMOVE: _remove_build,
}
