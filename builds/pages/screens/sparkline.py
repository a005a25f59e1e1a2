"""The last 20 runs of a build as bars: height is the duration, look is the result."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import connection

from builds.domain.states import EndReason, RunState

RUNS: Final = 20
STRIDE: Final = 6
HEIGHT: Final = 20
LEAST: Final = 2
KINDS: Final = ("done", "failed", "cancelled", "running")

# One look at the index for each build, however many runs it has.
LAST_RUNS: Final = """
SELECT b.id, r.run_state, r.end_reason, r.begin_time, r.end_time
  FROM unnest(%s::bigint[]) AS b(id) CROSS JOIN LATERAL (
    SELECT id, run_state, end_reason, begin_time, end_time FROM builds_buildrun
     WHERE build_id = b.id AND run_type = 'BUILD' AND removed_at IS NULL ORDER BY id DESC LIMIT %s) AS r
 ORDER BY b.id, r.id
"""


@dataclass(frozen=True, slots=True)
class Bar:
    """One run; all numbers are SVG units."""

    x: int
    y: int
    height: int
    kind: str  # one of KINDS
    dot: int  # x of the dot below a failed run


@dataclass(frozen=True, slots=True)
class Sparkline:
    """The bars, oldest first, and a sentence for those who do not see them."""

    bars: Sequence[Bar]
    label: str


Row = tuple[str, str, datetime | None, datetime | None]


def sparklines(build_ids: Sequence[int], now: datetime) -> dict[int, Sparkline]:
    """Return the sparklines of many builds, read in one statement."""
    if not build_ids:
        return {}
    rows: dict[int, list[Row]] = {}
    with connection.cursor() as cursor:
        cursor.execute(LAST_RUNS, [list(build_ids), RUNS])
        for build_id, *row in cursor.fetchall():
            rows.setdefault(build_id, []).append((row[0], row[1], row[2], row[3]))
    return {build_id: _drawn(runs, now) for build_id, runs in rows.items()}


def _drawn(runs: Sequence[Row], now: datetime) -> Sparkline:
    lengths = [((end or now) - begin).total_seconds() if begin else 0.0 for _, _, begin, end in runs]
    highest = max(*lengths, 0.1) if lengths else 0.1
    heights = [max(round(length / highest * HEIGHT), LEAST) for length in lengths]
    kinds = [_kind(state, reason) for state, reason, _, _ in runs]
    bars = [
        Bar(x=index * STRIDE, y=HEIGHT + 1 - height, height=height, kind=kind, dot=index * STRIDE + 2)
        for index, (height, kind) in enumerate(zip(heights, kinds, strict=True))
    ]
    told = [word for word in KINDS if word in kinds or word in ("done", "failed")]
    counted = ", ".join(f"{kinds.count(word)} {word}" for word in told)
    return Sparkline(bars, f"Last {len(runs)} runs: {counted}")


def _kind(state: str, reason: str) -> str:
    if state == RunState.DONE:
        return "done"
    if state == RunState.ERROR:
        return "cancelled" if reason == EndReason.CANCELLED else "failed"
    return "running"
