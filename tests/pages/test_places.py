"""Build server and registry in the form of a build: what is offered, what is stored, and what is refused where."""

import pytest
from django.db import connection

from builds.credentials import decrypt
from builds.domain.access import Role
from builds.models import Account, Build, BuildServer, Registry
from builds.services.accounts.access import caller_for
from tests.engine.certificates import Authority
from tests.pages import making
from tests.pages.reading import Page, read
from tests.pages.test_account import banner
from tests.pages.test_forms import FIELDS
from tests.pages.test_press import exported, filled, values
from tests.support.people import make_build, make_person

AUTHORITY = Authority()
ENGINE = "tcp://engine.example:2376"
OWN = {"buildServerHost": "tcp://", "engineHost": ENGINE}


@pytest.fixture
def servers(account) -> dict[str, BuildServer]:
    """One of each kind: a topic and an address of the account, one that nobody granted, one that builds brought."""
    made = {
        name: BuildServer.objects.create(name=name, url=url, **more)
        for name, url, more in (
            ("arm", "topic:arm", {"draining": True}),
            ("far", "tcp://far.example:2376", {"enabled": False}),
            ("foreign", "topic:foreign", {}),
            ("brought", ENGINE, {"given_by_builds": True}),
        )
    }
    for name in ("arm", "far", "brought"):
        made[name].accounts.add(account)
    return made


@pytest.fixture
def registries(account) -> dict[str, Registry]:
    theirs = Account.objects.create(name="theirs")
    return {
        "ours": Registry.objects.create(name="ours", host="ours.example", prefix="team", account=account),
        "off": Registry.objects.create(name="off", host="off.example", enabled=False),
        "foreign": Registry.objects.create(name="foreign", host="foreign.example", account=theirs),
    }


def tls(**changes: str) -> dict[str, str]:
    pair = AUTHORITY.issue("buildhub")
    given = {"buildServerCacrt": AUTHORITY.ca, "buildServerClientCert": pair.certificate}
    return {**OWN, "buildServerTlsVerify": "Y", **given, "buildServerClientKey": pair.key, **changes}


def offered(page: Page, name: str) -> dict[str, str]:
    """Return what a choice offers: values and words."""
    choice = page.one("id", name)
    return {e.attributes["value"]: e.text for e in page.elements if e.name == "option" and choice in e.parents}


def place_of(build: Build) -> tuple[object, ...]:
    build.refresh_from_db()
    return build.registry, build.server_host, build.server_tls_verify


def test_the_form_offers_what_the_account_may_use_with_its_state(page, operator, servers, registries):
    found = page("/builds/new", operator)
    assert offered(found, "buildServerHost") == {
        "": "Default build server",
        "topic:arm": "arm (draining: new runs wait)",
        "tcp://far.example:2376": "far (account admins only, switched off)",
        "tcp://": "Another engine, by its address (account admins only)",
    }
    assert offered(found, "externalRegistrySeq") == {
        "0": "Default registry: registry.example:5000",
        str(registries["off"].pk): "off: off.example (switched off)",
        str(registries["ours"].pk): "ours: ours.example/team",
    }
    sent = values(found)
    assert (sent["buildServerHost"], sent["externalRegistrySeq"], sent["engineHost"]) == ("", "0", "")


def test_an_operator_chooses_a_registered_server_and_a_registry(as_, page, operator, servers, registries):
    client, ours = as_(operator), registries["ours"]
    chosen = {"buildServerHost": "topic:arm", "externalRegistrySeq": str(ours.pk)}
    assert client.post("/builds/new", FIELDS | chosen).status_code == 302
    build = Build.objects.get()
    assert place_of(build) == (ours, "topic:arm", False)
    path = f"/builds/{build.pk}/edit"
    sent = values(page(path, operator))
    assert {name: sent[name] for name in chosen} == chosen
    assert client.post(path, sent | {"buildServerHost": "", "externalRegistrySeq": "0"}).status_code == 302
    assert place_of(build) == (None, "", False)


