"""Moving a waiting run to the front: how far, at whose cost, and where it is refused."""

import pytest

from builds.domain.access import Role
from builds.domain.errors import NoRight, NotFound, NotPossible
from builds.models import Account, Activity, BuildRun, BuildServer, WorkerHost
from builds.services import dispatch
from builds.services.accounts.access import caller_for
from builds.services.runs.cancel_and_remove import request_cancel
from builds.services.runs.queue_order import move_to_front
from builds.services.runs.start import start_run
from tests.services.together import side_by_side
from tests.support.people import make_build, make_person, make_world, operator_of


@pytest.fixture
def other(account):
    """An operator of another account."""
    return operator_of(Account.objects.create(name="other"), "other")


def press(caller, name: str) -> BuildRun:
    return start_run(build_id=make_build(caller, "FROM scratch\n", name=name).pk, caller=caller)


def order() -> list[int]:
    return list(BuildRun.objects.waiting().values_list("pk", flat=True))


def test_an_operator_gets_the_place_of_the_accounts_first_run_and_moves_no_other_account(caller, other):
    first, foreign, second = press(caller, "a"), press(other, "b"), press(caller, "c")
    last_foreign, third = press(other, "d"), press(caller, "e")
    move_to_front(run_id=third.pk, caller=caller)
    assert order() == [third.pk, foreign.pk, first.pk, last_foreign.pk, second.pk]
    assert Activity.objects.filter(run=third, did="moved to the front of the queue").exists()


def test_an_instance_admin_moves_before_all(account, caller, other):
    root = caller_for(make_person("root", Role.INSTANCE_ADMIN, account))
    foreign, ours = press(other, "a"), press(caller, "b")
    move_to_front(run_id=ours.pk, caller=root)
    assert order() == [ours.pk, foreign.pk]


def test_the_first_one_stays_where_it_is(caller):
    first, second = press(caller, "a"), press(caller, "b")
    move_to_front(run_id=first.pk, caller=caller)
    assert order() == [first.pk, second.pk]


def test_what_was_moved_starts_first(caller):
    press(caller, "a")
    second = press(caller, "b")
    move_to_front(run_id=second.pk, caller=caller)
    WorkerHost.objects.create(name="host", workers=1)
    assert dispatch.dispatch(BuildServer.objects.get().pk) == [second.pk]


def test_what_does_not_wait_is_refused_with_the_reason(caller):
    WorkerHost.objects.create(name="host", workers=1)
    claimed = press(caller, "a")
    dispatch.dispatch(claimed.server_id)
    with pytest.raises(NotPossible, match="handed to a worker on host") as refused:
        move_to_front(run_id=claimed.pk, caller=caller)
    assert (refused.value.code, refused.value.status) == ("CCCM1007000", 409)
    cancel = request_cancel(run_id=press(caller, "b").pk, caller=caller)
    with pytest.raises(NotPossible, match="waits no more"):
        move_to_front(run_id=cancel.target_id, caller=caller)
    with pytest.raises(NotPossible, match="does not wait in the queue"):
        move_to_front(run_id=cancel.pk, caller=caller)


def test_a_run_is_not_moved_before_its_own_elder(caller):
    build = make_build(caller, "FROM scratch\n", when_running="QUEUE")
    elder, younger = [start_run(build_id=build.pk, caller=caller) for _ in range(2)]
    with pytest.raises(NotPossible, match=f"Run {elder.pk} of this build has to start before it"):
        move_to_front(run_id=younger.pk, caller=caller)
    assert order() == [elder.pk, younger.pk]


def test_a_viewer_may_not_and_a_stranger_does_not_learn_of_it(caller, account, other):
    run = press(caller, "a")
    with pytest.raises(NoRight):
        move_to_front(run_id=run.pk, caller=caller_for(make_person("viewer", Role.VIEWER, account)))
    with pytest.raises(NotFound):
        move_to_front(run_id=run.pk, caller=other)


@pytest.mark.django_db(transaction=True)
def test_moves_and_dispatch_at_the_same_moment_do_not_lock_each_other_out():
    caller = operator_of(make_world())
    waiting = [press(caller, f"b{n}") for n in range(8)]
    WorkerHost.objects.create(name="host", workers=8)
    BuildServer.objects.update(capacity=8)
    moves = [lambda pk=run.pk: move_to_front(run_id=pk, caller=caller) for run in waiting]
    _answers, faults = side_by_side(*moves, lambda: dispatch.dispatch(waiting[0].server_id))
    assert faults == []
    assert BuildRun.objects.holding_slots().count() == 8
