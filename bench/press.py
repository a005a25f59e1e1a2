"""`python -m bench.press`: the speed that issue 3 asks for, measured beside the raw docker command (README.md)."""

import argparse
import atexit
import os
import sys
import uuid
from collections.abc import Callable

from bench.code import measure as code
from bench.figures import Figure, median, p95, store, table
from bench.idle import shares_of_a_core
from bench.presses import Presser
from bench.raw import Raw, RawKilledError
from bench.rows import measure as many_rows
from bench.world import World
from tests.support.services import exit_on_sigterm

BASE = "buildhub-base:1"  # the sample's base image, made on the engine by the first start
TRIVIAL = f'FROM {BASE}\nRUN echo hello > /hello.txt\nCMD ["cat", "/hello.txt"]\n'
LINES = 50_000
TRIVIAL_SECONDS = 60.0  # limit of one build and push
LONG_SECONDS = 120.0
WORKERS = os.cpu_count() or 1  # BUILDHUB_WORKERS where it is not set
OURS = ("web", "worker", "sweeper")

Measure = Callable[[World, Presser, argparse.Namespace], list[Figure]]


def press_and_trivial(world: World, presser: Presser, options: argparse.Namespace) -> list[Figure]:
    """Press to RUNNING, and a cached build with push from press to DONE beside raw build and push, in turns."""
    running = Figure(name="press to RUNNING, idle", unit="s", target="p95 ≤ 0.100 s")
    total = Figure(name="cached build and push", unit="s", target="raw + 0.25 s")
    build, raw = presser.make_build("trivial", TRIVIAL), Raw(world, "trivial")
    # Fills the cache and the registry, for both; a worker's first run imports and connects, so it is told apart.
    first = [presser.press(build, limit_seconds=TRIVIAL_SECONDS).running_seconds for _worker in range(WORKERS)]
    running.remarks.append(f"not counted, the first press of each worker: {', '.join(f'{one:.3f} s' for one in first)}")
    raw.build_and_push(TRIVIAL, tag="warm", limit_seconds=TRIVIAL_SECONDS)
    for turn in range(options.rounds):
        total.raw.append(raw.build_and_push(TRIVIAL, tag=str(turn), limit_seconds=TRIVIAL_SECONDS))
        pressed = presser.press(build, limit_seconds=TRIVIAL_SECONDS)
        running.ours.append(pressed.running_seconds)
        total.ours.append(pressed.total_seconds)
    running.is_met = p95(running.ours) <= 0.100
    running.compared = f"p95 {p95(running.ours):.3f} s"
    more = median(total.ours) - median(total.raw)
    total.compared, total.is_met = f"raw {more:+.3f} s", more <= 0.25
    return [running, total]


def many_lines(world: World, presser: Presser, options: argparse.Namespace) -> list[Figure]:
    """50,000 lines, not cached, beside the raw command; each stored line is looked at."""
    figure = Figure(name=f"{LINES:,} lines, all stored", unit="s", target="≤ 1.3 × raw")
    raw, wanted, stored = Raw(world, "lines"), [str(number) for number in range(1, LINES + 1)], []
    for turn in range(options.long_rounds):
        dockerfile = f"FROM {BASE}\nRUN : {uuid.uuid4()}; seq 1 {LINES}\n"
        try:
            figure.raw.append(raw.build_and_push(dockerfile, tag=str(turn), limit_seconds=LONG_SECONDS))
        except RawKilledError as error:
            figure.remarks.append(f"turn {turn + 1} without baseline: {error}")
        build = presser.make_build(f"lines-{turn}", dockerfile.replace(": ", ": ours-", 1))
        pressed = presser.press(build, limit_seconds=LONG_SECONDS)
        figure.ours.append(pressed.total_seconds)
        stored.append([line for line in presser.lines_of(pressed.seq) if line.isdigit()] == wanted)
    figure.remarks.append(f"all lines stored, in order, in {sum(stored)} of {len(stored)} runs")
    ratio = median(figure.ours) / median(figure.raw)
    figure.compared = f"{ratio:.2f} × raw"
    figure.is_met = all(stored) and ratio <= 1.3 if figure.raw else None
    return [figure]


def idle(world: World, _presser: Presser, options: argparse.Namespace) -> list[Figure]:
    """Processor use while nothing happens."""
    shares = shares_of_a_core(world.groups, seconds=options.idle_seconds)
    ours = sum(shares.get(name, 0.0) for name in OURS)
    parts = ", ".join(f"{name} {share:.2f} %" for name, share in sorted(shares.items()))
    figure = Figure(name=f"idle, {options.idle_seconds:g} s", unit="%", ours=[ours], target="< 1 % of a core")
    figure.compared, figure.is_met = f"{ours:.2f} %", ours < 1
    figure.remarks.append(f"of a core: {parts}")
    return [figure]


# idle first: afterwards caches and connections of the other measurements are still warm
MEASURES: dict[str, Measure] = {
    "idle": idle,
    "press": press_and_trivial,
    "lines": many_lines,
    "rows": many_rows,
    "code": code,
}


def main() -> int:
    """Measure what was asked for, print the table, keep the samples; exit code 0 whatever the figures are."""
    options = _options()
    load_before = os.getloadavg()[0]
    exit_on_sigterm()
    world = World({"BUILDHUB_OUTBOUND_ALLOW": "127.0.0.0/8"})  # where the git server of `code` is
    atexit.register(world.stop)
    world.start()
    presser = Presser(world)
    figures = []
    for name in options.only:
        print(f"measuring: {name}", file=sys.stderr, flush=True)
        figures += MEASURES[name](world, presser, options)
    presser.close()
    print(table(figures))
    print(f"load before {load_before:.2f}; samples: {store(figures, load_before=load_before)}")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.press", description=__doc__)
    parser.add_argument("--rounds", type=int, default=30, help="presses and raw builds of the trivial image")
    parser.add_argument("--long-rounds", type=int, default=5, help="builds of 50,000 lines on each side")
    parser.add_argument("--idle-seconds", type=float, default=20.0, help="how long idle use is watched")
    parser.add_argument("--row-rounds", type=int, default=50, help="pages asked for on each side")
    parser.add_argument("--code-rounds", type=int, default=5, help="builds of a large repository on each side")
    parser.add_argument("--only", nargs="+", choices=list(MEASURES), default=list(MEASURES), help="which to measure")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
