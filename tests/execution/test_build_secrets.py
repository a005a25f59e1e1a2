"""A build that uses secrets, for real: mounted and masked, an SSH key in an agent, bases and pushes behind a login."""

import gzip
import json
import threading
from itertools import count

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from builds import credentials
from builds.engine.docker import Engine
from builds.engine.registry import RegistryClient
from builds.engine.types import Endpoint, RegistryLogin
from builds.execution.executor import execute_build
from builds.models import Account, BuildRun, Registry, WorkerHost
from builds.services.builds.edit import BuildDraft, StepDraft, edit_build
from builds.services.connections.clients import registry_of_run
from builds.services.runs.start import push_again
from tests.engine.certificates import Authority
from tests.engine.registries import OwnRegistry, htpasswd_settings, token_service
from tests.engine.test_session_secrets import private_base
from tests.support.runs import press, texts

TOKEN = "npm-token-4711"
PASSWORD = "hush-hush"
MOUNT = "--mount=type=secret,id=npm"
NUMBER = count()


@pytest.fixture
def executed(caller, build_of):
    """Execute a build of these instructions with this config of its image step, in this process."""
    WorkerHost.objects.create(name="here", workers=1)

    def execute(*instructions: str, base: str = "", registry_id: int | None = None, **config: object) -> BuildRun:
        build = build_of(*instructions, name=f"secret-{next(NUMBER)}")
        step = build.steps.get()
        text = step.config["docker_file"] if not base else "\n".join([f"FROM {base}", *instructions, ""])
        draft = StepDraft("CREATE_IMAGE", config={"docker_file": text, **config}, pk=step.pk)
        edit_build(build_id=build.pk, caller=caller, draft=BuildDraft(registry_id=registry_id, steps=[draft]))
        return run_now(press(build, caller))

    return execute


def blobs_of(run: BuildRun) -> list[bytes]:
    """Return configuration (with the history) and unpacked layers of a run's image, as the registry has them."""
    base = f"http://{run.image.host}/v2/{run.image.repository}"
    kind = {"Accept": "application/vnd.docker.distribution.manifest.v2+json"}
    manifest = requests.get(f"{base}/manifests/{run.image_digest}", headers=kind, timeout=10).json()
    config = requests.get(f"{base}/blobs/{manifest['config']['digest']}", timeout=10).content
    layers = [requests.get(f"{base}/blobs/{layer['digest']}", timeout=10).content for layer in manifest["layers"]]
    return [config, *map(gzip.decompress, layers)]


def run_now(run: BuildRun) -> BuildRun:
    run.refresh_from_db()
    execute_build(run.pk, run.claim)
    run.refresh_from_db()
    return run


def test_a_mounted_secret_is_masked_in_the_log_and_in_no_image(executed):
    run = executed(f"RUN {MOUNT} cat /run/secrets/npm", secrets=[{"id": "npm", "value": TOKEN}])
    assert run.run_state == "DONE", texts(run)
    assert "***" in texts(run)
    blobs = blobs_of(run)
    assert b"busybox" in b"".join(blobs)
    assert all(TOKEN.encode() not in blob for blob in blobs)
    assert TOKEN not in json.dumps(texts(run))


def test_a_secret_that_is_asked_for_and_not_there_is_told_with_the_remedy(executed):
    run = executed(f"RUN {MOUNT},required=true true", secrets=[{"id": "other", "value": TOKEN}])
    assert (run.end_reason, run.failure["id"]) == ("BUILD_FAILED", "build.session_missing")
    assert "the same id" in run.failure["remedy"]


def test_a_key_that_no_agent_takes_is_told_before_anything_is_built(executed):
    key = ec.generate_private_key(ec.SECP256K1())  # of a curve that OpenSSH does not have
    text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    run = executed("RUN true", ssh_key=text)
    assert (run.end_reason, "sshKey: The private key" in run.end_message) == ("DEFINITION_INVALID", True)


