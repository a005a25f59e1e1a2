"""The form of a Git repository in a real browser: what is hidden, Check in place, Enter, and all without scripts."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from builds.models import Build
from tests.support.git_servers import GitHttp, Origin, git_http
from tests.support.plugin import SERVICES
from tests.support.stack import sign_in
from tests.support.web import Web
from tests.support.workers import Workers

pytestmark = pytest.mark.e2e
MADE = re.compile(r"/builds/[0-9]+$")
REPOSITORY = "Git repository the Dockerfile"
expect.set_options(timeout=20_000)  # the machine does other things too


@pytest.fixture(scope="module")
def web(engine_url, registry_host, django_db_setup, django_db_blocker):
    """A web server that may reach the repositories of this machine."""
    with django_db_blocker.unblock():
        server = Web(log=SERVICES.home / "web-git.log", BUILDHUB_OUTBOUND_ALLOW="127.0.0.0/8")
        server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def worker_processes(engine_url, django_db_setup, django_db_blocker):
    """Workers that may reach them too."""
    with django_db_blocker.unblock():
        workers = Workers(
            engine_url, log=SERVICES.home / "workers-git.log", extra={"BUILDHUB_OUTBOUND_ALLOW": "127.0.0.0/8"}
        )
        workers.start()
    yield workers
    workers.stop()


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


@pytest.fixture
def bare_page(browser: Browser, web: Web, caller):
    """A signed-in page without scripts."""
    context = browser.new_context(base_url=web.url, java_script_enabled=False)
    page = context.new_page()
    sign_in(page)
    yield page
    context.close()


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


def test_check_tells_in_place_what_is_reached_and_forgets_it_with_the_address(page: Page, served: GitHttp):
    page.goto("/builds/new")
    page.get_by_role("radio", name=REPOSITORY).check()
    page.fill("#imageName", "app")
    page.fill("#repositoryUrl", served.url())
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
    page.goto("/builds/new")
    page.get_by_role("radio", name=REPOSITORY).check()
    page.fill("#imageName", "app")
    page.fill("#repositoryUrl", served.url())
    page.press("#repositoryUrl", "Enter")
    page.wait_for_url(MADE)
    assert Build.objects.get().steps.filter(step_type="CODE_DOWN").exists()


def test_without_scripts_check_brings_the_form_back_and_create_creates(bare_page: Page, served: GitHttp):
    bare_page.goto("/builds/new")
    bare_page.get_by_role("radio", name=REPOSITORY).check()
    bare_page.fill("#imageName", "app")
    bare_page.fill("#repositoryUrl", served.url())
    bare_page.get_by_role("button", name="Check").click()
    expect(bare_page.locator("[data-report=ok]")).to_contain_text("2 branches")
    expect(bare_page.locator("#imageName")).to_have_value("app")
    bare_page.get_by_role("button", name="Create").click()
    bare_page.wait_for_url(MADE)
    expect(bare_page.locator("#source")).to_contain_text(served.url())


def test_from_the_form_to_the_image_of_a_repository(workers, page: Page, served: GitHttp):
    page.goto("/builds/new")
    page.get_by_role("radio", name=REPOSITORY).check()
    page.fill("#imageName", "app")
    page.fill("#repositoryUrl", served.url())
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
