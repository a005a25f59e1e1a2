"""What BuildHub's own processes hold in memory, from /proc/*/smaps_rollup, and what a further slot costs."""

import argparse
import os
import re
from collections import Counter
from contextlib import suppress
from pathlib import Path

import psutil

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
    processes = own_processes(world)
    mib = {name: sum(pss_mib(pid) for pid in processes if processes[pid] == name) for name in OURS}
    held = Counter(processes.values())
    parts = ", ".join(f"{name} {mib[name]:.1f} MiB in {held[name]}" for name in OURS)
    figure.remarks.append(f"{slots} slots: {len(processes)} processes: {parts}")
    others = pss_mib(world.supervisor_pid) + sum(pss_mib(child.pid) for child in _of_no_group(world))
    figure.remarks.append(f"{slots} slots: beside these the supervisor and its helpers hold {others:.1f} MiB")
    return sum(mib.values())


def _of_no_group(world: World) -> list[psutil.Process]:
    """Return the processes below the supervisor that are in no named group, as is the one that others fork from."""
    below, groups = psutil.Process(world.supervisor_pid).children(recursive=True), world.groups
    return [child for child in below if child.is_running() and os.getpgid(child.pid) not in groups]


def own_processes(world: World) -> dict[int, str]:
    """Return the processes of our own groups, each with the group's name."""
    groups, found = world.groups, {}
    for folder in Path("/proc").iterdir():
        with suppress(OSError, ValueError):  # it has just ended, or is none
            name = groups.get(os.getpgid(int(folder.name)))
            if name in OURS:
                found[int(folder.name)] = name
    return found


def pss_mib(pid: int) -> float:
    """Return the PSS of a process, 0 where it has ended."""
    try:
        return sum(map(int, PSS.findall(Path(f"/proc/{pid}/smaps_rollup").read_text()))) / 1024
    except OSError:
        return 0.0
