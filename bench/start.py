"""A second start of BuildHub, with its database and registry, and the first requests after it."""

import argparse
from collections.abc import Callable

from bench.figures import Figure, median, timed
from bench.presses import Presser
from bench.world import World

TRIVIAL = "FROM buildhub-base:1\nRUN echo start\n"
REQUESTS = 10
LIMIT_SECONDS = 60.0


def measure(world: World, presser: Presser, options: argparse.Namespace) -> list[Figure]:
    """Return the seconds until a build worker has taken a run, and what first requests cost beside tenth ones.

    A run that is pressed as soon as /readyz is 200 shows that the workers answer. Each kind of request has a start of
    its own, as the first of one kind would make the first of another one quicker.
    """
    started = Figure(name="second start until ready and a worker answers", unit="s", reach="p95 ≤ 3 s")
    build = presser.make_build("start", TRIVIAL)
    presser.press(build, limit_seconds=LIMIT_SECONDS)
    browser = world.signed_in()
    requests: dict[str, Callable[[], object]] = {
        "GET / of a browser": lambda: browser.get(f"{world.url}/", timeout=30).raise_for_status(),
        "GET /v1/build": lambda: world.call("GET", "/build?limit=50"),
    }
    firsts = {name: Figure(name=f"first {name} after it", unit="s", reach="≤ 1.5 × tenth") for name in requests}
    ready = []
    for _ in range(options.start_rounds):
        presser.close()
        ready.append(world.restart())
        presser.open()
        pressed = presser.press(build, limit_seconds=LIMIT_SECONDS)
        started.ours.append(ready[-1] + pressed.running_seconds)
        started.remarks = [f"ready after {median(ready):.3f} s; then press to RUNNING"]
        for name, ask in requests.items():
            presser.close()
            world.restart()
            presser.open()
            times = [timed(ask) for _ in range(REQUESTS)]
            firsts[name].ours.append(times[0])
            firsts[name].raw.append(times[-1])
    started.judge_p95(most=3)
    for figure in firsts.values():
        figure.judge_ratio(most=1.5)
        figure.remarks.append("raw is the tenth request")
    return [started, *firsts.values()]