def test_an_operator_may_not_name_an_engine_by_its_address(as_, operator):
    refused = read(as_(operator).post("/builds/new", FIELDS | tls()), 403)
    assert "account admin" in banner(refused)
    assert refused.one("id", "engineHost").attributes["value"] == ENGINE
    assert not Build.objects.exists()


def test_an_admin_names_an_engine_whose_key_goes_in_and_never_comes_out(as_, page, admin, servers):
    client, sent = as_(admin), tls()
    assert client.post("/builds/new", FIELDS | sent).status_code == 302
    build = Build.objects.get()
    assert place_of(build) == (None, ENGINE, True)
    assert decrypt(build.server_client_key_encrypted) == sent["buildServerClientKey"].replace("\r\n", "\n")
    path = f"/builds/{build.pk}/edit"
    found = page(path, admin)
    again = values(found)
    assert (again["buildServerHost"], again["engineHost"], again["buildServerClientKey"]) == ("tcp://", ENGINE, "")
    assert again["buildServerCacrt"] == AUTHORITY.ca
    assert "One is kept" in found.one("id", "buildServerClientKey-hint").text
    key = sent["buildServerClientKey"].splitlines()[1]
    assert key not in found.html
    with connection.cursor() as cursor:
        cursor.execute("SELECT row_to_json(b)::text FROM builds_build b")
        assert not [text for (text,) in cursor.fetchall() if key in text]
    assert client.post(path, again).status_code == 302
    build.refresh_from_db()
    assert decrypt(build.server_client_key_encrypted)
    elsewhere = read(client.post(path, again | {"engineHost": "tcp://other.example:2376"}), 400)
    assert "client key" in elsewhere.one("id", "buildServerClientKey-error").text


def test_an_operator_edits_a_build_whose_engine_an_admin_named(as_, page, admin, operator):
    as_(admin).post("/builds/new", FIELDS | tls())
    build = Build.objects.get()
    Build.objects.update(server_ca_cert=AUTHORITY.ca.replace("\n", "\r\n"))  # as a program may have stored it
    sent = values(page(f"/builds/{build.pk}/edit", operator))
    for typed in (sent | {"buildName": "renamed"}, FIELDS | {"buildName": "renamed too"}):
        as_(operator).post(f"/builds/{build.pk}/edit", typed)
        build.refresh_from_db()
        assert build.name == typed["buildName"]
        assert (place_of(build), bool(build.server_client_key_encrypted)) == ((None, ENGINE, True), True)


def test_another_server_forgets_what_was_for_the_engine(as_, page, admin, servers):
    as_(admin).post("/builds/new", FIELDS | tls())
    build = Build.objects.get()
    path = f"/builds/{build.pk}/edit"
    as_(admin).post(path, values(page(path, admin)) | {"buildServerHost": "topic:arm"})
    assert place_of(build) == (None, "topic:arm", False)
    assert (build.server_ca_cert, build.server_client_cert, build.server_client_key_encrypted) == ("", "", "")


def test_a_topic_takes_tls_fields_for_the_engine_of_its_worker_host_and_keeps_them(as_, page, operator, servers):
    sent = tls() | {"buildServerHost": "topic:arm", "engineHost": ""}
    assert as_(operator).post("/builds/new", FIELDS | sent).status_code == 302
    build = Build.objects.get()
    assert place_of(build) == (None, "topic:arm", True)
    path = f"/builds/{build.pk}/edit"
    assert as_(operator).post(path, values(page(path, operator)) | {"buildName": "again"}).status_code == 302
    build.refresh_from_db()
    assert (build.name, place_of(build)) == ("again", (None, "topic:arm", True))
    assert decrypt(build.server_client_key_encrypted)
    lacking = sent | {"imageName": "other", "buildServerClientKey": ""}
    refused = read(as_(operator).post("/builds/new", FIELDS | lacking), 400)
    assert "client key" in refused.one("id", "buildServerClientKey-error").text


