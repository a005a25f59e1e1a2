"""The API's page, tokens and members in a real browser, under the content security policy as it is."""

import re

import pytest
from playwright.sync_api import expect

from builds.domain.access import Role
from builds.models import ApiToken, Membership
from builds.services.runs.start import start_run
from tests.support.people import make_person

pytestmark = pytest.mark.e2e


@pytest.fixture
def as_admin(caller) -> None:
    """The signed-in operator administers the account."""
    Membership.objects.filter(user=caller.user).update(role=Role.ADMIN)
    Membership.objects.create(
        account_id=next(iter(caller.roles)), user=make_person("second", None, None), role="VIEWER"
    )


def operation(page, method: str, path: str):
    """Open an operation of the document and get it ready to be tried."""
    block = page.locator(f".opblock-{method}").filter(has=page.locator(f'[data-path="{path}"]')).first
    block.locator(".opblock-summary-control").click()
    block.get_by_role("button", name="Try it out").click()
    return block


def test_the_api_can_be_tried_with_the_session_and_nothing_violates_the_policy(page, build_of):
    build = build_of("RUN true")
    page.goto("/docs/api")
    block = operation(page, "get", "/v1/build")
    block.get_by_role("button", name="Execute").click()
    expect(block.locator(".live-responses-table .response-col_status").last).to_contain_text("200")
    expect(block.locator(".live-responses-table")).to_contain_text(build.name)
    changing = operation(page, "post", "/v1/build/run/{buildSeq}")  # the CSRF token goes along
    changing.get_by_placeholder("buildSeq").first.fill(str(build.pk))
    changing.get_by_role("button", name="Execute").click()
    expect(changing.locator(".live-responses-table .response-col_status").last).to_contain_text("200")
    assert build.runs.count() == 1


def test_a_token_is_issued_shown_once_and_revoked_after_a_question(page, caller):
    page.goto("/account/tokens")
    page.fill("#name", "from the browser")
    page.get_by_role("button", name="Issue token").click()
    expect(page.locator("[data-secret]")).to_have_text(re.compile("bh_[A-Za-z0-9]+"))
    page.goto("/account/tokens")
    assert page.locator("[data-secret]").count() == 0
    page.get_by_role("link", name="Revoke the token from the browser").click()
    expect(page.locator("dialog[open]")).to_be_visible()
    page.click("[data-confirm]")
    expect(page.locator("[data-token-state=revoked]")).to_be_visible()
    assert ApiToken.objects.get().revoked_at is not None


@pytest.mark.usefixtures("as_admin")
@pytest.mark.parametrize(
    "path", ["/account", "/account/tokens", "/account/members", "/docs/errors", "/docs/api", "/builds/new"]
)
def test_no_page_is_wider_than_a_phone(page, path):
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(path)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_parameters_typed_into_the_press_form_stay_while_the_page_lives(page, build_of, caller):
    build = build_of("RUN true", when_running="QUEUE")
    page.goto(f"/builds/{build.pk}")
    page.click("[data-press] summary")
    page.fill("#description", "typed before")
    start_run(build_id=build.pk, caller=caller)
    expect(page.locator("[data-body] [data-run]").first).to_be_visible()
    assert page.input_value("#description") == "typed before"
    page.get_by_role("button", name="Build with these").click()
    page.wait_for_url("**/runs/*")
    assert build.runs.latest("pk").description == "typed before"
