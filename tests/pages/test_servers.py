"""`/servers`: where builds run, what happens there, and what instance admins do to a build server."""

import pytest
from django.db import connection
from django.db.models.functions import Now

from builds.credentials import decrypt
from builds.models import Account, Activity, Build, BuildServer, WorkerHost
from builds.services.accounts.access import caller_for
from builds.services.connections.clients import PLAIN_TCP
from tests.engine.certificates import Authority
from tests.pages import making
from tests.pages.reading import read
from tests.pages.test_account import banner, inputs
from tests.support.people import make_build, make_person

TYPED = {"buildServerName": "near", "buildServerHost": "tcp://10.1.2.3:2376", "capacity": "3"}
DEEDS = {"test", "edit", "drain", "switch", "remove"}


@pytest.fixture
def server(account) -> BuildServer:
    made = BuildServer.objects.create(name="arm", url="topic:arm", capacity=2)
    made.accounts.set([account])
    return made


@pytest.fixture
def tls() -> dict[str, str]:
    authority = Authority()
    pair = authority.issue("client")
    certificates = {"buildServerCacrt": authority.ca, "buildServerClientCert": pair.certificate}
    return {**TYPED, **certificates, "buildServerTlsVerify": "Y", "buildServerClientKey": pair.key}


def card(page, server) -> str:
    return page.one("data-server", str(server.pk)).text


def within(page, server, attribute: str) -> list[str]:
    return [one.text for one in page.with_(attribute) if _is_in(one, server)]


def state(page, server) -> str:
    (word,) = within(page, server, "data-server-state")
    return word


def _is_in(element, server) -> bool:
    return any(parent.attributes.get("data-server") == str(server.pk) for parent in element.parents)


def test_the_list_tells_what_happens_on_a_server_and_who_uses_it(page, operator, server):
    BuildServer.objects.filter(pk=server.pk).update(capacity=1)
    WorkerHost.objects.create(name="host-a", workers=2, topics=["arm"])
    WorkerHost.objects.create(name="host-b", workers=2, topics=[], topics_only=True)
    for name in ("runs", "waits"):
        build = make_build(operator, making.DOCKERFILE, name=name, server_host="topic:arm")
        run = making.pressed(build, operator)
        if name == "runs":
            making.begun(run)
    found = page("/servers", operator)
    words = card(found, server)
    for told in ("topic:arm", "1 of 1, full", "host-a", "2 builds", "default", "through worker hosts"):
        assert told in words
    assert within(found, server, "data-waiting") == ["1"]
    assert "host-b" not in words
    assert state(found, server) == "On"
    words = card(found, BuildServer.objects.get(is_default=True))
    for told in ("0 of 2", "every account", "0 builds", "on this machine"):
        assert told in words
    assert found.one("aria-current", "page").text == "Build servers"


@pytest.mark.parametrize(
    ("columns", "alive", "word", "why"),
    [
        ({}, True, "On", ""),
        ({"trouble": "arm cannot be used: Connection refused"}, True, "Does not answer", ""),
        ({}, False, "No live worker", "No live worker serves arm now; start one with this topic in BUILDHUB_TOPICS."),
        ({"draining": True}, True, "Drained", "arm is being drained: it ends what it has and starts nothing new."),
        ({"draining": True, "enabled": False}, True, "Switched off", "arm is switched off."),
    ],
)
def test_a_state_is_told_in_words_with_the_reason_of_the_queue(page, viewer, server, columns, alive, word, why):
    if alive:
        WorkerHost.objects.create(name="host-a", workers=2, topics=["arm"], beat_at=Now())
    BuildServer.objects.filter(pk=server.pk).update(**columns)
    found = page("/servers", viewer)
    assert state(found, server) == word
    assert within(found, server, "data-trouble") == ([why] if why else [])


def test_a_server_with_runs_left_is_draining_still(page, operator, server):
    making.begun(making.pressed(make_build(operator, making.DOCKERFILE, server_host="topic:arm"), operator))
    BuildServer.objects.filter(pk=server.pk).update(draining=True)
    assert state(page("/servers", operator), server) == "Draining"


