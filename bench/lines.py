"""Long logs: 50,000 lines beside the raw command, and 1,000,000 lines read again; each stored line is looked at."""

import argparse
from collections.abc import Sequence
from itertools import pairwise

from bench.figures import Figure, timed
from bench.presses import Presser, uncached
from bench.raw import Raw, RawKilledError
from bench.world import World

LINES = 50_000
LIMIT_SECONDS = 120.0
MILLION = 1_000_000
MILLION_SECONDS = 600.0
WINDOW = 500  # lines that the page of a run asks for


def measure(world: World, presser: Presser, options: argparse.Namespace) -> list[Figure]:
    """50,000 lines, not cached, beside the raw command."""
    figure = Figure(name=f"{LINES:,} lines, all stored", unit="s", reach="≤ 1.05 × raw")
    raw, stored = Raw(world, "lines"), []
    build = presser.make_build("lines", uncached(f"seq 1 {LINES}"))
    for turn in range(options.long_rounds):
        dockerfile = uncached(f"seq 1 {LINES}")
        try:
            figure.raw.append(raw.build_and_push(dockerfile, tag=str(turn), limit_seconds=LIMIT_SECONDS))
        except RawKilledError as error:
            figure.remarks.append(f"turn {turn + 1} without baseline: {error}")
        pressed = presser.press(build, limit_seconds=LIMIT_SECONDS, anew=True)
        figure.ours.append(pressed.total_seconds)
        stored.append(_lost(presser.lines_of(pressed.seq), LINES) == 0)
    figure.remarks.append(f"all lines stored, in order, in {sum(stored)} of {len(stored)} runs")
    figure.judge_ratio(most=1.05)
    figure.is_met = figure.is_met and all(stored)
    return [figure]


def measure_million(world: World, presser: Presser, options: argparse.Namespace) -> list[Figure]:
    """1,000,000 lines stored by one build, and windows of them as the page of a run asks for them."""
    lost = Figure(name=f"{MILLION:,} lines, lost", unit="lines", reach="none")
    window = Figure(name=f"{WINDOW} of these lines by GET", unit="s", reach="p95 ≤ 0.005 s")
    build = presser.make_build("million", uncached(f"seq 1 {MILLION}"))
    pressed = presser.press(build, limit_seconds=MILLION_SECONDS, anew=True)
    log = presser.lines_of(pressed.seq)
    lost.ours.append(_lost(log, MILLION))
    lost.remarks.append(f"press to DONE in {pressed.total_seconds:.1f} s")
    lost.remarks += [line for line in log if line.startswith("Attempt ")]  # why there was another one
    step = (MILLION - WINDOW) // options.row_rounds
    for after in range(0, step * options.row_rounds, step):
        path = f"/build/run/{pressed.seq}/lines?after={after}&limit={WINDOW}"
        window.ours.append(timed(lambda path=path: world.call("GET", path)))  # type: ignore[misc]
    lost.judge(lost.ours[0], most=0, shown=f"{lost.ours[0]:.0f}")
    window.judge_p95(most=0.005)
    return [lost, window]


def _lost(stored: Sequence[str], lines: int) -> int:
    """Return how many of the numbers are not stored; a number in a wrong place or twice counts as one, too."""
    numbers = [int(line) for line in stored if line.isdigit()]
    in_order = sum(after > before for before, after in pairwise([0, *numbers]))
    return lines - len(set(numbers)) + len(numbers) - in_order
