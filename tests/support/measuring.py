"""What is measured: everything but folders whose tests go through whole processes where others reach the same lines.

On Python 3.11 coverage costs a third more of processor time, which these folders would pay most of.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import coverage
import pytest

UNMEASURED = ("e2e", "faults", "fuzz")
STARTER = "COVERAGE_PROCESS"  # begins the variables by which coverage starts in a child


def measuring() -> dict[str, str]:
    """Return the variables by which coverage starts in a child whose environment a test makes from nothing."""
    return {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")}


def folder_of(item: pytest.Item) -> str:
    """Return the folder below tests/ that a test stands in, empty for one that stands in none."""
    return item.nodeid.partition("/")[2].partition("/")[0] if item.nodeid.startswith("tests/") else ""


@contextmanager
def measured_or_not(folder: str) -> Iterator[None]:
    """Let a test of an unmeasured folder, and what it starts, run without coverage."""
    measured = coverage.Coverage.current()
    if measured is None or folder not in UNMEASURED:
        yield
        return
    kept = {name: os.environ.pop(name) for name in tuple(os.environ) if name.startswith(STARTER)}
    measured.stop()
    try:
        yield
    finally:
        os.environ.update(kept)
        measured.start()
