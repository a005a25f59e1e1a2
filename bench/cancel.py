"""From the request to cancel a run until the process of its instruction is dead."""

import argparse
import time
from contextlib import suppress
from pathlib import Path

from bench.figures import Figure
from bench.presses import Presser
from bench.world import BASE, World, wait_until

LIMIT_SECONDS = 60.0


def measure(_world: World, presser: Presser, options: argparse.Namespace) -> list[Figure]:
    """Return the seconds of some cancels; the process is known by its argument, which nobody else's command has."""
    figure = Figure(name="cancel to process dead", unit="s", reach="p95 ≤ 0.2 s")
    for turn in range(options.rounds):
        mark = f"300.{time.time_ns()}"  # seconds to sleep
        seq = presser.accept(presser.make_build(f"cancel-{turn}", f"FROM {BASE}\nRUN sleep {mark}\n"))
        wait_until(lambda mark=mark: _lives(mark), seconds=LIMIT_SECONDS, what="the instruction runs")  # type: ignore[misc]
        presser.wait_for(seq, "RUNNING")
        began = time.perf_counter()
        presser.cancel(seq)
        wait_until(lambda mark=mark: not _lives(mark), seconds=LIMIT_SECONDS, what="it is dead", pause=0.002)  # type: ignore[misc]
        figure.ours.append(time.perf_counter() - began)
        presser.wait_for(seq, "ERROR")
    figure.judge_p95(most=0.2)
    return [figure]


def _lives(mark: str) -> bool:
    """Say whether a process has the mark in its command; one that is dead and not reaped has no command."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError):  # it has just ended
                if mark.encode() in (folder / "cmdline").read_bytes():
                    return True
    return False
