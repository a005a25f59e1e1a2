"""How long a run will probably take, as a range from earlier ones."""

from collections.abc import Iterable, Sequence
from heapq import heapify, heappop, heappush
from math import inf
from typing import Final

LEAST_SAMPLES: Final = 3  # below that a range would be a guess
LOW, HIGH = 0.25, 0.90


def range_of(durations: Sequence[float]) -> tuple[float, float] | None:
    """Return the range (seconds) in which runs like `durations` (seconds) end: 25th to 90th percentile.

    None when fewer than 3 are known. Only successful runs of the same definition should be given.
    """
    if len(durations) < LEAST_SAMPLES:
        return None
    ordered = sorted(durations)
    return _percentile(ordered, LOW), _percentile(ordered, HIGH)


def likely_starts(left: Iterable[float | None], free: int, waiting: Sequence[float | None]) -> list[float | None]:
    """Return in how many seconds each of the `waiting` runs of a server will probably start, in their order.

    `left` is what each running run will still take and `waiting` what each of those will (seconds, None: not known);
    `free` places have none. None for a run that waits for one whose end nobody knows.
    """
    ends = [0.0] * free + [inf if seconds is None else seconds for seconds in left]
    heapify(ends)
    starts: list[float | None] = []
    for took in waiting:
        start = heappop(ends) if ends else inf
        heappush(ends, inf if took is None else start + took)
        starts.append(None if start == inf else start)
    return starts


def _percentile(ordered: Sequence[float], share: float) -> float:
    """Return the value below which `share` of the sorted values lie, between two of them in proportion."""
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)