@pytest.fixture(params=["basic", "token"])
def closed(request, tmp_path):
    """A registry that asks for the login of `tester`, by HTTP Basic or by a token service."""
    if request.param == "basic":
        with OwnRegistry(tmp_path, **htpasswd_settings(tmp_path)) as registry:
            yield registry
        return
    with (
        token_service(Authority().issue("tests"), user="tester", password=PASSWORD) as service,
        OwnRegistry(tmp_path, **service.settings(tmp_path)) as registry,
    ):
        yield registry


@pytest.fixture
def base(engine_url, closed) -> str:
    """A base image in that registry alone."""
    engine = Engine(Endpoint(engine_url))
    yield private_base(engine, engine_url, closed, RegistryLogin("tester", PASSWORD), threading.Event())
    engine.close()


def stored_registry(host: str, *, password: str = PASSWORD, **fields: object) -> Registry:
    login = {"username": "tester", "password_encrypted": credentials.encrypt(password)}
    return Registry.objects.create(name="closed", host=host, plain_http=True, **login, **fields)


def test_a_private_base_is_pulled_with_the_accounts_login_and_told_apart_without(executed, closed, base):
    told = executed("RUN true", base=base)
    assert (told.end_reason, told.failure["id"]) == ("BUILD_FAILED", "build.base_login_missing")
    assert closed.host in told.end_message
    registry = stored_registry(closed.host)
    assert executed("RUN true", base=base).run_state == "DONE"
    Registry.objects.filter(pk=registry.pk).update(enabled=False)
    # Another engine's cache would not need the registry again: each look is of a name that it asks for.
    assert executed("RUN true", base=base).failure["id"] == "build.base_login_missing"


def test_a_login_that_the_registry_does_not_accept_is_told_as_that(executed, closed, base):
    stored_registry(closed.host, password="guessed-it")
    run = executed("RUN true", base=base)
    assert (run.failure["id"], "test the registry's login" in run.failure["remedy"]) == ("build.base_denied", True)
    assert "guessed-it" not in json.dumps([run.end_message, run.failure, *texts(run)])


def test_another_accounts_login_is_not_used(executed, closed, base):
    stored_registry(closed.host, account=Account.objects.create(name="others"))
    assert executed("RUN true", base=base).failure["id"] == "build.base_login_missing"


def test_the_image_steps_own_login_pushes_and_goes_to_no_other_host(executed, caller, closed, registry_host):
    Registry.objects.filter(is_default=True).update(host=closed.host, plain_http=True)
    run = executed("RUN true", login_id="tester", password=PASSWORD)
    assert run.run_state == "DONE", texts(run)
    open_one = Registry.objects.create(name="open", host=registry_host, plain_http=True)
    assert registry_of_run(run).username == "tester"
    again = run_now(push_again(run_id=run.pk, caller=caller, external_registry_seq=open_one.pk))
    assert again.run_state == "DONE", texts(again)
    assert registry_of_run(again).username == ""


def test_the_image_steps_own_login_does_not_follow_a_registry_that_moves(executed, caller, closed, registry_host):
    registry = Registry.objects.create(name="own", host=closed.host, plain_http=True)
    run = executed("RUN true", registry_id=registry.pk, login_id="tester", password=PASSWORD)
    assert (run.run_state, registry_of_run(run).username) == ("DONE", "tester")
    Registry.objects.filter(pk=registry.pk).update(host=registry_host)
    run = BuildRun.objects.get(pk=run.pk)
    assert registry_of_run(run).username == ""
    assert registry_of_run(run_now(press(run.build, caller))).username == ""


def test_extra_tags_follow_the_build(executed, registry_host):
    run = executed("RUN echo 1 > /one", extra_tags=["stable", "edge"], latest_apply=True)
    assert run.run_state == "DONE", texts(run)
    with RegistryClient(registry_host, plain_http=True) as registry:
        found = [registry.digest(run.image.repository, tag) for tag in ("stable", "edge", "latest")]
    assert found == [run.image_digest] * 3
