"""The processes below `manage.py supervise`, by what they are for."""

from collections import defaultdict
from collections.abc import Collection
from contextlib import suppress

import psutil

from builds.domain.worker_queues import process_name
from supervisor import plan

PROGRAMS = ("web", "sweeper")
CLUSTERS = {process_name(name): name for name in plan.CLUSTERS}
BUSY = "worker, busy"
BACKEND = "postgres child"  # a session's process, or one of PostgreSQL's own helpers

Tree = dict[str, list[int]]


def processes(supervisor: int, *, busy: Collection[int] = ()) -> Tree:
    """Return the process ids of each kind; `busy` are the workers that hold a run now.

    A cluster's members are workers, monitor and pusher, which look alike from outside.
    """
    found: Tree = defaultdict(list)
    with suppress(psutil.NoSuchProcess):
        for child in psutil.Process(supervisor).children():
            with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                _sort_in(found, child, busy)
    return found


def census(tree: Tree) -> dict[str, int]:
    """Return how many there are of each kind that has to be there; a worker counts alike whether busy or not."""
    counts = {kind: len(pids) for kind, pids in tree.items() if kind not in (BUSY, BACKEND)}
    if tree.get(BUSY):
        counts["member builds"] = counts.get("member builds", 0) + len(tree[BUSY])
    return counts


def is_stopped(pid: int) -> bool:
    """Say whether a signal has stopped the process."""
    with suppress(psutil.NoSuchProcess):
        return bool(psutil.Process(pid).status() == psutil.STATUS_STOPPED)
    return False


def _sort_in(found: Tree, process: psutil.Process, busy: Collection[int]) -> None:
    words = process.cmdline()
    if name := CLUSTERS.get(process.name()):
        _sort_in_cluster(found, name, process, busy)
    elif process.name() == "postgres" and "-D" in words:
        found["postgres"].append(process.pid)
        found[BACKEND] += [child.pid for child in process.children()]
    elif "registry" in process.name():
        found["registry"].append(process.pid)
    else:
        kinds = {"supervisor.guardian": "guardian", "buildhub.programs": "fork server"}
        for kind in (
            [process.name()] if process.name() in PROGRAMS else [kinds[word] for word in words if word in kinds]
        ):
            found[kind].append(process.pid)


def _sort_in_cluster(found: Tree, name: str, main: psutil.Process, busy: Collection[int]) -> None:
    found[f"cluster {name}"].append(main.pid)
    for member in main.children():
        found[BUSY if member.pid in busy else f"member {name}"].append(member.pid)