@pytest.mark.parametrize(
    ("changes", "status", "fields"),
    [
        ({"buildServerHost": "topic:foreign"}, 404, {"buildServerHost"}),
        ({"buildServerHost": "ssh://host"}, 400, {"buildServerHost"}),
        ({"buildServerHost": "tcp://", "engineHost": ""}, 400, {"engineHost"}),
        ({**OWN, "engineHost": "10.0.0.1:2376"}, 400, {"engineHost"}),
        ({**OWN, "engineHost": "tcp://10.0.0.1:2376"}, 400, {"engineHost"}),
        (OWN, 400, {"engineHost"}),  # without TLS
        (
            {**OWN, "buildServerTlsVerify": "Y", "imageName": "?"},
            400,
            {"imageName", "buildServerCacrt", "buildServerClientCert", "buildServerClientKey"},
        ),
        (tls(buildServerCacrt="none"), 400, {"buildServerCacrt"}),
        ({"externalRegistrySeq": "999"}, 404, {"externalRegistrySeq"}),
        ({"externalRegistrySeq": "x"}, 404, {"externalRegistrySeq"}),
        ({"externalRegistrySeq": "off"}, 404, {"externalRegistrySeq"}),
        ({"externalRegistrySeq": "foreign"}, 404, {"externalRegistrySeq"}),
    ],
)
def test_what_is_refused_stands_beside_its_field(as_, admin, servers, registries, changes, status, fields):
    named = registries.get(changes.get("externalRegistrySeq", ""))
    typed = FIELDS | changes | ({"externalRegistrySeq": str(named.pk)} if named else {})
    found = read(as_(admin).post("/builds/new", typed), status)
    ids = [e.attributes["id"] for e in found.with_("id")]
    assert {name.removesuffix("-error") for name in ids if name.endswith("-error")} == fields
    for name in ("buildServerHost", "engineHost", "externalRegistrySeq"):
        assert values(found)[name] == typed.get(name, values(found)[name])
    assert "PRIVATE KEY" not in found.html
    assert not Build.objects.exists()


def test_what_is_stored_and_no_longer_offered_is_shown_as_it_is_and_kept(as_, page, operator, build, registries):
    foreign = registries["foreign"]
    Build.objects.filter(pk=build.pk).update(server_host="topic:gone", registry=foreign)
    path = f"/builds/{build.pk}/edit"
    found = page(path, operator)
    assert offered(found, "buildServerHost")["topic:gone"] == "topic:gone (this account may not use it)"
    assert (
        offered(found, "externalRegistrySeq")[str(foreign.pk)] == f"Registry {foreign.pk} (this account may not use it)"
    )
    assert "foreign.example" not in found.html
    assert as_(operator).post(path, values(found) | {"buildName": "renamed"}).status_code == 302
    assert place_of(build) == (foreign, "topic:gone", False)


def test_an_imported_build_fills_the_choices(as_, operator, account, servers, registries):
    fields = {"server_host": "topic:arm", "registry_id": registries["ours"].pk}
    build = make_build(operator, making.DOCKERFILE, **fields)
    client = as_(operator)
    sent = values(filled(client, exported(client, making.pressed(build, operator))))
    assert (sent["buildServerHost"], sent["externalRegistrySeq"]) == ("topic:arm", str(registries["ours"].pk))
    assert client.post("/builds/new", sent | {"imageName": "copy"}).status_code == 302
    assert place_of(Build.objects.get(image_name="copy")) == (registries["ours"], "topic:arm", False)


def test_who_may_create_nothing_in_the_first_account_is_told_so(page, account):
    person = make_person("both", Role.VIEWER, account)
    second = Account.objects.create(name="second")
    second.memberships.create(user=person, role=Role.OPERATOR)
    assert "operator" in page("/builds/new", caller_for(person), status=403).main_text
