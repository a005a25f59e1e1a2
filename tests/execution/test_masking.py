"""Stored secrets that a build prints: hidden wherever its output can be read, in real runs with a closed registry."""

import pytest
from django.test import Client

from builds import credentials
from builds.execution.executor import execute_build
from builds.execution.remover import execute_removal
from builds.models import Account, BuildRun, CallbackDelivery, Registry, RunEvent, RunStep, WorkerHost
from builds.queries.log import iterate_bytes
from builds.services.accounts.webhook_secret import webhook_secret
from builds.services.connections.clients import RunAccess
from builds.services.runs.cancel_and_remove import request_remove
from builds.services.runs.parameters import RunAsk
from builds.services.runs.secrets import secrets_of
from tests.engine.registries import OwnRegistry, htpasswd_settings
from tests.support.runs import press, texts

PASSWORD = "hush-hush"


@pytest.fixture
def registry(caller, tmp_path):
    """The default registry, which asks for its stored password."""
    with OwnRegistry(tmp_path, **htpasswd_settings(tmp_path)) as own:
        login = {"username": "tester", "password_encrypted": credentials.encrypt(PASSWORD)}
        Registry.objects.update(host=own.host, plain_http=True, **login)
        yield own


@pytest.fixture
def executed(registry, caller, build_of):
    """Execute a build of these instructions in this process, with a callback address."""

    def execute(*instructions: str) -> BuildRun:
        WorkerHost.objects.create(name="here", workers=1)
        run = press(build_of(*instructions), caller, RunAsk(callback_url="https://example.com/hook"))
        run.refresh_from_db()
        execute_build(run.pk, run.claim)
        run.refresh_from_db()
        return run

    return execute


@pytest.fixture
def read(caller, settings):
    """Read what a path answers the operator, its static files without fingerprints."""
    plain = "django.contrib.staticfiles.storage.StaticFilesStorage"
    settings.STORAGES = {**settings.STORAGES, "staticfiles": {"BACKEND": plain}}
    client = Client()
    client.force_login(caller.user)

    def ask(path: str) -> str:
        answer = client.get(path)
        assert answer.status_code == 200, path
        return b"".join(answer).decode()

    return ask


def kept_of(run: BuildRun) -> str:
    """Return all that is stored of what a run printed and of what was told of it."""
    steps = RunStep.objects.filter(run=run).values_list("vertices", flat=True)
    events = RunEvent.objects.filter(run=run).values_list("because", "facts")
    bodies = CallbackDelivery.objects.filter(run=run).values_list("body", flat=True)
    return repr((texts(run), b"".join(iterate_bytes(run.pk)), run.end_message, run.failure, *steps, *events, *bodies))


def test_the_password_of_the_registry_in_use_is_printed_and_read_nowhere(executed, read):
    run = executed("RUN h=hush; echo my $h-$h is printed; printf $h-$h | base64")
    assert (run.run_state, run.end_message) == ("DONE", ""), texts(run)
    assert "my *** is printed" in texts(run)
    assert PASSWORD not in kept_of(run)
    assert "aHVzaC1odXNo" not in kept_of(run)
    paths = (f"log/{run.pk}", *(f"{run.pk}{tail}" for tail in ("", "/log.txt", "/lines")))
    for answer in (*(read(f"/v1/build/run/{path}") for path in paths), read(f"/runs/{run.pk}")):
        assert PASSWORD not in answer
    assert "my *** is printed" in read(f"/v1/build/run/{run.pk}/log.txt")


def test_an_instruction_that_fails_with_the_password_in_it_is_named_without(executed):
    run = executed(f"RUN echo before {'x' * 280} {PASSWORD}; exit 3")
    assert run.end_reason == "BUILD_FAILED"
    assert run.failure["dockerfile_line"] == 2
    assert any("***" in vertex["name"] for vertex in run.steps.get(step_type="CREATE_IMAGE").vertices)
    assert "hush" not in kept_of(run)  # nor half of it, where the long instruction is cut
    assert CallbackDelivery.objects.filter(run=run, what="ended").exists()


def test_the_log_of_a_removal_hides_it_too(executed, caller):
    run = executed("RUN echo made > /x")
    Registry.objects.update(host="127.0.0.1:1")
    BuildRun.objects.filter(pk=run.pk).update(registry_host="127.0.0.1:1", tag_name=PASSWORD)
    removal = request_remove(run_id=run.pk, caller=caller)
    removal.refresh_from_db()
    execute_removal(removal.pk, removal.claim)
    removal.refresh_from_db()
    assert removal.run_state == "ERROR"
    assert PASSWORD not in kept_of(removal)


def test_every_kind_of_stored_secret_of_a_run_is_known_to_its_masker(registry, caller, build_of):
    run = press(build_of("RUN true"), caller)
    signing = webhook_secret(Account.objects.get().pk)
    run.server.client_key_encrypted = credentials.encrypt("key-of-the-server")
    run.secrets_encrypted = credentials.encrypt_fields({"server_client_key": "key-of-the-build"})
    step = {"login_id": "deploy", "password": "password-of-a-step"}
    RunStep.objects.filter(run=run).update(secrets_encrypted=credentials.encrypt_fields(step))
    run.account.refresh_from_db()
    found = secrets_of([RunAccess(run)])
    own = {
        PASSWORD,
        "key-of-the-server",
        "key-of-the-build",
        "password-of-a-step",
        signing,
        signing.removeprefix("whsec_"),
    }
    assert found == own


def test_a_secret_whose_key_is_gone_stops_no_run_from_beginning(registry, caller, build_of):
    run = press(build_of("RUN true"), caller)
    Registry.objects.update(password_encrypted="gAAAAAB-of-another-key")
    run.secrets_encrypted = "gAAAAAB-of-another-key"
    RunStep.objects.filter(run=run, step_type="CREATE_IMAGE").update(secrets_encrypted="gAAAAAB-of-another-key")
    assert secrets_of([RunAccess(run)]) == frozenset()
