"""Search, ranges, folding and places in a long log, in a real browser: what is looked for is mostly not in the page."""

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from builds.domain.states import EndReason
from builds.models import BuildRun, Caller
from builds.services.runs.transitions import End
from tests.pages import making
from tests.support.axe import violations
from tests.support.people import make_build

pytestmark = pytest.mark.e2e
expect.set_options(timeout=20_000)  # the machine does other things too

IN_PAGE = 800  # lines in the page at most
LINES = 12_000

MARKED = """(wanted) => JSON.stringify(wanted) === JSON.stringify(
    [...document.querySelectorAll("[data-marked]")].map((line) => Number(line.dataset.line)))"""

# The upper edge of the line is what one sees there: no name of an instruction covers it.
UNCOVERED = """(n) => {
    const line = document.querySelector(`[data-line="${n}"]`);
    const place = line.getBoundingClientRect();
    return line.contains(document.elementFromPoint(place.left + place.width / 2, place.top + 1));
}"""


@pytest.fixture(scope="module")
def caller(reading_world: Caller) -> Caller:
    """The operator whose runs all these tests read."""
    return reading_world


@pytest.fixture(scope="module")
def run(caller) -> BuildRun:
    """A run that printed 12,000 lines in two instructions, one of them long, and failed in a third."""
    lease = making.begun(making.pressed(make_build(caller, making.DOCKERFILE), caller))
    vertices = [making.vertex("sha256:a", "[1/3] RUN first"), making.vertex("sha256:b", "[2/3] RUN second")]
    failed = making.vertex("sha256:c", "[3/3] RUN third", "ERROR", error="exit code: 1")
    making.show(lease, [*vertices, failed])
    making.printed(lease, [f"first {n}" for n in range(1, 101)], vertex="sha256:a")
    making.printed(
        lease, [f"second {n}" + " needle" * (n % 4000 == 7) for n in range(1, LINES - 199)], vertex="sha256:b"
    )
    making.printed(lease, [f"third {n}" for n in range(1, 101)], vertex="sha256:c")
    return making.end(lease, End(EndReason.DONE, "", image_digest=making.DIGEST, image_size=1))


@pytest.fixture
def opened(page: Page, run: BuildRun) -> Page:
    page.goto(f"/runs/{run.pk}")
    expect(page.locator("[data-log-menu]")).to_be_visible()
    page.locator("[data-foot]").scroll_into_view_if_needed()  # all of the log is in sight
    return page


def line(page: Page, n: int) -> Locator:
    return page.locator(f'[data-lines] [data-line="{n}"]')


def expect_marked(page: Page, first: int, last: int) -> None:
    """Wait until these lines and no others are marked, and see them."""
    page.wait_for_function(MARKED, arg=list(range(first, last + 1)))
    for n in (first, last):
        expect(line(page, n)).to_be_in_viewport()


def expect_bounded(page: Page) -> None:
    assert page.locator("[data-line]").count() <= IN_PAGE


def search(page: Page, text: str) -> None:
    page.keyboard.press("/")
    page.keyboard.type(text)


NEEDLES = (107, 4107, 8107)


def test_hits_that_are_not_in_the_page_are_counted_and_gone_through(opened):
    search(opened, "NEEDLE")
    expect(opened.locator("[data-log-hits]")).to_have_text("3")
    expect_marked(opened, NEEDLES[0], NEEDLES[0])
    expect(opened.locator("[data-log-position]")).to_have_text("1 of ")
    expect(line(opened, NEEDLES[0]).locator("mark")).to_have_text("needle")
    for key, n in (("Enter", 4107), ("Enter", 8107), ("Enter", 107), ("Shift+Enter", 8107), ("Shift+Enter", 4107)):
        opened.keyboard.press(key)
        expect_marked(opened, n, n)
        expect_bounded(opened)
    opened.locator("[data-log-previous]").click()
    expect_marked(opened, 107, 107)
    opened.locator("[data-log]").focus()
    opened.keyboard.press("n")
    expect_marked(opened, 4107, 4107)
    opened.keyboard.press("N")
    expect_marked(opened, 107, 107)


def test_keys_that_are_pressed_quickly_each_go_one_hit_further(opened):
    search(opened, "second 1")
    expect(opened.locator("[data-log-position]")).to_have_text("1 of ")
    for _ in range(7):
        opened.keyboard.press("Enter")
    expect(opened.locator("[data-log-position]")).to_have_text("8 of ")
    expect_bounded(opened)


