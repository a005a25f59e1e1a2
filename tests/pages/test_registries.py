"""`/registries`: where images go, and what its admins do to them."""

import pytest
from django.db import connection

from builds.models import Activity, Build, BuildServer, Registry
from builds.services.connections.clients import registry_login
from tests.engine.registries import OwnRegistry
from tests.pages import making
from tests.pages.reading import read
from tests.pages.test_account import banner, inputs

SECRET = "the-one-and-only-canary"
TYPED = {"registryName": "release", "registryUrl": "registry.example:5001", "registryPrefix": "team/images"}


@pytest.fixture
def registry(account) -> Registry:
    return Registry.objects.create(name="ours", host="registry.example:5000", account=account)


def row(page, registry) -> str:
    return page.one("data-registry", str(registry.pk)).text


def test_the_list_tells_who_uses_a_registry_and_how_it_is_reached(page, viewer, operator, build, registry):
    making.done_run(build, operator)
    Registry.objects.filter(pk=registry.pk).update(prefix="team", username="robot", plain_http=True, enabled=False)
    found = page("/registries", viewer)
    words = row(found, registry)
    for told in ("registry.example:5000/team", "switched off", "plain HTTP", "login stored", "0 builds", "of default"):
        assert told in words
    assert "robot" not in found.html
    words = row(found, Registry.objects.get(is_default=True))
    for told in ("default", "TLS", "no login", "1 build", "of every account", "just now"):
        assert told in words
    assert found.one("aria-current", "page").text == "Registries"
    Registry.objects.filter(is_default=True).update(host="127.0.0.1:5000")
    assert "plain HTTP, this machine" in row(page("/registries", viewer), Registry.objects.get(is_default=True))


def controls(page, registry) -> set[str]:
    """Return what may be pressed in a row, by the last part of its address."""
    within = [e for e in page.elements if any(p.attributes.get("data-registry") == str(registry.pk) for p in e.parents)]
    found = {e.attributes.get("href") or e.attributes.get("action") for e in within}
    return {address.rpartition("/")[2] for address in found if address}


@pytest.mark.parametrize(
    ("who", "own", "shared", "may_add"),
    [
        ("viewer", set(), set(), False),
        ("operator", set(), set(), False),
        ("admin", {"test", "edit", "switch", "remove"}, set(), True),
        ("root", {"test", "edit", "switch", "remove"}, {"test", "edit", "switch"}, True),
    ],
)
def test_only_those_who_may_change_a_registry_see_the_buttons(request, page, registry, who, own, shared, may_add):
    found = page("/registries", request.getfixturevalue(who))
    assert controls(found, registry) == own
    assert controls(found, Registry.objects.get(is_default=True)) == shared
    assert ("/registries/new" in found.html) is may_add


@pytest.mark.parametrize("who", ["viewer", "operator", "stranger"])
def test_others_can_press_nothing(request, as_, registry, who):
    client = as_(request.getfixturevalue(who))
    for deed in ("edit", "test", "switch", "remove"):
        assert client.post(f"/registries/{registry.pk}/{deed}", TYPED).status_code == 404
    if who != "stranger":
        assert client.post("/registries/new", TYPED).status_code == 403
    registry.refresh_from_db()
    assert (registry.name, registry.enabled, Registry.objects.count()) == ("ours", True, 2)


def test_a_stranger_sees_no_registry_of_another_account(page, stranger, registry):
    assert not page("/registries", stranger).with_("data-registry", str(registry.pk))


def test_an_admin_adds_one_and_no_password_is_stored_or_shown_in_clear(as_, admin, account):
    answer = as_(admin).post("/registries/new", {**TYPED, "loginId": "robot", "password": SECRET}, follow=True)
    assert "The registry release is registered." in answer.content.decode()
    made = Registry.objects.get(name="release")
    assert (made.account, made.host, made.prefix) == (account, "registry.example:5001", "team/images")
    assert registry_login(made).password == SECRET
    with connection.cursor() as cursor:
        cursor.execute("SELECT row_to_json(r)::text FROM builds_registry r UNION SELECT detail FROM builds_activity")
        assert not [text for (text,) in cursor.fetchall() if SECRET in text]
    shown = as_(admin).get(f"/registries/{made.pk}/edit").content.decode()
    assert SECRET not in shown
    assert "robot" not in shown
    assert Activity.objects.filter(did="added a registry", account=account).exists()


