"""Build servers at the API: who sees and who changes them, what is refused, and what never comes out."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from builds.credentials import decrypt
from builds.models import Activity, BuildServer, WorkerHost
from builds.services.connections.servers import find_server
from tests.engine.certificates import Authority
from tests.engine.foreign import NEEDED, SENTENCES, foreign_engine
from tests.support.waiting import free_port

AUTHORITY = Authority()
FIELDS = [
    "buildServerSeq",
    "buildServerName",
    "buildServerHost",
    "buildServerTlsVerify",
    "buildServerCacrt",
    "buildServerClientCert",
    "buildServerClientKey",
    "capacity",
    "useYn",
    "isDefault",
    "allowedHostPaths",
    "accountSeqs",
    "runningCount",
    "waitingCount",
    "servedBy",
    "created",
    "updated",
    "draining",
    "version",
    "diskFree",
    "warnings",
    "lastSeen",
]


def server_add(**changes):
    return {"buildServerName": "second", "buildServerHost": "tcp://127.0.0.1:2375", **changes}


def secured_add(**changes):
    pair = AUTHORITY.issue("buildhub")
    tls = {
        "buildServerTlsVerify": "Y",
        "buildServerCacrt": AUTHORITY.ca,
        "buildServerClientCert": pair.certificate,
        "buildServerClientKey": pair.key,
    }
    return server_add(**tls, **changes)


@pytest.fixture
def root(as_, superuser, account):
    return as_(superuser)


@pytest.fixture
def make(root):
    """Register a server through the API."""

    def make(body):
        answer = root.post("/v1/build/server", body, format="json")
        assert answer.status_code == 200, answer.content
        return BuildServer.objects.get(pk=answer.json()["buildServerSeq"])

    return make


def put(client, server, **body):
    return client.put(f"/v1/build/server/{server.pk}", body, format="json")


def fields_of(answer):
    assert answer.status_code == 400, answer.content
    return [error["field"] for error in answer.json()["errors"]]


def queries_of_the_list(client):
    client.get("/v1/build/server")  # once a minute a token is marked as used
    with CaptureQueriesContext(connection) as captured:
        assert client.get("/v1/build/server").status_code == 200
    return len(captured)


def test_all_fields_are_always_there_and_the_key_never_comes_out(root, make):
    body = secured_add(capacity=3, allowedHostPaths=["/srv/cache"])
    server = make(body)
    answer = root.get(f"/v1/build/server/{server.pk}")
    shown = answer.json()
    assert list(shown) == FIELDS
    assert (shown["capacity"], shown["useYn"], shown["allowedHostPaths"]) == (3, "Y", ["/srv/cache"])
    assert shown["buildServerCacrt"] == AUTHORITY.ca
    assert shown["buildServerClientKey"] is None
    assert body["buildServerClientKey"] not in answer.content.decode()
    assert decrypt(server.client_key_encrypted) == body["buildServerClientKey"]
    assert "BEGIN" not in server.client_key_encrypted
    assert Activity.objects.get(did="added a build server").detail == "second (tcp://127.0.0.1:2375)"


def test_members_see_servers_of_theirs_without_certificates_and_change_none(as_, viewer, admin, account, make):
    ours = make(secured_add(accountSeqs=[account.pk]))
    for client in (as_(viewer), as_(admin)):
        listed = client.get("/v1/build/server").json()
        assert [server["buildServerName"] for server in listed] == ["default", "second"]
        assert listed[1]["buildServerCacrt"] is None
        assert put(client, ours, capacity=9).status_code == 403
        assert client.post("/v1/build/server", server_add(buildServerName="third"), format="json").status_code == 403
        assert client.post(f"/v1/build/server/{ours.pk}/test").status_code == 403
        assert client.delete(f"/v1/build/server/{ours.pk}").status_code == 403


def test_a_server_that_is_granted_to_others_is_not_known(as_, viewer, other_account, nobody, make):
    theirs = make(server_add(accountSeqs=[other_account.pk]))
    for method, tail in (("get", ""), ("put", ""), ("delete", ""), ("post", "/test")):
        answer = getattr(as_(viewer), method)(f"/v1/build/server/{theirs.pk}{tail}", {}, format="json")
        assert (answer.status_code, answer.json()["code"]) == (404, "CCCM1048000")
    assert as_(nobody).get("/v1/build/server").json() == []


def test_a_change_keeps_what_is_absent_and_an_answer_can_be_sent_back(root, make):
    server = make(secured_add(capacity=3))
    sent_back = root.get(f"/v1/build/server/{server.pk}").json()
    assert put(root, server, **sent_back).status_code == 200
    answer = put(root, server, useYn="N", buildServerClientKey="")
    assert (answer.json()["useYn"], answer.json()["capacity"]) == ("N", 3)
    key = server.client_key_encrypted
    server.refresh_from_db()
    assert decrypt(server.client_key_encrypted) == decrypt(key)


def test_another_address_takes_the_key_away(root, make):
    server = make(secured_add())
    moved = "tcp://127.0.0.1:2376"
    assert fields_of(put(root, server, buildServerHost=moved)) == ["buildServerClientKey"]
    assert put(root, server, buildServerHost=moved, buildServerTlsVerify="N").status_code == 200
    server.refresh_from_db()
    assert server.client_key_encrypted == ""


def test_a_certificate_that_has_expired_does_not_keep_its_server_switched_on(root, make):
    server = make(secured_add())
    BuildServer.objects.filter(pk=server.pk).update(client_cert="no certificate any more")
    assert put(root, server, useYn="N").status_code == 200


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"buildServerName": " "}, "buildServerName"),
        ({"buildServerName": "default"}, "buildServerName"),
        ({"buildServerName": "a\nb"}, "buildServerName"),
        ({"buildServerHost": None}, "buildServerHost"),
        ({"buildServerHost": "unix:///var/run/docker.sock"}, "buildServerHost"),
        ({"buildServerHost": "ssh://engine"}, "buildServerHost"),
        ({"buildServerHost": "tcp://engine"}, "buildServerHost"),
        ({"buildServerHost": "tcp://user@engine:2375"}, "buildServerHost"),
        ({"buildServerHost": "tcp://engine:2375/x"}, "buildServerHost"),
        ({"buildServerHost": "topic:a b"}, "buildServerHost"),
        ({"buildServerTlsVerify": "y"}, "buildServerTlsVerify"),
        ({"buildServerHost": "topic:arm", "buildServerTlsVerify": "Y"}, "buildServerTlsVerify"),
        ({"capacity": 0}, "capacity"),
        ({"capacity": 257}, "capacity"),
        ({"capacity": "2"}, "capacity"),
        ({"allowedHostPaths": ["/a", "b"]}, "allowedHostPaths[1]"),
        ({"allowedHostPaths": ["/a/../etc"]}, "allowedHostPaths[0]"),
        ({"allowedHostPaths": ["/a", "/"]}, "allowedHostPaths[1]"),
        ({"allowedHostPaths": ["/var/run"]}, "allowedHostPaths[0]"),
        ({"allowedHostPaths": ["/proc/1/root"]}, "allowedHostPaths[0]"),
        ({"allowedHostPaths": "/a"}, "allowedHostPaths"),
        ({"accountSeqs": [2147483647]}, "accountSeqs[0]"),
        ({"accountSeqs": [True]}, "accountSeqs[0]"),
    ],
)
def test_what_is_wrong_is_named(root, changes, field):
    assert fields_of(root.post("/v1/build/server", server_add(**changes), format="json")) == [field]
    assert BuildServer.objects.count() == 1


def test_all_errors_are_told_at_once(root):
    body = {"capacity": "x", "buildServerTlsVerify": "Y", "buildServerHost": "tcp://h:1", "useYn": "yes"}
    found = fields_of(root.post("/v1/build/server", body, format="json"))
    tls = ["buildServerCacrt", "buildServerClientCert", "buildServerClientKey"]
    assert sorted(found) == sorted(["capacity", "useYn", "buildServerName", *tls])


def test_a_key_of_another_certificate_is_named(root):
    body = secured_add(buildServerName="third") | {"buildServerClientKey": AUTHORITY.issue("other").key}
    assert fields_of(root.post("/v1/build/server", body, format="json")) == ["buildServerClientKey"]


def test_the_default_servers_address_follows_the_environment(root):
    default = BuildServer.objects.get()
    answer = put(root, default, buildServerHost="tcp://127.0.0.1:2375")
    assert fields_of(answer) == ["buildServerHost"]
    assert "DOCKER_HOST" in answer.json()["detail"]
    assert put(root, default, buildServerHost=default.url, capacity=7, useYn="N").json()["capacity"] == 7
    refused = root.delete(f"/v1/build/server/{default.pk}")
    assert (refused.status_code, refused.json()["code"]) == (409, "CCCM1007000")


def test_a_server_is_removed_only_when_nothing_refers_to_it(root, make, build, run):
    server = make(server_add(buildServerHost="topic:arm"))
    build.server_host = server.url
    build.save()
    assert "Builds name it as buildServerHost (1)" in root.delete(f"/v1/build/server/{server.pk}").json()["detail"]
    build.server_host = ""
    build.save()
    type(run).objects.filter(pk=run.pk).update(server=server)
    assert "Runs wait or run on it (1)" in root.delete(f"/v1/build/server/{server.pk}").json()["detail"]
    type(run).objects.filter(pk=run.pk).update(server=BuildServer.objects.get(is_default=True))
    answer = root.delete(f"/v1/build/server/{server.pk}")
    assert (answer.status_code, answer.json()) == (200, None)
    assert not BuildServer.objects.filter(pk=server.pk).exists()


def test_load_and_live_hosts_are_shown(root, make, run):
    WorkerHost.objects.create(name="host-one", workers=2)
    WorkerHost.objects.create(name="host-two", workers=2, topics=["arm"])
    arm = make(server_add(buildServerHost="topic:arm"))
    listed = {server["buildServerName"]: server for server in root.get("/v1/build/server").json()}
    assert (listed["default"]["waitingCount"], listed["default"]["runningCount"]) == (1, 0)
    assert listed["default"]["servedBy"] == ["host-one", "host-two"]
    assert listed["second"]["servedBy"] == ["host-two"]
    tested = root.post(f"/v1/build/server/{arm.pk}/test").json()
    assert (tested["ok"], tested["message"]) == (True, "topic:arm is served by host-two.")


def test_the_list_takes_as_many_queries_for_one_as_for_five(root, make):
    before = queries_of_the_list(root)
    for number in range(4):
        make(server_add(buildServerName=f"more {number}", buildServerHost=f"topic:more{number}"))
    assert queries_of_the_list(root) == before


def test_pages_of_the_list_follow_each_other(root, make):
    make(server_add())
    first = root.get("/v1/build/server?limit=1")
    assert first["X-Total-Count"] == "2"
    following = first["Link"].partition("<")[2].partition(">")[0]
    assert [server["buildServerName"] for server in root.get(following).json()] == ["second"]


def test_a_test_of_what_does_not_answer_says_why(root, make):
    server = make(server_add(buildServerHost=f"tcp://127.0.0.1:{free_port()}"))
    answer = root.post(f"/v1/build/server/{server.pk}/test")
    assert answer.status_code == 200
    found = answer.json()
    assert (found["ok"], found["version"], found["apiVersion"], found["storageDriver"]) == (False, None, None, None)
    assert "Connection refused" in found["message"]
    assert "neither encrypted" in found["warnings"][0]


@pytest.mark.parametrize("name", SENTENCES)
def test_a_test_of_what_cannot_build_for_us_names_it_and_what_is_needed(root, name):
    with foreign_engine(name) as foreign:
        BuildServer.objects.update(url=foreign.url)
        found = root.post(f"/v1/build/server/{BuildServer.objects.get().pk}/test").json()
    assert (found["ok"], found["version"]) == (False, None)
    assert f"cannot be used: {SENTENCES[name]} here. {NEEDED}" in found["message"]


def test_a_test_of_the_real_engine_tells_what_it_is(root, engine_url):
    BuildServer.objects.update(url=engine_url)
    found = root.post(f"/v1/build/server/{BuildServer.objects.get().pk}/test").json()
    assert found["ok"], found["message"]
    assert found["version"]
    assert (found["apiVersion"], found["storageDriver"]) != (None, None)
    assert any("Docker before 23" in warning for warning in found["warnings"]) == found["version"].startswith("20.")


def test_runs_find_only_servers_that_their_account_may_use(account, other_account, make):
    theirs = make(server_add(buildServerHost="topic:arm", accountSeqs=[other_account.pk]))
    assert find_server("topic:arm", account_id=other_account.pk) == theirs
    with pytest.raises(Exception, match="topic:arm is not known here") as caught:
        find_server("topic:arm", account_id=account.pk)
    assert caught.value.code == "CCCM1013000"
    assert find_server("", account_id=account.pk).is_default
    assert find_server("tcp://not.stored:2375", account_id=account.pk).given_by_builds


def test_the_enveloped_dialect_carries_the_same(root):
    answer = root.get(f"/api/build/server/{BuildServer.objects.get().pk}").json()
    assert answer["status"] == "ok"
    assert list(answer["result"]) == FIELDS
