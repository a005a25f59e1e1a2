"""The run page while lines come faster than they can be read: what is laid out is bounded, and nothing contradicts."""

import re

import pytest
from playwright.sync_api import Page, Route, WebSocketRoute, expect

from builds.domain.states import EndReason
from builds.services.runs.transitions import End, Lease
from tests.pages import making

pytestmark = pytest.mark.e2e
expect.set_options(timeout=20_000)  # the machine does other things too

FOLLOWED = 500  # lines in the page of one who follows
MARGIN = 20  # lines that may stand there besides, while they are exchanged
READ = 800  # lines in the page of one who has scrolled up

WATCH = """() => {
    const seen = (window.seen = { most: 0, unsaid: [] });
    const look = () => {
        seen.most = Math.max(seen.most, document.querySelectorAll("[data-line]").length);
        const isDone = document.querySelector("main [data-run]").dataset.runState === "DONE";
        const foot = document.querySelector("[data-foot]").innerText;
        if (isDone && !/Complete|Catching up: \\d+ lines to come/.test(foot)) seen.unsaid.push(foot);
        requestAnimationFrame(look);
    };
    look();
}"""
# The line stands at the lower edge of the log.
AT_END = """(n) => {
    const log = document.querySelector("[data-log]");
    const line = document.querySelector(`[data-line="${n}"]`);
    return line && Math.abs(log.getBoundingClientRect().bottom - line.getBoundingClientRect().bottom) < 20;
}"""
MOVED = """([n, before]) => {
    const top = (selector) => document.querySelector(selector).getBoundingClientRect().top;
    return Math.abs(top(`[data-line="${n}"]`) - top("[data-log]") - before) > 300;
}"""
# Where a line stands within the log's own window: the page around it may move, its head is refreshed as well.
TOP = """(n) => {
    const top = (selector) => document.querySelector(selector).getBoundingClientRect().top;
    return top(`[data-line="${n}"]`) - top("[data-log]");
}"""


@pytest.fixture
def lease(build_of, caller) -> Lease:
    """A run that this test carries out itself: no worker lives here."""
    return making.begun(making.pressed(build_of("RUN seq 1 20000"), caller))


@pytest.fixture
def followed(page, lease) -> Page:
    """The page of the run, following its end."""
    page.goto(f"/runs/{lease.run_id}")
    expect(page.locator("[data-follow]")).to_have_attribute("aria-pressed", "true")
    page.evaluate(WATCH)
    return page


def flood(lease: Lease, count: int) -> None:
    for _ in range(count // 500):
        making.printed(lease, [f"line {n}" for n in range(500)], vertex="sha256:b")


def done(lease: Lease) -> None:
    making.end(lease, End(EndReason.DONE, "", image_digest=making.DIGEST, image_size=1))


def shown(page: Page) -> tuple[int, int, int]:
    """Return first line, last line and number of lines in the page."""
    numbers = page.locator("[data-line]").evaluate_all("all => all.map(one => Number(one.dataset.line))")
    return numbers[0], numbers[-1], len(numbers)


def test_one_who_follows_has_the_newest_lines_and_reaches_the_others_by_going_up(followed, lease):
    for n in (500, 1000):
        flood(lease, 500)
        followed.wait_for_function(AT_END, arg=n)
    flood(lease, 19_000)
    followed.wait_for_function(AT_END, arg=20_000)
    done(lease)
    expect(followed.locator("[data-sha256]")).to_be_attached()
    followed.wait_for_function(AT_END, arg=20_000)
    seen = followed.evaluate("window.seen")
    assert FOLLOWED <= seen["most"] <= FOLLOWED + MARGIN
    assert seen["unsaid"] == []
    assert shown(followed) == (19_501, 20_000, FOLLOWED)
    followed.locator("[data-log]").hover()
    for n in range(19_980, 18_000, -20):  # 20 lines a turn, far beyond those that stand in the page
        before = followed.evaluate(TOP, n)
        followed.mouse.wheel(0, -400)
        followed.wait_for_function(MOVED, arg=[n, before])
        assert followed.evaluate(TOP, n) == pytest.approx(before + 400, abs=2)
        expect(followed.locator(f'[data-line="{n - 20}"]')).to_be_attached()
    assert shown(followed)[2] <= READ
    followed.evaluate("document.querySelector('[data-log]').scrollTop = 0")
    expect(followed.locator('[data-line="1"]')).to_be_in_viewport()
    assert shown(followed)[2] <= READ


def test_a_run_that_is_done_says_how_many_lines_are_still_to_come(page, lease):
    def pass_on(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()
        server.on_message(lambda text: None if '"type":"lines"' in text else socket.send(text))

    held: list[Route] = []
    is_held = True

    def hold(route: Route) -> None:
        if is_held:
            held.append(route)
        else:
            route.continue_()

    page.route_web_socket("**/ws/runs/*", pass_on)
    page.route("**/lines?*", hold)
    page.goto(f"/runs/{lease.run_id}")
    page.evaluate(WATCH)
    flood(lease, 3000)
    done(lease)
    expect(page.locator('main [data-run][data-run-state="DONE"]').first).to_be_visible()
    expect(page.locator("[data-foot]")).to_have_text(re.compile(r"3000 lines\s+Catching up: 3000 lines to come"))
    is_held = False
    for route in held:
        route.continue_()
    expect(page.locator("[data-foot]")).to_contain_text("Complete")
    assert shown(page) == (2501, 3000, FOLLOWED)
    assert page.evaluate("window.seen.unsaid") == []


def test_nothing_moves_for_one_who_has_scrolled_up(followed, lease):
    flood(lease, 3000)
    followed.wait_for_function(AT_END, arg=3_000)
    followed.evaluate("document.querySelector('[data-log]').scrollTop -= 40")
    expect(followed.locator("[data-follow]")).to_have_attribute("aria-pressed", "false")
    before = followed.evaluate(TOP, 2990)
    flood(lease, 10_000)
    expect(followed.locator("[data-log]")).to_have_attribute("data-total", "13000")
    assert followed.evaluate(TOP, 2990) == before
    first, last, count = shown(followed)
    assert first <= 2990 <= last == first + count - 1
    assert count <= READ
    followed.keyboard.press("f")
    followed.wait_for_function(AT_END, arg=13_000)
    assert shown(followed) == (12_501, 13_000, FOLLOWED)


def test_a_line_that_is_longer_than_the_page_shows_comes_live_with_its_rest_told(followed, lease):
    making.printed(lease, ["x" * 5000], vertex="sha256:b")
    expect(followed.locator('[data-line="1"]')).to_contain_text(
        "1000 more characters of this line stand in the raw log"
    )
