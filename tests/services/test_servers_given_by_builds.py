"""Engines that builds bring with them: one row an address, its slots counted, drained and switched off like others."""

import pytest

from builds.domain.access import Role
from builds.domain.errors import Invalid, NotFound
from builds.models import Activity, BuildServer, WorkerHost
from builds.queries.waiting import waiting_of
from builds.services.accounts.access import caller_for
from builds.services.connections.servers import ServerDraft, create_server, edit_server, server_of_run
from tests.support.people import make_build, make_person
from tests.support.runs import press

HOST = "tcp://192.0.2.7:2375"


@pytest.fixture
def root(db: None):
    return caller_for(make_person("root", Role.INSTANCE_ADMIN, None))


@pytest.fixture
def boss(account, settings):
    settings.OUTBOUND_ALLOW = ("192.0.2.0/24",)
    WorkerHost.objects.create(name="here", workers=4)
    return caller_for(make_person("boss", Role.ADMIN, account))


def test_the_first_press_keeps_the_address_as_a_server_and_the_next_finds_it(boss):
    builds = [make_build(boss, "FROM scratch\n", name=name, server_host=HOST) for name in ("a", "b")]
    runs = [press(build, boss) for build in builds]
    (server,) = BuildServer.objects.filter(given_by_builds=True)
    assert {run.server_id for run in runs} == {server.pk}
    assert (server.name, list(server.accounts.values_list("pk", flat=True))) == (HOST, list(boss.account_ids))


def test_its_slots_are_its_own(boss, account):
    BuildServer.objects.filter(is_default=True).update(capacity=1)
    press(make_build(boss, "FROM scratch\n", name="full"), boss)
    run = press(make_build(boss, "FROM scratch\n", name="other", server_host=HOST), boss)
    assert run.claimed_at is not None


def test_an_instance_admin_drains_it_and_the_reason_says_so(boss, root):
    server = server_of_run(HOST, account_id=boss.account_ids[0])
    edit_server(server_id=server.pk, caller=root, draft=ServerDraft(draining=True))
    run = press(make_build(boss, "FROM scratch\n", server_host=HOST), boss)
    assert waiting_of(run).reason == f"{HOST} is being drained: it ends what it has and starts nothing new."
    edit_server(server_id=server.pk, caller=root, draft=ServerDraft(enabled=False))
    with pytest.raises(NotFound, match="is switched off"):
        press(make_build(boss, "FROM scratch\n", name="later", server_host=HOST), boss)
    acts = Activity.objects.filter(did="changed a build server").order_by("pk").values_list("detail", flat=True)
    assert list(acts) == [f"{HOST} ({HOST}), drained", f"{HOST} ({HOST}), switched off"]


def test_its_address_stays_that_of_the_builds_and_may_be_registered_as_well(boss, root):
    server = server_of_run(HOST, account_id=boss.account_ids[0])
    with pytest.raises(Invalid, match="Builds bring this address"):
        edit_server(server_id=server.pk, caller=root, draft=ServerDraft(url="tcp://192.0.2.8:2375"))
    draft = ServerDraft(name="registered", url=HOST, account_ids=boss.account_ids)
    registered = create_server(caller=root, draft=draft)
    assert server_of_run(HOST, account_id=boss.account_ids[0]) == registered


def test_a_long_address_or_a_name_that_is_taken_gets_a_name_of_its_own(boss, root):
    create_server(caller=root, draft=ServerDraft(name=HOST, url="topic:other"))
    long = f"tcp://{'a' * 60}.{'b' * 60}.example:2376"
    names = {server_of_run(host, account_id=boss.account_ids[0]).name for host in (HOST, long, long)}
    assert len(names) == 2
    assert HOST not in names
    assert all(len(name) <= 100 for name in names)


def test_a_private_address_is_refused_although_a_run_has_brought_it_before(boss, settings):
    server_of_run("tcp://10.1.2.3:2376", account_id=boss.account_ids[0])
    with pytest.raises(Invalid, match="This address is private"):
        make_build(boss, "FROM scratch\n", name="private", server_host="tcp://10.1.2.3:2376")
