"""Every row of the table of possibleActions that docs/states.md draws."""

from itertools import product

import pytest

from builds.domain.actions import (
    LISTED,
    Action,
    BuildFacts,
    Role,
    RunFacts,
    build_possible_actions,
    build_refusal,
    possible_actions,
    refusal,
)
from builds.domain.states import RunState, RunType, WhenRunning

CREATED, RUNNING, DONE, ERROR = RunState
BUILD, CANCEL, REMOVE = RunType
ENDED = (DONE, ERROR)
ACTIVE = (CREATED, RUNNING)
QUEUEING = (WhenRunning.QUEUE, WhenRunning.REPLACE)


def words(run: RunFacts) -> str:
    return " ".join(possible_actions(run))


def a_run(state=DONE, run_type=BUILD, role=Role.OPERATOR, **facts) -> RunFacts:
    return RunFacts(run_type, state, role, **facts)


@pytest.mark.parametrize("state", ACTIVE)
def test_an_active_run_can_be_cancelled(state):
    assert words(a_run(state)) == "VIEW LOG CANCEL"


@pytest.mark.parametrize("state", ACTIVE)
def test_a_run_that_is_being_cancelled_can_only_be_seen(state):
    assert words(a_run(state, cancel_active=True)) == "VIEW LOG"


@pytest.mark.parametrize("state", ENDED)
def test_an_ended_run_can_be_built_again_and_removed(state):
    assert words(a_run(state)) == "VIEW BUILD LOG REMOVE"


@pytest.mark.parametrize(("run_type", "state"), list(product((CANCEL, REMOVE), RunState)))
def test_runs_that_cancel_or_remove_can_only_be_seen(run_type, state):
    assert words(a_run(state, run_type)) == "VIEW LOG"


@pytest.mark.parametrize("state", ENDED)
@pytest.mark.parametrize(
    "facts", [{"build_in_use": False}, {"other_active": True}], ids=["build out of use", "another run is active"]
)
def test_what_keeps_a_build_from_running_takes_build_off_its_old_runs(state, facts):
    assert words(a_run(state, **facts)) == "VIEW LOG REMOVE"


@pytest.mark.parametrize("when_running", QUEUEING)
def test_builds_that_queue_or_replace_list_build_on_waiting_and_running_runs_too(when_running):
    assert words(a_run(RUNNING, when_running=when_running)) == "VIEW BUILD LOG CANCEL"
    assert words(a_run(CREATED, when_running=when_running, cancel_active=True)) == "VIEW BUILD LOG"
    assert words(a_run(DONE, when_running=when_running, other_active=True)) == "VIEW BUILD LOG REMOVE"
    assert words(a_run(DONE, when_running=when_running, build_in_use=False)) == "VIEW LOG REMOVE"


@pytest.mark.parametrize("when_running", WhenRunning)
def test_while_a_build_is_removed_its_runs_can_only_be_seen(when_running):
    assert words(a_run(DONE, when_running=when_running, build_removal_active=True)) == "VIEW LOG"


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.ADMIN])
def test_remove_is_missing_while_the_run_is_removed(role):
    assert words(a_run(DONE, role=role, removal_active=True)) == "VIEW BUILD LOG"


@pytest.mark.parametrize("state", RunState)
def test_viewers_get_view_and_log_only(state):
    assert words(a_run(state, role=Role.VIEWER, when_running=WhenRunning.QUEUE)) == "VIEW LOG"


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.ADMIN, Role.INSTANCE_ADMIN])
def test_operators_and_admins_may_do_the_same_with_a_run(role):
    assert words(a_run(ERROR, role=role)) == "VIEW BUILD LOG REMOVE"
    assert words(a_run(RUNNING, role=role)) == "VIEW LOG CANCEL"


@pytest.mark.parametrize("state", RunState)
def test_strangers_may_do_nothing(state):
    assert possible_actions(a_run(state, role=None)) == ()
    assert build_possible_actions(BuildFacts(role=None)) == ()


