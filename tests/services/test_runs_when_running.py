"""What a press does while another run of the build is active: QUEUE and REPLACE, also at the same moment."""

import pytest

from builds.models import Build, BuildRun, WorkerHost
from builds.queries.waiting import waiting_of
from builds.services import dispatch
from builds.services.runs.cancel_and_remove import request_cancel
from builds.services.runs.start import start_run
from builds.services.runs.transitions import End, Lease, end_attempt, take
from tests.services.together import side_by_side
from tests.support.people import make_build, make_world, operator_of

ELDER = "An earlier run of this build has to end first."


def working(run: BuildRun) -> Lease:
    """Let the run, which was handed over when it was accepted, be taken by a worker."""
    lease = take(run.pk, claim=1, owner="worker")
    assert lease is not None
    return lease


@pytest.fixture
def host(account) -> WorkerHost:
    return WorkerHost.objects.create(name="host", workers=4)


def test_a_queued_run_starts_when_its_elder_has_ended_and_not_before(caller, host):
    build = make_build(caller, "FROM scratch\n", when_running="QUEUE")
    elder = start_run(build_id=build.pk, caller=caller)
    lease = working(elder)
    younger = start_run(build_id=build.pk, caller=caller)
    assert (dispatch.dispatch(elder.server_id), waiting_of(younger).reason) == ([], ELDER)
    assert end_attempt(lease, End("BUILD_FAILED", "no"))
    assert dispatch.dispatch(elder.server_id) == [younger.pk]


def test_replace_asks_a_running_elder_to_stop_and_waits_until_that_is_confirmed(caller, host):
    build = make_build(caller, "FROM scratch\n", when_running="REPLACE")
    elder = start_run(build_id=build.pk, caller=caller)
    lease = working(elder)
    younger = start_run(build_id=build.pk, caller=caller)
    elder.refresh_from_db()
    assert (elder.run_state, elder.cancel_requested_at is None) == ("RUNNING", False)
    assert (dispatch.dispatch(elder.server_id), waiting_of(younger).reason) == ([], ELDER)
    assert end_attempt(lease, End("CANCELLED", "Cancelled."))
    assert dispatch.dispatch(elder.server_id) == [younger.pk]


def test_replace_cancels_every_elder_that_waits_and_one_that_is_being_cancelled_stays_so(caller, host):
    build = make_build(caller, "FROM scratch\n", when_running="REPLACE")
    first = start_run(build_id=build.pk, caller=caller)
    working(first)
    second = start_run(build_id=build.pk, caller=caller)
    start_run(build_id=build.pk, caller=caller)
    second.refresh_from_db()
    assert second.end_reason == "CANCELLED"
    assert first.follow_ups.filter(run_type="CANCEL").count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("way", "left"), [("QUEUE", 6), ("REPLACE", 1)])
def test_presses_at_the_same_moment_get_different_numbers_and_hold_nobody_up(way, left):
    """With a worker host alive each press also dispatches: the locks of presses and dispatch meet here."""
    caller = operator_of(make_world())
    WorkerHost.objects.create(name="host", workers=4)
    build = make_build(caller, "FROM scratch\n", when_running=way)
    _answers, faults = side_by_side(*[lambda: start_run(build_id=build.pk, caller=caller)] * 6)
    assert faults == []
    pressed = BuildRun.objects.filter(run_type="BUILD")
    assert sorted(pressed.values_list("build_no", flat=True)) == [1, 2, 3, 4, 5, 6]
    assert pressed.active().count() == left
    assert Build.objects.get().last_run_id == pressed.order_by("-build_no").first().pk


@pytest.mark.django_db(transaction=True)
def test_presses_cancels_and_dispatch_of_one_build_do_not_lock_each_other_out():
    caller = operator_of(make_world())
    WorkerHost.objects.create(name="host", workers=4)
    build = make_build(caller, "FROM scratch\n", when_running="REPLACE")
    first = start_run(build_id=build.pk, caller=caller)
    acts = [
        lambda: start_run(build_id=build.pk, caller=caller),
        lambda: request_cancel(run_id=first.pk, caller=caller),
        lambda: dispatch.dispatch(first.server_id),
    ]
    _answers, faults = side_by_side(*acts * 3)
    assert faults == []
    first.refresh_from_db()
    assert first.end_reason == "CANCELLED"
