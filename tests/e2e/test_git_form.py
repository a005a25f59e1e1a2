"""The form of a Git repository in a real browser: what is hidden, Check in place, Enter, and all without scripts."""

import base64
import re
import subprocess
from io import BytesIO
from zipfile import ZipFile

import pytest
import requests
from playwright.sync_api import Page, expect

from builds.models import Build, BuildRun
from builds.services.accounts.tokens import issue_token
from supervisor.postgres import programs
from tests.engine.git_desk import sampled
from tests.support.git_servers import GitHttp, Origin, git_http
from tests.support.plugin import SERVICES
from tests.support.runs import ended
from tests.support.stack import web_server, worker_host
from tests.support.web import Web
from tests.support.workers import database_url

pytestmark = pytest.mark.e2e
MADE = re.compile(r"/builds/[0-9]+$")
OUTBOUND = {"BUILDHUB_OUTBOUND_ALLOW": "127.0.0.0/8"}  # where the git servers of these tests are
PASSWORD = "pass-of-ada-3f9e71"
REPOSITORY = "Git repository the Dockerfile"
expect.set_options(timeout=20_000)  # the machine does other things too


@pytest.fixture(scope="module")
def web(engine_url, registry_host, django_db_setup, django_db_blocker):
    """A web server that may reach the repositories of this machine."""
    with web_server(django_db_blocker, log="web-git", **OUTBOUND) as server:
        yield server


@pytest.fixture(scope="module")
def worker_processes(engine_url, django_db_setup, django_db_blocker):
    """Workers that may reach them too."""
    with worker_host(engine_url, django_db_blocker, log="workers-git", **OUTBOUND) as workers:
        yield workers


@pytest.fixture(scope="module")
def served(tmp_path_factory, base_image):
    """A repository with two branches."""
    root = tmp_path_factory.mktemp("git")
    origin = Origin(root)
    origin.commit({"docker/Dockerfile": f"FROM {base_image}\nCOPY note.txt /\nRUN cat /note.txt\n"})
    origin.commit({"note.txt": "the note of main\n"}, "Add a note")
    origin.commit({"dev.txt": "dev"}, branch="dev")
    with git_http(root) as server:
        yield server


@pytest.fixture(scope="module")
def guarded(served):
    """The same behind a login."""
    with git_http(served.root, login=f"ada:{PASSWORD}") as server:
        yield server


def test_only_what_the_chosen_source_needs_is_shown(page: Page):
    page.goto("/builds/new")
    expect(page.locator("#repositoryUrl")).to_be_hidden()
    expect(page.locator("#dockerFile")).to_be_visible()
    page.get_by_role("radio", name=REPOSITORY).check()
    expect(page.locator("#repositoryUrl")).to_be_visible()
    expect(page.locator("#dockerFilePath")).to_be_visible()
    expect(page.locator("#dockerFile")).to_be_hidden()
    expect(page.locator("#password")).to_be_hidden()
    page.get_by_role("radio", name="Private").check()
    expect(page.locator("#password")).to_be_visible()
    page.get_by_role("radio", name="Dockerfile here, files").check()
    expect(page.locator("#dockerFile")).to_be_visible()
    expect(page.locator("#repositoryUrl")).to_be_visible()
    expect(page.locator("#dockerFilePath")).to_be_hidden()
    page.get_by_role("radio", name="Uploaded files").check()
    expect(page.locator("#dockerFilePath")).to_be_visible()
    expect(page.locator("#contextPath")).to_be_visible()
    expect(page.locator("#dockerFile")).to_be_hidden()
    expect(page.locator("#repositoryUrl")).to_be_hidden()
    expect(page.get_by_role("button", name="Check")).to_be_hidden()


def test_check_tells_in_place_what_is_reached_and_forgets_it_with_the_address(page: Page, served: GitHttp):
    choose(page, served)
    page.get_by_role("button", name="Check").click()
    expect(page.locator("[data-report=ok]")).to_contain_text("2 branches")
    assert page.locator("#branches option").evaluate_all("all => all.map((one) => one.value)") == ["main", "dev"]
    assert page.locator("#branchName").evaluate("field => field.list.id") == "branches"
    page.fill("#branchName", "nowhere")
    page.get_by_role("button", name="Check").click()
    expect(page.locator("[data-report=refused]")).to_contain_text("nowhere")
    page.fill("#repositoryUrl", served.url("other.git"))
    expect(page.locator("[data-report]")).to_have_count(0)
    assert page.url.endswith("/builds/new")
    assert not Build.objects.exists()


def test_enter_in_a_field_saves_and_checks_nothing(page: Page, served: GitHttp):
    choose(page, served)
    page.press("#repositoryUrl", "Enter")
    page.wait_for_url(MADE)
    assert Build.objects.get().steps.filter(step_type="CODE_DOWN").exists()


