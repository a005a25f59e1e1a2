"""A trivial image, built and pushed, beside the raw commands: cached, and with an instruction that is new each time."""

import argparse

from bench.figures import Figure
from bench.presses import Presser, uncached
from bench.raw import Raw
from bench.world import BASE, SLOTS, World

TRIVIAL = f'FROM {BASE}\nRUN echo hello > /hello.txt\nCMD ["cat", "/hello.txt"]\n'
LIMIT_SECONDS = 60.0  # of one build and push


def measure_cached(world: World, presser: Presser, options: argparse.Namespace) -> list[Figure]:
    """Press to RUNNING, and a cached build with push from press to DONE beside raw build and push, in turns."""
    running = Figure(name="press to RUNNING, idle", unit="s", reach="p95 ≤ 0.100 s")
    total = Figure(name="cached build and push", unit="s", reach="≤ 1.0 × raw")
    build, raw = presser.make_build("trivial", TRIVIAL), Raw(world, "trivial")
    # Fills the cache and the registry, for both; a worker's first run imports and connects, so it is told apart.
    first = [presser.press(build, limit_seconds=LIMIT_SECONDS).running_seconds for _worker in range(SLOTS)]
    running.remarks.append(f"not counted, the first press of each worker: {', '.join(f'{one:.3f} s' for one in first)}")
    raw.build_and_push(TRIVIAL, tag="warm", limit_seconds=LIMIT_SECONDS)
    for turn in range(options.rounds):
        total.raw.append(raw.build_and_push(TRIVIAL, tag=str(turn), limit_seconds=LIMIT_SECONDS))
        pressed = presser.press(build, limit_seconds=LIMIT_SECONDS)
        running.ours.append(pressed.running_seconds)
        total.ours.append(pressed.total_seconds)
    running.judge_p95(most=0.100)
    total.judge_ratio(most=1.0)
    return [running, total]


def measure_uncached(world: World, presser: Presser, options: argparse.Namespace) -> list[Figure]:
    """Press to DONE with an instruction that no engine has seen, beside raw build and push of another, in turns."""
    figure = Figure(name="uncached build and push", unit="s", reach="≤ 1.05 × raw")
    raw, build = Raw(world, "uncached"), presser.make_build("uncached", uncached("true"))
    presser.press(build, limit_seconds=LIMIT_SECONDS)  # the registry has the base's layers from now on, for both
    raw.build_and_push(uncached("true"), tag="warm", limit_seconds=LIMIT_SECONDS)
    for turn in range(options.rounds):
        figure.raw.append(raw.build_and_push(uncached("true"), tag=str(turn), limit_seconds=LIMIT_SECONDS))
        figure.ours.append(presser.press(build, limit_seconds=LIMIT_SECONDS, anew=True).total_seconds)
    figure.judge_ratio(most=1.05)
    return [figure]
