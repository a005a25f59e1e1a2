"""How long a run whose worker was killed waits for its next attempt, or for its end."""

from collections.abc import Iterable
from dataclasses import dataclass

from bench.faults.database import ask
from bench.faults.injector import Fault
from bench.faults.tree import BUSY

BEGINS = (
    "SELECT run_id, (regexp_match(because, '/(\\d+)$'))[1]::int, extract(epoch FROM at)::float8"
    " FROM builds_runevent WHERE what = 'running' AND because LIKE 'attempt %' ORDER BY at"
)
ENDS = "SELECT id, extract(epoch FROM end_time)::float8 FROM builds_buildrun WHERE end_time IS NOT NULL"
BOUND_SECONDS = 32.0  # lease, two beats, a sweep; longer only where no worker was free or the database away


@dataclass(frozen=True)
class Begin:
    """An attempt's begin: run, its worker's process, time."""

    run: int
    pid: int
    at: float


def takeovers(url: str, faults: Iterable[Fault]) -> dict[int, float]:
    """Return for each run whose worker was killed the longest time from the kill to its next attempt or its end."""
    begins = [Begin(*row) for row in ask(url, BEGINS)]
    ends = dict(ask(url, ENDS))
    found: dict[int, float] = {}
    for fault in faults:
        if fault.kind != BUSY or fault.how != "SIGKILL":
            continue
        held = [begin for begin in begins if begin.pid == fault.pid and begin.at <= fault.clock]
        if not held or ends.get(held[-1].run, fault.clock + 1) <= fault.clock:
            continue
        run = held[-1].run
        later = [begin.at for begin in begins if begin.run == run and begin.at > fault.clock]
        later += [ends[run]] if run in ends else []
        found[run] = max(found.get(run, 0.0), min(later, default=float("inf")) - fault.clock)
    return found
