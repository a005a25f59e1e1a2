"""Servers that share workers take turns."""

import pytest

from builds.models import BuildRun, BuildServer, WorkerHost
from builds.services import dispatch
from builds.services.runs.ends import end_run
from builds.services.runs.transitions import End, take
from tests.services.together import side_by_side
from tests.support.people import make_build, make_world, operator_of
from tests.support.runs import press


def claimed() -> list[BuildRun]:
    return list(BuildRun.objects.holding_slots().order_by("pk"))


@pytest.fixture
def shared(account):
    """The default server and two topics, for one host with one worker."""
    WorkerHost.objects.create(name="here", workers=1, topics=["near", "other"])
    servers = [BuildServer.objects.get()]
    for name, url in (("other", "topic:other"), ("near", "topic:near")):
        server = BuildServer.objects.create(name=name, url=url, capacity=2)
        server.accounts.add(account)
        servers.append(server)
    return servers


def test_a_long_queue_of_one_server_keeps_no_worker_from_the_others(caller, shared, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        for server in shared:  # all of the first server's have waited longer than any of the others'
            for n in range(3):
                host = "" if server.is_default else server.url
                press(
                    make_build(caller, "FROM scratch\n", name=f"{server.name}-{n}".replace(" ", "-"), server_host=host),
                    caller,
                )
    order = []
    for _ in range(9):
        (run,) = claimed()
        order.append(run.server.name)
        lease = take(run.pk, claim=run.claim, owner="w")
        with django_capture_on_commit_callbacks(execute=True):
            assert end_run(lease, End("BUILD_FAILED", "no"))
    turn = {server.name for server in shared}
    # the first one's run was there before the others waited, and has its turn again when all have had one
    assert [set(order[1:4]), set(order[4:7])] == [turn, turn], order


@pytest.mark.django_db(transaction=True)
def test_servers_that_dispatch_at_the_same_moment_give_no_worker_away_twice():
    account = make_world()
    caller = operator_of(account)
    near = BuildServer.objects.create(name="near", url="topic:near", capacity=4)
    near.accounts.add(account)
    for name in ("a", "b", "c"):
        press(make_build(caller, "FROM scratch\n", name=name), caller)
        press(make_build(caller, "FROM scratch\n", name=f"{name}-near", server_host="topic:near"), caller)
    WorkerHost.objects.create(name="host", workers=2, topics=["near"])
    here = BuildServer.objects.get(is_default=True)
    _answers, faults = side_by_side(*[lambda pk=pk: dispatch.dispatch(pk) for pk in (here.pk, near.pk) * 3])
    assert (faults, len(claimed())) == ([], 2)
