"""The page of a run in a real browser: links into the log, a frozen connection, a failure that is watched."""

import pytest
from playwright.sync_api import Page, expect

from builds.domain.failures import build_failed
from builds.domain.states import EndReason
from builds.models import BuildRun
from builds.services.runs.transitions import End, Lease
from tests.pages import making

pytestmark = pytest.mark.e2e
expect.set_options(timeout=20_000)  # the machine does other things too

NOTICED = 10_000  # milliseconds within which a frozen connection is shown

SHOWN = """() => ({
    title: document.title,
    icon: document.querySelector("[data-favicon]").getAttribute("href"),
    failure: document.querySelector("[data-failure]")?.outerHTML,
    lines: [...document.querySelectorAll("[data-lines] > li")].map((line) => line.outerHTML),
    notes: [...document.querySelectorAll("[data-earlier], [data-later], [data-quiet]")].map((one) => one.hidden),
    bars: [...document.querySelectorAll(".tl__row")].map((row) => row.outerHTML),
    key: document.querySelector(".tl__legend").innerText,
    foot: document.querySelector("[data-foot]").innerText,
    follows: document.querySelector("[data-follow]").getAttribute("aria-pressed"),
    focus: document.activeElement.id,
    scrolled: Math.round(document.querySelector("[data-log]").scrollTop),
})"""


# Where all that the page consists of begins.
PLACES = """() => [...document.querySelectorAll("main > *, .panels > *")].filter((one) => !one.matches(".strip"))
    .map((one) => Math.round(one.getBoundingClientRect().top))"""


@pytest.fixture
def lease(build_of, caller) -> Lease:
    """A run that this test carries out itself: no worker lives here."""
    return making.begun(making.pressed(build_of("RUN seq 1 3000"), caller))


def print_many(lease: Lease, count: int, *, vertex: str, word: str = "line") -> None:
    for first in range(1, count + 1, 500):
        last = min(first + 499, count)
        making.printed(lease, [f"{word} {n}" for n in range(first, last + 1)], vertex=vertex)


def done(lease: Lease) -> BuildRun:
    return making.end(lease, End(EndReason.DONE, "", image_digest=making.DIGEST, image_size=1))


MARKED = """(wanted) => JSON.stringify(wanted) === JSON.stringify(
    [...document.querySelectorAll("[data-marked]")].map((line) => Number(line.dataset.line)))"""


def expect_marked(page: Page, first: int, last: int) -> None:
    """Wait until these lines and no others are marked, and see them."""
    page.wait_for_function(MARKED, arg=list(range(first, last + 1)))
    for n in (first, last):
        expect(page.locator(f'[data-line="{n}"]')).to_be_in_viewport()


@pytest.mark.parametrize("lines", [3000, 30])
@pytest.mark.parametrize(("link", "first", "last"), [("#L10", 10, 10), ("#L10-L14", 10, 14)])
def test_a_link_to_lines_opens_with_them_marked_and_in_sight(page, lease, lines, link, first, last):
    print_many(lease, lines, vertex="sha256:b")
    page.goto(f"/runs/{done(lease).pk}{link}")
    expect_marked(page, first, last)


def test_a_link_opens_while_the_page_is_open_and_again_when_it_is_asked_for_again(page, lease):
    print_many(lease, 3000, vertex="sha256:b")
    page.goto(f"/runs/{done(lease).pk}#L2990")
    expect_marked(page, 2990, 2990)
    page.evaluate("location.hash = '#L1200-L1203'")
    expect_marked(page, 1200, 1203)
    page.evaluate("document.querySelector('[data-log]').scrollTop = 0")
    expect(page.locator('[data-line="1200"]')).not_to_be_in_viewport()
    page.keyboard.press("l")
    page.keyboard.type("1200-1203")
    page.keyboard.press("Enter")
    expect_marked(page, 1200, 1203)


def test_a_link_to_a_line_that_is_not_printed_yet_waits_for_it(page, lease):
    making.printed(lease, ["one"])
    page.goto(f"/runs/{lease.run_id}#L400")
    expect(page.locator('[data-line="1"]')).to_be_visible()
    print_many(lease, 900, vertex="sha256:b")
    expect_marked(page, 400, 400)


