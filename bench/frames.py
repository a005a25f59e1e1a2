"""The page of a run in a real browser: a million lines scrolled, lines that arrive, lines at full speed.

The baseline of frame times is an empty page in the same browser that is scrolled by the wheel; in the tables it stands
as `raw`. Most of the million lines are copies of real ones, made by one statement in the throw-away database.
"""

import argparse
import math
import time

import psycopg
from playwright.sync_api import BrowserContext, Page
from psycopg import sql

from bench.chromium import (
    GO,
    LIMIT_SECONDS,
    TURN_SECONDS,
    Frames,
    browser,
    empty_page,
    paced,
    scroll_by_wheel,
    scroll_empty,
)
from bench.figures import Figure, p95, timed
from bench.lines import MILLION
from bench.presses import Presser, uncached
from bench.rows import columns_of
from bench.world import World

STEPS = 5  # jumps or hits in a turn
MOST_TIMES = 1.5  # of the empty page's frames
LONGEST_TASK = 200.0  # milliseconds
ARRIVAL_TURNS = 4  # together less than the lines take
FLOOD = 60_000
FLOOD_SECONDS = 2.0
MOST_LINES = 520  # that stand in the page of one who follows
SEARCHED = "unused"
SEARCH_SECONDS = 180.0
PATIENCE = 10.0  # seconds that a page waits for an answer (static/js/server.js)
COMPILER = (
    "busybox awk 'BEGIN { for (i = 1; i <= 2000; i++) { printf \"\\033[32m[%4d/2000]\\033[0m Building C object "
    'source/module_%d.o\\n", i, i; if (i % 100 == 0) print "source/module.c:7:9: warning: unused variable" } }\''
)
ARRIVING = "i=0; while [ $i -lt 500 ]; do seq 1 24; usleep 20000; i=$((i + 1)); done"
AT_FULL_SPEED = f"sleep 3; seq 1 {FLOOD}; sleep 2"

# Of one instruction alone: what is copied behind it belongs to the same one.
LONGEST_CHUNK = """SELECT chunk.id, sequence, first_line, chunk.line_count, run.line_count
    FROM builds_logchunk AS chunk JOIN builds_buildrun AS run ON run.id = run_id
    WHERE run_id = %s AND jsonb_array_length(layout->'runs') = 3 ORDER BY chunk.line_count DESC LIMIT 1"""
MAKE_ROOM = (
    """UPDATE builds_logchunk SET sequence = sequence + %(copies)s, first_line = first_line + %(lines)s
        WHERE run_id = %(run)s AND sequence > %(sequence)s""",
    """UPDATE builds_runstep SET first_line = first_line + %(lines)s
        WHERE run_id = %(run)s AND first_line > %(first)s""",
    """UPDATE builds_buildrun SET line_count = line_count + %(lines)s, chunk_count = chunk_count + %(copies)s
        WHERE id = %(run)s""",
)
COPIED_ANEW = ("id", "sequence", "first_line")
COPY_CHUNK = """INSERT INTO builds_logchunk (sequence, first_line, {names})
    SELECT sequence + n, first_line + n * line_count, {names}
    FROM builds_logchunk, generate_series(1, %(copies)s) AS n WHERE builds_logchunk.id = %(chunk)s"""

# The foot with the digest is the server's word that no line is to come.
WATCH_END = """() => {
  window.benchEnd = { most: 0 };
  const tick = () => {
    const lines = document.querySelectorAll("[data-lines] [data-line]");
    const foot = document.querySelector("[data-foot]");
    const state = document.querySelector("main [data-run-state]").dataset.runState;
    benchEnd.most = Math.max(benchEnd.most, lines.length);
    if (state === "DONE") benchEnd.done ??= performance.now();
    const isSealed = foot.querySelector("[data-sha256]") && foot.textContent.includes("Complete");
    const isLast = () => [...lines].at(-1)?.dataset.line === foot.querySelector("[data-line-count]").dataset.lineCount;
    if (benchEnd.done && isSealed && isLast()) benchEnd.complete = performance.now();
    else requestAnimationFrame(tick);
  };
  tick();
}"""
LAST_LINE = "() => Number([...document.querySelectorAll('[data-lines] [data-line]')].at(-1).dataset.line)"
SEEN_LINE = """() => {
  const seen = document.querySelector("[data-log]").getBoundingClientRect();
  return Number([...document.querySelectorAll("[data-lines] [data-line]")].find((line) => {
    const { top, bottom } = line.getBoundingClientRect();
    return bottom > seen.top && top < seen.bottom;
  })?.dataset.line);
}"""


