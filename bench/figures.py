"""Figures: samples of both sides, medians and 95th percentiles, a table and a file."""

import json
import math
import os
import platform
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

RESULTS = Path(__file__).resolve().parent / "results"
HEADINGS = ("figure", "median", "p95", "raw median", "raw p95", "compared", "reach", "")


@dataclass(kw_only=True)
class Figure:
    """One measurement. `reach` is what `compared` is to be; `ours` and `raw` are samples in `unit`."""

    name: str
    unit: str
    ours: list[float] = field(default_factory=list)
    raw: list[float] = field(default_factory=list)
    compared: str = ""
    reach: str = ""
    is_met: bool | None = None
    remarks: list[str] = field(default_factory=list)

    def judge(self, value: float, *, most: float, shown: str) -> None:
        """Note what is compared, and whether `value` is at most so much; NaN: nothing was measured."""
        self.compared = shown
        self.is_met = None if math.isnan(value) else value <= most

    def judge_p95(self, *, most: float) -> None:
        """Compare the 95th percentile with a fixed number."""
        self.judge(p95(self.ours), most=most, shown=f"p95 {p95(self.ours):.3f} {self.unit}")

    def judge_ratio(self, *, most: float, of: Callable[[Sequence[float]], float] = statistics.median) -> None:
        """Compare ours with raw, as so many times of it."""
        ratio = of(self.ours) / of(self.raw) if self.ours and self.raw else math.nan
        self.judge(ratio, most=most, shown=f"{ratio:.2f} × raw")

    def judge_p95_more(self, *, most: float) -> None:
        """Compare how much the 95th percentile is above that of raw."""
        more = p95(self.ours) - p95(self.raw)
        self.judge(more, most=most, shown=f"raw {more:+.3f} {self.unit}")

    @property
    def row(self) -> tuple[str, ...]:
        """The cells of the table."""
        numbers = [self._shown(of(samples)) for samples in (self.ours, self.raw) for of in (median, p95)]
        verdict = {True: "met", False: "MISSED", None: ""}[self.is_met]
        return (self.name, *numbers, self.compared, self.reach, verdict)

    def _shown(self, value: float) -> str:
        return "–" if math.isnan(value) else f"{value:.3f} {self.unit}"


def median(samples: Sequence[float]) -> float:
    """Return the median; NaN of nothing."""
    return statistics.median(samples) if samples else math.nan


def p95(samples: Sequence[float]) -> float:
    """Return the 95th percentile by nearest rank; NaN of nothing."""
    return sorted(samples)[math.ceil(len(samples) * 0.95) - 1] if samples else math.nan


def timed(act: Callable[[], object]) -> float:
    """Return the seconds that a call takes."""
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def table(figures: Sequence[Figure]) -> str:
    """Return the figures as columns, remarks below."""
    rows = [HEADINGS, *(figure.row for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    remarks = [f"* {figure.name}: {remark}" for figure in figures for remark in figure.remarks]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:], *remarks])


def named(kind: str) -> Path:
    """Return where the results of a run are kept, without an ending; `kind` is what was run."""
    RESULTS.mkdir(exist_ok=True)
    return RESULTS / f"{kind}-{datetime.now(UTC):%Y%m%d-%H%M%S}"


def store(figures: Sequence[Figure], kept: Path, *, load_before: float) -> Path:
    """Write all samples with what the machine was; return the file."""
    path = kept.with_suffix(".json")
    facts = {
        "at": datetime.now(UTC).isoformat(), "commit": commit(), "cores": os.cpu_count(),
        "machine": platform.platform(), "python": platform.python_version(),
        "load_before": load_before, "load_after": os.getloadavg()[0],
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
