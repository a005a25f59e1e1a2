"""Fixtures of the whole house: workers, sweeper, web server and browser as real processes on the real services."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from builds.models import Account, Build, BuildRun, BuildServer, Caller, WorkerHost
from builds.services.runs.cancel_and_remove import request_cancel
from tests.support.people import make_build, make_world, operator_of
from tests.support.plugin import SERVICES
from tests.support.waiting import wait_until
from tests.support.web import Web
from tests.support.workers import Workers

CHROMIUM = "/usr/bin/chromium-headless-shell"  # without a window it takes a third of the time
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

# Chromium's own remarks on a line that a test has cut, and on a form that was refused as it should be.
EXPECTED = ("WebSocket", "ERR_CONNECTION_REFUSED", "ERR_CONNECTION_RESET", "400 (Bad Request)", "409 (Conflict)")


@contextmanager
def worker_host(engine_url: str, blocker: Any, *, log: str = "workers", **extra: str) -> Iterator[Workers]:
    """Run workers and sweeper with these settings until the block ends; they leave no row behind."""
    with blocker.unblock():
        workers = Workers(engine_url, log=SERVICES.home / f"{log}.log", extra=extra)
        workers.start()
    yield workers
    workers.leave()


@contextmanager
def web_server(blocker: Any, *, log: str = "web", **extra: str) -> Iterator[Web]:
    """Run a web server with these settings until the block ends."""
    with blocker.unblock():
        server = Web(log=SERVICES.home / f"{log}.log", **extra)
        server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def worker_processes(engine_url: str, django_db_setup: None, django_db_blocker) -> Iterator[Workers]:
    """Workers and sweeper, for one module: they would take the runs of tests that want to be alone."""
    with worker_host(engine_url, django_db_blocker) as workers:
        yield workers


@pytest.fixture
def caller(transactional_db: None, engine_url: str, registry_host: str) -> Caller:
    """An operator in a fresh world."""
    return operator_of(make_world(registry=registry_host, engine=engine_url))


@pytest.fixture(scope="module")
def reading_world(engine_url: str, registry_host: str, django_db_setup: None, django_db_blocker) -> Iterator[Caller]:
    """An operator in one world for all tests of a module: they only read it, and ask for no database of their own."""
    with django_db_blocker.unblock():
        yield operator_of(make_world(registry=registry_host, engine=engine_url))
        call_command("flush", verbosity=0, interactive=False)


@pytest.fixture
def workers(worker_processes: Workers, caller: Caller) -> Iterator[Workers]:
    """The worker host, once it has announced itself in this test's world; no run is left active behind the test."""
    wait_until(lambda: WorkerHost.objects.filter(name=worker_processes.host).exists(), timeout=20)
    yield worker_processes
    for run in BuildRun.objects.active().filter(run_type="BUILD", cancel_requested_at=None):
        request_cancel(run_id=run.pk, caller=caller)
    wait_until(lambda: not BuildRun.objects.active().exists(), timeout=60, message="a run is still active")


@pytest.fixture
def build_of(caller: Caller, base_image: str):
    """Make a build whose Dockerfile has these instructions on the base image."""

    def make(*instructions: str, name: str = "hello", **fields: object) -> Build:
        return make_build(caller, "\n".join([f"FROM {base_image}", *instructions, ""]), name=name, **fields)

    return make


@pytest.fixture
def nobody_serves(caller: Caller) -> None:
    """Make the server `topic:gone`, whose worker host is no process: the test is the worker of its runs."""
    BuildServer.objects.create(name="gone", url="topic:gone", capacity=1).accounts.set(Account.objects.all())
    WorkerHost.objects.create(name="elsewhere", topics=["gone"], workers=1)


@pytest.fixture
def bare_page(browser: Browser, web: Web, caller: Caller) -> Iterator[Page]:
    """A signed-in page without scripts."""
    context = browser.new_context(base_url=web.url, java_script_enabled=False)
    page = context.new_page()
    sign_in(page)
    yield page
    context.close()


@pytest.fixture
def host_folder() -> Path:
    """A new folder of the engine's machine, where also an engine with a root of its own sees it (`make engines`)."""
    return Path(tempfile.mkdtemp(prefix="host-", dir=SERVICES.home))


@pytest.fixture(scope="session")
def web(engine_url: str, registry_host: str, django_db_setup: None, django_db_blocker) -> Iterator[Web]:
    """The web server."""
    with web_server(django_db_blocker) as server:
        yield server


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, for one module: while it runs, its event loop runs in this thread, where other tests need theirs."""
    # Django takes that loop for our own; the tests' database calls around it are plain blocking ones.
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield chromium
        connection.close()  # one of its own while that loop runs: it would hold the database
        chromium.close()


@pytest.fixture
def context(browser: Browser, web: Web, caller: Caller) -> Iterator[BrowserContext]:
    """A browser's window set that is signed in as the operator."""
    made = browser.new_context(base_url=web.url, viewport={"width": 1280, "height": 900})
    made.set_default_timeout(20_000)
    visitor = Client()  # the page of the sign-in has tests of its own
    visitor.force_login(caller.user)
    session = visitor.cookies[settings.SESSION_COOKIE_NAME]
    made.add_cookies([{"name": session.key, "value": session.value, "url": web.url}])
    made.new_page()
    yield made
    made.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A signed-in page; a test in which the browser's console shows an error fails."""
    page = context.pages[0]
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    yield page
    assert [text for text in said if not any(word in text for word in EXPECTED)] == []


def sign_in(page: Page, name: str = "operator") -> None:
    """Sign in through the page."""
    page.goto("/accounts/login/")
    page.fill("[name=username]", name)
    page.fill("[name=password]", f"{name}-password")
    page.press("[name=password]", "Enter")
    page.wait_for_url("**/")
