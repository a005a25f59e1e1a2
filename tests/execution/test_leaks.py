"""A run that uses a secret of each kind and prints it: looked for wherever something could be left, and found nowhere.

Looked at: the log and every answer and page about the run, a dump of the database, what callbacks were told, the pushed
image, the engine's folder and log, the logs of web and workers, what is left on disk, and arguments and environments of
all processes while it ran. The last test plants holes, and the same search finds each.
"""

import gzip
import json
import os
import shutil
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Self

import pytest
import requests
from django.conf import settings

from builds import credentials
from builds.domain.access import Scope
from builds.domain.log.masking import forms_of
from builds.engine.docker import Engine
from builds.engine.types import Endpoint, RegistryLogin
from builds.models import Account, Activity, BuildRun, Registry
from builds.models.accounts import Role
from builds.services.accounts.tokens import issue_token
from builds.services.accounts.webhook_secret import webhook_secret
from supervisor.postgres import programs
from tests.engine.certificates import Authority
from tests.engine.registries import OwnRegistry, token_service
from tests.engine.test_session_secrets import private_base
from tests.support.git_servers import Origin, git_http, make_key
from tests.support.people import make_person
from tests.support.plugin import SERVICES
from tests.support.receiver import receiving
from tests.support.runs import ended, texts
from tests.support.stack import web_server, worker_host
from tests.support.waiting import wait_until
from tests.support.workers import database_url

MAY_GO_THERE = {"BUILDHUB_OUTBOUND_ALLOW": "127.0.0.0/8"}
SAMPLE_SECONDS = 0.05
LARGEST_FILE = 64 * 1024**2  # of the engine's folder; its larger ones are databases that are looked at in pieces anyway
FORMS = (
    "cat {it}; echo; rev {it}; base64 {it}; (printf u; cat {it}) | base64; (printf uu; cat {it}) | base64",
    "xxd -p {it} | tr -d '\\n'; echo; hexdump -ve '1/1 \"%02X\"' {it}; echo",
    'printf \'\\033[31m%.9s\\033[0m%s\\n\' "$(cat {it})" "$(cut -c10- {it})"',
    "cut -c-9 {it} | tr -d '\\n'; sleep 0.2; cut -c10- {it}",
)

Places = Mapping[str, bytes]


def word(kind: str) -> str:
    return f"canary-{kind}-{uuid.uuid4().hex}"


