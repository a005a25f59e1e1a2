"""The page of a build's steps in a real browser, without scripts."""

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.e2e
expect.set_options(timeout=20_000)  # the machine does other things too


def test_a_build_is_given_a_shell_step_and_its_form_shows_it(bare_page: Page, build_of):
    build = build_of("RUN true")
    bare_page.goto(f"/builds/{build.pk}/edit")
    bare_page.get_by_role("link", name="Steps").click()
    bare_page.get_by_label("Kind of step").select_option("Shell")
    bare_page.get_by_role("button", name="Add", exact=True).click()
    step = bare_page.get_by_role("region", name="Step 1, Shell")
    expect(step.get_by_label("Title")).to_be_focused()
    bare_page.keyboard.type("Compile")
    step.get_by_label("Command or script").fill("  ")
    bare_page.keyboard.press("Tab")
    bare_page.get_by_role("button", name="Save").click()
    expect(step.get_by_text("The command is empty")).to_be_visible()
    expect(step.get_by_label("Title")).to_have_value("Compile")
    step.get_by_label("Command or script").fill("make dist\nmake check")
    step.get_by_label("Title").press("Enter")  # saves: the first button of the form
    bare_page.wait_for_url(f"**/builds/{build.pk}")
    expect(bare_page.locator("[data-step-kind=Shell]")).to_contain_text("Compile")
    bare_page.goto(f"/builds/{build.pk}/edit")
    expect(bare_page.locator("[data-step-kind=Shell]")).to_contain_text("make dist")
    shell, image = build.steps.order_by("order")
    assert (shell.config["command"], shell.config["step_title"]) == ("make dist\nmake check", "Compile")
    assert (shell.step_type, image.step_type) == ("SHELL", "CREATE_IMAGE")


def test_a_step_speaks_under_its_title_while_it_runs_and_its_failure_leads_to_where_it_is_edited(
    workers, page: Page, build_of
):
    build = build_of("RUN true")
    build.steps.update(order=2)
    config = {"shell_type": "COMMAND", "command": "echo first; sleep 2; exit 3", "step_title": "Unit tests"}
    build.steps.create(step_type="SHELL", order=1, config=config)
    page.goto(f"/builds/{build.pk}")
    page.click("main [data-action=BUILD]")
    page.wait_for_url("**/runs/*")
    expect(page.locator("[data-line]", has_text="first").first).to_be_visible()
    expect(page.locator(".log__head", has_text="Unit tests")).to_be_visible()
    assert page.locator("[data-failure]").count() == 0  # it still runs
    box = page.locator("[data-failure]")
    expect(box.get_by_role("heading", name="Unit tests ended with exit code 3.")).to_be_visible()
    expect(box.get_by_role("heading", name="Last lines of this step")).to_be_visible()
    expect(page.locator("[data-steps] [data-step-state=WAIT]")).to_contain_text("not reached")
    box.get_by_role("link", name="Edit steps").click()
    expect(page.get_by_role("region", name="Step 1, Shell").get_by_label("Title")).to_have_value("Unit tests")
