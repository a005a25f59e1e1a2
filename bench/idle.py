"""Processor time of process groups, from /proc."""

import os
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


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
