"""What BuildHub does while nothing happens: processor time of process groups, from /proc, and transactions."""

import argparse
import os
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import psycopg

from bench.figures import Figure
from bench.presses import Presser
from bench.world import OURS, World

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
CALM_LOOKS, CALM_SECONDS, CALM_PERCENT = 20, 3.0, 5.0
TRANSACTIONS = "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()"


def measure(world: World, _presser: Presser, options: argparse.Namespace) -> list[Figure]:
    """Return the share of a core and the transactions a second, both over the same time."""
    wait_for_calm(world)
    with psycopg.connect(world.addresses["database_url"], autocommit=True) as database:
        before = _transactions(database)
        shares = shares_of_a_core(world.groups, seconds=options.idle_seconds)
        ended = _transactions(database) - before - 1  # the first question is a transaction of its own
    ours = sum(shares.get(name, 0.0) for name in OURS)
    used = Figure(name=f"idle, {options.idle_seconds:g} s", unit="%", ours=[ours], reach="< 1 % of a core")
    used.judge(ours, most=1, shown=f"{ours:.2f} %")
    used.remarks.append("of a core: " + ", ".join(f"{name} {share:.2f} %" for name, share in sorted(shares.items())))
    rate = ended / options.idle_seconds
    asked = Figure(name="idle, transactions", unit="/s", ours=[rate], reach="< 5/s")
    asked.judge(rate, most=5, shown=f"{rate:.1f}/s")
    return [used, asked]


def wait_for_calm(world: World) -> None:
    """Wait until a start is over, as the use of processor shows; no longer than a minute."""
    for _look in range(CALM_LOOKS):
        shares = shares_of_a_core(world.groups, seconds=CALM_SECONDS)
        if sum(shares.get(name, 0.0) for name in OURS) < CALM_PERCENT:
            return


def _transactions(database: "psycopg.Connection[tuple[int]]") -> int:
    row = database.execute(TRANSACTIONS).fetchone()
    assert row is not None
    return row[0]


def shares_of_a_core(groups: Mapping[int, str], *, seconds: float) -> dict[str, float]:
    """Return by name the share of one core (in percent) that the groups use while `seconds` pass."""
    before, began = _used(groups), time.monotonic()
    time.sleep(seconds)
    after, passed = _used(groups), time.monotonic() - began
    return {name: 100 * (after[name] - before[name]) / TICKS_PER_SECOND / passed for name in set(groups.values())}


def _used(groups: Mapping[int, str]) -> Counter[str]:
    """Return by name the ticks of all processes of the groups, with those of children that have ended."""
    ticks: Counter[str] = Counter()
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError):  # it has just ended
                # proc(5): after the name in brackets state, ppid, pgrp …; utime, stime, cutime, cstime are 14 to 17
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
                if (group := int(fields[2])) in groups:
                    ticks[groups[group]] += sum(int(word) for word in fields[11:15])
    return ticks