def test_a_plain_connection_is_warned_of_once_and_what_builds_bring_is_theirs(page, root):
    plain = BuildServer.objects.create(name="plain", url="tcp://10.1.2.3:2375", engine_warnings=[PLAIN_TCP, "Old."])
    secured = BuildServer.objects.create(name="secured", url="tcp://10.1.2.3:2376", tls_verify=True)
    given = BuildServer.objects.create(name="given", url="tcp://10.1.2.4:2376", given_by_builds=True)
    fresh = BuildServer.objects.create(name="fresh", url="tcp://10.1.2.5:2375")
    found = page("/servers", root)
    assert within(found, plain, "data-warning") == [PLAIN_TCP, "Old."]
    assert within(found, fresh, "data-warning") == [PLAIN_TCP]
    assert within(found, secured, "data-warning") == within(found, given, "data-warning") == []
    assert "TLS" in card(found, secured)
    words = card(found, given)
    assert "given by builds" in words
    assert "as the builds say" in words


def test_what_an_engine_has_told_is_shown_and_what_it_has_not_is_not_made_up(page, viewer, server):
    WorkerHost.objects.create(
        name="host-a", topics=["arm"], engine_version="29.1.0", disk_free=3 * 1024**3, seen_at=Now(), trouble="Gone."
    )
    found = page("/servers", viewer)
    for told in ("Docker Engine29.1.0", "3.0 GiB", "Answered last just now"):
        assert told in card(found, server)
    assert within(found, server, "data-warning") == ["Gone."]
    words = card(found, BuildServer.objects.get(is_default=True))
    for told in ("Docker Enginenot known yet", "Disk left not known", "Answered last not yet"):
        assert told in words


def test_only_the_readers_own_accounts_are_named(page, viewer, root, server):
    server.accounts.add(Account.objects.create(name="somebody-else"))
    assert "default, somebody-else" in card(page("/servers", root), server)
    assert "somebody-else" not in page("/servers", viewer).html


def test_who_belongs_to_no_account_sees_none_and_is_told_so(page, stranger, server, account):
    assert not page("/servers", stranger).with_("data-server", str(server.pk))
    nobody = caller_for(make_person("nobody", None, None))
    found = page("/servers", nobody)
    assert not found.with_("data-server")
    assert "you belong to no account" in found.main_text


def controls(page, server) -> set[str]:
    """Return what may be pressed in a card, by the last part of its address."""
    within = [e.attributes.get("href") or e.attributes.get("action") for e in page.elements if _is_in(e, server)]
    return {address.rpartition("/")[2] for address in within if address and address.startswith("/servers")}


@pytest.mark.parametrize(("who", "deeds"), [("viewer", set()), ("admin", set()), ("root", DEEDS)])
def test_only_instance_admins_see_the_buttons(request, page, server, who, deeds):
    given = BuildServer.objects.create(name="given", url="tcp://10.1.2.4:2376", given_by_builds=True)
    given.accounts.set(Account.objects.all())
    found = page("/servers", request.getfixturevalue(who))
    assert controls(found, server) == deeds
    assert controls(found, BuildServer.objects.get(is_default=True)) == deeds - {"remove"}
    assert controls(found, given) == deeds - {"test"}
    assert ("/servers/new" in found.html) is bool(deeds)


@pytest.mark.parametrize("who", ["viewer", "admin", "stranger"])
def test_others_can_press_nothing(request, as_, server, who):
    client = as_(request.getfixturevalue(who))
    for deed in DEEDS:
        assert client.post(f"/servers/{server.pk}/{deed}", TYPED).status_code == 404
    assert client.post("/servers/new", TYPED).status_code == 403
    server.refresh_from_db()
    assert (server.name, server.enabled, server.draining, BuildServer.objects.count()) == ("arm", True, False, 2)


