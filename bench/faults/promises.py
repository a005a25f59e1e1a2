"""After the storm: does each promise hold? Everything from the database and the registry, nothing from BuildHub."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import requests

from bench.faults.database import ask
from bench.faults.orders import LINES, TAKEN, Order
from bench.faults.watch import Watch

RUNS = (
    "SELECT id, run_type, run_state, end_reason, failure->>'id', (failure->>'exit_code')::int, description, tag_name,"
    " image_digest, registry_host, concat_ws('/', nullif(registry_prefix, ''), nullif(definition->>'project', ''),"
    " definition->>'image_name'), line_count, attempt, build_id, end_message FROM builds_buildrun ORDER BY id"
)
CHUNKS = (
    "SELECT coalesce(step.attempt, 0), chunk.first_line, chunk.line_count, chunk.text FROM builds_logchunk chunk"
    " LEFT JOIN builds_runstep step ON step.id = chunk.step_id WHERE chunk.run_id = %s ORDER BY chunk.sequence"
)
# An instruction that had finished before its attempt was lost prints nothing in the next one, which says so.
CACHED = (
    "SELECT count(*) FROM builds_runstep, jsonb_array_elements(vertices) vertex WHERE run_id = %s AND attempt = %s"
    " AND strpos(vertex->>'name', 'line-') > 0 AND (vertex->>'cached')::boolean"
)
MANIFESTS = ", ".join(
    ("application/vnd.docker.distribution.manifest.v2+json", "application/vnd.oci.image.manifest.v1+json",
     "application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")
)  # fmt: skip
PROMISES = ("lost", "stuck", "INTERNAL", "doubled", "false DONE", "false CANCELLED", "wrong end", "lines wrong",
            "alive after the end", "tag twice")  # fmt: skip


@dataclass(frozen=True)
class Run:
    """A row as `RUNS` gives it."""

    seq: int
    kind: str
    state: str
    reason: str
    failure: str | None
    exit_code: int | None
    description: str
    tag: str
    digest: str
    host: str
    repository: str
    lines: int
    attempts: int
    build: int
    message: str


@dataclass
class Findings:
    """What was found broken, by promise, and what the runs came to."""

    broken: dict[str, list[str]] = field(default_factory=lambda: {name: [] for name in PROMISES})
    ends: Counter[str] = field(default_factory=Counter)
    attempts: Counter[int] = field(default_factory=Counter)
    digests: int = 0
    logs: int = 0

    def add(self, promise: str, what: str) -> None:
        """Note that `promise` does not hold."""
        self.broken[promise].append(what)


def judge(url: str, orders: Iterable[Order], watch: Watch) -> Findings:
    """Compare what was accepted and seen with what is stored."""
    findings = Findings()
    runs = {row[0]: Run(*row) for row in ask(url, RUNS)}
    for order in orders:
        if order.seq:
            _judge_order(findings, order, runs, url)
    _judge_rows(findings, runs.values())
    for mark, pids in watch.doubled.items():
        findings.add("doubled", f"{mark}: processes {pids} at one time")
    for mark, reason in watch.alive_after_end.items():
        findings.add("false CANCELLED" if reason == "CANCELLED" else "alive after the end", f"{mark} ended as {reason}")
    return findings


def _judge_order(findings: Findings, order: Order, runs: dict[int, Run], url: str) -> None:
    run = runs.get(order.seq)
    if run is None or (order.cancel_seq and order.cancel_seq not in runs):
        findings.add("lost", f"run {order.seq}, cancel {order.cancel_seq or '–'}, {order.kind.name}")
        return
    findings.ends[f"{order.kind.name}: {run.reason or run.state}"] += 1
    findings.attempts[run.attempts] += 1
    said = f"run {run.seq} ({order.kind.name}, attempt {run.attempts}): {run.state} {run.reason} {run.message}"
    if wrong := _wrong_end(order, run):
        findings.add(wrong, said)
    if run.state == "DONE":
        findings.digests += 1
        if (found := _digest_in_registry(run)) != run.digest:
            findings.add("false DONE", f"{said}: {run.repository}:{run.tag} is {found}, stored {run.digest}")
    findings.logs += 1
    is_cached = run.attempts > 1 and ask(url, CACHED, [run.seq, run.attempts]) != [(0,)]
    for wrong_log in _wrong_log(run, order, ask(url, CHUNKS, [run.seq]), is_cached=is_cached):
        findings.add("lines wrong", f"{said}: {wrong_log}")


def _wrong_end(order: Order, run: Run) -> str:
    """Return the promise that this end breaks, empty where it may end so."""
    if not run.reason or run.reason in TAKEN or run.reason == "INTERNAL":
        return ""
    if run.reason == "BUILD_FAILED" and order.kind.name == "failing" and run.exit_code == 7:
        return ""
    if run.reason in order.kind.ends - {"BUILD_FAILED"} or (order.kind.is_cancelled and not order.cancel_seq):
        return ""
    return {"DONE": "false DONE", "CANCELLED": "false CANCELLED"}.get(run.reason, "wrong end")


def _judge_rows(findings: Findings, runs: Iterable[Run]) -> None:
    """Look at all rows, also at those that no press knows of."""
    built = [run for run in runs if run.kind == "BUILD"]
    for run in runs:
        if not run.reason:
            findings.add("stuck", f"run {run.seq} {run.kind} is {run.state} after attempt {run.attempts}")
        if run.failure == "buildhub.internal" or run.reason == "INTERNAL":
            findings.add("INTERNAL", f"run {run.seq} {run.kind}: {run.message}")
    for description, count in Counter(run.description for run in built if run.description).items():
        if count > 1:
            findings.add("doubled", f"{count} runs of the press {description}")
    for (build, tag), count in Counter((run.build, run.tag) for run in built).items():
        if count > 1:
            findings.add("tag twice", f"build {build}: {tag} in {count} runs")


def _digest_in_registry(run: Run) -> str:
    address = f"http://{run.host}/v2/{run.repository}/manifests/{run.tag}"
    answer = requests.head(address, headers={"Accept": MANIFESTS}, timeout=10)
    return answer.headers.get("Docker-Content-Digest", f"status {answer.status_code}")


def _wrong_log(run: Run, order: Order, chunks: list[tuple[Any, ...]], *, is_cached: bool) -> Iterable[str]:
    """Yield what is wrong: numbers with a gap, a printed line that is missing, or twice in one attempt.

    `is_cached`: the last attempt has taken the printing instruction from the cache.
    """
    expected = 1
    printed: dict[int, list[int]] = {}
    for attempt, first, count, text in chunks:
        if first != expected:
            yield f"line {first} follows line {expected - 1}"
        expected = first + count
        printed.setdefault(attempt, []).extend(int(one) for one in re.findall(r"^line-(\d+)$", text, re.MULTILINE))
    if expected - 1 != run.lines:
        yield f"{expected - 1} lines stored, {run.lines} counted"
    for attempt, numbers in printed.items():
        if numbers != list(range(1, len(numbers) + 1)):
            yield f"attempt {attempt}: {len(numbers)} printed lines are no prefix of 1 to {LINES}"
    last = len(printed.get(run.attempts, ()))
    if order.kind.name == "lines" and run.state == "DONE" and last != (0 if is_cached else LINES):
        yield f"{last} of {LINES} lines in the attempt that ended DONE"
