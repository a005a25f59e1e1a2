"""The stock admin under BuildHub's own content security policy, in a real browser."""

from collections.abc import Iterator

import pytest
from django.db import connection
from playwright.sync_api import Page, expect, sync_playwright

from builds.domain.access import Role
from builds.models import BuildRun
from builds.services.accounts.access import caller_for
from tests.support.people import make_build, make_person, make_world
from tests.support.plugin import SERVICES
from tests.support.runs import press
from tests.support.stack import CHROMIUM
from tests.support.web import Web

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def waiting_run(transactional_db) -> BuildRun:
    """A run of a world with a staff member."""
    boss = make_person("boss", Role.INSTANCE_ADMIN, make_world())
    boss.is_staff = True
    boss.save()
    return press(make_build(caller_for(boss), "FROM scratch\n"), caller_for(boss))


@pytest.fixture
def page(waiting_run, monkeypatch) -> Iterator[tuple[Page, list[str]]]:
    """A page on a real web server, and what the browser complained about."""
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")  # Playwright's loop runs in this thread
    server = Web(log=SERVICES.home / "web-admin.log")
    server.start()
    said: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(base_url=server.url)
        page.set_default_timeout(20_000)
        page.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: said.append(str(error)))
        yield page, said
        connection.close()  # while Playwright's loop runs, Django keeps a connection of its own for this thread
        browser.close()
    server.stop()


def test_sign_in_choose_a_run_and_cancel_it_without_a_complaint_of_the_browser(page, waiting_run):
    tab, said = page
    tab.goto("/admin/")
    tab.fill("[name=username]", "boss")
    tab.fill("[name=password]", "boss-password")
    tab.click("[type=submit]")
    tab.goto("/admin/builds/registry/add/")
    expect(tab.locator("[name=password]")).to_have_attribute("type", "password")
    tab.goto(f"/admin/builds/buildrun/{waiting_run.pk}/change/")
    tab.goto("/admin/builds/buildrun/")
    tab.check("#action-toggle")  # the admin's script chooses every row
    expect(tab.locator("tbody input.action-select").first).to_be_checked()
    tab.select_option("[name=action]", label="Cancel")
    tab.click("button[name=index]")
    expect(tab.locator(".messagelist .success")).to_contain_text("is cancelled")
    waiting_run.refresh_from_db()
    assert waiting_run.end_reason == "CANCELLED"
    assert said == []
