"""The supervisor's side of the fork server (fork_server.py): asks for processes and looks after them."""

import json
import os
import select
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from typing import IO, Final, Protocol

from supervisor.files import CannotStart
from supervisor.processes import MARK, Command

LOOK_SECONDS: Final = 0.02
ANSWER_SECONDS: Final = 30.0  # it may still be loading
LONGEST_ANSWER: Final = 32


class Process(Protocol):
    """What the supervisor asks of a child, started or forked."""

    pid: int
    returncode: int | None
    stdout: IO[bytes] | None

    def poll(self) -> int | None:
        """Return the exit code if it has ended; a negative one is a signal."""

    def wait(self, timeout: float) -> int:
        """Wait for its end. Raises `subprocess.TimeoutExpired`."""


class Forked:
    """A child that the fork server has made: what `subprocess.Popen` is to one that was started here."""

    def __init__(self, pid: int, stdout: IO[bytes] | None = None) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self.stdout = stdout

    def poll(self) -> int | None:
        """Take the exit code if it has ended; a negative one is a signal."""
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.returncode = os.waitstatus_to_exitcode(status) if pid else None
        return self.returncode

    def wait(self, timeout: float) -> int:
        """Wait for its end. Raises `subprocess.TimeoutExpired`."""
        deadline = time.monotonic() + timeout
        while (code := self.poll()) is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(str(self.pid), timeout)
            time.sleep(LOOK_SECONDS)
        return code


class Forks:
    """Asks one fork server after another. `tick` is called while an answer is waited for, and may raise."""

    def __init__(self, tick: Callable[[], None]) -> None:
        self._tick = tick
        self._ours: socket.socket | None = None

    def open(self) -> socket.socket:
        """Return the standard input for a new fork server; to be closed here once that has been started."""
        self.close()
        self._ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        return theirs

    def close(self) -> None:
        """Let the fork server end, if there is one."""
        if self._ours is not None:
            self._ours.close()
        self._ours = None

    def fork(self, command: Command, *, mark: str) -> Forked:
        """Let the fork server make a process for `command`. Raises `CannotStart`."""
        if not command.captured:
            return Forked(self._ask(command, mark, []))
        reading, writing = os.pipe()
        stdout = os.fdopen(reading, "rb")
        try:
            return Forked(self._ask(command, mark, [writing]), stdout)
        finally:
            os.close(writing)

    def _ask(self, command: Command, mark: str, files: Sequence[int]) -> int:
        request = {
            "argv": command.argv,
            "env": {**command.env, MARK: mark},
            "name": command.key,
            "parent": os.getpid(),
            "stop_signal": command.stop_signal,
        }
        try:
            answer = self._exchange(json.dumps(request).encode(), files)
        except OSError:  # it has died just now
            answer = b""
        if not answer:
            self.close()  # a late answer would be taken for that of the next request
            raise CannotStart(f"{command.key} was not started: the fork server has ended or does not answer.")
        return int(answer)

    def _exchange(self, request: bytes, files: Sequence[int]) -> bytes:
        if self._ours is None:
            return b""
        deadline = time.monotonic() + ANSWER_SECONDS
        socket.send_fds(self._ours, [request], files)
        while not select.select([self._ours], [], [], LOOK_SECONDS)[0]:
            self._tick()
            if time.monotonic() > deadline:
                return b""
        return self._ours.recv(LONGEST_ANSWER)
