"""Registries keep their password to themselves; build servers and accounts take only what works."""

import pytest
from django.contrib.auth.models import User

from builds.models import Account, BuildServer, Membership, Registry, WorkerHost
from builds.services.connections.clients import registry_login

SECRET = "the-one-and-only-canary"


def form(**changes: object) -> dict[str, object]:
    """Return what the form of a registry sends."""
    return {"name": "ours", "host": "registry.example:5000", "prefix": "", "username": "robot", **changes}


@pytest.fixture
def registry(admin) -> Registry:
    """A registry that was made through the admin, with a password."""
    answer = admin.post("/admin/builds/registry/add/", form(password=SECRET))
    assert answer.status_code == 302, answer.content
    return Registry.objects.get(name="ours")


def save(admin, registry: Registry, **changes: object) -> str:
    """Send the registry's form; return the page that follows."""
    answer = admin.post(f"/admin/builds/registry/{registry.pk}/change/", form(**changes), follow=True)
    registry.refresh_from_db()
    return answer.content.decode()


def test_a_password_goes_in_encrypted_and_is_on_no_page(admin, registry):
    assert registry_login(registry).password == SECRET
    assert SECRET not in registry.password_encrypted
    paths = ["", f"{registry.pk}/change/", f"{registry.pk}/history/"]
    pages = [admin.get(f"/admin/builds/registry/{path}").content.decode() for path in paths]
    assert all(SECRET not in page and registry.password_encrypted not in page for page in pages)
    assert "A password is stored" in pages[1]


def test_a_refused_form_does_not_send_the_password_back(admin, account):
    answer = admin.post("/admin/builds/registry/add/", form(host="https://registry.example", password=SECRET))
    assert answer.status_code == 200
    assert "Leave the scheme out" in answer.content.decode()
    assert SECRET not in answer.content.decode()


def test_an_empty_password_keeps_the_stored_one(admin, registry):
    save(admin, registry, name="renamed", password="")
    assert registry.name == "renamed"
    assert registry_login(registry).password == SECRET


def test_another_host_clears_the_password_and_says_so(admin, registry):
    page = save(admin, registry, host="elsewhere.example")
    assert registry.password_encrypted == ""
    assert "was cleared, because the host has changed" in page


def test_another_host_with_a_new_password_keeps_the_new_one(admin, registry):
    page = save(admin, registry, host="elsewhere.example", password="another-canary")
    assert registry_login(registry).password == "another-canary"
    assert "was cleared" not in page


def test_without_user_name_the_password_goes(admin, registry):
    save(admin, registry, username="")
    assert registry.password_encrypted == ""


def test_a_password_without_user_name_is_refused(admin, registry):
    page = save(admin, registry, username="", password="new")
    assert "A password needs a user; give loginId" in page
    assert registry_login(registry).password == SECRET


@pytest.mark.parametrize("host", ["x/y", "x y", "x:99999", "x:0", "-x", "a@b", "x\ny"])
def test_a_host_that_is_none_is_refused(admin, account, host):
    answer = admin.post("/admin/builds/registry/add/", form(host=host))
    assert "Give host or host:port" in answer.content.decode()
    assert Registry.objects.count() == 1


def test_the_default_one_stays_the_default_and_cannot_be_deleted(admin, account):
    for name, row in (("registry", Registry.objects.get()), ("buildserver", BuildServer.objects.get())):
        assert admin.post(f"/admin/builds/{name}/{row.pk}/delete/", {"post": "yes"}).status_code == 403
        chosen = {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"}
        admin.post(f"/admin/builds/{name}/", chosen)
        row.refresh_from_db()
        assert row.is_default


@pytest.mark.parametrize("url", ["tcp://engine.example:2375", "topic:arm"])
def test_a_build_server_is_added(admin, account, url):
    answer = admin.post(
        "/admin/builds/buildserver/add/", {"name": "second", "url": url, "capacity": 3, "enabled": "on"}
    )
    assert answer.status_code == 302
    assert BuildServer.objects.get(name="second").url == url


@pytest.mark.parametrize(
    "url", ["http://x:1", "tcp://x", "tcp://u:p@x:1", "tcp://x:99999", "unix:///x", "ssh://x", "topic:", "topic:a b"]
)
def test_an_address_that_no_worker_can_use_is_refused(admin, account, url):
    answer = admin.post("/admin/builds/buildserver/add/", {"name": "second", "url": url, "capacity": 3})
    assert "Give tcp://host:port or topic:NAME" in answer.content.decode()
    assert BuildServer.objects.count() == 1


def test_a_server_that_is_switched_on_starts_what_waits_for_it(admin, run, django_capture_on_commit_callbacks):
    WorkerHost.objects.create(name="host-one", workers=2)
    BuildServer.objects.update(enabled=False)
    sent = {"name": "default server", "url": run.server.url, "capacity": 2, "enabled": "on"}
    with django_capture_on_commit_callbacks(execute=True):
        answer = admin.post(f"/admin/builds/buildserver/{run.server_id}/change/", sent)
    assert answer.status_code == 302
    run.refresh_from_db()
    assert run.claimed_host == "host-one"


def test_an_account_takes_only_a_time_zone_that_exists(admin, account):
    wrong = admin.post("/admin/builds/account/add/", {"name": "second", "time_zone": "Mars/Olympus"})
    assert "Choose a zone such as UTC or Asia/Seoul." in wrong.content.decode()
    assert admin.post("/admin/builds/account/add/", {"name": "second", "time_zone": "Europe/Vienna"}).status_code == 302
    assert Account.objects.get(name="second").time_zone == "Europe/Vienna"


def test_a_membership_is_given_and_changed(admin, account):
    given = {"user": User.objects.create_user("newcomer").pk, "account": account.pk, "role": "VIEWER"}
    assert admin.post("/admin/builds/membership/add/", given).status_code == 302
    row = Membership.objects.get(user=given["user"])
    assert admin.post(f"/admin/builds/membership/{row.pk}/change/", {**given, "role": "ADMIN"}).status_code == 302
    row.refresh_from_db()
    assert row.role == "ADMIN"