def measure(world: World, presser: Presser, options: argparse.Namespace) -> list[Figure]:
    """Return figures of a million lines scrolled, of lines that arrive, and of lines at full speed."""
    run = _million(world, presser)
    first_search = _first_search(world, run)  # later ones are answered at once
    with browser(world) as context:
        empty = empty_page(context)
        return [
            first_search,
            *_scrolled(context, empty, run, options.frame_rounds),
            *_arriving(context, empty, presser, options.frame_rounds),
            *_at_full_speed(context, presser, options.frame_rounds),
        ]


def _million(world: World, presser: Presser) -> int:
    """Make a run with a million lines; return its number."""
    build = presser.make_build("frames-million", uncached(COMPILER))
    seq = presser.press(build, limit_seconds=LIMIT_SECONDS, anew=True).seq
    with psycopg.connect(world.addresses["database_url"], autocommit=True) as database:
        database.execute("SET session_replication_role = replica")  # stored lines do not change otherwise
        found = database.execute(LONGEST_CHUNK, [seq]).fetchone()
        if found is None:
            raise RuntimeError(f"run {seq} has no lines")
        chunk, sequence, first_line, lines, stored = found
        copies = math.ceil((MILLION - stored) / lines)
        moved = {"run": seq, "sequence": sequence, "first": first_line, "copies": copies, "lines": copies * lines}
        for statement in MAKE_ROOM:
            database.execute(statement, moved)
        columns = [name for name in columns_of(database, "builds_logchunk") if name not in COPIED_ANEW]
        names = sql.SQL(", ").join(map(sql.Identifier, columns))
        database.execute(sql.SQL(COPY_CHUNK).format(names=names), {"chunk": chunk, "copies": copies})
        database.execute("VACUUM ANALYZE builds_logchunk")
    return seq


def _first_search(world: World, run: int) -> Figure:
    """Search the million lines for the first time: all of them are read."""
    figure = Figure(name=f"{MILLION:,} coloured lines, first search", unit="s", reach=f"≤ {PATIENCE:g} s")
    hits = f"{world.url}/v1/build/run/{run}/hits?search={SEARCHED}"
    figure.ours.append(timed(lambda: world.http.get(hits, timeout=SEARCH_SECONDS).raise_for_status()))
    figure.judge(figure.ours[0], most=PATIENCE, shown=f"{figure.ours[0]:.1f} s")
    return figure


def _scrolled(context: BrowserContext, empty: Page, run: int, rounds: int) -> list[Figure]:
    """Scroll a million lines by the wheel, by jumps and from hit to hit, and the empty page in between."""
    page = context.new_page()
    page.goto(f"/runs/{run}")
    ways = {"by the wheel": _by_wheel, "by jumps of the scroll bar": _by_jumps, "from hit to hit": _by_hits}
    ours, raw = {way: Frames() for way in ways}, Frames()
    places: dict[str, list[str]] = {way: [] for way in ways}
    for turn in range(rounds):
        for way, scroll in ways.items():
            scroll_empty(empty, raw)
            page.bring_to_front()
            page.evaluate(GO, (turn + 1) / (rounds + 2))
            begin = page.wait_for_function(SEEN_LINE).json_value()
            scroll(page, ours[way], turn)
            places[way].append(f"{begin:,} to {page.wait_for_function(SEEN_LINE).json_value():,}")
    page.close()
    figures = []
    for way, frames in ours.items():
        figure = _compared(f"{MILLION:,} lines, {way}", frames, raw)
        figure.remarks.append(f"{frames.blank} of {len(frames.times)} frames blank; lines {', '.join(places[way])}")
        figures.append(figure)
    tasks = [task for frames in ours.values() for task in frames.tasks]
    return [*figures, _longest(f"{MILLION:,} lines, longest task", tasks)]


def _by_wheel(page: Page, frames: Frames, _turn: int) -> None:
    scroll_by_wheel(page, frames)


def _by_jumps(page: Page, frames: Frames, turn: int) -> None:
    places = [(turn * STEPS + step) * 0.618 % 1 for step in range(STEPS)]  # all over the log, each far from the last
    frames.record(page, lambda: paced(STEPS, TURN_SECONDS / STEPS, lambda step: page.evaluate(GO, places[step])))


