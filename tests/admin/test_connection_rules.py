"""What is changed in the admin obeys the very rules of the API, and leaves the same history."""

import pytest

from builds.models import Activity, BuildServer, Registry
from builds.services.accounts.access import caller_for
from builds.services.connections.registries import RegistryDraft, create_registry
from builds.services.connections.servers import ServerDraft, create_server
from tests.support.people import make_build

REGISTRY = {"name": "ours", "host": "registry.example:5000", "prefix": "", "username": "robot", "enabled": "on"}
SERVER = {"name": "second", "url": "tcp://engine.example:2375", "capacity": 3, "enabled": "on"}


@pytest.fixture
def registry(administrator) -> Registry:
    draft = RegistryDraft(name="ours", host="registry.example:5000", username="robot", password="the-only-canary")
    return create_registry(caller=caller_for(administrator), draft=draft)


@pytest.fixture
def server(administrator) -> BuildServer:
    draft = ServerDraft(name="second", url="tcp://engine.example:2375", capacity=3)
    return create_server(caller=caller_for(administrator), draft=draft)


def acts(by) -> list[tuple[str, str]]:
    return list(Activity.objects.filter(by=by).order_by("pk").values_list("did", "detail"))


def test_every_change_of_a_registry_is_in_activity(admin, administrator):
    admin.post("/admin/builds/registry/add/", {**REGISTRY, "password": "the-only-canary"})
    path = f"/admin/builds/registry/{Registry.objects.get(name='ours').pk}"
    admin.post(f"{path}/change/", {**REGISTRY, "name": "renamed"})
    assert admin.post(f"{path}/delete/", {"post": "yes"}).status_code == 302
    assert acts(administrator) == [
        ("added a registry", "ours (registry.example:5000)"),
        ("changed a registry", "renamed (registry.example:5000)"),
        ("removed a registry", "renamed (registry.example:5000)"),
    ]
    assert not Registry.objects.filter(is_default=False).exists()


def test_every_change_of_a_build_server_is_in_activity(admin, administrator):
    admin.post("/admin/builds/buildserver/add/", SERVER)
    path = f"/admin/builds/buildserver/{BuildServer.objects.get(name='second').pk}"
    admin.post(f"{path}/change/", {**SERVER, "capacity": 4})
    admin.post(f"{path}/delete/", {"post": "yes"})
    detail = "second (tcp://engine.example:2375)"
    said = ("added a build server", "changed a build server", "removed a build server")
    assert acts(administrator) == [(did, detail) for did in said]


@pytest.mark.parametrize("host", ["169.254.169.254", "169.254.169.254:80", "224.0.0.1:5000", "0.0.0.0:5000", "nodot"])
def test_an_address_that_is_nobodys_registry_is_refused_as_at_the_api(admin, account, host):
    answer = admin.post("/admin/builds/registry/add/", {**REGISTRY, "host": host, "password": "x"})
    assert list(answer.context["adminform"].form.errors) == ["host"]
    assert Registry.objects.count() == 1


def test_plain_http_clears_the_stored_password_and_says_so(admin, registry):
    sent = {**REGISTRY, "plain_http": "on"}
    page = admin.post(f"/admin/builds/registry/{registry.pk}/change/", sent, follow=True).content.decode()
    registry.refresh_from_db()
    assert (registry.plain_http, registry.username, registry.password_encrypted) == (True, "", "")
    assert "was cleared, because plain HTTP would send it in the open" in page


def test_a_stored_password_does_not_pass_to_another_user(admin, registry):
    answer = admin.post(f"/admin/builds/registry/{registry.pk}/change/", {**REGISTRY, "username": "somebody"})
    assert answer.context["adminform"].form.errors["password"]


def test_two_servers_cannot_have_one_address(admin, server):
    answer = admin.post("/admin/builds/buildserver/add/", {**SERVER, "name": "third"})
    assert "is that of second already" in answer.content.decode()


def test_a_server_that_builds_name_is_not_deleted_and_the_service_says_why(admin, administrator, caller):
    draft = ServerDraft(name="arm", url="topic:arm", capacity=1, account_ids=list(caller.account_ids))
    server = create_server(caller=caller_for(administrator), draft=draft)
    make_build(caller, "FROM scratch\n", server_host=server.url)
    answer = admin.post(f"/admin/builds/buildserver/{server.pk}/delete/", {"post": "yes"}, follow=True)
    assert "Builds name it as buildServerHost (1)" in answer.content.decode()
    assert BuildServer.objects.filter(pk=server.pk).exists()
