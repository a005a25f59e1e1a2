"""A real Chromium, what the main thread of its pages does in each frame, and the empty page that is the baseline."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise

from playwright.sync_api import BrowserContext, Page, sync_playwright

from bench.world import World

CHROMIUM = "/usr/bin/chromium"
OPTIONS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")
LIMIT_SECONDS = 60.0
NOTCH_PIXELS, NOTCH_SECONDS = 100, 0.016  # the wheel in a person's hand
TURN_SECONDS = 2.0  # of scrolling, then it is the other side's turn

EMPTY = """<!doctype html><title>Empty</title><style>body { margin: 0 } main { margin: 200px 24px; height: 620px;
overflow: auto } div { height: 20000px }</style><main data-log><div></div></main>"""
# Times of the main thread in its frames, not of the frames' begin: a frame that came late counts as late. A frame is
# blank where nothing stands in the middle of the log; that is looked at behind the frame, when all is laid out already.
RECORD = """() => {
  const kept = { stamps: [], tasks: [], blank: 0 };
  const { left, top, width, height } = document.querySelector("[data-log]").getBoundingClientRect();
  const keep = (entries) => kept.tasks.push(...entries.map((entry) => entry.duration));
  const observer = new PerformanceObserver((list) => keep(list.getEntries()));
  observer.observe({ type: "longtask" });
  const { port1: behind, port2: frame } = new MessageChannel();
  behind.onmessage = () => {
    if (!document.elementFromPoint(left + width / 2, top + height / 2)?.closest("[data-line]")) kept.blank += 1;
  };
  let isOn = true;
  const tick = () => {
    kept.stamps.push(performance.now());
    frame.postMessage("");
    if (isOn) requestAnimationFrame(tick);
  };
  requestAnimationFrame(tick);
  window.benchStop = () => {
    isOn = false;
    keep(observer.takeRecords());
    return kept;
  };
}"""
GO = """(part) => {
  const log = document.querySelector("[data-log]");
  log.scrollTop = log.scrollHeight * part;
}"""


@dataclass
class Frames:
    """What the main thread of a page did while it was recorded, in milliseconds."""

    times: list[float] = field(default_factory=list)
    tasks: list[float] = field(default_factory=list)  # those of more than 50 ms
    blank: int = 0  # frames

    def record(self, page: Page, act: Callable[[], object]) -> None:
        """Add the frames of the page while `act` runs."""
        page.evaluate(RECORD)
        act()
        kept = page.evaluate("() => benchStop()")
        self.times += [round(after - before, 2) for before, after in pairwise(kept["stamps"])]
        self.tasks += kept["tasks"]
        self.blank += kept["blank"]


@contextmanager
def browser(world: World) -> Iterator[BrowserContext]:
    """Start Chromium, signed in."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=list(OPTIONS))
        context = chromium.new_context(base_url=world.url, viewport={"width": 1280, "height": 900})
        context.set_default_timeout(LIMIT_SECONDS * 1000)
        cookies = world.signed_in().cookies
        context.add_cookies([{"name": one.name, "value": one.value or "", "url": world.url} for one in cookies])
        yield context
        chromium.close()


def empty_page(context: BrowserContext) -> Page:
    """Open a page of the same origin with nothing but a box to scroll."""
    page = context.new_page()
    page.route("**/empty", lambda route: route.fulfill(body=EMPTY, content_type="text/html"))
    page.goto("/empty")
    return page


def scroll_empty(page: Page, frames: Frames) -> None:
    """Scroll the empty page by the wheel, for one turn."""
    page.bring_to_front()
    page.evaluate(GO, 0)
    scroll_by_wheel(page, frames)


def scroll_by_wheel(page: Page, frames: Frames) -> None:
    """Scroll the log by the wheel, for one turn."""
    page.locator("[data-log]").hover()
    notches = round(TURN_SECONDS / NOTCH_SECONDS)
    frames.record(page, lambda: paced(notches, NOTCH_SECONDS, lambda _: page.mouse.wheel(0, NOTCH_PIXELS)))


def paced(times: int, pause: float, act: Callable[[int], object]) -> None:
    """Call `act` so many times, each `pause` after the one before began; late ones do not wait."""
    began = time.perf_counter()
    for step in range(times):
        act(step)
        time.sleep(max(began + (step + 1) * pause - time.perf_counter(), 0))