def test_a_search_without_a_hit_says_so_and_escape_ends_it(opened):
    search(opened, "nothing like it")
    expect(opened.locator("[data-log-hits]")).to_have_text("0")
    opened.locator("[data-log-filter]").click()
    expect(opened.locator("[data-lines] [data-line]")).to_have_count(0)
    opened.locator("[data-log-search]").focus()
    opened.keyboard.press("Escape")
    expect(opened.locator("[data-log-found]")).to_be_hidden()
    expect(opened.locator("[data-log]")).to_be_focused()
    expect(line(opened, LINES)).to_be_attached()
    assert opened.locator("mark").count() == 0


def test_only_the_places_of_hits_are_shown_with_lines_around_them(opened):
    search(opened, "needle")
    expect_marked(opened, 107, 107)
    opened.locator("[data-log-filter]").click()
    around = [n for hit in NEEDLES for n in range(hit - 2, hit + 3)]
    opened.wait_for_function(
        "(wanted) => JSON.stringify([...document.querySelectorAll('[data-lines] [data-line]')]"
        ".map((one) => Number(one.dataset.line))) === JSON.stringify(wanted)",
        arg=around,
    )
    expect(opened.locator(".log__gap")).to_have_text(["… 3995 lines", "… 3995 lines"])
    opened.locator("[data-log-next]").click()
    expect_marked(opened, 4107, 4107)
    opened.locator("[data-log-filter]").click()
    expect(line(opened, 4000 + 107 + 40)).to_be_attached()
    expect_marked(opened, 4107, 4107)


def test_a_link_to_a_line_that_the_filter_leaves_out_shows_the_whole_log_again(opened):
    search(opened, "needle")
    expect_marked(opened, 107, 107)
    opened.locator("[data-log-filter]").click()
    expect(line(opened, 4107)).to_be_attached()
    opened.evaluate("location.hash = '#L6000'")
    expect_marked(opened, 6000, 6000)
    expect(opened.locator("[data-log-filter]")).to_have_attribute("aria-pressed", "false")


def test_a_range_is_marked_by_its_link_and_by_shift_and_a_click(opened):
    opened.evaluate("location.hash = '#L5000-L5004'")
    expect_marked(opened, 5000, 5004)
    line(opened, 5002).locator(".log__n").click()
    expect_marked(opened, 5002, 5002)
    line(opened, 5006).locator(".log__n").click(modifiers=["Shift"])
    expect_marked(opened, 5002, 5006)
    assert opened.evaluate("location.hash") == "#L5002-L5006"


def test_a_link_to_lines_survives_the_sign_in(page, context: Any, run):
    context.clear_cookies()
    page.goto(f"/runs/{run.pk}#L5000-L5002")
    page.fill("[name=username]", "operator")
    page.fill("[name=password]", "operator-password")
    page.locator("[name=password]").press("Enter")
    expect_marked(page, 5000, 5002)


def test_pressing_a_number_moves_nothing(opened):
    opened.evaluate("location.hash = '#L5000'")
    expect_marked(opened, 5000, 5000)
    place = 'n => document.querySelector(`[data-line="${n}"]`).getBoundingClientRect().top'
    before = opened.evaluate(place, 5005)
    line(opened, 5005).locator(".log__n").click()
    expect_marked(opened, 5005, 5005)
    assert opened.evaluate(place, 5005) == before
    opened.go_back()
    expect_marked(opened, 5000, 5000)


def test_lines_are_marked_by_typing_their_numbers_and_a_missing_one_is_told(opened):
    opened.keyboard.press("l")
    opened.keyboard.type("6000-6004")
    opened.keyboard.press("Enter")
    expect_marked(opened, 6000, 6004)
    opened.evaluate("location.hash = '#L999999'")
    expect(opened.locator("[data-log-says]")).to_have_text(f"There is no line 999999: this log has {LINES} lines.")
    expect(opened.locator("[data-marked]")).to_have_count(0)
    expect(opened.locator("[data-log-copy]")).to_have_attribute("hidden", "")
    opened.evaluate("location.hash = '#L11999-L12001'")
    expect_marked(opened, 11_999, LINES)
    expect(opened.locator("[data-log-says]")).to_have_text(f"There is no line 12001: this log has {LINES} lines.")


