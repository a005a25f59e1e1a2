"""`POST …/registry/{n}/test`: pushes and deletes in real registries, by BuildHub and by a real engine."""

import re
import uuid
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from builds.engine.docker import Engine
from builds.engine.registry import RegistryClient
from builds.engine.types import RegistryLogin
from builds.models import Build, BuildServer, Registry
from tests.engine.certificates import Authority
from tests.engine.registries import OwnRegistry, htpasswd_settings, token_service
from tests.support.waiting import free_port

LOGIN = RegistryLogin("tester", "hush-hush")
NAME = "buildhub-test"


@pytest.fixture
def engine(engine_endpoint):
    """The engine of the default build server."""
    BuildServer.objects.filter(is_default=True).update(url=engine_endpoint.url)
    engine = Engine(engine_endpoint)
    yield engine
    engine.close()


@pytest.fixture
def tested(as_, superuser):
    """Register a registry and return what its test answers."""

    def test(host: str, **changes):
        client = as_(superuser)
        body = {"registryName": uuid.uuid4().hex, "registryUrl": "registry.example", **changes}
        made = client.post("/v1/build/registry", body, format="json")
        assert made.status_code == 200, made.content
        made = Registry.objects.filter(pk=made.json()["externalRegistrySeq"])
        made.update(host=host)  # nobody may give 0.0.0.0, which is this machine and no address that counts as local
        answer = client.post(f"/v1/build/registry/{made.get().pk}/test")
        assert answer.status_code == 200, answer.content
        return answer.json()

    return test


def left(engine: Engine, host: str, name: str = NAME, **options) -> list[str]:
    """Return the tags that a test has left in a registry; on the engine it has left no name at all."""
    with engine._new_client() as client:
        names = [name for image in client.images() for name in image["RepoTags"] or ()]
    assert [one for one in names if one.startswith(host)] == []
    with RegistryClient(host, **{"plain_http": True, **options}) as registry:
        return registry.tags(name)


@contextmanager
def over_tls(folder, authority: Authority):
    """Run a registry at an address of this machine that engines do not count as local."""
    pair = authority.issue("registry", host="0.0.0.0")
    (folder / "cert.pem").write_text(pair.certificate)
    (folder / "key.pem").write_text(pair.key)
    tls = {"tls": {"certificate": str(folder / "cert.pem"), "key": str(folder / "key.pem")}}
    with OwnRegistry(folder, address="0.0.0.0", http=tls) as own:
        yield own


def test_a_registry_without_login_takes_two_images_and_keeps_none(tested, engine, tmp_path):
    with OwnRegistry(tmp_path) as own:
        assert tested(own.host, registryPrefix="team/images") == {
            "ok": True,
            "message": f"{own.host} answers and lets in without a login. A test image was pushed to"
            f" team/images/{NAME} and deleted again. The engine of default pushed one as well.",
            "mayPush": True,
            "mayDelete": True,
            "warnings": [],
        }
        assert left(engine, own.host, f"team/images/{NAME}") == []


def test_a_login_is_needed_refused_or_taken(tested, engine, tmp_path):
    with OwnRegistry(tmp_path, **htpasswd_settings(tmp_path)) as own:
        missing = tested(own.host)
        assert (missing["ok"], missing["mayPush"], "asks for a login" in missing["message"]) == (False, None, True)
        wrong = tested(own.host, loginId="tester", password="wrong")
        assert (wrong["ok"], wrong["mayDelete"], "does not accept" in wrong["message"]) == (False, None, True)
        found = tested(own.host, loginId="tester", password="hush-hush")
        assert (found["ok"], found["mayPush"], found["mayDelete"]) == (True, True, True)
        assert "accepts the stored login" in found["message"]
        assert left(engine, own.host, login=LOGIN) == []


def test_a_login_of_a_token_service_may_push_or_only_pull(tested, engine, tmp_path, monkeypatch):
    issuer = token_service(Authority().issue("issuer"), user="tester", password="hush-hush")
    with issuer as service, OwnRegistry(tmp_path, **service.settings(tmp_path)) as own:
        found = tested(own.host, loginId="tester", password="hush-hush")
        assert (found["ok"], found["mayPush"], found["mayDelete"]) == (True, True, True)
        whole = service.token
        monkeypatch.setattr(service, "token", lambda scope: whole(re.sub(",?push,?", "", scope)))
        found = tested(own.host, loginId="tester", password="hush-hush")
        assert (found["ok"], found["mayPush"], found["mayDelete"]) == (True, False, None)
        assert f"may not push to {NAME}" in found["message"]
        monkeypatch.undo()
        assert left(engine, own.host, login=LOGIN) == []


