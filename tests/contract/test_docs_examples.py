"""docs/api.md tells the truth: its shell lines are executed as printed, its Python checks a real signature."""

import json
import os
import re
import shutil
import subprocess
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook

from builds.domain.access import Role, Scope
from builds.models import Account, BuildRun
from builds.services.accounts.tokens import issue_token
from builds.services.accounts.webhook_secret import webhook_secret
from tests.support.git_servers import Origin, git_http
from tests.support.images import make_base_image
from tests.support.people import make_person
from tests.support.stack import web_server, worker_host
from tests.support.workers import ROOT

GUIDE = ROOT / "docs" / "api.md"
BLOCK = re.compile(r"^```(\w+) run\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BETWEEN = "----- next block -----"
REACHES_ITSELF = {"BUILDHUB_OUTBOUND_ALLOW": "127.0.0.0/8"}  # where the git server of these tests is
PASSWORD = "pass-of-ada-7c1"
TOKEN = "npm-token-of-ada"


def blocks(language: str) -> list[str]:
    return [text for name, text in BLOCK.findall(GUIDE.read_text(encoding="utf-8")) if name == language]


@pytest.fixture(autouse=True)
def installation():
    """Instead of that of tests/api: `caller` makes a world of its own, with a real engine and registry."""


@pytest.fixture
def token(caller) -> str:
    """The token of an account admin."""
    account = Account.objects.get()
    admin = make_person("admin", Role.ADMIN, account)
    return issue_token(owner=admin, account=account, name="docs", scopes=list(Scope))


@pytest.fixture(scope="module")
def web(engine_url, registry_host, django_db_setup, django_db_blocker):
    with web_server(django_db_blocker, log="web-docs", **REACHES_ITSELF) as server:
        yield server


@pytest.fixture(scope="module")
def worker_processes(engine_url, django_db_setup, django_db_blocker):
    with worker_host(engine_url, django_db_blocker, log="workers-docs", **REACHES_ITSELF) as workers:
        yield workers


@pytest.fixture
def origin(tmp_path):
    """A private repository with two branches, and where it is served."""
    origin = Origin(tmp_path / "git")
    origin.commit({"Dockerfile": "FROM buildhub-base:1\nCOPY . /app\n", ".dockerignore": "notes\n"})
    origin.newest = origin.commit({"notes/a.txt": "not for the image"}, branch="dev")
    with git_http(tmp_path / "git", login=f"ada:{PASSWORD}") as server:
        origin.url = server.url()
        yield origin


def shell(script: str, *, url: str, token: str, repository: str = "") -> list[str]:
    """Execute the blocks in one shell, which stops at the first failure; return what each of them printed."""
    given = {"REPOSITORY": repository, "REPOSITORY_USER": "ada", "REPOSITORY_PASSWORD": PASSWORD}
    given["NPM_TOKEN"] = TOKEN
    done = subprocess.run(
        [shutil.which("bash") or "bash", "-euo", "pipefail", "-c", script],
        env={**os.environ, "BUILDHUB_URL": url, "BUILDHUB_TOKEN": token, "no_proxy": "*", **given},
        capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{done.stdout[-1500:]}\n{done.stderr[-1500:]}"
    return done.stdout.split(f"{BETWEEN}\n")


def test_every_shell_example_runs_as_printed(web, workers, engine_url, token, origin):
    make_base_image(engine_url, "buildhub-base:1")
    examples = blocks("sh")
    script = f"\necho '{BETWEEN}'\n".join(examples)
    printed = dict(zip(examples, shell(script, url=web.url, token=token, repository=origin.url), strict=True))
    said = "\n".join(printed.values())
    assert "DONE\n" in said
    assert re.search(r"^127\.0\.0\.1:\d+/docs/hello:v-00001@sha256:[0-9a-f]{64}$", said, re.MULTILINE)
    assert "hello from the build" in said
    tried = json.loads(next(text for example, text in printed.items() if "source/test" in example))
    assert (tried["ok"], tried["branches"]) == (True, ["main", "dev"])
    assert f"DONE\n{origin.newest}\n" in said
    assert PASSWORD not in said
    assert "DONE\n***" in said
    assert TOKEN not in said
    assert "\nCANCEL\n" in f"\n{said}"
    once = next(text for example, text in printed.items() if "Idempotency-Key" in example).split()
    assert len(once) == 3
    assert len(set(once)) == 1
    pages = next(text for example, text in printed.items() if "dump-header" in example).splitlines()
    assert len(pages) == len({line.split()[0] for line in pages}) >= 4
    assert '"code":"CCCM1004000"' in said
    assert printed[examples[-1]].strip() == "ok"
    assert BuildRun.objects.get(build__name="hello", build_no=1, run_type="BUILD").removed_at is not None


def test_the_readmes_block_is_pasted_whole_and_its_run_ends_done(web, workers, token, build_of):
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    block = re.search(r"^## By REST$.*?^```sh\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)[1]
    made, rest = block.split("\n", 1)
    assert made == "token=$(.venv/bin/python manage.py create_token admin | tail -n 1)"
    rest = rest.replace("http://127.0.0.1:8000", web.url).replace(
        '/build/run/1"', f'/build/run/{build_of("RUN echo once").pk}"'
    )
    (said,) = shell(f"token=$BUILDHUB_TOKEN\n{rest}", url=web.url, token=token)
    run = BuildRun.objects.get()
    assert (run.run_state, run.end_reason) == ("DONE", "DONE")
    assert f'"imageDigest":"{run.image_digest}"' in said
    assert "\nonce\n" in said


def test_the_python_example_knows_a_genuine_callback_from_others(db, settings):
    [example] = blocks("python")
    names: dict[str, object] = {}
    exec(example, names)  # noqa: S102  the block of our own guide
    is_genuine = names["is_genuine"]
    secret = webhook_secret(Account.objects.create(name="ours").pk)
    now, body = datetime.now(UTC), b'{"event":"BUILD_RUN_STATE"}'
    signature = Webhook(secret).sign("msg_1", now, body.decode())
    headers = {
        "webhook-id": "msg_1", "webhook-timestamp": str(int(now.timestamp())), "webhook-signature": signature,
    }  # fmt: skip
    assert is_genuine(secret, headers, body)
    assert not is_genuine(secret, headers, body + b" ")
    assert not is_genuine(secret, {**headers, "webhook-id": "msg_2"}, body)
    assert not is_genuine(secret, {**headers, "webhook-timestamp": "1000000000"}, body)
    assert not is_genuine("whsec_" + "A" * 32, headers, body)


def test_the_guide_has_blocks_that_are_run():
    assert len(blocks("sh")) >= 12
    assert len(blocks("python")) == 1