def test_an_instance_admin_adds_one_and_its_key_is_neither_stored_nor_shown_in_clear(as_, root, account, tls):
    client = as_(root)
    sent = {**tls, "allowedHostPaths": "/srv/cache\n\n/srv/other", "accountSeqs": [str(account.pk)]}
    answer = client.post("/servers/new", sent, follow=True)
    assert "The build server near is registered." in answer.content.decode()
    made = BuildServer.objects.get(name="near")
    assert (made.url, made.capacity, made.tls_verify) == ("tcp://10.1.2.3:2376", 3, True)
    assert (made.allowed_host_paths, list(made.accounts.all())) == (["/srv/cache", "/srv/other"], [account])
    assert decrypt(made.client_key_encrypted) == tls["buildServerClientKey"]
    secret = tls["buildServerClientKey"].splitlines()[1]
    with connection.cursor() as cursor:
        cursor.execute("SELECT row_to_json(s)::text FROM builds_buildserver s UNION SELECT detail FROM builds_activity")
        assert not [text for (text,) in cursor.fetchall() if secret in text]
    assert secret not in client.get(f"/servers/{made.pk}/edit").content.decode()
    assert secret not in client.get("/servers").content.decode()
    assert Activity.objects.filter(did="added a build server").exists()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"buildServerName": ""}, "buildServerName"),
        ({"buildServerName": "arm"}, "buildServerName"),
        ({"buildServerHost": "unix:///run/docker.sock"}, "buildServerHost"),
        ({"buildServerHost": "topic:arm"}, "buildServerHost"),
        ({"capacity": "0"}, "capacity"),
        ({"capacity": "many"}, "capacity"),
        ({"capacity": ""}, "capacity"),
        ({"buildServerHost": "topic:other"}, "buildServerTlsVerify"),
        ({"buildServerCacrt": ""}, "buildServerCacrt"),
        ({"buildServerClientCert": "none"}, "buildServerClientCert"),
        ({"buildServerClientKey": ""}, "buildServerClientKey"),
        ({"allowedHostPaths": "/srv/cache\nrelative"}, "allowedHostPaths"),
        ({"accountSeqs": ["999999"]}, "accountSeqs"),
    ],
)
def test_what_is_refused_stands_beside_its_field_and_the_key_is_not_shown_again(as_, root, server, tls, changes, field):
    found = read(as_(root).post("/servers/new", {**tls, **changes}), 400)
    assert found.one("id", f"{field}-error").text
    assert "PRIVATE KEY" not in found.html
    assert BuildServer.objects.count() == 2


def test_blank_keeps_the_key_and_another_address_forgets_it_as_was_said(as_, page, root, tls):
    client = as_(root)
    client.post("/servers/new", tls)
    server = BuildServer.objects.get(name="near")
    path, blank = f"/servers/{server.pk}/edit", {**tls, "buildServerClientKey": ""}
    assert "Another address forgets it" in page(path, root).one("id", "buildServerClientKey-hint").text
    assert client.post(path, {**blank, "buildServerName": "renamed"}).status_code == 302
    server.refresh_from_db()
    assert (server.name, decrypt(server.client_key_encrypted)) == ("renamed", tls["buildServerClientKey"])
    refused = read(client.post(path, {**blank, "buildServerHost": "tcp://10.1.2.9:2376"}), 400)
    assert "the stored client key belongs to the old one" in refused.one("id", "buildServerClientKey-error").text
    plain = {**TYPED, "buildServerHost": "tcp://10.1.2.9:2376"}
    assert client.post(path, plain).status_code == 302
    server.refresh_from_db()
    assert (server.url, server.tls_verify, server.client_key_encrypted) == ("tcp://10.1.2.9:2376", False, "")


@pytest.mark.parametrize("columns", [{"is_default": True}, {"given_by_builds": True}])
def test_an_address_that_is_set_elsewhere_is_not_edited_and_everything_else_is(as_, page, root, account, columns):
    BuildServer.objects.filter(is_default=True).delete()
    server = BuildServer.objects.create(name="other", url="tcp://10.1.2.4:2376", tls_verify=True, **columns)
    server.accounts.set([account])
    path = f"/servers/{server.pk}/edit"
    given = "given_by_builds" in columns
    shown = inputs(page(path, root))
    assert "buildServerHost" not in shown
    assert ("buildServerTlsVerify" in shown) is not given
    sent = {"buildServerName": "other", "capacity": "7"}
    assert as_(root).post(path, {**sent, **({} if given else {"buildServerTlsVerify": "Y"})}).status_code == 302
    server.refresh_from_db()
    assert (server.url, server.capacity, server.tls_verify) == ("tcp://10.1.2.4:2376", 7, True)
    assert list(server.accounts.all()) == [account]


