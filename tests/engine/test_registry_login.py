"""Signing in at a real registry: Basic, Bearer through a token service, TLS with an authority of one's own."""

import pytest

from builds.engine.errors import RegistryRefused, RegistryUnreachable
from builds.engine.registry import RegistryClient
from builds.engine.types import RegistryLogin
from tests.engine.certificates import Authority
from tests.engine.registries import OwnRegistry, htpasswd_settings, put_image, token_service

LOGIN = RegistryLogin("tester", "hush-hush")
WRONG = RegistryLogin("tester", "guessed-it")


@pytest.fixture
def closed(tmp_path):
    """A registry that asks for a password."""
    with OwnRegistry(tmp_path, **htpasswd_settings(tmp_path)) as own:
        yield own


@pytest.fixture
def service():
    with token_service(Authority().issue("tests"), user="tester", password="hush-hush") as service:
        yield service


def test_a_password_opens_a_registry_that_asks_for_one(closed):
    with RegistryClient(closed.host, plain_http=True, login=LOGIN) as registry:
        registry.ping()
        digest = put_image(registry, "closed/image", "1")
        assert registry.digest("closed/image", "1") == digest


@pytest.mark.parametrize(("login", "said"), [(WRONG, "UNAUTHORIZED"), (None, "asks for a user")])
def test_without_the_password_the_registry_refuses_and_the_text_holds_no_secret(closed, login, said):
    registry = RegistryClient(closed.host, plain_http=True, login=login)
    with registry, pytest.raises(RegistryRefused, match=said) as caught:
        registry.tags("closed/image")
    assert caught.value.status == 401
    assert "guessed-it" not in str(caught.value)


def test_a_token_service_is_asked_for_each_scope_once(tmp_path, service):
    with (
        OwnRegistry(tmp_path, **service.settings(tmp_path)) as own,
        RegistryClient(own.host, plain_http=True, login=LOGIN) as registry,
    ):
        registry.ping()
        digest = put_image(registry, "a/b", "1")
        assert registry.digest("a/b", "1") == digest
        assert registry.delete_tag("a/b", "1", digest=digest).deleted
    assert "repository:a/b:pull,push" in service.scopes or "repository:a/b:push,pull" in service.scopes
    assert any(scope.endswith(":delete") for scope in service.scopes)
    assert len(service.scopes) <= 8


def test_a_token_service_that_knows_us_not_is_a_refusal(tmp_path, service):
    with OwnRegistry(tmp_path, **service.settings(tmp_path)) as own:
        registry = RegistryClient(own.host, plain_http=True, login=WRONG)
        with registry, pytest.raises(RegistryRefused) as caught:
            registry.ping()
    assert caught.value.status == 401
    assert "guessed-it" not in str(caught.value)


def test_a_registry_over_tls_is_trusted_by_its_own_authority_alone(tmp_path):
    authority = Authority()
    with _secured(tmp_path, authority) as own:
        RegistryClient(own.host, plain_http=False, ca=authority.ca).ping()
        for ca in ("", Authority().ca):
            with pytest.raises(RegistryUnreachable, match="certificate"):
                RegistryClient(own.host, plain_http=False, ca=ca).ping()


def test_plain_http_to_a_registry_that_speaks_tls_is_a_refusal(tmp_path):
    with _secured(tmp_path, Authority()) as own, pytest.raises(RegistryRefused) as caught:
        RegistryClient(own.host, plain_http=True).ping()
    assert caught.value.status == 400


def _secured(folder, authority):
    """A registry over TLS. 0.0.0.0 leads to this machine, too, and is no address that counts as local."""
    pair = authority.issue("registry", host="0.0.0.0")
    (folder / "cert.pem").write_text(pair.certificate)
    (folder / "key.pem").write_text(pair.key)
    tls = {"certificate": str(folder / "cert.pem"), "key": str(folder / "key.pem")}
    return OwnRegistry(folder, address="0.0.0.0", http={"tls": tls})


def test_a_token_service_where_the_registry_may_not_lead_is_not_asked(tmp_path, service):
    asked: list[str] = []

    def nowhere(host: str) -> bool:
        asked.append(host)
        return False

    with OwnRegistry(tmp_path, **service.settings(tmp_path)) as own:
        registry = RegistryClient(own.host, plain_http=True, login=LOGIN, may_lead_to=nowhere)
        with registry, pytest.raises(RegistryRefused, match="token service at a private address"):
            registry.ping()
    assert (asked, service.scopes) == (["127.0.0.1"], [])