def test_a_key_that_follows_another_one_at_once_wins(opened):
    search(opened, "needle")
    expect_marked(opened, 107, 107)
    opened.locator("[data-log]").focus()
    opened.keyboard.press("h")
    opened.keyboard.press("G")
    expect(line(opened, NEEDLES[2] + 2)).to_be_in_viewport()
    opened.keyboard.press("h")
    opened.keyboard.press("G")
    expect(line(opened, LINES)).to_be_in_viewport()


def test_a_key_for_the_end_counts_while_an_earlier_one_is_not_answered_yet(opened):
    search(opened, "needle")
    expect_marked(opened, 107, 107)
    opened.locator("[data-log-filter]").click()
    expect(line(opened, NEEDLES[2] + 2)).to_be_in_viewport()
    opened.locator("[data-log]").focus()
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    opened.route("**/lines?*", hold, times=1)
    for key in "GhG":
        opened.keyboard.press(key)
    held[0].continue_()
    expect(line(opened, LINES)).to_be_in_viewport()


def test_the_filter_stays_while_the_text_changes(opened):
    search(opened, "needle")
    expect_marked(opened, 107, 107)
    opened.locator("[data-log-filter]").click()
    expect(line(opened, 4107)).to_be_attached()
    opened.locator("[data-log-search]").fill("second 100")
    expect(opened.locator("[data-lines] mark").first).to_have_text("second 100")
    expect_marked(opened, 200, 200)
    expect(opened.locator("[data-log-filter]")).to_have_attribute("aria-pressed", "true")
    expect(line(opened, 4107)).to_have_count(0)


def test_the_plain_view_opens_at_the_marked_line(opened):
    opened.evaluate("location.hash = '#L7000-L7002'")
    expect_marked(opened, 7000, 7002)
    opened.locator("[data-log-plain]").click()
    expect(opened.locator("main")).to_contain_text(f"Lines 7000 to 7499 of {LINES}")


def test_marked_lines_are_below_the_name_of_their_instruction_and_are_copied_without_numbers(opened, context: Any):
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    opened.evaluate("location.hash = '#L7000-L7002'")
    expect_marked(opened, 7000, 7002)
    opened.wait_for_function(UNCOVERED, arg=7000)
    opened.locator("[data-log-menu] summary").click()
    opened.locator("[data-log-copy]").click()
    expect(opened.locator("[data-log-says]")).to_have_text("Copied 3 lines.")
    assert opened.evaluate("navigator.clipboard.readText()") == "second 6900\nsecond 6901\nsecond 6902\n"


def test_any_line_the_start_and_the_end_are_reached_by_keys_alone(opened):
    opened.keyboard.press("g")
    expect(line(opened, 1)).to_be_in_viewport()
    opened.keyboard.press("l")
    opened.keyboard.type("6543")
    opened.keyboard.press("Enter")
    expect_marked(opened, 6543, 6543)
    opened.keyboard.press("G")
    expect(line(opened, LINES)).to_be_in_viewport()
    opened.keyboard.press("?")
    expect(opened.locator("[data-keys]")).to_be_visible()
    opened.keyboard.press("Escape")
    expect(opened.locator("[data-keys]")).to_be_hidden()
    expect_bounded(opened)