def test_a_login_for_one_project_is_tried_in_the_project_of_the_builds(as_, superuser, build, engine, tmp_path):
    with OwnRegistry(tmp_path) as own:
        registry = Registry.objects.create(name="own", host=own.host)
        Build.objects.filter(pk=build.pk).update(registry=registry)
        found = as_(superuser).post(f"/v1/build/registry/{registry.pk}/test").json()
        assert f"pushed to ops/{NAME}" in found["message"]
        Build.objects.filter(pk=build.pk).update(removed_at=datetime.now(UTC))
        found = as_(superuser).post(f"/v1/build/registry/{registry.pk}/test").json()
        assert f"pushed to {NAME}" in found["message"]


def test_where_nothing_can_be_deleted_one_image_stays_and_is_named(tested, engine, tmp_path):
    with OwnRegistry(tmp_path, delete=False) as own:
        for _ in range(2):
            found = tested(own.host)
            assert (found["ok"], found["mayPush"], found["mayDelete"]) == (True, True, False)
            assert f"{NAME}:test stays there" in found["message"]
        assert left(engine, own.host) == ["test"]


def test_an_engine_that_does_not_trust_the_authority_fails_the_test_with_the_file(tested, engine, tmp_path):
    authority = Authority()
    with over_tls(tmp_path, authority) as own:
        found = tested(own.host)
        assert (found["ok"], "cannot be reached from BuildHub" in found["message"]) == (False, True)
        found = tested(own.host, caCertificate=authority.ca)
        assert (found["ok"], found["mayPush"], found["mayDelete"], found["warnings"]) == (False, True, True, [])
        assert f"/etc/docker/certs.d/{own.host}/ca.crt" in found["message"]
        assert left(engine, own.host, ca=authority.ca, plain_http=False) == []


def test_an_engine_that_speaks_no_plain_http_fails_the_test_with_the_file(tested, engine, tmp_path):
    with OwnRegistry(tmp_path, address="0.0.0.0") as own:
        found = tested(own.host, plainHttp=True)
        assert (found["ok"], found["mayPush"], found["mayDelete"]) == (False, True, True)
        assert f"adds {own.host} to insecure-registries in /etc/docker/daemon.json" in found["message"]
        assert left(engine, own.host) == []


def test_an_engine_that_is_not_there_does_not_make_the_registry_look_broken(tested, tmp_path):
    BuildServer.objects.filter(is_default=True).update(url="unix:///nowhere.sock")
    with OwnRegistry(tmp_path) as own:
        found = tested(own.host)
    assert (found["ok"], found["mayPush"], found["mayDelete"]) == (True, True, True)
    assert "The engine of default could not be asked to push" in found["warnings"][0]


def test_a_registry_at_an_ipv6_address(tested, engine, tmp_path):
    with OwnRegistry(tmp_path, address="[::1]") as own:
        found = tested(own.host)
        assert (found["mayPush"], found["mayDelete"]) == (True, True)
        # Docker 20.10 takes no such name, later ones do.
        assert found["ok"] is ("takes no image name with the host [::1]" not in found["message"])


def test_a_registry_that_freezes_is_told_within_the_time(tested, engine, tmp_path):
    with OwnRegistry(tmp_path) as own:
        own.freeze()
        found = tested(own.host)
    assert (found["ok"], found["mayPush"]) == (False, None)
    assert "cannot be reached from BuildHub" in found["message"]


def test_what_an_engine_needs_is_told_where_it_was_not_asked(tested):
    host = f"registry.invalid:{free_port()}"
    found = tested(host, caCertificate=Authority().ca)
    assert (found["ok"], "cannot be reached" in found["message"]) == (False, True)
    assert f"/etc/docker/certs.d/{host}" in found["warnings"][0]
    assert "insecure-registries" in tested(host, plainHttp=True)["warnings"][0]