def test_accounts_are_ticked_as_they_are_stored_and_none_is_none(as_, page, root, server, account):
    other = Account.objects.create(name="other")
    path = f"/servers/{server.pk}/edit"
    boxes = [e.attributes for e in page(path, root).elements if e.attributes.get("name") == "accountSeqs"]
    assert {box["value"]: "checked" in box for box in boxes} == {str(account.pk): True, str(other.pk): False}
    as_(root).post(path, {"buildServerName": "arm", "buildServerHost": "topic:arm", "capacity": "2"})
    assert not server.accounts.exists()


def test_a_server_is_drained_and_takes_runs_again(as_, page, root, server):
    client, path = as_(root), f"/servers/{server.pk}/drain"
    answer = client.post(path, {"draining": "Y"}, follow=True).content.decode()
    assert "arm ends what it has, and what comes waits." in answer
    assert "End draining" in card(page("/servers", root), server)
    assert "arm takes runs again." in client.post(path, {"draining": "N"}, follow=True).content.decode()
    server.refresh_from_db()
    assert server.draining is False
    assert client.get(path)["Location"] == "/servers"


def test_a_server_is_switched_off_and_on(as_, page, root, server):
    client, path = as_(root), f"/servers/{server.pk}/switch"
    client.post(path, {"useYn": "N"})
    assert state(page("/servers", root), server) == "Switched off"
    client.post(path, {"useYn": "Y"})
    assert state(page("/servers", root), server) == "No live worker"


def test_removing_asks_first_and_what_is_used_stays_with_the_reason(as_, root, build, server):
    client, path = as_(root), f"/servers/{server.pk}/remove"
    Build.objects.filter(pk=build.pk).update(server_host="topic:arm")
    question = read(client.get(path))
    assert "topic:arm" in question.main_text
    assert "open" in next(e for e in question.elements if e.name == "dialog").attributes
    said = banner(read(client.post(path), 409))
    assert "(1); let them name another one" in said
    assert "switch it off instead" in said
    Build.objects.filter(pk=build.pk).update(server_host="")
    assert client.post(path)["Location"] == "/servers"
    assert not BuildServer.objects.filter(pk=server.pk).exists()


def test_a_test_shows_what_the_engine_answers(as_, root, engine_url):
    server = BuildServer.objects.get(is_default=True)
    client, path = as_(root), f"/servers/{server.pk}/test"
    BuildServer.objects.filter(pk=server.pk).update(url=engine_url)
    found = read(client.post(path)).one("data-probe", "ok").text
    assert "Test of default server: default server answers: Docker Engine" in found
    for told in ("Version ", "API ", "storage ", "of disk left."):
        assert told in found
    assert "not yet" not in card(read(client.get("/servers")), server)
    assert client.get(path)["Location"] == "/servers"


def test_a_test_of_a_closed_port_says_that_nobody_answers_and_warns(as_, root):
    server = BuildServer.objects.create(name="closed", url="tcp://127.0.0.1:1")
    found = read(as_(root).post(f"/servers/{server.pk}/test")).one("data-probe", "failed").text
    assert "closed cannot be used" in found
    assert "neither encrypted nor signed in" in found


def test_a_test_of_a_topic_says_how_it_would_be_served(as_, root, server):
    found = read(as_(root).post(f"/servers/{server.pk}/test")).one("data-probe", "failed").text
    assert "BUILDHUB_TOPICS=arm" in found


def test_the_pages_own_script_gets_the_cards_alone(as_, viewer, server):
    answer = as_(viewer).get("/servers?part=now", headers={"X-Requested-With": "buildhub"})
    found = read(answer)
    assert card(found, server)
    assert "<main" not in found.html
