"""The card "Image options" in a real browser: rows by the button and the keyboard, and a build that uses them."""

import re

import pytest
from playwright.sync_api import Page, expect

from builds.models import Build, BuildRun

pytestmark = pytest.mark.e2e
MADE = re.compile(r"/builds/[0-9]+$")
SECRET = "word-of-the-vault-51"
expect.set_options(timeout=20_000)  # the machine does other things too


def opened(page: Page, path: str = "/builds/new") -> None:
    page.goto(path)
    page.locator("[data-image-options] summary").click()


def add_row(page: Page, name: str) -> None:
    """Press the button of a list by the keyboard."""
    page.locator(f"#{name} [data-add-row]").focus()
    page.keyboard.press("Enter")


def test_a_row_is_added_by_the_keyboard_and_has_the_focus(page: Page):
    opened(page)
    expect(page.locator("#secrets .rows__row")).to_have_count(2)
    add_row(page, "secrets")
    expect(page.locator("#secrets .rows__row")).to_have_count(3)
    expect(page.locator("#secrets-2-id")).to_be_focused()
    add_row(page, "secrets")
    expect(page.locator("#secrets-3-id")).to_be_focused()
    expect(page.get_by_label("Value", exact=True).and_(page.locator("#secrets-3-value"))).to_be_visible()
    assert page.locator("[name=secrets-TOTAL_FORMS]").input_value() == "4"
    assert page.url.endswith("/builds/new")


def test_an_added_row_that_is_left_asks_and_a_refused_one_comes_back_in_its_place(page: Page, base_image: str):
    opened(page)
    page.fill("#imageName", "refused")
    page.fill("#dockerFile", f"FROM {base_image}\n")
    add_row(page, "buildArgs")
    page.keyboard.type("1st")
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    page.get_by_role("link", name="Account", exact=True).click()
    expect(page.locator("#buildArgs-2-key")).to_have_value("1st")
    assert asked == ["beforeunload"]
    page.get_by_role("button", name="Create").last.click()
    expect(page.locator("#buildArgs-2-key-error")).to_contain_text("letters, digits")
    expect(page.locator("#buildArgs-2-key")).to_be_visible()
    page.locator("[data-problems] a").click()
    expect(page.locator("#buildArgs-2-key")).to_be_focused()


def test_from_added_rows_to_an_image_whose_log_masks_the_secret(workers, page: Page, base_image: str):
    opened(page)
    page.fill("#imageName", "whole")
    mounted = "RUN --mount=type=secret,id=vault cat /run/secrets/vault"
    page.fill(
        "#dockerFile", f"FROM {base_image} AS first\nARG VERSION\n{mounted} && echo at-$VERSION\nFROM first AS last\n"
    )
    add_row(page, "buildArgs")
    page.keyboard.type("VERSION")
    page.fill("#buildArgs-2-value", "7.5")
    add_row(page, "secrets")
    page.keyboard.type("vault")
    page.fill("#secrets-2-value", SECRET)
    page.fill("#target", "first")
    page.fill("#extraTags", "stable")
    page.get_by_role("button", name="Create").last.click()
    page.wait_for_url(MADE)
    expect(page.locator("#image-options")).to_contain_text("vault")
    page.click("main [data-action=BUILD]")
    page.wait_for_url("**/runs/*")
    expect(page.locator("[data-run-state=DONE]").first).to_be_visible(timeout=60_000)
    expect(page.locator("[data-line]", has_text="at-7.5").first).to_be_visible()
    run = BuildRun.objects.get()
    log = page.request.get(f"/runs/{run.pk}/log.txt").text()
    assert SECRET not in log
    assert "***" in log
    build = Build.objects.get()
    for path in (f"/runs/{run.pk}", f"/builds/{build.pk}", f"/builds/{build.pk}/edit"):
        assert SECRET not in page.request.get(path).text()
