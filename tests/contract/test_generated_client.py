"""A client that openapi-python-client makes of the published document does the platform's call on a running server."""

import importlib
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

import pytest
import requests

from builds.domain.access import Scope
from builds.models import Account, BuildRun
from builds.services.accounts.tokens import issue_token
from tests.support.runs import ended
from tests.support.web import Web

PACKAGE = "buildhub_generated_client"
# The generator knows no zip, only bytes. Nothing is formatted afterwards.
CONFIG = "content_type_overrides:\n  application/zip: application/octet-stream\npost_hooks: []\n"


@pytest.fixture(autouse=True)
def installation():
    """Instead of that of tests/api: `caller` makes a world of its own, with a real engine and registry."""


@pytest.fixture(scope="module")
def package(web: Web, tmp_path_factory: pytest.TempPathFactory):
    """The name of the generated package, importable."""
    folder = tmp_path_factory.mktemp("client")
    (folder / "config.yml").write_text(CONFIG)
    (folder / "openapi.json").write_bytes(requests.get(f"{web.url}/v1/openapi.json", timeout=30).content)
    generate(folder)
    sys.path.insert(0, str(folder))
    yield PACKAGE
    sys.path.remove(str(folder))


def generate(folder: Path) -> None:
    """Generate the client; a warning of the generator is a failure."""
    program = Path(sys.executable).with_name("openapi-python-client")
    options = ["--path", "openapi.json", "--config", "config.yml", "--output-path", PACKAGE]
    done = subprocess.run(
        [program, "generate", *options, "--meta", "none", "--fail-on-warning"],
        cwd=folder, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def part(package):
    """Return a module of the client."""

    def find(name: str) -> ModuleType:
        return importlib.import_module(f"{package}.{name}" if name else package)

    return find


@pytest.fixture
def client(part, web: Web, caller):
    token = issue_token(owner=caller.user, account=Account.objects.get(), name="client", scopes=list(Scope))
    with part("").AuthenticatedClient(base_url=web.url, token=token) as signed_in:
        yield signed_in


def test_the_platforms_call_and_its_run_are_typed(part, client, build_of, workers):
    build = build_of("RUN echo hello", auto_tag=True, auto_tag_prefix="test", auto_tag_sequence="DATETIME")
    pressed = part("api.runs.start_run").sync(client=client, build_seq=build.pk, description="Build run test")
    models = part("models")
    assert isinstance(pressed, models.BuildRun)
    assert (pressed.run_type, pressed.run_desc) == (models.RunType.BUILD, "Build run test")
    assert pressed.run_state in (models.RunState.CREATED, models.RunState.RUNNING)
    assert pressed.autotag_seq_type is models.AutoTagSeqType.DATETIME
    ended(BuildRun.objects.get(pk=pressed.build_run_seq))
    run = part("api.runs.get_run").sync(client=client, build_seq=pressed.build_run_seq)
    assert isinstance(run, models.BuildRunDetail)
    assert (run.run_state, run.end_reason) == (models.RunState.DONE, models.EndReason.DONE)
    assert run.possible_actions == [models.Action(word) for word in ("VIEW", "BUILD", "LOG", "REMOVE")]
    assert isinstance(run.begin_time, datetime)
    assert run.begin_time.utcoffset() == datetime.now(UTC).utcoffset()
    assert run.begin_time <= run.end_time
    assert run.image_digest.startswith("sha256:")
    image = run.build_step_runs[1]
    assert image.step_type is models.StepType.CREATE_IMAGE
    assert isinstance(image.build_step_config, models.CreateImageConfig)


def test_a_refusal_is_typed_too(part, client):
    answer = part("api.runs.start_run").sync_detailed(client=client, build_seq=999)
    models = part("models")
    assert answer.status_code == 404
    assert isinstance(answer.parsed, models.Problem)
    assert answer.parsed.code is models.ErrorCode.CCCM1048000
