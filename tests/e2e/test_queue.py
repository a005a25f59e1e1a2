"""The queue in a real browser: it follows by itself, and what is ticked or typed stays."""

import re

import pytest
from playwright.sync_api import Page, expect

from builds.models import BuildRun, BuildServer
from tests.support.runs import marked_sleep, press, until_printed
from tests.support.waiting import wait_until

pytestmark = pytest.mark.e2e
expect.set_options(timeout=20_000)


def row(page: Page, run: BuildRun):
    return page.locator(f'[data-run="{run.pk}"]')


def test_the_page_follows_the_queue_and_keeps_what_is_chosen(page: Page, workers, caller, build_of):
    BuildServer.objects.update(capacity=1)
    page.goto("/queue")
    expect(page.locator("main")).to_contain_text("Nothing waits.")
    instruction, _ = marked_sleep()
    first = press(build_of(instruction, name="first"), caller)
    expect(row(page, first)).to_have_attribute("data-run-state", "RUNNING")
    second, third = (press(build_of("RUN : quick", name=name), caller) for name in ("second", "third"))
    expect(row(page, third).locator("[data-queue-position]")).to_have_attribute("data-queue-position", "2")
    expect(row(page, third).locator("[data-waiting-for]")).to_have_text("default server has 1 of 1 builds running.")

    row(page, third).get_by_role("checkbox").check()
    page.get_by_label("Reason").fill("hotfix")
    fourth = press(build_of("RUN : quick too", name="fourth"), caller)
    expect(row(page, fourth)).to_be_visible()
    expect(row(page, third).get_by_role("checkbox")).to_be_checked()
    expect(page.get_by_label("Reason")).to_have_value("hotfix")
    page.get_by_role("button", name="Chosen to the front").click()
    expect(row(page, third).locator("[data-queue-position]")).to_have_attribute("data-queue-position", "1")
    expect(row(page, second).locator("[data-queue-position]")).to_have_attribute("data-queue-position", "2")

    until_printed(first, "ready")
    row(page, first).get_by_role("link", name="Cancel").click()
    page.locator("dialog [data-confirm]").click()
    expect(page.locator("main")).to_contain_text(re.compile("Nothing waits."))
    for run in (second, third, fourth):
        wait_until(lambda run=run: BuildRun.objects.get(pk=run.pk).run_state == "DONE", timeout=30)
    assert BuildRun.objects.get(pk=first.pk).end_reason == "CANCELLED"
    begun = BuildRun.objects.filter(pk__in=[second.pk, third.pk, fourth.pk]).order_by("begin_time")
    assert list(begun.values_list("pk", flat=True)) == [third.pk, second.pk, fourth.pk]