def hits(places: Places, canaries: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return where a canary stands in any form: (place, which)."""
    forms = {name: forms_of(canary) for name, canary in canaries.items()}
    looked = ((place, name, data, known) for place, data in places.items() for name, known in forms.items())
    return [(place, name) for place, name, data, known in looked if any(one in data for one in known)]


class Sampler:
    """Keeps the arguments and environments of all processes of this machine but this one, until the block ends."""

    def __init__(self) -> None:
        self._seen: dict[str, set[bytes]] = {"cmdline": set(), "environ": set()}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._stop.wait(SAMPLE_SECONDS):
            for process in Path("/proc").glob("[0-9]*"):
                if process.name != str(os.getpid()):
                    for kind, texts in self._seen.items():
                        with suppress(OSError):
                            texts.add((process / kind).read_bytes())

    @property
    def seen(self) -> Places:
        """Return what was seen until now."""
        return {kind: b"\n".join(list(texts)) for kind, texts in self._seen.items()}


def dump() -> bytes:
    """Return the whole database as text; what is encrypted stands in it as it is stored."""
    done = subprocess.run([programs() / "pg_dump", database_url()], capture_output=True, check=True)
    return done.stdout


def files_below(folder: Path, *, since: float) -> Iterable[tuple[str, bytes]]:
    """Yield the files that were written since a moment, by their names."""
    for path in folder.rglob("*"):
        with suppress(OSError):
            if path.is_file() and not path.is_symlink() and path.stat().st_mtime >= since:
                yield str(path), path.read_bytes()[:LARGEST_FILE]


def image(run: BuildRun, login: tuple[str, str], realm: str) -> Places:
    """Return configuration, with the history, and unpacked layers of a pushed image."""
    scope = f"repository:{run.image.repository}:pull"
    token = requests.get(realm, params={"scope": scope}, auth=login, timeout=10).json()["token"]
    base = f"http://{run.image.host}/v2/{run.image.repository}"
    ask = {"Authorization": f"Bearer {token}", "Accept": "application/vnd.docker.distribution.manifest.v2+json"}
    manifest = requests.get(f"{base}/manifests/{run.image_digest}", headers=ask, timeout=10).json()
    config = requests.get(f"{base}/blobs/{manifest['config']['digest']}", headers=ask, timeout=10).content
    digests = [layer["digest"] for layer in manifest["layers"]]
    blobs = [requests.get(f"{base}/blobs/{digest}", headers=ask, timeout=10).content for digest in digests]
    return {"manifest": json.dumps(manifest).encode(), "config": config} | {
        f"layer {number}": gzip.decompress(blob) for number, blob in enumerate(blobs)
    }


@pytest.fixture(scope="module")
def worker_processes(engine_url, django_db_setup, django_db_blocker):
    with worker_host(engine_url, django_db_blocker, log="workers-leaks", **MAY_GO_THERE) as workers:
        yield workers


@pytest.fixture(scope="module")
def web(engine_url, registry_host, django_db_setup, django_db_blocker):
    with web_server(django_db_blocker, log="web-leaks", **MAY_GO_THERE) as server:
        yield server


@pytest.fixture
def canaries() -> dict[str, str]:
    names = ("git", "registry", "mounted")
    return {name: word(name) for name in names}


@pytest.fixture
def closed(canaries, tmp_path):
    with (
        token_service(Authority().issue("tests"), user="tester", password=canaries["registry"]) as service,
        OwnRegistry(tmp_path, **service.settings(tmp_path)) as registry,
    ):
        registry.realm = service.realm
        yield registry


@pytest.fixture
def origin(canaries, closed, engine_url, tmp_path):
    """A private repository whose Dockerfile has a private base and prints a mounted secret in every form."""
    engine = Engine(Endpoint(engine_url))
    login = RegistryLogin("tester", canaries["registry"])
    base = private_base(engine, engine_url, closed, login, threading.Event())
    engine.close()
    printed = "; ".join(FORMS).format(it="/run/secrets/npm")
    mounts = "--mount=type=secret,id=npm --mount=type=ssh"
    origin = Origin(tmp_path / "git")
    origin.commit({"Dockerfile": f"FROM {base}\nCOPY . /app\nRUN {mounts} {printed}\n"})
    with git_http(tmp_path / "git", login=f"ada:{canaries['git']}") as server:
        origin.url = server.url()
        yield origin


@pytest.fixture
def client(web, caller, canaries):
    """An account admin's session of requests, by a token."""
    account = Account.objects.get()
    token = issue_token(owner=make_person("boss", Role.ADMIN, account), account=account, name="t", scopes=list(Scope))
    canaries["token"] = token
    canaries["webhook"] = webhook_secret(account.pk)
    with requests.Session() as session:
        session.trust_env = False
        session.headers["Authorization"] = f"Bearer {token}"
        yield session


def made(client, web, origin, closed, canaries, folder: Path) -> dict:
    """Create the build by REST."""
    key, _ = make_key(folder / "key")
    canaries["ssh key"] = key.splitlines()[2]
    shutil.rmtree(folder)
    login = {"username": "tester", "password_encrypted": credentials.encrypt(canaries["registry"])}
    registry = Registry.objects.create(name="closed", host=closed.host, plain_http=True, **login)
    code = {"repositoryUrl": origin.url, "commonType": "PRIVATE", "userId": "ada", "password": canaries["git"]}
    picture = {
        "dockerFileType": "FILE_PATH",
        "dockerFilePath": "app/Dockerfile",
        "secrets": [{"id": "npm", "value": canaries["mounted"]}],
        "sshKey": key,
    }
    steps = [
        {"stepType": "CODE_DOWN", "buildStepConfig": {**code, "codeSaveDir": "app"}},
        {"stepType": "CREATE_IMAGE", "buildStepConfig": picture},
    ]
    name = f"leaks-{uuid.uuid4().hex[:6]}"
    body = {"editType": "N", "imageName": name, "tagName": "1", "externalRegistrySeq": registry.pk, "buildSteps": steps}
    answer = client.post(f"{web.url}/v1/build", json=body, timeout=30)
    assert answer.status_code == 200, answer.text
    return {**answer.json(), "answered": answer.content}


def read_all(client, web, run: BuildRun) -> Places:
    """Return what every address about the run, its build and the installation answers."""
    number, build = run.pk, run.build_id
    paths = (
        *(f"/v1/build/run/{tail}" for tail in (number, f"log/{number}", f"{number}/lines", f"{number}/log.txt")),
        *(f"/v1/build/run/{number}/{tail}" for tail in ("callbacks", "export")),
        *(f"/v1/build/{tail}" for tail in (build, "registry", "server", "queue")),
        *(f"/api/build/run/{tail}" for tail in (number, f"log/{number}")),
        "/v1/openapi.json",
        "/readyz",
    )
    answers = {path: client.get(web.url + path, timeout=30) for path in paths}
    assert {path: answer.status_code for path, answer in answers.items() if answer.status_code != 200} == {}
    return {path: answer.content for path, answer in answers.items()}


def pages(web, run: BuildRun) -> Places:
    """Return the pages that an instance admin sees, Django's admin among them."""
    with requests.Session() as session:
        session.trust_env = False
        session.get(f"{web.url}/accounts/login/", timeout=30)
        form = {"username": "root", "password": "root-of-tests", "csrfmiddlewaretoken": session.cookies["csrftoken"]}
        signed_in = session.post(f"{web.url}/accounts/login/", data=form, timeout=30)
        assert signed_in.url == f"{web.url}/", signed_in.text[:2000]
        build = run.build_id
        paths = (
            "/",
            f"/builds/{build}",
            f"/builds/{build}/edit",
            f"/runs/{run.pk}",
            f"/runs/{run.pk}/plain",
            "/account",
            f"/admin/builds/build/{build}/change/",
            f"/admin/builds/buildrun/{run.pk}/change/",
            "/admin/builds/registry/",
            "/admin/builds/activity/",
        )
        answers = {path: session.get(web.url + path, timeout=30) for path in paths}
    assert {path: answer.status_code for path, answer in answers.items() if answer.status_code != 200} == {}
    return {path: answer.content for path, answer in answers.items()}


@pytest.mark.faults
def test_no_secret_of_a_run_is_left_anywhere(
    workers, web, client, origin, closed, canaries, django_user_model, tmp_path_factory
):
    django_user_model.objects.create_superuser("root", password="root-of-tests")
    begun = time.time()
    with receiving() as receiver, Sampler() as processes:
        build = made(client, web, origin, closed, canaries, tmp_path_factory.mktemp("key"))
        answer = client.post(
            f"{web.url}/v1/build/run/{build['buildSeq']}", params={"callbackUrl": receiver.url}, timeout=30
        )
        assert answer.status_code == 200, answer.text
        run = ended(BuildRun.objects.get(pk=answer.json()["buildRunSeq"]), timeout=120)
        heard = receiver.until_heard(4)
    assert run.run_state == "DONE", texts(run)
    masked = b"".join(line.encode() for line in texts(run)).count(b"***")
    assert masked >= 8  # each form that was printed
    places = {
        **processes.seen,
        "answers": build["answered"] + answer.content,
        "callbacks": repr(heard).encode() + b"".join(one.body for one in heard),
        "database": dump(),
        **image(run, ("tester", canaries["registry"]), closed.realm),
        **read_all(client, web, run),
        **pages(web, run),
        **dict(files_below(SERVICES.home, since=begun)),
        **dict(files_below(Path(settings.DATA_DIR), since=begun)),
    }
    assert len(places) > 40
    assert hits(places, canaries) == []


def test_the_search_finds_holes_that_are_planted(caller, canaries, tmp_path):
    canary = canaries["mounted"]
    Activity.objects.create(detail=f"x{canary[::-1]}", did="EDIT_BUILD")
    (tmp_path / "left.txt").write_text(canary.encode().hex())
    with Sampler() as processes:
        program = subprocess.Popen(["sleep", "50"], env={**os.environ, "TOKEN": canaries["git"]})
        other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(50)", canaries["registry"]])
        wait_until(lambda: len(hits(processes.seen, canaries)) == 2)
        for process in (program, other):
            process.kill()
            process.wait()
    left = {Path(name).name: data for name, data in files_below(tmp_path, since=0)}
    places = {**processes.seen, "database": dump(), "left.txt": left["left.txt"]}
    assert set(hits(places, canaries)) == {
        ("cmdline", "registry"),
        ("environ", "git"),
        ("database", "mounted"),
        ("left.txt", "mounted"),
    }
