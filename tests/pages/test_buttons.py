"""The buttons of a page are exactly possibleActions, for every role and state."""

import pytest

from builds.domain.actions import possible_actions
from builds.queries.facts import run_facts
from builds.queries.runs import find_run
from builds.services.runs.cancel_and_remove import request_cancel
from tests.pages import making
from tests.support.people import make_build

STATES = {
    "waiting": making.pressed,
    "running": making.running_run,
    "done": making.done_run,
    "failed": making.failed_run,
}


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("who", ["viewer", "operator", "admin"])
def test_the_run_page_shows_what_may_be_done_but_view(request, page, build, operator, state, who):
    caller = request.getfixturevalue(who)
    run = STATES[state](build, operator)
    possible = {action.value for action in possible_actions(run_facts(find_run(run.pk, caller), caller))}
    found = page(f"/runs/{run.pk}", caller)
    assert found.actions() == possible - {"VIEW"}
    header = found.one("data-run")
    assert header.attributes["data-run"] == str(run.pk)
    assert header.attributes["data-run-state"] == run.run_state if state != "running" else "RUNNING"
    assert all(header in element.parents for element in found.with_("data-action"))


def test_a_run_that_is_being_cancelled_shows_that_and_no_cancel_button(page, build, operator):
    run = making.running_run(build, operator)
    request_cancel(run_id=run.pk, caller=operator)
    found = page(f"/runs/{run.pk}", operator)
    assert found.actions() == {"LOG"}
    assert "data-cancelling" in found.one("data-run").attributes
    assert "Cancelling" in found.main_text


def test_an_ended_run_carries_its_reason(page, build, operator):
    run = making.failed_run(build, operator)
    assert page(f"/runs/{run.pk}", operator).one("data-run").attributes["data-end-reason"] == "BUILD_FAILED"


@pytest.mark.parametrize(
    ("who", "actions"), [("viewer", set()), ("operator", {"BUILD"}), ("admin", {"BUILD", "REMOVE"})]
)
def test_the_build_page_shows_build_and_remove_by_role(request, page, build, who, actions):
    found = page(f"/builds/{build.pk}", request.getfixturevalue(who))
    assert found.actions("data-build", str(build.pk)) == actions == found.actions()


def test_a_row_of_the_list_acts_on_the_build_and_its_last_run(page, build, operator):
    run = making.done_run(build, operator)
    found = page("/", operator)
    assert found.actions("data-build", str(build.pk)) == {"BUILD", "VIEW", "LOG"}
    assert found.one("data-action", "VIEW").attributes["href"] == f"/runs/{run.pk}"
    assert found.one("data-action", "LOG").attributes["href"] == f"/runs/{run.pk}#log"


def test_a_row_without_runs_views_the_build(page, build, viewer):
    found = page("/", viewer)
    assert found.actions() == {"VIEW"}
    assert found.one("data-action", "VIEW").attributes["href"] == f"/builds/{build.pk}"


def test_a_row_with_an_active_run_offers_cancel_and_no_second_press(page, build, operator):
    making.pressed(build, operator)
    assert page("/", operator).actions() == {"VIEW", "LOG", "CANCEL"}


def test_a_build_that_lets_runs_queue_offers_build_beside_cancel(page, operator):
    queueing = make_build(operator, making.DOCKERFILE, name="queueing", when_running="QUEUE")
    making.pressed(queueing, operator)
    assert page("/", operator).actions() == {"VIEW", "LOG", "CANCEL", "BUILD"}
