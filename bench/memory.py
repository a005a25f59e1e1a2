"""What BuildHub's own processes hold in memory, from /proc/*/smaps_rollup, and what a further slot costs."""

import argparse
import os
import re
from collections import Counter
from contextlib import suppress
from pathlib import Path

from bench.figures import Figure
from bench.idle import wait_for_calm
from bench.presses import Presser
from bench.world import OURS, SLOTS, World

MORE_SLOTS = 2
PSS = re.compile(r"^Pss: +(\d+) kB$", re.MULTILINE)


def measure(world: World, presser: Presser, _options: argparse.Namespace) -> list[Figure]:
    """Return what all of it holds when idle after a start, and each slot more of a start with more of them.

    PSS shares out what several processes have mapped: others on this machine that run the same Python make it less.
    """
    presser.close()
    held = Figure(name=f"memory, idle, {SLOTS} slots", unit="MiB", reach="PSS ≤ 150 MiB")
    for_slot = Figure(name="memory of each slot more", unit="MiB", reach="PSS ≤ 12 MiB")
    held.ours.append(_after_start(world, SLOTS, held))
    more = _after_start(world, SLOTS + MORE_SLOTS, for_slot) - held.ours[0]
    for_slot.ours.append(more / MORE_SLOTS)
    world.restart(BUILDHUB_WORKERS=str(SLOTS))
    presser.open()
    held.judge(held.ours[0], most=150, shown=f"{held.ours[0]:.1f} MiB")
    for_slot.judge(for_slot.ours[0], most=12, shown=f"{for_slot.ours[0]:.1f} MiB")
    return [held, for_slot]


def _after_start(world: World, slots: int, figure: Figure) -> float:
    """Start BuildHub with so many slots; return the MiB that it holds, with a remark of what the parts hold."""
    world.restart(BUILDHUB_WORKERS=str(slots))
    wait_for_calm(world)
    kib: Counter[str] = Counter()
    processes: Counter[str] = Counter()
    for pid, name in _processes(world):
        with suppress(OSError):  # it has just ended
            kib[name] += sum(map(int, PSS.findall(Path(f"/proc/{pid}/smaps_rollup").read_text())))
            processes[name] += 1
    parts = ", ".join(f"{name} {kib[name] / 1024:.1f} MiB in {processes[name]}" for name in OURS)
    figure.remarks.append(f"{slots} slots: {processes.total()} processes: {parts}")
    return kib.total() / 1024


def _processes(world: World) -> list[tuple[int, str]]:
    """Return the processes of our own groups, each with the group's name."""
    groups, found = world.groups, []
    for folder in Path("/proc").iterdir():
        with suppress(OSError, ValueError):
            name = groups.get(os.getpgid(int(folder.name)))
            if name in OURS:
                found.append((int(folder.name), name))
    return found
