"""Build servers and limits in the admin: TLS is checked, the key goes in and never comes out."""

import pytest

from builds.credentials import decrypt
from builds.models import Account, BuildServer, Registry
from tests.engine.certificates import Authority

SERVER = {"name": "second", "url": "tcp://engine.example:2376", "capacity": 3, "enabled": "on"}
ADD = "/admin/builds/buildserver/add/"


@pytest.fixture
def tls() -> dict[str, object]:
    """The fields of a build server with TLS, as its form sends them."""
    authority = Authority()
    pair = authority.issue("buildhub")
    given = {"ca_cert": authority.ca, "client_cert": pair.certificate, "client_key": pair.key}
    return {**SERVER, **given, "tls_verify": "on", "allowed_host_paths": "/srv/cache\n\n/srv/keys\n"}


@pytest.fixture
def server(admin, tls) -> BuildServer:
    """A build server that was made through the admin, with its key."""
    answer = admin.post(ADD, tls)
    assert answer.status_code == 302, answer.content
    return BuildServer.objects.get(name="second")


def save(admin, server: BuildServer, sent: dict[str, object]) -> str:
    """Send the form; return the page that follows."""
    answer = admin.post(f"/admin/builds/buildserver/{server.pk}/change/", sent, follow=True)
    server.refresh_from_db()
    return answer.content.decode()


def test_a_key_goes_in_encrypted_and_is_on_no_page(admin, server, tls):
    assert decrypt(server.client_key_encrypted).strip() == tls["client_key"].strip()
    page = admin.get(f"/admin/builds/buildserver/{server.pk}/change/").content.decode()
    assert "A key is stored" in page
    assert "PRIVATE KEY" not in page
    assert server.client_key_encrypted not in page
    assert server.allowed_host_paths == ["/srv/cache", "/srv/keys"]


def test_an_empty_key_keeps_the_stored_one_and_another_address_clears_it(admin, server, tls):
    kept = server.client_key_encrypted
    save(admin, server, {**tls, "client_key": "", "capacity": 4})
    assert (server.capacity, server.client_key_encrypted) == (4, kept)
    page = save(admin, server, {**SERVER, "url": "tcp://elsewhere.example:2376"})
    assert server.client_key_encrypted == ""
    assert "was cleared, because the address has changed" in page


def test_a_key_that_does_not_belong_to_the_certificate_is_refused_on_its_field_and_not_sent_back(admin, account, tls):
    other = Authority().issue("somebody else").key
    answer = admin.post(ADD, {**tls, "client_key": other})
    assert answer.status_code == 200
    assert answer.context["adminform"].form.errors["client_key"]
    assert "PRIVATE KEY" not in answer.content.decode()
    assert not BuildServer.objects.filter(name="second").exists()


@pytest.mark.parametrize("path", ["relative", "/srv/../etc"])
def test_a_host_path_that_is_none_is_refused(admin, account, path):
    answer = admin.post(ADD, {**SERVER, "allowed_host_paths": path})
    assert answer.context["adminform"].form.errors["allowed_host_paths"]


def test_a_registry_belongs_to_an_account_and_takes_only_real_certificates(admin, account):
    sent = {"name": "ours", "host": "registry.example:5000", "account": account.pk, "enabled": "on"}
    wrong = admin.post("/admin/builds/registry/add/", {**sent, "ca_certificate": "no certificate"})
    assert wrong.context["adminform"].form.errors["ca_certificate"]
    assert admin.post("/admin/builds/registry/add/", {**sent, "ca_certificate": Authority().ca}).status_code == 302
    stored = Registry.objects.get(name="ours")
    assert (stored.account, stored.enabled) == (account, True)
    assert "BEGIN CERTIFICATE" in stored.ca_certificate


def test_the_limits_of_an_account_are_set_here(admin, account):
    sent = {"name": "default", "time_zone": "UTC", "build_limit": 5, "parallel_limit": 2, "parallel_refuse": "on"}
    assert admin.post(f"/admin/builds/account/{account.pk}/change/", sent).status_code == 302
    stored = Account.objects.get(pk=account.pk)
    assert (stored.build_limit, stored.parallel_limit, stored.parallel_refuse) == (5, 2, True)