def test_pressing_an_instruction_moves_the_log_to_its_first_line(page, lease):
    vertices = [making.vertex("sha256:a", "[1/3] RUN quiet"), making.vertex("sha256:b", "[2/3] RUN first")]
    making.show(lease, [*vertices, making.vertex("sha256:c", "[3/3] RUN second")])
    making.printed(lease, ["begin"], stream=0)
    print_many(lease, 1000, vertex="sha256:b")
    print_many(lease, 1000, vertex="sha256:c")
    page.goto(f"/runs/{done(lease).pk}")
    for digest, line in (("sha256:b", 2), ("sha256:c", 1002), ("sha256:b", 2)):
        page.click(f'[data-vertex="{digest}"]')
        expect_marked(page, line, line)
    page.click('[data-vertex="sha256:a"]')
    expect(page.locator("[data-log-says]")).to_have_text("This instruction has printed nothing.")


@pytest.mark.parametrize("path", ["/runs/{run}", "/builds/{build}", "/"])
def test_a_frozen_connection_is_noticed_and_comes_back(page, web, lease, path):
    run = BuildRun.objects.get(pk=lease.run_id)
    page.goto("about:blank")  # the socket of the page before is gone
    with page.expect_websocket() as opened:
        page.goto(path.format(run=run.pk, build=run.build_id))
    opened.value.wait_for_event("framereceived")
    strip = page.locator("[data-away]")
    expect(strip).to_be_hidden()
    places = page.evaluate(PLACES)
    web.freeze()
    try:
        expect(strip).to_be_visible(timeout=NOTICED)
        assert page.evaluate(PLACES) == places
    finally:
        web.thaw()
    expect(strip).to_be_hidden()
    done(lease)
    ended = page.locator(f'main [data-run="{run.pk}"][data-run-state=DONE]').first
    expect(ended).to_be_visible()


def test_a_failure_that_is_watched_looks_as_it_does_after_a_reload(page, lease):
    failing = making.vertex(making.FAILING, "[2/3] RUN exit 7", "RUNNING")
    making.show(lease, [making.vertex("sha256:a", "[1/3] FROM busybox", cached=True), failing])
    page.goto(f"/runs/{lease.run_id}")
    print_many(lease, 60, vertex=making.FAILING)
    expect(page.locator('[data-line="60"]')).to_be_visible()
    failed = making.vertex(making.FAILING, "[2/3] RUN exit 7", "ERROR", error="exit code: 7")
    stopped = making.vertex("sha256:c", "[3/3] RUN other", "ERROR", error="context canceled")
    making.show(lease, [making.vertex("sha256:a", "[1/3] FROM busybox", cached=True), failed, stopped])
    making.printed(lease, ["the run ended"], stream=0)
    facts = build_failed("exit code: 7", instruction="[2/3] RUN exit 7", dockerfile=making.DOCKERFILE)
    making.end(lease, End(EndReason.BUILD_FAILED, facts.sentence, failure=facts.as_facts()))
    expect(page.locator("[data-failure]")).to_be_visible()
    expect(page.locator(".log [data-line].log__line--error")).to_have_count(1)
    expect(page.locator("[data-sha256]")).to_be_attached()
    expect(page.locator(".tl__legend")).to_contain_text("failed")
    expect(page.locator(".tl__now")).to_have_count(0)
    watched = page.evaluate(SHOWN)
    page.reload()
    expect(page.locator("#failure-title")).to_be_focused()
    assert page.evaluate(SHOWN) == watched


def test_a_reader_who_has_scrolled_away_stays_there_when_the_run_ends(page, lease):
    page.goto(f"/runs/{lease.run_id}")
    print_many(lease, 900, vertex="sha256:b")
    expect(page.locator('[data-line="900"]')).to_be_visible()
    page.evaluate("location.hash = '#L20'")
    expect_marked(page, 20, 20)
    done(lease)
    expect(page.locator("[data-sha256]")).to_be_attached()
    expect_marked(page, 20, 20)


def test_signing_out_in_one_tab_ends_what_the_others_show_live(context, page, lease):
    other = context.new_page()
    other.goto(f"/runs/{lease.run_id}")
    page.goto(f"/runs/{lease.run_id}")
    making.printed(lease, ["one"])
    expect(other.locator('[data-line="1"]')).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(other.locator("[data-live-ended]")).to_be_visible()
    expect(other.locator("[data-away]")).to_be_hidden()
    other.get_by_role("link", name="Load this page again").click()
    other.wait_for_url("**/accounts/login/**")
