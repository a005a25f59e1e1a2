"""A build server without a grant is there for instance admins alone, on every road; the default one is for all."""

from importlib import import_module

import pytest
from django.apps import apps
from django.db import connection

from builds.domain.access import Permission
from builds.models import Build, BuildServer
from builds.services.accounts.access import caller_for, why_not
from builds.services.runs.start import start_run
from tests.api.making import build_add

HOSTS = ["topic:hidden", "tcp://10.1.2.3:2376"]


@pytest.fixture(params=HOSTS)
def hidden(request, as_, superuser) -> BuildServer:
    """A new server that is granted to nobody, registered through the API."""
    body = {"buildServerName": "hidden", "buildServerHost": request.param}
    answer = as_(superuser).post("/v1/build/server", body, format="json")
    assert answer.status_code == 200, answer.content
    return BuildServer.objects.get(pk=answer.json()["buildServerSeq"])


def test_a_new_server_is_seen_by_nobody_but_instance_admins(as_, operator, admin, superuser, hidden):
    path = f"/v1/build/server/{hidden.pk}"
    for member in (operator, admin):
        client = as_(member)
        listed = client.get("/v1/build/server")
        assert ([server["isDefault"] for server in listed.json()], listed["X-Total-Count"]) == ([True], "1")
        for answer in (client.get(path), client.put(path, {}, format="json"), client.delete(path)):
            assert answer.status_code == 404, answer.content
        assert client.post(f"{path}/test").status_code == 404
        assert "no role" in str(why_not(caller_for(member), Permission.SEE, hidden))
    assert as_(superuser).get(path).json()["accountSeqs"] == []
    assert len(as_(superuser).get("/v1/build/server").json()) == 2


def test_no_build_can_name_it_and_the_answer_is_that_for_an_unknown_one(as_, admin, hidden):
    client = as_(admin)
    answer = client.post("/v1/build", build_add(buildServerHost=hidden.url), format="json")
    unknown = hidden.url.replace("hidden", "nowhere").replace("10.1.2.3", "10.1.2.4")
    other = client.post("/v1/build", build_add(buildServerHost=unknown), format="json")
    assert (answer.status_code, answer.json()["code"]) == (other.status_code, other.json()["code"])
    assert answer.status_code in (400, 404)
    assert answer.json()["detail"].replace(hidden.url, unknown) == other.json()["detail"]


def test_a_grant_shows_it_and_one_taken_back_refuses_the_press(as_, operator, account, hidden, build):
    hidden.accounts.add(account)
    client = as_(operator)
    assert client.get(f"/v1/build/server/{hidden.pk}").json()["accountSeqs"] == [account.pk]
    Build.objects.filter(pk=build.pk).update(server_host=hidden.url)
    run = client.post(f"/v1/build/run/{build.pk}")
    assert run.status_code == 200, run.content
    assert hidden.runs.count() == 1
    hidden.accounts.clear()
    Build.objects.filter(pk=build.pk).update(when_running="QUEUE")
    client.post(f"/v1/build/run/{build.pk}")
    assert hidden.runs.count() == 1


def test_the_default_server_is_for_all_whatever_it_is_granted_to(as_, operator, other_account):
    default = BuildServer.objects.get()
    default.accounts.add(other_account)
    assert as_(operator).get(f"/v1/build/server/{default.pk}").status_code == 200
    assert why_not(caller_for(operator), Permission.SEE, default) is None


def test_servers_from_before_are_granted_to_the_accounts_that_have_used_them(
    account, other_account, operator, make_build
):
    ran, named, unused = (BuildServer.objects.create(name=name, url=f"topic:{name}") for name in ("ran", "named", "un"))
    given = BuildServer.objects.create(name="given", url="topic:given")
    given.accounts.add(other_account)
    run = start_run(build_id=make_build().pk, caller=caller_for(operator))
    type(run).objects.update(server=ran)
    for server in (named, given):
        Build.objects.filter(pk=make_build().pk).update(server_host=server.url)
    import_module("builds.migrations.0009_grant_used_servers").grant(apps, connection.schema_editor())
    granted = [set(server.accounts.values_list("pk", flat=True)) for server in (ran, named, unused, given)]
    assert granted == [{account.pk}, {account.pk}, set(), {other_account.pk}]
