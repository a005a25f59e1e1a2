"""The build servers in a real browser: state and load follow by themselves, and what has the focus keeps it."""

import pytest
from playwright.sync_api import Page, expect

from builds.domain.access import Role
from builds.models import Account, BuildServer
from builds.services.accounts.access import caller_for
from builds.services.connections.servers import ServerDraft, edit_server
from tests.support.people import make_person
from tests.support.runs import ended, marked_sleep, press, until_printed
from tests.support.stack import sign_in

pytestmark = pytest.mark.e2e
expect.set_options(timeout=20_000)


def test_load_and_state_follow_and_the_focus_stays(page: Page, workers, caller, build_of):
    root = caller_for(make_person("root", Role.INSTANCE_ADMIN, Account.objects.get()))
    page.context.clear_cookies()
    sign_in(page, "root")
    page.goto("/servers")
    server = BuildServer.objects.get()
    card = page.locator(f'[data-server="{server.pk}"]')
    state = card.locator("[data-server-state]")
    expect(state).to_have_text("On")
    expect(card).to_contain_text(f"0 of {server.capacity}")
    card.get_by_role("button", name="Drain").focus()
    instruction, _ = marked_sleep()
    run = press(build_of(instruction), caller)
    expect(card).to_contain_text(f"1 of {server.capacity}")
    expect(card.get_by_role("button", name="Drain")).to_be_focused()

    until_printed(run, "ready")
    edit_server(server_id=server.pk, caller=root, draft=ServerDraft(draining=True))
    waiting = press(build_of("RUN true", name="waits"), caller)
    expect(state).to_have_text("Draining")
    expect(card.locator("[data-waiting]")).to_have_text("1")
    card.get_by_role("button", name="End draining").click()
    expect(page.locator("main")).to_contain_text("takes runs again")
    assert ended(waiting).run_state == "DONE"


def test_a_test_answers_on_the_page_which_still_follows_and_removing_asks_in_place(page: Page, caller, build_of):
    make_person("root", Role.INSTANCE_ADMIN, Account.objects.get())
    BuildServer.objects.update(draining=True)  # what is pressed waits
    topic = BuildServer.objects.create(name="arm", url="topic:arm")
    page.context.clear_cookies()
    sign_in(page, "root")
    page.goto("/servers")
    page.get_by_role("button", name="Test default server").click()
    expect(page.locator('[data-probe="ok"]')).to_be_focused()
    expect(page.locator('[data-probe="ok"]')).to_contain_text("default server answers: Docker Engine")
    press(build_of("RUN true"), caller)
    expect(page.locator("[data-waiting]").first).to_have_text("1")
    page.get_by_role("link", name="Remove arm").click()
    page.locator("dialog [data-confirm]").click()
    expect(page.locator("main")).to_contain_text("The build server arm is removed.")
    assert not BuildServer.objects.filter(pk=topic.pk).exists()
