"""Limits of an account: who waits for them, who is refused, and that nobody else does."""

import pytest

from builds.domain.errors import Refused
from builds.models import Account, BuildRun, BuildServer, WorkerHost
from builds.queries.waiting import waiting_of, waiting_of_all
from builds.services import dispatch
from builds.services.runs.ends import end_run
from builds.services.runs.start import start_run
from builds.services.runs.transitions import End, take
from tests.services.together import side_by_side
from tests.support.people import make_build, make_world, operator_of

FULL = "The account has 1 of 1 builds running."


@pytest.fixture
def server(account) -> BuildServer:
    WorkerHost.objects.create(name="host", workers=4, topics=["near"])
    server = BuildServer.objects.get()
    BuildServer.objects.update(capacity=4)
    return server


@pytest.fixture
def other(db: None, account):
    """An operator of another account, which has no limit."""
    return operator_of(Account.objects.create(name="other"), "other")


def limit(account: Account, **fields: object) -> None:
    Account.objects.filter(pk=account.pk).update(parallel_limit=1, **fields)


def press(caller, name: str, **fields: object) -> BuildRun:
    return start_run(build_id=make_build(caller, "FROM scratch\n", name=name, **fields).pk, caller=caller)


def test_runs_above_the_limit_wait_and_stop_nobody_else(caller, account, other, server):
    limit(account)
    ours = [press(caller, f"b{n}") for n in range(6)]
    theirs = press(other, "theirs")
    assert dispatch.dispatch(server.pk) == [ours[0].pk, theirs.pk]
    waiting = [BuildRun.objects.get(pk=run.pk) for run in ours[1:]]
    assert waiting_of(waiting[0]).reason == FULL
    assert {found.reason for found in waiting_of_all(waiting).values()} == {FULL}


def test_the_end_of_a_run_on_another_server_lets_the_next_of_the_account_start(
    caller, account, server, django_capture_on_commit_callbacks
):
    limit(account)
    near = BuildServer.objects.create(name="near", url="topic:near")
    near.accounts.add(account)
    elsewhere = press(caller, "there", server_host="topic:near")
    here = press(caller, "here")
    assert dispatch.dispatch(near.pk) == [elsewhere.pk]
    assert dispatch.dispatch(server.pk) == []
    lease = take(elsewhere.pk, claim=1, owner="w")
    with django_capture_on_commit_callbacks(execute=True):
        assert end_run(lease, End("BUILD_FAILED", "no"))
    here.refresh_from_db()
    assert here.claimed_host == "host"


def test_a_refusing_account_answers_409_and_counts_what_waits(caller, account, server):
    limit(account, parallel_refuse=True)
    press(caller, "one")
    with pytest.raises(Refused, match="may have 1 builds at the same time") as refused:
        press(caller, "two")
    assert (refused.value.code, refused.value.status) == ("CCBD1013000", 409)
    assert BuildRun.objects.count() == 1


def test_a_replacing_build_of_a_refusing_account_makes_its_own_way(caller, account, server):
    limit(account, parallel_refuse=True)
    elder = press(caller, "one", when_running="REPLACE")
    younger = start_run(build_id=elder.build_id, caller=caller)
    assert younger.run_state == "CREATED"


@pytest.mark.django_db(transaction=True)
def test_two_presses_at_the_same_moment_do_not_get_past_a_refusing_limit():
    account = make_world()
    caller = operator_of(account)
    limit(account, parallel_refuse=True)
    builds = [make_build(caller, "FROM scratch\n", name=f"b{n}").pk for n in range(6)]
    answers, faults = side_by_side(*[lambda pk=pk: start_run(build_id=pk, caller=caller).pk for pk in builds])
    assert (faults, BuildRun.objects.count()) == ([], 1)
    assert answers.count("CCBD1013000") == 5


@pytest.mark.django_db(transaction=True)
def test_two_servers_that_dispatch_at_the_same_moment_keep_the_limit_together():
    account = make_world()
    caller = operator_of(account)
    near = BuildServer.objects.create(name="near", url="topic:near", capacity=4)
    near.accounts.add(account)
    limit(account)
    for name in ("a", "b", "c"):
        press(caller, name)
        press(caller, f"{name}-near", server_host="topic:near")
    WorkerHost.objects.create(name="host", workers=8, topics=["near"])
    here = BuildServer.objects.get(is_default=True)
    _answers, faults = side_by_side(*[lambda pk=pk: dispatch.dispatch(pk) for pk in (here.pk, near.pk) * 3])
    assert (faults, BuildRun.objects.holding_slots().count()) == ([], 1)
