"""`python -m bench.peers`: BuildHub beside Buildbot and the raw commands, on one engine (README.md)."""

import argparse
import atexit
import os
import subprocess
import sys
from collections.abc import Callable

from bench.buildbot import VERSION, Buildbot
from bench.figures import Figure, named, store, table
from bench.idle import wait_for_calm
from bench.lines import LIMIT_SECONDS, LINES
from bench.memory import own_processes, pss_mib
from bench.presses import Presser, uncached
from bench.raw import Raw
from bench.trivial import TRIVIAL
from bench.world import SLOTS, World
from tests.support.services import exit_on_sigterm

BUILDBOT = f"Buildbot {VERSION}"


def main() -> int:
    """Measure, print one table, keep the samples; where Buildbot cannot be installed, say so."""
    options = _options()
    load_before = os.getloadavg()[0]
    exit_on_sigterm()
    world = World({"BUILDHUB_WORKERS": str(SLOTS)})
    atexit.register(world.stop)
    world.start()
    peer = Buildbot(world, "trivial", "lines")
    try:
        peer.install()
    except subprocess.CalledProcessError as error:
        raise SystemExit(f"Buildbot cannot be installed: {error.stderr.decode()[-300:]}") from None
    atexit.register(peer.stop)
    figures = [*started_and_held(world, peer, options), *built(world, peer, options)]
    print(table(figures))
    print(f"load before {load_before:.2f}; samples: {store(figures, named('peers'), load_before=load_before)}")
    return 0


def started_and_held(world: World, peer: Buildbot, options: argparse.Namespace) -> list[Figure]:
    """Start each again while the other does not run; then what its processes hold when they are calm."""
    started = {side: Figure(name=f"{side}: started", unit="s") for side in ("BuildHub", BUILDBOT)}
    held = {side: Figure(name=f"{side}: memory, idle", unit="MiB") for side in started}
    peer.start()
    for _ in range(options.start_rounds):
        peer.stop()
        started[BUILDBOT].ours.append(peer.start())
        started["BuildHub"].ours.append(world.restart())
    wait_for_calm(world)
    for side, pids in (("BuildHub", list(own_processes(world))), (BUILDBOT, peer.pids)):
        held[side].ours.append(sum(map(pss_mib, pids)))
        held[side].remarks.append(f"{len(pids)} processes")
    started["BuildHub"].remarks.append("with database and registry, until /readyz is 200; without the server's own")
    return [*started.values(), *held.values()]


def built(world: World, peer: Buildbot, options: argparse.Namespace) -> list[Figure]:
    """Press to final state of all three, in turns: a cached build with push, and 50,000 lines."""
    presser, figures = Presser(world), []
    works: tuple[tuple[str, str, int, Callable[[], str]], ...] = (
        ("trivial", "cached build and push", options.rounds, lambda: TRIVIAL),
        ("lines", f"{LINES:,} lines", options.long_rounds, lambda: uncached(f"seq 1 {LINES}")),
    )
    for work, name, rounds, dockerfile in works:
        ours, theirs = (Figure(name=f"{side}: {name}", unit="s") for side in ("BuildHub", BUILDBOT))
        raw, build = Raw(world, work), presser.make_build(work, dockerfile())
        for turn in range(-1, rounds):
            pressed = presser.press(build, limit_seconds=LIMIT_SECONDS, anew=work == "lines").total_seconds
            forced = peer.press(work, dockerfile(), limit_seconds=LIMIT_SECONDS)
            typed = raw.build_and_push(dockerfile(), tag="1", limit_seconds=LIMIT_SECONDS)
            if turn >= 0:  # the one before fills caches and registry for all
                ours.ours.append(pressed)
                theirs.ours.append(forced)
                ours.raw.append(typed)
        theirs.raw = ours.raw
        figures += [ours, theirs]
    presser.close()
    return figures


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.peers", description=__doc__)
    parser.add_argument("--rounds", type=int, default=20, help="cached builds of each side")
    parser.add_argument("--long-rounds", type=int, default=3, help="builds of 50,000 lines of each side")
    parser.add_argument("--start-rounds", type=int, default=3, help="starts of each side")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