def test_an_instance_admin_adds_one_for_all_or_for_an_account(as_, root, account):
    client = as_(root)
    client.post("/registries/new", TYPED)
    client.post("/registries/new", {**TYPED, "registryName": "theirs", "accountSeq": str(account.pk)})
    assert Registry.objects.get(name="release").account is None
    assert Registry.objects.get(name="theirs").account == account


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"registryName": ""}, "registryName"),
        ({"registryUrl": "https://registry.example"}, "registryUrl"),
        ({"registryUrl": "10.1.2.3:5000"}, "registryUrl"),
        ({"registryPrefix": "/team"}, "registryPrefix"),
        ({"caCertificate": "none"}, "caCertificate"),
        ({"loginId": "robot"}, "password"),
        ({"password": SECRET}, "loginId"),
    ],
)
def test_what_is_refused_stands_beside_its_field_and_a_secret_is_not_shown_again(as_, admin, changes, field):
    page = read(as_(admin).post("/registries/new", {**TYPED, **changes}), 400)
    assert page.one("id", f"{field}-error").text
    assert SECRET not in page.html
    assert Registry.objects.count() == 1


def test_blank_keeps_the_login_and_another_host_forgets_it(as_, page, admin, registry):
    client, path = as_(admin), f"/registries/{registry.pk}/edit"
    client.post(path, {**TYPED, "registryUrl": registry.host, "loginId": "robot", "password": SECRET})
    found = page(path, admin)
    assert "Another host, or plain HTTP, forgets it" in found.one("id", "password-hint").text
    assert "accountSeq" not in inputs(found)
    assert client.post(path, {**TYPED, "registryUrl": registry.host, "registryName": "renamed"}).status_code == 302
    registry.refresh_from_db()
    assert (registry.name, registry_login(registry).password) == ("renamed", SECRET)
    client.post(path, {**TYPED, "registryUrl": registry.host, "forgetLogin": "Y"})
    registry.refresh_from_db()
    assert (registry.username, registry.password_encrypted) == ("", "")
    client.post(path, {**TYPED, "registryUrl": registry.host, "loginId": "robot", "password": SECRET})
    client.post(path, {**TYPED, "registryUrl": "elsewhere.example"})
    registry.refresh_from_db()
    assert (registry.host, registry.username, registry.password_encrypted) == ("elsewhere.example", "", "")


def test_a_registry_is_switched_off_and_on(as_, page, admin, registry):
    client = as_(admin)
    client.post(f"/registries/{registry.pk}/switch", {"useYn": "N"})
    assert "switched off" in row(page("/registries", admin), registry)
    client.post(f"/registries/{registry.pk}/switch", {"useYn": "Y"})
    assert "switched off" not in row(page("/registries", admin), registry)


def test_removing_asks_first_and_what_is_used_stays_with_the_reason(as_, admin, build, registry):
    client, path = as_(admin), f"/registries/{registry.pk}/remove"
    Build.objects.filter(pk=build.pk).update(registry=registry)
    question = read(client.get(path))
    assert "registry.example:5000" in question.main_text
    assert "open" in next(e for e in question.elements if e.name == "dialog").attributes
    said = banner(read(client.post(path), 409))
    assert "Builds push to it (1)" in said
    assert "switch it off instead" in said
    Build.objects.filter(pk=build.pk).update(registry=None)
    assert client.post(path)["Location"] == "/registries"
    assert not Registry.objects.filter(pk=registry.pk).exists()


def test_a_test_shows_what_the_registry_and_the_engine_answer(as_, admin, registry, engine_url, tmp_path):
    BuildServer.objects.filter(is_default=True).update(url=engine_url)
    client, path = as_(admin), f"/registries/{registry.pk}/test"
    with OwnRegistry(tmp_path) as own:
        Registry.objects.filter(pk=registry.pk).update(host=own.host)
        found = read(client.post(path)).one("data-probe", "ok").text
        assert "A test image was pushed to buildhub-test and deleted again." in found
        assert "Push: allowed. Delete: allowed." in found
    found = read(client.post(path)).one("data-probe", "failed").text
    assert "cannot be reached from BuildHub" in found
    assert client.get(path)["Location"] == "/registries"
