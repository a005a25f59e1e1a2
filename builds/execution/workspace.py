"""The folder of one attempt on the worker's disk: what its steps see as /workspace, and what they need besides.

It is made when a step first needs it and removed after every end. What a killed worker has left is removed by the
sweeper of the same machine, with the programs that work there.
"""

import logging
import os
import re
import shutil
import signal
from contextlib import suppress
from pathlib import Path
from typing import Final

from django.conf import settings

from builds.domain.states import RunState
from builds.models import BuildRun

log = logging.getLogger(__name__)
NAME: Final = re.compile(r"(\d+)-(\d+)")  # run and attempt
FOLDER: Final = 0o700


class PathLeaves(Exception):  # noqa: N818  names what happened
    """A path leads out of the workspace."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


class Workspace:
    """The folder of attempt `attempt` of run `run_id`."""

    def __init__(self, run_id: int, attempt: int) -> None:
        self._home = _all() / f"{run_id}-{attempt}"

    @property
    def root(self) -> Path:
        """Return what steps call /workspace; made where it is not there."""
        return self._made("files")

    @property
    def private(self) -> Path:
        """Return a folder beside it that no step sees."""
        return self._made("private")

    def inside(self, path: str) -> Path:
        """Return where `path`, relative to the workspace, leads; whether there is anything is another question.

        Raises `PathLeaves` where that is not within the workspace, by `..`, by itself or by a link.
        """
        found = Path(os.path.realpath(self.root / path))  # resolve() of Python 3.11 fails for links in a circle
        if not found.is_relative_to(self.root.resolve()):
            raise PathLeaves(path)
        return found

    def clear(self) -> None:
        """Remove all that is in it, and leave it empty."""
        _remove(self._home / "files")

    def remove(self) -> None:
        """Remove it with all that is in it."""
        _remove(self._home)

    def _made(self, name: str) -> Path:
        folder = self._home / name
        folder.mkdir(mode=FOLDER, parents=True, exist_ok=True)
        return folder


def sweep_leftovers() -> None:
    """Remove the workspaces of this machine whose attempt is over, and kill what still works there."""
    homes: dict[str, tuple[int, int]] = {}  # on this machine's disk, each with its run and attempt
    with suppress(FileNotFoundError), os.scandir(_all()) as entries:
        named = ((entry.path, NAME.fullmatch(entry.name)) for entry in entries)
        homes = {path: (int(found[1]), int(found[2])) for path, found in named if found}
    if not homes:
        return
    running = BuildRun.objects.filter(pk__in={run for run, _ in homes.values()}, run_state=RunState.RUNNING)
    live = set(running.values_list("pk", "attempt"))
    for path, attempt in homes.items():
        if attempt not in live:
            _kill_users(path)
            _remove(Path(path))


def _all() -> Path:
    return Path(settings.DATA_DIR) / "work"


def _remove(home: Path) -> None:
    if home.exists():
        shutil.rmtree(home, onerror=lambda function, path, error: log.warning("%s stays: %s", path, error[1]))


def _kill_users(path: str) -> None:
    """Kill the programs whose arguments or environment name a workspace."""
    name = os.fsencode(f"{path}/")  # attempt 1 is not 10
    for process in Path("/proc").glob("[0-9]*"):
        if any(name in _text(process / kind) for kind in ("cmdline", "environ")) and process.name != str(os.getpid()):
            log.warning("Process %s of an attempt that is over is killed", process.name)
            with suppress(ProcessLookupError, PermissionError):
                os.kill(int(process.name), signal.SIGKILL)


def _text(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # it has ended, or belongs to somebody else
        return b""