def _by_hits(page: Page, frames: Frames, _turn: int) -> None:
    search = page.locator("[data-log-search]")
    search.fill(SEARCHED)
    page.locator("[data-lines] [data-marked]").first.wait_for()  # Enter asks for the next hit only once there is one
    search.focus()
    frames.record(page, lambda: paced(STEPS, TURN_SECONDS / STEPS, lambda _: page.keyboard.press("Enter")))
    search.fill("")  # marks in lines are no matter of the other ways


def _arriving(context: BrowserContext, empty: Page, presser: Presser, rounds: int) -> list[Figure]:
    """1,000 lines a second at a page that follows, and the same build while the empty page is scrolled."""
    build = presser.make_build("frames-arriving", uncached(ARRIVING))
    ours, raw, arrived = Frames(), Frames(), []
    seconds = ARRIVAL_TURNS * TURN_SECONDS
    for _ in range(rounds):
        seq = presser.accept(build, anew=True)
        page = _following(context, seq)
        page.wait_for_function(SEEN_LINE)
        before = page.evaluate(LAST_LINE)
        ours.record(page, lambda: time.sleep(seconds))
        arrived.append(round((page.evaluate(LAST_LINE) - before) / seconds))
        presser.wait_for(seq, "DONE")
        page.close()
        seq = presser.accept(build, anew=True)
        presser.wait_for(seq, "RUNNING")
        for _turn in range(ARRIVAL_TURNS):
            scroll_empty(empty, raw)
        presser.wait_for(seq, "DONE")
    figure = _compared("1,000 lines a second arriving", ours, raw)
    figure.remarks.append(f"{ours.blank} of {len(ours.times)} frames blank; lines a second in the page: {arrived}")
    return [figure, _longest("1,000 lines a second, longest task", ours.tasks)]


def _at_full_speed(context: BrowserContext, presser: Presser, rounds: int) -> list[Figure]:
    """Lines as fast as they come: when the last one stands in the page, and how many do meanwhile."""
    behind = Figure(name=f"{FLOOD:,} lines, DONE to the last in the page", unit="s", reach=f"≤ {FLOOD_SECONDS:g} s")
    most = Figure(name=f"{FLOOD:,} lines, in the page at once", unit="lines", reach=f"≤ {MOST_LINES}")
    build, frames = presser.make_build("frames-flood", uncached(AT_FULL_SPEED)), Frames()
    for _ in range(rounds):
        seq = presser.accept(build, anew=True)
        page = _following(context, seq)
        page.evaluate(WATCH_END)
        frames.record(page, lambda page=page: page.wait_for_function("() => benchEnd.complete"))  # type: ignore[misc]
        end = page.evaluate("() => benchEnd")
        behind.ours.append((end["complete"] - end["done"]) / 1000)
        most.ours.append(end["most"])
        behind.remarks.append(f"run {seq}: the last one is {page.evaluate(LAST_LINE):,}")
        page.close()
    behind.judge(max(behind.ours), most=FLOOD_SECONDS, shown=f"at most {max(behind.ours):.3f} s")
    most.judge(max(most.ours), most=MOST_LINES, shown=f"at most {max(most.ours):.0f}")
    return [behind, most, _longest(f"{FLOOD:,} lines, longest task", frames.tasks)]


def _following(context: BrowserContext, run: int) -> Page:
    """Open the page of an active run; it follows the end of the log."""
    page = context.new_page()
    page.goto(f"/runs/{run}")
    page.locator("[data-follow][aria-pressed=true]").wait_for()
    return page


def _compared(name: str, ours: Frames, raw: Frames) -> Figure:
    """Return frame times beside those of the empty page."""
    figure = Figure(name=name, unit="ms", ours=ours.times, raw=raw.times, reach=f"p95 ≤ {MOST_TIMES:g} × empty page")
    figure.judge_ratio(most=MOST_TIMES, of=p95)
    return figure


def _longest(name: str, tasks: list[float]) -> Figure:
    """Return the tasks of more than 50 ms; Chromium tells of no shorter ones."""
    figure = Figure(name=name, unit="ms", ours=tasks, reach=f"≤ {LONGEST_TASK:g} ms")
    longest = max(tasks, default=0)
    figure.judge(longest, most=LONGEST_TASK, shown=f"at most {longest:.0f} ms" if tasks else "none over 50 ms")
    return figure
