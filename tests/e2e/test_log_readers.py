"""Several readers of one log, a late one, and a log of 1,000,000 lines: what each sees is what was printed."""

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from builds.domain.states import EndReason
from builds.services.runs.transitions import End, Lease
from tests.pages import making
from tests.support.tcp_proxy import tcp_proxy
from tests.support.web import Web

pytestmark = pytest.mark.e2e
expect.set_options(timeout=20_000)  # the machine does other things too

IN_PAGE = 800  # lines in the page at most
MILLION = 1_000_000
AT_ONCE = 10_000  # lines of one transaction
# A line between these two stands in the upper part of the log's own window.
SEES = """([least, most]) => {
    const box = document.querySelector("[data-log]").getBoundingClientRect();
    const line = document.elementFromPoint(box.left + box.width / 2, box.top + 100).closest("[data-line]");
    return line && line.dataset.line >= least && line.dataset.line <= most;
}"""
# The line stands within the log's own window.
WITHIN = """(n) => {
    const box = document.querySelector("[data-log]").getBoundingClientRect();
    const line = document.querySelector(`[data-line="${n}"]`)?.getBoundingClientRect();
    return line && line.top >= box.top && line.top < box.bottom;
}"""
SHOWN = "all => all.map(one => [Number(one.dataset.line), one.querySelector('.log__text').textContent])"


@pytest.fixture
def lease(build_of, caller) -> Lease:
    """A run that this test carries out itself: no worker lives here."""
    return making.begun(making.pressed(build_of("RUN seq 1 20000"), caller))


def line(page: Page, n: int) -> Locator:
    return page.locator(f'[data-lines] [data-line="{n}"]')


def print_lines(lease: Lease, first: int, last: int) -> None:
    for begin in range(first, last + 1, AT_ONCE):
        texts = [f"line {n}" for n in range(begin, min(begin + AT_ONCE - 1, last) + 1)]
        making.printed(lease, texts, vertex="sha256:b")


def expect_all(page: Page, lines: range) -> None:
    """Scroll through the log from its start, and see each line once with its own text."""
    page.bring_to_front()  # a page that nobody sees is painted four times a second
    page.keyboard.press("g")
    expect(line(page, 1)).to_be_in_viewport()
    seen: dict[int, str] = {}
    while len(seen) < len(lines):
        before = len(seen)
        seen |= dict(page.locator("[data-lines] [data-line]").evaluate_all(SHOWN))
        last = max(seen)
        assert len(seen) > before
        assert page.locator("[data-line]").count() <= IN_PAGE
        if last < lines[-1]:
            line(page, last).scroll_into_view_if_needed()
            expect(line(page, last + 1)).to_be_attached()
    assert seen == {n: f"line {n}" for n in lines}


def test_two_readers_and_a_late_one_see_every_line_and_the_same_end(page: Page, context: BrowserContext, lease: Lease):
    page.goto(f"/runs/{lease.run_id}")
    other = context.new_page()
    other.goto(f"/runs/{lease.run_id}")
    print_lines(lease, 1, 1500)
    for reader in (page, other):
        reader.bring_to_front()
        expect(line(reader, 1500)).to_be_in_viewport()
    late = context.new_page()
    late.goto(f"/runs/{lease.run_id}")
    expect(line(late, 1500)).to_be_attached()
    print_lines(lease, 1501, 1900)
    making.end(lease, End(EndReason.DONE, "", image_digest=making.DIGEST, image_size=1))
    feet = set()
    for reader in (page, other, late):
        expect(reader.locator("[data-sha256]")).to_be_attached()
        feet.add(reader.locator("[data-foot]").inner_text())
        expect_all(reader, range(1, 1901))
    assert len(feet) == 1


def test_a_line_that_stalls_is_told_and_nothing_is_missing_or_twice_there(page: Page, web: Web, lease: Lease):
    with tcp_proxy(web.port) as proxy:
        page.goto(f"http://127.0.0.1:{proxy.port}/runs/{lease.run_id}")
        print_lines(lease, 1, 700)
        expect(line(page, 700)).to_be_in_viewport()
        strip = page.locator("[data-away]")
        for first in (701, 1401):
            proxy.stall()
            print_lines(lease, first, first + 649)
            expect(strip).to_be_visible()
            expect(page.locator("[data-line-count]")).to_have_text(f"{first - 1} lines")
            proxy.resume()
            expect(strip).to_be_hidden()
            print_lines(lease, first + 650, first + 699)
            expect(line(page, first + 699)).to_be_in_viewport()
        making.end(lease, End(EndReason.DONE, "", image_digest=making.DIGEST, image_size=1))
        expect(page.locator("[data-sha256]")).to_be_attached()
        expect_all(page, range(1, 2101))


def test_any_place_of_a_million_lines_is_reached_with_few_lines_in_the_page(page: Page, lease: Lease):
    print_lines(lease, 1, MILLION)
    making.end(lease, End(EndReason.DONE, "", image_digest=making.DIGEST, image_size=1))
    page.goto(f"/runs/{lease.run_id}")
    page.locator("[data-foot]").scroll_into_view_if_needed()
    expect(line(page, MILLION)).to_be_in_viewport()
    for n in (543_210, 1, 999_999, 2_000):
        page.evaluate(f"location.hash = '#L{n}'")
        expect(line(page, n)).to_be_in_viewport()
        expect(line(page, n).locator(".log__text")).to_have_text(f"line {n}")
        assert page.locator("[data-line]").count() <= IN_PAGE
    page.keyboard.press("/")
    page.keyboard.type("LINE 99999")
    expect(page.locator("[data-log-hits]")).to_have_text("11")
    page.keyboard.press("Shift+Enter")
    expect(line(page, 999_999)).to_be_in_viewport()
    log = page.locator("[data-log]")
    for share in (0.25, 0.75, 0.5):
        log.evaluate("(log, share) => { log.scrollTop = log.scrollHeight * share; }", share)
        expect(page.locator("[data-log-reading]")).to_be_hidden()
        page.wait_for_function(SEES, arg=[MILLION * share * 0.99, MILLION * share * 1.01])
        assert page.locator("[data-line]").count() <= IN_PAGE


def test_the_line_that_is_seen_stays_when_the_width_changes(page: Page, lease: Lease):
    making.printed(lease, ["many words that wrap on a narrow screen " * 4 for _ in range(5000)], vertex="sha256:a")
    making.end(lease, End(EndReason.DONE, "", image_digest=making.DIGEST, image_size=1))
    page.goto(f"/runs/{lease.run_id}#L2500")
    expect(line(page, 2500)).to_have_attribute("data-marked", "")
    expect(line(page, 2500)).to_be_in_viewport()
    for width in (390, 1280, 390):
        page.set_viewport_size({"width": width, "height": 844})
        page.wait_for_function(WITHIN, arg=2500)
    page.locator("[data-log-menu] summary").click()
    for value in ("start", "clock", "step"):
        page.locator(f'[name="log-time"][value="{value}"]').check()
        expect(page.locator(".log__view--clock")).to_have_count(int(value == "clock"))
        page.wait_for_function(WITHIN, arg=2500)
