"""The one table of a storm, and its file."""

import json
import os
import platform
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.faults.injector import Fault, Injector
from bench.faults.orders import Desk, Order
from bench.faults.promises import Findings
from bench.faults.takeover import BOUND_SECONDS
from bench.faults.watch import Watch
from bench.figures import RESULTS, commit, median

NOT_COVERED = (
    "the engine (given by DOCKER_HOST, never touched), the supervisor itself, several hosts, a full disk, clocks, "
    "callbacks to a receiver, live viewers, removals, other steps than CREATE_IMAGE; monitor and pusher of a cluster "
    "are hit as members, not told apart from idle workers"
)
SHOWN = 8  # of what is broken, for each promise; the file has all


@dataclass(kw_only=True)
class Storm:
    """What a storm was and what came of it."""

    seed: int
    runs_wanted: int
    least_faults: int
    seconds: float
    orders: Sequence[Order]
    injector: Injector
    watch: Watch
    desk: Desk
    findings: Findings
    takeovers: dict[int, float]

    @property
    def accepted(self) -> int:
        """How many presses got their answer."""
        return sum(bool(order.seq) for order in self.orders)

    @property
    def problems(self) -> list[str]:
        """Return why the storm is not passed; empty where it is."""
        found = [f"{len(what)} {promise}" for promise, what in self.findings.broken.items() if what]
        if unhealed := [fault for fault in self.injector.faults if fault.healed is None]:
            found.append(f"{len(unhealed)} not healed")
        if len(self.injector.faults) < self.least_faults:
            found.append(f"{len(self.injector.faults)} of at least {self.least_faults} faults")
        if self.accepted < self.runs_wanted:
            found.append(f"{self.accepted} of {self.runs_wanted} runs accepted")
        errors = (self.injector.error, self.watch.error)
        return found + [f"the storm itself failed: {error!r}" for error in errors if error]


def table(storm: Storm) -> str:
    """Return the table."""
    findings, faults = storm.findings, storm.injector.faults
    lines = [
        f"storm       seed {storm.seed}, {storm.seconds:.0f} s, {storm.accepted} of {storm.runs_wanted} runs accepted",
        f"            {len(faults)} faults, {storm.desk.repeated} requests repeated",
        "faults      " + _by_kind(faults),
        "healed      " + _healed(faults),
        "taken over  " + _taken_over(storm.takeovers),
        "ends        " + _counts(findings.ends),
        "attempts    " + _counts(findings.attempts),
        f"looked at   {findings.logs} logs, {findings.digests} digests in the registry",
        f"            /proc {storm.watch.samples} times, with {len(storm.watch.seen_running)} of the runs in it",
        "promises    " + ", ".join(f"{len(what)} {promise}" for promise, what in findings.broken.items()),
        *(f"  {promise}: {what}" for promise, all_of in findings.broken.items() for what in all_of[:SHOWN]),
        *(f"  not healed: {fault.remark}" for fault in faults if fault.remark),
        "not covered " + NOT_COVERED,
        "result      " + ("; ".join(storm.problems) or "every promise held"),
    ]
    return "\n".join(lines)


def store(storm: Storm) -> Path:
    """Write everything; return the file."""
    path = named("json")
    facts: dict[str, Any] = {
        "at": datetime.now(UTC).isoformat(), "commit": commit(), "cores": os.cpu_count(),
        "machine": platform.platform(), "load": os.getloadavg()[0],
        "seed": storm.seed, "seconds": storm.seconds, "runs_wanted": storm.runs_wanted,
        "accepted": storm.accepted, "repeated": storm.desk.repeated, "problems": storm.problems,
        "faults": [asdict(fault) for fault in storm.injector.faults],
        "broken": storm.findings.broken, "ends": dict(storm.findings.ends),
        "taken_over": storm.takeovers, "not_covered": NOT_COVERED,
        "orders": [{**asdict(order), "kind": order.kind.name} for order in storm.orders],
    }  # fmt: skip
    path.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    return path


def named(ending: str) -> Path:
    """Return the path of a new file among the results."""
    RESULTS.mkdir(exist_ok=True)
    return RESULTS / f"storm-{datetime.now(UTC):%Y%m%d-%H%M%S}.{ending}"


def _by_kind(faults: Sequence[Fault]) -> str:
    return _counts(Counter(f"{fault.kind} {fault.how}" for fault in faults))


def _healed(faults: Sequence[Fault]) -> str:
    seconds = [fault.healed for fault in faults if fault.healed is not None]
    slowest = max(faults, key=lambda fault: fault.healed or 0.0, default=None)
    if not seconds or slowest is None:
        return "none"
    most = f"max {max(seconds):.1f} s ({slowest.kind}, {slowest.how})"
    return f"{len(seconds)} of {len(faults)}: p50 {median(seconds):.1f} s, {most}"


def _taken_over(seconds: Mapping[int, float]) -> str:
    if not seconds:
        return "no run had its worker killed"
    late = [f"run {run} {wait:.0f} s" for run, wait in seconds.items() if wait > BOUND_SECONDS]
    said = f"{len(seconds)} runs: p50 {median(list(seconds.values())):.1f} s, max {max(seconds.values()):.1f} s"
    return f"{said}; above {BOUND_SECONDS:g} s: {', '.join(late) or 'none'}"


def _counts(counts: Counter[Any]) -> str:
    return ", ".join(f"{name} × {count}" for name, count in sorted(counts.items())) or "none"
