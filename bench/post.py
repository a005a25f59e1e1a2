"""What it takes to accept a press: time of a single client, presses a second of many clients, statements."""

import argparse
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

import psutil

from bench.figures import Figure
from bench.presses import Presser
from bench.statements import ASKED, statements
from bench.trivial import LIMIT_SECONDS, TRIVIAL
from bench.world import BASE, SLOTS, World

CLIENTS = 8
FRAME = re.compile(r"(?:BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE)\b")


def measure(world: World, presser: Presser, options: argparse.Namespace) -> list[Figure]:
    """Return all three; a single client presses with a free slot, many while other runs hold all slots."""
    single = Figure(name="POST run, one client", unit="s", reach="p95 ≤ 0.060 s")
    build = presser.make_build("post", TRIVIAL)
    for _worker in range(SLOTS):
        presser.press(build, limit_seconds=LIMIT_SECONDS)
    single.ours = [presser.press(build, limit_seconds=LIMIT_SECONDS).accepted_seconds for _ in range(options.rounds)]
    single.judge_p95(most=0.060)
    return [single, _rate(world, presser, options), _statements(world, presser, build)]


def _rate(world: World, presser: Presser, options: argparse.Namespace) -> Figure:
    """Return how many presses are accepted a second, of clients with a build each."""
    figure = Figure(name=f"POST run, {CLIENTS} clients", unit="/s", reach="≥ 100/s")
    builds = [presser.make_build(f"post-{client}", TRIVIAL) for client in range(CLIENTS)]
    with busy_slots(presser), ThreadPoolExecutor(CLIENTS) as clients:
        began = time.perf_counter()
        presses = list(clients.map(lambda build: [presser.accept(build) for _ in range(options.rounds)], builds))
        figure.ours.append(CLIENTS * options.rounds / (time.perf_counter() - began))
        for seqs in presses:
            for seq in reversed(seqs):
                presser.cancel(seq)
    figure.judge(-figure.ours[0], most=-100, shown=f"{figure.ours[0]:.0f}/s")
    return figure


@contextmanager
def busy_slots(presser: Presser) -> Iterator[list[int]]:
    """Hold all slots by runs that sleep, which are given; they are cancelled in the end."""
    sleepers = []
    for number in range(SLOTS):
        name = f"sleeper-{number}-{time.time_ns()}"
        sleepers.append(presser.accept(presser.make_build(name, f"FROM {BASE}\nRUN : {name}; sleep 600\n")))
    for sleeper in sleepers:
        presser.wait_for(sleeper, "RUNNING")
    try:
        yield sleepers
    finally:
        for sleeper in sleepers:
            presser.cancel(sleeper)
        for sleeper in sleepers:
            presser.wait_for(sleeper, "ERROR")


def _statements(world: World, presser: Presser, build: int) -> Figure:
    """Return the statements of one press, from the database's own log: those of the web process."""
    figure = Figure(name="statements of one press", unit="", reach="≤ 20")
    with statements(world) as said:
        ports = _web_ports(world)
        seq = presser.accept(build)
        ports |= _web_ports(world)
        presser.wait_for(seq, "DONE")
        asked = [text for port, text in ASKED.findall(said()) if int(port) in ports]
    figure.ours.append(sum(FRAME.match(text) is None for text in asked))
    figure.judge(figure.ours[0], most=20, shown=f"{figure.ours[0]:.0f}")
    figure.remarks.append(f"{len(asked)} with BEGIN, COMMIT, SAVEPOINT and RELEASE; those of the web process")
    return figure


def _web_ports(world: World) -> set[int]:
    """Return the local ports of the web process's connections."""
    ports: set[int] = set()
    for group, name in world.groups.items():
        if name == "web":
            with suppress(psutil.NoSuchProcess):
                ports |= {one.laddr.port for one in psutil.Process(group).net_connections("tcp") if one.laddr}
    return ports
