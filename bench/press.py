"""`python -m bench.press`: how fast BuildHub is and what it holds, beside the raw docker command (README.md)."""

import argparse
import atexit
import os
import sys
from collections.abc import Callable
from contextlib import nullcontext

from bench import cancel, code, frames, idle, lines, memory, post, rows, start, task, trivial, waiting, watch
from bench.figures import Figure, named, store, table
from bench.presses import Presser
from bench.profile import profiled
from bench.world import SLOTS, World
from tests.support.services import exit_on_sigterm

Measure = Callable[[World, Presser, argparse.Namespace], list[Figure]]

# memory and idle first: afterwards caches and connections of the other measurements are still warm
MEASURES: dict[str, Measure] = {
    "memory": memory.measure,
    "idle": idle.measure,
    "start": start.measure,
    "press": trivial.measure_cached,
    "uncached": trivial.measure_uncached,
    "post": post.measure,
    "cancel": cancel.measure,
    "task": task.measure,
    "first": watch.measure_first_line,
    "delay": watch.measure_delay,
    "lines": lines.measure,
    "million": lines.measure_million,
    "waiting": waiting.measure,
    "rows": rows.measure,
    "code": code.measure,
    "frames": frames.measure,
}
PROFILED = ("press", "post", "lines")


def main() -> int:
    """Measure what was asked for, print the table, keep the samples; exit code 0 whatever the figures are."""
    options = _options()
    load_before = os.getloadavg()[0]
    exit_on_sigterm()
    # Loopback: where the git server of `code` is.
    world = World({"BUILDHUB_OUTBOUND_ALLOW": "127.0.0.0/8", "BUILDHUB_WORKERS": str(SLOTS)})
    atexit.register(world.stop)
    world.start()
    presser = Presser(world)
    figures, kept = [], named("press")
    for name in options.only:
        print(f"measuring: {name}", file=sys.stderr, flush=True)
        is_profiled = options.profile and name in PROFILED
        with profiled(world, kept.with_name(f"{kept.name}-{name}")) if is_profiled else nullcontext():
            figures += MEASURES[name](world, presser, options)
    presser.close()
    print(table(figures))
    print(f"load before {load_before:.2f}; samples: {store(figures, kept, load_before=load_before)}")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.press", description=__doc__)
    parser.add_argument("--rounds", type=int, default=30, help="presses and raw builds of the trivial image")
    parser.add_argument("--long-rounds", type=int, default=5, help="builds of 50,000 lines on each side")
    parser.add_argument("--idle-seconds", type=float, default=20.0, help="how long idle use is watched")
    parser.add_argument("--start-rounds", type=int, default=5, help="starts of each kind")
    parser.add_argument("--claim-rounds", type=int, default=5, help="times that ten runs wait; ten claims each")
    parser.add_argument("--row-rounds", type=int, default=50, help="pages asked for on each side")
    parser.add_argument("--code-rounds", type=int, default=5, help="builds of a large repository on each side")
    parser.add_argument("--frame-rounds", type=int, default=4, help="turns of each way that the page of a run is used")
    parser.add_argument("--only", nargs="+", choices=list(MEASURES), default=list(MEASURES), help="which to measure")
    parser.add_argument("--profile", action="store_true", help="keep what press, post and lines spend their time on")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