def test_without_scripts_check_brings_the_form_back_and_create_creates(bare_page: Page, served: GitHttp):
    choose(bare_page, served)
    bare_page.get_by_role("button", name="Check").click()
    expect(bare_page.locator("[data-report=ok]")).to_contain_text("2 branches")
    expect(bare_page.locator("#imageName")).to_have_value("app")
    bare_page.get_by_role("button", name="Create").click()
    bare_page.wait_for_url(MADE)
    expect(bare_page.locator("#source")).to_contain_text(served.url())


def test_from_the_form_to_the_image_of_a_repository(workers, page: Page, served: GitHttp):
    choose(page, served)
    page.fill("#dockerFilePath", "docker/Dockerfile")
    page.fill("#contextPath", ".")
    page.get_by_role("button", name="Create").click()
    page.wait_for_url(MADE)
    page.click("main [data-action=BUILD]")
    page.wait_for_url("**/runs/*")
    expect(page.locator("[data-line]", has_text="the note of main").first).to_be_visible(timeout=60_000)
    expect(page.locator("[data-run-state=DONE]").first).to_be_visible(timeout=60_000)
    expect(page.locator("[data-commit]")).to_contain_text("Add a note (Ada Lovelace)")
    expect(page.locator("[data-commit]")).to_contain_text("main")


def test_a_private_repository_builds_from_the_page_and_by_rest_and_its_password_is_nowhere(
    workers, page: Page, guarded: GitHttp, caller, web
):
    with sampled() as seen:
        _make_private(page, guarded)
        build = Build.objects.get()
        page.click("main [data-action=BUILD]")
        page.wait_for_url("**/runs/*")
        expect(page.locator("[data-run-state=DONE]").first).to_be_visible(timeout=60_000)
        shown = page.content()
        answers = _by_rest(web, caller, build)
    pages = [page.request.get(path).text() for path in (f"/builds/{build.pk}", f"/builds/{build.pk}/edit")]
    everywhere = [
        shown,
        *pages,
        *answers,
        _dump(),
        *(path.read_text("utf-8") for path in SERVICES.home.glob("*-git.log")),
    ]
    assert any(b"git-remote-http" in text for text in seen)
    for text in (*everywhere, b"".join(seen).decode(errors="replace")):
        for form in (PASSWORD, PASSWORD.encode().hex(), base64.b64encode(PASSWORD.encode()).decode()):
            assert form not in text


def choose(page: Page, server: GitHttp, *, image: str = "app") -> None:
    """Begin a new build of a repository."""
    page.goto("/builds/new")
    page.get_by_role("radio", name=REPOSITORY).check()
    page.fill("#imageName", image)
    page.fill("#repositoryUrl", server.url())


def _make_private(page: Page, guarded: GitHttp):
    choose(page, guarded, image="private")
    page.fill("#dockerFilePath", "docker/Dockerfile")
    page.fill("#contextPath", ".")
    page.get_by_role("radio", name="Private").check()
    page.fill("#userId", "ada")
    page.fill("#password", PASSWORD)
    page.get_by_role("button", name="Check").click()
    expect(page.locator("[data-report=ok]")).to_contain_text("2 branches")
    page.get_by_role("button", name="Create").click()
    page.wait_for_url(MADE)


def _by_rest(web: Web, caller, build: Build):
    """Press by REST and return all that the API says of build and run; fails unless it ends DONE with its commit."""
    token = issue_token(owner=caller.user, account=build.account, name="git", scopes=["read", "run", "write"])
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {token}"
        pressed = session.post(f"{web.url}/v1/build/run/{build.pk}").json()
        run = ended(BuildRun.objects.get(pk=pressed["buildRunSeq"]))
        paths = (f"run/{run.pk}", f"run/{run.pk}/lines", f"run/{run.pk}/log.txt", f"run/log/{run.pk}", f"{build.pk}")
        answers = [session.get(f"{web.url}/v1/build/{path}") for path in paths]
        exported = session.get(f"{web.url}/v1/build/run/{run.pk}/export")
    assert [answer.status_code for answer in (*answers, exported)] == [200] * 6
    found = answers[0].json()
    assert (found["runState"], found["commitId"]) == ("DONE", run.commit_id)
    assert run.commit_id
    with ZipFile(BytesIO(exported.content)) as archive:
        inner = [archive.read(name).decode() for name in archive.namelist()]
    return [*(answer.text for answer in answers), *inner]


def _dump():
    """Return the whole database as text; stored secrets are encrypted in it."""
    return subprocess.run([programs() / "pg_dump", database_url()], check=True, capture_output=True, text=True).stdout
