"""The run page when a run ends: its parts agree, whoever reads the log is not moved, one thing is announced."""

import pytest
from playwright.sync_api import Page, expect

from builds.domain.failures import build_failed
from builds.domain.states import EndReason
from builds.services.runs.transitions import End, Lease
from tests.pages import making

pytestmark = pytest.mark.e2e
expect.set_options(timeout=20_000)  # the machine does other things too

WIDE = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}
DONE = End(EndReason.DONE, "", image_digest=making.DIGEST, image_size=1)

# Where the log and one of its lines stand in the window, and how far the window's content has jumped since.
MEASURE = """() => {
    window.shifts = [];
    new PerformanceObserver((list) => window.shifts.push(...list.getEntries())).observe({ type: "layout-shift" });
}"""
SHIFTED = """() => new Promise((done) => requestAnimationFrame(() => setTimeout(() =>
    done(window.shifts.reduce((sum, one) => sum + one.value, 0)))))"""
TOPS = """(n) => [`[data-log]`, `[data-line="${n}"]`].map((one) =>
    Math.round(document.querySelector(one).getBoundingClientRect().top))"""
HEAR = """() => {
    window.heard = [];
    for (const region of document.querySelectorAll('[role="status"], [role="alert"], [aria-live]')) {
        const note = () => region.textContent.trim() && window.heard.push(region.textContent.trim());
        new MutationObserver(note).observe(region, { childList: true, characterData: true, subtree: true });
    }
}"""


@pytest.fixture
def lease(build_of, caller) -> Lease:
    """A run that this test carries out itself: no worker lives here."""
    lease = making.begun(making.pressed(build_of("RUN seq 1 60"), caller))
    making.show(lease, [making.vertex(making.FAILING, "[2/3] RUN exit 7", "RUNNING")])
    making.printed(lease, [f"line {n}" for n in range(1, 61)], vertex=making.FAILING)
    return lease


def opened(page: Page, lease: Lease, size: dict[str, int] = WIDE) -> Page:
    page.set_viewport_size(size)
    page.goto(f"/runs/{lease.run_id}")
    expect(page.locator("[data-follow]")).to_have_attribute("aria-pressed", "true")
    return page


def failed(lease: Lease) -> None:
    making.show(lease, [making.vertex(making.FAILING, "[2/3] RUN exit 7", "ERROR", error="exit code: 7")])
    facts = build_failed("exit code: 7", instruction="[2/3] RUN exit 7", dockerfile=making.DOCKERFILE)
    making.end(lease, End(EndReason.BUILD_FAILED, facts.sentence, failure=facts.as_facts()))


def done(lease: Lease) -> None:
    making.show(lease, [making.vertex(making.FAILING, "[2/3] RUN exit 7")])
    making.end(lease, DONE)


def await_end(page: Page) -> None:
    """Wait until head, steps and foot have the end of the run."""
    expect(page.locator("[data-sha256]")).to_be_attached()
    expect(page.locator("main [data-run][data-end-reason]").first).to_be_attached()
    expect(page.locator("[data-steps] .tl__now")).to_have_count(0)


@pytest.mark.parametrize(("end", "state"), [(done, "DONE"), (failed, "ERROR")])
def test_an_end_does_not_wait_for_the_pause_between_two_refreshes(page, lease, end, state):
    page.clock.install()
    page.goto("about:blank")  # the socket of the page before is gone
    with page.expect_websocket() as socket:
        opened(page, lease)
    page.clock.pause_at(page.evaluate("Date.now() / 1000 + 1"))  # no pause ends by itself from now on
    # Told of steps, the page asks for them, or waits until it may.
    with socket.value.expect_event("framereceived", lambda frame: '"type":"steps"' in frame):
        making.show(lease, [making.vertex("sha256:b", "[1/3] RUN other", "RUNNING")])
    end(lease)
    expect(page.locator(f'main [data-run][data-run-state="{state}"]').first).to_be_visible()
    expect(page.locator("[data-steps] .tl__now")).to_have_count(0)
    expect(page.locator('[data-steps] [data-step-state="RUNNING"]')).to_have_count(0)


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
@pytest.mark.parametrize("end", [done, failed])
def test_one_who_reads_the_log_is_not_moved_by_the_end(page, lease, record_property, size, end):
    opened(page, lease, size)
    page.evaluate("document.documentElement.style.overflowAnchor = 'none'")  # as browsers do that know no anchors
    if size == PHONE:
        page.evaluate("document.querySelector('.log').scrollIntoView({ block: 'center' })")
    before, head = page.evaluate(TOPS, 60), page.locator("[data-head]").bounding_box()
    page.evaluate(MEASURE)
    end(lease)
    await_end(page)
    grown = page.locator("[data-head]").bounding_box()["height"] - head["height"]
    shifted = page.evaluate(SHIFTED)
    record_property("told", f"{end.__name__} at {size['width']}: head grown by {grown:.0f} px, CLS {shifted:.4f}")
    assert grown > 100
    assert page.evaluate(TOPS, 60) == pytest.approx(before, abs=1)
    assert shifted < 0.01
    expect(page.locator("[data-steps] .state" if size == WIDE else "[data-foot]")).to_be_in_viewport()
    expect(page.locator("[data-steps] .state")).to_have_text("Done" if end is done else "Failed")
    expect(page.locator("[data-foot]").get_by_text("Complete")).to_be_visible()


def test_one_who_looks_at_the_head_of_a_phone_keeps_it_in_sight(page, lease):
    opened(page, lease, PHONE)
    done(lease)
    await_end(page)
    assert page.evaluate("scrollY") == 0
    expect(page.locator("h1")).to_be_in_viewport()


def test_the_end_is_announced_once_and_nothing_else_is(page, lease):
    opened(page, lease)
    page.evaluate(HEAR)
    for n in range(3):
        making.show(lease, [making.vertex(f"sha256:{n}", f"[2/3] RUN other {n}", "RUNNING")])
        expect(page.locator(f'[data-vertex="sha256:{n}"]')).to_be_visible()
        making.printed(lease, ["more"], vertex=f"sha256:{n}")
    done(lease)
    await_end(page)
    page.evaluate("dispatchEvent(new Event('online'))")
    assert page.evaluate("window.heard") == ["Run 1 of hello: Done"]


def test_the_focus_stays_where_it_is_when_the_run_fails(page, lease):
    opened(page, lease)
    page.locator("[data-log]").focus()
    failed(lease)
    await_end(page)
    expect(page.locator("[data-log]")).to_be_focused()


def test_the_focus_goes_to_the_title_where_what_had_it_is_gone(page, lease):
    opened(page, lease)
    page.locator("[data-action=CANCEL]").focus()
    done(lease)
    expect(page.locator("h1")).to_be_focused()


def test_numbers_that_change_stand_with_their_right_word(page, build_of, caller):
    lease = making.begun(making.pressed(build_of("RUN true"), caller))
    opened(page, lease)
    foot = page.locator("[data-line-count]")
    expect(foot).to_have_text("0 lines")
    making.printed(lease, ["one"])
    expect(foot).to_have_text("1 line")
    making.printed(lease, ["two"])
    expect(foot).to_have_text("2 lines")
    page.locator("[data-follow]").click()
    making.printed(lease, [f"line {n}" for n in range(499)])
    expect(foot).to_have_text("501 lines")
    page.keyboard.press("f")
    expect(page.locator("[data-line]")).to_have_count(500)
