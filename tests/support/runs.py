"""Runs as tests press, watch and look behind them."""

import uuid
from pathlib import Path

from django.conf import settings

from builds.execution.executor import execute_build
from builds.models import Build, BuildRun, BuildServer, Caller
from builds.queries.log import iterate_lines
from builds.services.runs.parameters import RunAsk
from builds.services.runs.start import start_run
from tests.support.waiting import wait_until


def press(build: Build, caller: Caller, ask: RunAsk | None = None) -> BuildRun:
    """Press Build."""
    return start_run(build_id=build.pk, caller=caller, ask=ask or RunAsk())


def ended(run: BuildRun, *, timeout: float = 60) -> BuildRun:
    """Return the run once it has ended."""

    def look() -> bool:
        run.refresh_from_db()
        return run.is_final

    wait_until(look, timeout=timeout, message=lambda: f"run {run.pk} is {run.run_state}: {texts(run)[-5:]}")
    return run


def executed_here(run: BuildRun, engine_url: str) -> BuildRun:
    """Execute, in this process and on this engine, a run of the server that nobody serves (fixture `nobody_serves`)."""
    run.refresh_from_db()
    BuildServer.objects.filter(name="gone").update(url=engine_url)
    execute_build(run.pk, run.claim)
    BuildServer.objects.filter(name="gone").update(url="topic:gone")
    run.refresh_from_db()
    return run


def executed_cleanly(run: BuildRun, engine_url: str) -> BuildRun:
    """Execute as `executed_here`, and hold that no workspace stays on this machine's disk."""
    executed_here(run, engine_url)
    assert workspaces() == []
    return run


def workspaces() -> list[Path]:
    """Return the workspaces that are on the worker's disk now."""
    folder = Path(settings.DATA_DIR) / "work"
    return list(folder.iterdir()) if folder.exists() else []


def until_printed(run: BuildRun, text: str, *, timeout: float = 60) -> None:
    """Wait until the run's stored log has a line that is `text`."""
    wait_until(lambda: text in texts(run), timeout=timeout, message=lambda: f"{text!r} not in {texts(run)[-5:]}")


def texts(run: BuildRun) -> list[str]:
    """Return the run's lines."""
    return [line.text for _step, line in iterate_lines(run.pk)]


def processes_with(marker: str) -> list[int]:
    """Return the live processes of this machine (the engine's host) whose command line holds `marker`."""
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            words = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if marker.encode() in words and b"pytest" not in words:
            found.append(int(folder.name))
    return found


def marked_sleep() -> tuple[str, str]:
    """Return an instruction that prints and sleeps, and the marker in its shell's command line.

    Something must follow the sleep: a shell replaces itself by its last command, and the marker would be gone.
    """
    marker = f"marker-{uuid.uuid4().hex}"
    return f"RUN : {marker}; echo ready; sleep 300; echo over", marker


def children_of(pid: int) -> list[int]:
    """Return the child processes of a process."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
