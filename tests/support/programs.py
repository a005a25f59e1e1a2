"""BuildHub's programs for tests, forked from a process that has loaded them, as `make run` does (ADR 26).

A start then costs a tenth of a second of processor instead of more than one.
"""

import ctypes
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from supervisor.files import CannotStart
from supervisor.forks import Forked, Forks
from supervisor.plan import CHECKOUT
from supervisor.processes import Command, mark_of, spawn
from tests.support.plugin import SERVICES

_PR_SET_CHILD_SUBREAPER = 36  # prctl(2)


class ForkServer:
    """The fork server for programs with one environment: settings are read once, before the first fork."""

    def __init__(self, environment: Mapping[str, str], log: Path) -> None:
        self._environment = dict(environment)
        self._log = log
        self._forks = Forks(tick=self._look)
        self._process: subprocess.Popen[bytes] | None = None

    def fork(self, name: str, *words: str) -> Forked:
        """Start the program that `words` name in a process group of its own, which ends when pytest does.

        Raises `CannotStart` where the fork server has ended.
        """
        if self._process is None or self._process.poll() is not None:
            self._start()
        command = Command(key=name, name=name, argv=words, stop_signal=signal.SIGKILL, forked=True)
        with _adopting_orphans():
            return self._forks.fork(command, mark=mark_of(SERVICES.home, name))

    def _start(self) -> None:
        argv = (sys.executable, "-m", "buildhub.programs")
        command = Command(key="fork-server", name="", argv=argv, env=self._environment, cwd=CHECKOUT, log=self._log)
        with self._forks.open() as requests:
            self._process = spawn(command, mark=mark_of(SERVICES.home, command.key), stdin=requests.fileno())

    def _look(self) -> None:
        if self._process is not None and self._process.poll() is not None:
            raise CannotStart(f"The fork server has ended: {self._log.read_text(errors='replace')[-2000:]}")


@cache
def fork_server(environment: frozenset[tuple[str, str]], log: Path) -> ForkServer:
    """Return the fork server for these settings; its programs write to `log`. It ends with the services of the run."""
    return ForkServer(dict(environment), log)


@contextmanager
def _adopting_orphans() -> Iterator[None]:
    """Be the parent of what the fork server leaves; only so long, for others' orphans would never be waited for."""
    prctl = ctypes.CDLL(None).prctl
    prctl(_PR_SET_CHILD_SUBREAPER, 1)
    try:
        yield
    finally:
        prctl(_PR_SET_CHILD_SUBREAPER, 0)