@pytest.mark.parametrize(
    ("action", "run", "part"),
    [
        (Action.CANCEL, a_run(DONE), "already ended"),
        (Action.CANCEL, a_run(RUNNING, cancel_active=True), "already asked for"),
        (Action.CANCEL, a_run(RUNNING, role=Role.VIEWER), "needs the role operator"),
        (Action.REMOVE, a_run(RUNNING), "active"),
        (Action.REMOVE, a_run(DONE, CANCEL), "CANCEL run"),
        (Action.BUILD, a_run(CREATED), "still waits"),
        (Action.BUILD, a_run(DONE, other_active=True), "Another run"),
    ],
)
def test_a_refusal_says_why(action, run, part):
    assert part in (refusal(action, run) or "")


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        (BuildFacts(Role.VIEWER), "VIEW"),
        (BuildFacts(Role.OPERATOR), "VIEW BUILD"),
        (BuildFacts(Role.ADMIN), "VIEW BUILD REMOVE"),
        (BuildFacts(Role.INSTANCE_ADMIN), "VIEW BUILD REMOVE"),
        (BuildFacts(Role.ADMIN, in_use=False), "VIEW REMOVE"),
        (BuildFacts(Role.ADMIN, active=True), "VIEW"),
        (BuildFacts(Role.ADMIN, active=True, when_running=WhenRunning.QUEUE), "VIEW BUILD"),
        (BuildFacts(Role.ADMIN, removing=True), "VIEW"),
        (BuildFacts(Role.ADMIN, removing=True, build_removal_active=False), "VIEW BUILD"),
        (BuildFacts(Role.ADMIN, removing=True, build_removal_active=True), "VIEW"),
    ],
)
def test_what_may_be_done_with_a_build(build, expected):
    assert " ".join(build_possible_actions(build)) == expected


def test_log_and_cancel_are_no_actions_on_a_build():
    assert build_refusal(Action.LOG, BuildFacts(Role.ADMIN))
    assert build_refusal(Action.CANCEL, BuildFacts(Role.ADMIN))


@pytest.mark.parametrize(
    ("action", "run", "part"),
    [
        (Action.PUSH, a_run(DONE, has_image=True), None),
        (Action.PUSH, a_run(ERROR, has_image=True, when_running=WhenRunning.QUEUE, other_active=True), None),
        (Action.PUSH, a_run(ERROR), "before its image was built"),
        (Action.PUSH, a_run(RUNNING, has_image=True), "has not ended"),
        (Action.PUSH, a_run(DONE, REMOVE, has_image=True), "no image that could be pushed"),
        (Action.PUSH, a_run(DONE, has_image=True, removal_active=True), "being removed"),
        (Action.PUSH, a_run(DONE, has_image=True, build_removal_active=True), "being removed"),
        (Action.PUSH, a_run(DONE, has_image=True, build_in_use=False), "out of use"),
        (Action.PUSH, a_run(DONE, has_image=True, other_active=True), "Another run"),
        (Action.PUSH, a_run(DONE, role=Role.VIEWER, has_image=True), "needs the role operator"),
        (Action.FRONT, a_run(CREATED), None),
        (Action.FRONT, a_run(CREATED, elder=7), "Run 7"),
        (Action.FRONT, a_run(CREATED, claimed_host="one"), "a worker on one"),
        (Action.FRONT, a_run(RUNNING), "waits no more"),
        (Action.FRONT, a_run(CREATED, CANCEL), "does not wait"),
        (Action.RESEND, a_run(RUNNING, CANCEL), None),
        (Action.RESEND, a_run(DONE, being_sent=True), "being sent"),
        (Action.RESEND, a_run(DONE, role=Role.VIEWER), "needs the role operator"),
    ],
)
def test_what_buildhub_itself_offers_has_its_rule_in_the_table_and_is_never_listed(action, run, part):
    reason = refusal(action, run)
    assert part in reason if part else reason is None
    assert action not in possible_actions(run)


def test_actions_are_listed_in_the_order_of_the_contract():
    assert " ".join(LISTED) == "VIEW BUILD LOG REMOVE CANCEL"
