"""Colours of the log in a real browser: the same as the server draws, readable in both themes."""

import pytest
from playwright.sync_api import Browser, Page, expect

from builds.domain.log.ink import Ink
from builds.pages.palette import LEAST_CONTRAST, classes_of
from tests.e2e.test_every_page import violations
from tests.pages import making
from tests.pages.test_ansi import VECTORS
from tests.support.stack import sign_in

pytestmark = pytest.mark.e2e
expect.set_options(timeout=20_000)  # the machine does other things too

DRAW = """async (asked) => {
    const { lineNodes } = await import("/static/js/ansi.js");
    const look = (node) => [node.textContent, node.className ?? "", node.title ?? ""];
    return asked.map(([text, ink]) => lineNodes(text, ink).map(look));
}"""
# An unfinished control string and a link are ended and the line begun anew, so x alone is left: in the ink behind.
THEN_X = "\x07\x1b]8;;\x07\rx"
# The least contrast of text and ground, with the class that has it; transparent grounds are looked through.
LEAST = """() => {
    const context = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    const over = (colours) => {
        context.clearRect(0, 0, 1, 1);
        for (const colour of colours) { context.fillStyle = colour; context.fillRect(0, 0, 1, 1); }
        return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
    };
    const luminance = (channels) => {
        const linear = (share) => (share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4);
        const [r, g, b] = channels.map((channel) => linear(channel / 255));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const found = [...document.querySelectorAll(".log__text span")].map((span) => {
        const grounds = [];
        for (let one = span; one; one = one.parentElement) grounds.unshift(getComputedStyle(one).backgroundColor);
        const [text, ground] = [luminance(over([getComputedStyle(span).color])), luminance(over(grounds))];
        return [(Math.max(text, ground) + 0.05) / (Math.min(text, ground) + 0.05), span.className];
    });
    return [found.length, ...found.sort((one, other) => one[0] - other[0])[0]];
}"""
MAKE_ERROR = "(line) => { delete line.dataset.marked; line.classList.add('log__line--error'); }"
PROBES = ["7", "1;2;3;4;9", "8", "7;31", "7;44", "31;41", "37;47", "30;40", "2;31", "4;9;38;2;1;2;3"]


@pytest.fixture(params=["light", "dark"])
def themed(request: pytest.FixtureRequest, browser: Browser, web, caller):
    """A page of the operator, in light or dark."""
    context = browser.new_context(base_url=web.url, color_scheme=request.param, reduced_motion="reduce")
    context.set_default_timeout(20_000)
    page = context.new_page()
    sign_in(page)
    yield page
    context.close()


@pytest.fixture
def coloured(build_of, caller) -> int:
    """A failed run that has printed every colour, in its failing instruction as well."""
    lease = making.begun(making.pressed(build_of("RUN colours"), caller))
    making.show(lease, [making.vertex(making.FAILING, "[1/1] RUN colours", "ERROR", error="exit code: 1")])
    colours = [f"\x1b[{which};5;{place}mcolour {place}\x1b[m" for which in (38, 48) for place in range(256)]
    rows = [" ".join(colours[at : at + 16]) for at in range(0, 512, 16)]
    probes = [f"\x1b[{probe}mprobe {probe}\x1b[m \u202e" for probe in PROBES]
    making.printed(lease, [*rows, *probes], vertex=making.FAILING)
    making.end(lease, making.End(making.EndReason.BUILD_FAILED, "It failed."))
    return lease.run_id


def test_the_browser_draws_lines_as_the_server_does(page: Page):
    page.goto("/")
    drawn = page.evaluate(DRAW, [[vector["text"][:4000], vector["before"]] for vector in VECTORS])
    wanted = {vector["name"]: vector["pieces"] for vector in VECTORS}
    assert dict(zip(wanted, drawn, strict=True)) == wanted


def test_the_browser_ends_lines_in_the_ink_of_the_server(page: Page):
    page.goto("/")
    names = [vector["name"] for vector in VECTORS]
    behind = page.evaluate(DRAW, [[vector["text"] + THEN_X, vector["before"]] for vector in VECTORS])
    wanted = page.evaluate(DRAW, [["x", vector["after"]] for vector in VECTORS])
    assert dict(zip(names, behind, strict=True)) == dict(zip(names, wanted, strict=True))


def test_the_browser_chooses_the_same_colours_for_pairs(page: Page):
    page.goto("/")
    for text in range(0, 256, 5):
        drawn = page.evaluate(DRAW, [["x", f"38;5;{text};48;5;{ground}"] for ground in range(256)])
        assert [nodes[0][1] for nodes in drawn] == [classes_of(Ink(text, ground)) for ground in range(256)]


def test_every_colour_can_be_read_in_both_themes(themed: Page, coloured):
    for width in (1280, 320):
        themed.set_viewport_size({"width": width, "height": 900})
        themed.goto(f"/runs/{coloured}")
        expect(themed.locator(".log .log__text span", has_text="colour 255")).to_have_count(2)
        assert violations(themed) == []
        for change in ("(line) => line", "(line) => (line.dataset.marked = '')", MAKE_ERROR):
            themed.locator(".log__line").evaluate_all(f"all => all.forEach({change})")
            count, least, where = themed.evaluate(LEAST)
            assert count > 2 * 256
            assert least >= LEAST_CONTRAST, (change, where)
