"""What starts, where, and in which order; what waits and why."""

from datetime import timedelta

import pytest
from django.db.models.functions import Now
from django_q.models import OrmQ

from builds.models import BuildRun, BuildServer, WorkerHost
from builds.queries.waiting import waiting_of
from builds.services import dispatch
from builds.services.runs.start import start_run
from builds.services.runs.transitions import End, end_attempt, take
from tests.support.people import make_build


@pytest.fixture
def server(account) -> BuildServer:
    return BuildServer.objects.get()


def press(caller, name: str, **fields: object) -> BuildRun:
    return start_run(build_id=make_build(caller, "FROM scratch\n", name=name, **fields).pk, caller=caller)


def claimed() -> list[int]:
    return list(BuildRun.objects.exclude(claimed_at=None).order_by("pk").values_list("pk", flat=True))


def test_without_a_live_worker_nothing_is_claimed_and_the_run_says_so(caller, server):
    run = press(caller, "one")
    assert dispatch.dispatch(server.pk) == []
    assert "No live worker" in waiting_of(run).reason


def test_slots_are_claimed_in_order_and_the_rest_waits_with_its_position(caller, server):
    pressed = [press(caller, f"b{n}") for n in range(4)]
    WorkerHost.objects.create(name="host", workers=2)
    assert dispatch.dispatch(server.pk) == [pressed[0].pk, pressed[1].pk]
    assert dispatch.dispatch(server.pk) == []
    last = BuildRun.objects.get(pk=pressed[3].pk)
    assert (waiting_of(last).position, waiting_of(last).reason) == (2, "default server has 2 of 2 builds running.")
    assert OrmQ.objects.filter(key="builds@host").count() == 2


def test_a_press_is_handed_over_at_once_while_a_slot_is_free(caller, server):
    WorkerHost.objects.create(name="host", workers=2)
    first, second, third = (press(caller, f"b{n}") for n in range(3))
    assert claimed() == [first.pk, second.pk]
    assert list(OrmQ.objects.values_list("key", flat=True)) == ["builds@host"] * 2
    assert list(first.events.values_list("what", "because")) == [("accepted", "operator"), ("claimed", "host")]
    assert take(first.pk, claim=1, owner="worker") is not None
    assert waiting_of(third).reason == "default server has 2 of 2 builds running."
    assert dispatch.dispatch(server.pk) == []


def test_a_press_does_not_overtake_what_waits(caller, server):
    elder = press(caller, "elder")
    WorkerHost.objects.create(name="host", workers=1)
    press(caller, "younger")
    assert claimed() == []
    assert dispatch.dispatch(server.pk) == [elder.pk]


def test_a_press_of_an_account_with_a_limit_is_left_to_dispatch(caller, server, account):
    WorkerHost.objects.create(name="host", workers=2)
    account.parallel_limit = 1
    account.save()
    pressed = [press(caller, name) for name in ("one", "two")]
    assert claimed() == []
    assert dispatch.dispatch(server.pk) == [pressed[0].pk]


def test_a_silent_host_gets_nothing(caller, server):
    WorkerHost.objects.create(name="host", workers=2)
    WorkerHost.objects.update(beat_at=Now() - timedelta(minutes=1))
    press(caller, "one")
    assert dispatch.dispatch(server.pk) == []


def test_a_server_that_is_switched_off_drains(caller, server):
    run = press(caller, "one")
    WorkerHost.objects.create(name="host", workers=2)
    BuildServer.objects.update(enabled=False)
    run.server.refresh_from_db()
    assert dispatch.dispatch(server.pk) == []
    assert waiting_of(run).reason == "default server is switched off."


def test_the_younger_run_of_a_queueing_build_waits_for_its_elder(caller, server):
    WorkerHost.objects.create(name="host", workers=2)
    build = make_build(caller, "FROM scratch\n", when_running="QUEUE")
    elder = start_run(build_id=build.pk, caller=caller)
    younger = start_run(build_id=build.pk, caller=caller)
    other = press(caller, "other")
    assert claimed() == [elder.pk]
    assert dispatch.dispatch(server.pk) == [other.pk]
    assert waiting_of(younger).reason == "An earlier run of this build has to end first."


def test_a_claim_that_nobody_follows_up_is_void_when_it_is_given_again(caller, server):
    WorkerHost.objects.create(name="host", workers=1)
    run = press(caller, "one")
    dispatch.dispatch(server.pk)
    dispatch.release_unstarted(run.pk)
    dispatch.dispatch(server.pk)
    run.refresh_from_db()
    assert run.claim == 3
    assert take(run.pk, claim=1, owner="the old task") is None
    assert take(run.pk, claim=3, owner="the new one") is not None


def test_an_end_frees_the_slot(caller, server):
    WorkerHost.objects.create(name="host", workers=1)
    first, second = press(caller, "one"), press(caller, "two")
    dispatch.dispatch(server.pk)
    lease = take(first.pk, claim=1, owner="w")
    end_attempt(lease, End("BUILD_FAILED", "no"))
    assert dispatch.dispatch(server.pk) == [second.pk]


def test_the_database_itself_allows_one_active_run_of_a_refusing_build(caller, server):
    assert claimed() == []
    run = press(caller, "one")
    from django.db import IntegrityError, transaction  # noqa: PLC0415

    run.pk, run.build_no = None, 99
    with pytest.raises(IntegrityError, match="run_one_active_where_refused"), transaction.atomic():
        run.save(force_insert=True)