def test_the_scroll_bar_is_that_of_the_whole_log(opened):
    log = opened.locator("[data-log]")
    height, seen = log.evaluate("log => [log.scrollHeight, log.clientHeight]")
    assert height == pytest.approx(LINES * 20, rel=0.02)
    opened.evaluate(f"document.querySelector('[data-log]').scrollTop = {height // 2}")
    expect(line(opened, LINES // 2 + int(seen) // 40)).to_be_in_viewport()
    expect_bounded(opened)
    opened.evaluate("document.querySelector('[data-log]').scrollTop = 1e9")
    expect(line(opened, LINES)).to_be_in_viewport()
    opened.evaluate("document.querySelector('[data-log]').scrollTop = 0")
    expect(line(opened, 1)).to_be_in_viewport()


def test_long_finished_instructions_fold_and_the_choice_is_remembered(opened):
    opened.keyboard.press("g")
    expect(line(opened, 1)).to_be_in_viewport()
    opened.locator("[data-log-menu] summary").click()
    opened.locator("[data-fold-all]").check()
    expect(line(opened, 101)).to_have_text(re.compile(r"RUN second\s*11800 lines folded"))
    expect(line(opened, 102)).to_have_count(0)
    expect(line(opened, LINES - 99)).to_be_attached()
    opened.reload()
    opened.keyboard.press("g")
    expect(line(opened, 101)).to_have_text(re.compile("11800 lines folded"))
    line(opened, 101).locator("[data-fold]").click()
    expect(line(opened, 102)).to_be_attached()
    expect(line(opened, 101).locator(".log__text")).to_have_text("second 1")
    opened.locator('[data-fold="101"]').click()
    expect(line(opened, 102)).to_have_count(0)
    opened.evaluate("location.hash = '#L9000'")
    expect_marked(opened, 9000, 9000)


def test_times_are_told_in_three_ways_and_the_choice_is_remembered(opened):
    time = line(opened, LINES).locator(".log__t")
    expect(time).to_have_text(re.compile(r"^0:\d\d\.\d$"))
    opened.locator("[data-log-menu] summary").click()
    opened.locator('[name="log-time"][value="clock"]').check()
    expect(time).to_have_text(re.compile(r"^\d\d:\d\d:\d\d\.\d$"))
    opened.reload()
    expect(time).to_have_text(re.compile(r"^\d\d:\d\d:\d\d\.\d$"))


def test_a_phone_shows_times_once_they_are_asked_for_and_remembers_that(opened):
    opened.set_viewport_size({"width": 390, "height": 844})
    opened.reload()
    time = line(opened, LINES).locator(".log__t")
    expect(time).to_be_hidden()
    opened.locator("[data-log-menu] summary").click()
    expect(opened.locator('[name="log-time"]:checked')).to_have_count(0)
    opened.locator('[name="log-time"][value="start"]').check()
    expect(time).to_be_visible()
    opened.reload()
    expect(time).to_be_visible()
    expect(opened.locator('[name="log-time"][value="start"]')).to_be_checked()


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_axe_objects_to_nothing_while_it_is_searched_folded_and_marked(opened, scheme, width):
    opened.emulate_media(color_scheme=scheme)
    opened.set_viewport_size({"width": width, "height": 900})
    search(opened, "needle")
    expect_marked(opened, 107, 107)
    opened.locator("[data-log-menu] summary").click()
    assert violations(opened) == []
    opened.locator("[data-fold-all]").check()
    opened.locator("[data-log]").focus()
    opened.keyboard.press("g")
    expect(line(opened, 101)).to_have_text(re.compile("11800 lines folded"))
    assert violations(opened) == []
    opened.keyboard.press("h")
    expect(opened.locator(".log__gap")).to_have_count(2)
    opened.keyboard.press("?")
    assert violations(opened) == []


def test_what_is_selected_is_copied_without_numbers_and_times(opened, context: Any):
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    opened.evaluate("location.hash = '#L7000'")
    expect_marked(opened, 7000, 7000)
    opened.evaluate("""() => {
        const text = (n) => document.querySelector(`[data-line="${n}"] .log__text`);
        getSelection().setBaseAndExtent(text(7000), 0, text(7002), 1);
    }""")
    opened.keyboard.press("Control+c")
    copied = opened.evaluate("navigator.clipboard.readText()").split()
    assert " ".join(copied) == "second 6900 second 6901 second 6902"


@pytest.mark.parametrize("width", [390, 320])
def test_a_phone_has_all_of_it_without_scrolling_sideways(opened, width):
    opened.set_viewport_size({"width": width, "height": 844})
    search(opened, "needle")
    expect_marked(opened, 107, 107)
    opened.locator("[data-log-menu] summary").click()
    for control in ("[data-fold-all]", "[data-wrap]", "[data-log-line]", '[name="log-time"][value="step"]'):
        opened.locator(control).scroll_into_view_if_needed()
        expect(opened.locator(control)).to_be_in_viewport()
    assert opened.evaluate("document.documentElement.scrollWidth") <= width


def test_without_scripts_the_search_leads_to_the_plain_view(browser: Any, web: Any, run: BuildRun, page: Page):
    state = page.context.storage_state()
    plain = browser.new_context(java_script_enabled=False, base_url=web.url, storage_state=state)
    reader = plain.new_page()
    try:
        reader.goto(f"/runs/{run.pk}")
        reader.locator("[data-log-search]").fill("needle")
        reader.locator("[data-log-search]").press("Enter")
        expect(reader.locator("main")).to_contain_text("3 lines hold")
        assert [int(one.get_attribute("data-line") or 0) for one in reader.locator("[data-line]").all()] == [
            n for hit in NEEDLES for n in range(hit - 2, hit + 3)
        ]
    finally:
        plain.close()
