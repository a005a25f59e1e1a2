"""Figures: samples of both sides, medians and 95th percentiles, a table and a file."""

import json
import math
import os
import platform
import statistics
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

RESULTS = Path(__file__).resolve().parent / "results"
HEADINGS = ("figure", "median", "p95", "raw median", "raw p95", "compared", "target", "")


@dataclass(kw_only=True)
class Figure:
    """One measurement. `compared` is what stands beside `target`; `ours` and `raw` are samples in `unit`."""

    name: str
    unit: str
    ours: list[float] = field(default_factory=list)
    raw: list[float] = field(default_factory=list)
    compared: str = ""
    target: str = ""
    is_met: bool | None = None
    remarks: list[str] = field(default_factory=list)

    @property
    def row(self) -> tuple[str, ...]:
        """The cells of the table."""
        numbers = [self._shown(of(samples)) for samples in (self.ours, self.raw) for of in (median, p95)]
        verdict = {True: "met", False: "MISSED", None: ""}[self.is_met]
        return (self.name, *numbers, self.compared, self.target, verdict)

    def _shown(self, value: float) -> str:
        return "–" if math.isnan(value) else f"{value:.3f} {self.unit}"


def median(samples: Sequence[float]) -> float:
    """Return the median; NaN of nothing."""
    return statistics.median(samples) if samples else math.nan


def p95(samples: Sequence[float]) -> float:
    """Return the 95th percentile by nearest rank; NaN of nothing."""
    return sorted(samples)[math.ceil(len(samples) * 0.95) - 1] if samples else math.nan


def table(figures: Sequence[Figure]) -> str:
    """Return the figures as columns, remarks below."""
    rows = [HEADINGS, *(figure.row for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    remarks = [f"* {figure.name}: {remark}" for figure in figures for remark in figure.remarks]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:], *remarks])


def store(figures: Sequence[Figure], *, load_before: float) -> Path:
    """Write all samples with what the machine was; return the file."""
    RESULTS.mkdir(exist_ok=True)
    now = datetime.now(UTC)
    path = RESULTS / f"press-{now:%Y%m%d-%H%M%S}.json"
    facts = {
        "at": now.isoformat(), "commit": commit(), "cores": os.cpu_count(), "machine": platform.platform(),
        "python": platform.python_version(), "load_before": load_before, "load_after": os.getloadavg()[0],
        "figures": [
            {**asdict(figure), "median": median(figure.ours), "p95": p95(figure.ours)} for figure in figures
        ],
    }  # fmt: skip
    path.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    return path


def commit() -> str:
    """Return the checked-out commit, empty where there is none."""
    asked = subprocess.run(["git", "rev-parse", "HEAD"], cwd=RESULTS, capture_output=True, text=True, check=False)
    return asked.stdout.strip()
