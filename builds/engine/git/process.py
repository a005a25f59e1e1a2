"""Run one program of git to its end: what it prints as it comes, stopped at once when the run is, held to a size."""

import os
import re
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Final

from builds.engine.git.errors import GitFailed, GitStopped, SourceTooLarge
from builds.engine.programs import WITH_ITS_PARENT, own_mark

LOOK_SECONDS: Final = 0.1  # between two looks whether to stop
MEASURE_SECONDS: Final = 1.0  # between two looks at the size
GONE_SECONDS: Final = 2.0
PIECE: Final = 65536
KEPT_LINES: Final = 50
KEPT_CHARACTERS: Final = 1000  # of a line
LONGEST_LINE: Final = 65536  # bytes; more comes in several
MOST_PRINTED: Final = 64 * 1024**2  # bytes: a list of a million branches
LINE_END: Final = re.compile(rb"\r?\n|\r(?=[^\n])")  # ssh ends its lines with both


@dataclass(frozen=True)
class Work:
    """Where git works, and what bounds it.

    `folder` is what it writes, at most `limit_bytes`; `private` what it needs besides; both are there. `allowed`: hosts
    and networks that may be private. `said` takes each line of its error output, and whether that is a step of a
    progress which the next one replaces.
    """

    folder: Path
    private: Path
    allowed: Sequence[str]
    limit_bytes: int
    stopping: Event
    said: Callable[[str, bool], None]


@dataclass(frozen=True)
class Surroundings:
    """What all programs of one piece of work are started with."""

    work: Work
    environment: Mapping[str, str] = field(repr=False)


def run(around: Surroundings, folder: Path, *arguments: str) -> bytes:
    """Run `arguments` in `folder` and return what they print. Raises `GitFailed`, `GitStopped` and `SourceTooLarge`."""
    process = subprocess.Popen(
        [*WITH_ITS_PARENT, *arguments],
        cwd=folder,
        env={**around.environment, **own_mark()},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        umask=0o022,  # the modes of files are part of an image
    )
    with process:
        try:
            printed, lines = _Reader(process, around).read()
        except BaseException:
            kill_group(process.pid)
            raise
    if process.returncode:
        raise GitFailed(" ".join(arguments[:2]), lines, process.returncode)
    return printed


def kill_group(pgid: int) -> None:
    """Kill a process group, and wait until it has gone."""
    until = time.monotonic() + GONE_SECONDS
    with suppress(ProcessLookupError, PermissionError):  # gone; the latter: only what we may not signal is left
        while time.monotonic() < until:
            os.killpg(pgid, signal.SIGKILL)
            with suppress(ChildProcessError):
                os.waitpid(-pgid, os.WNOHANG)
            time.sleep(0.01)


class _Reader:
    """Reads both outputs of a process until they end."""

    def __init__(self, process: subprocess.Popen[bytes], around: Surroundings) -> None:
        self._process, self._work = process, around.work
        self._printed = bytearray()
        self._open = b""  # of a line of the error output that has no end yet
        self._lines: list[str] = []

    def read(self) -> tuple[bytes, list[str]]:
        """Return the output and the last lines of the error output, without steps of a progress.

        Raises `GitStopped`, and `SourceTooLarge` as soon as the code is that.
        """
        measure_at = time.monotonic() + MEASURE_SECONDS
        takers = ((self._process.stdout, self._take_output), (self._process.stderr, self._take_error))
        with selectors.DefaultSelector() as selector:
            for pipe, take in takers:
                if pipe is not None:
                    selector.register(pipe, selectors.EVENT_READ, take)
            while selector.get_map():
                for key, _ in selector.select(LOOK_SECONDS):
                    piece = os.read(key.fd, PIECE)
                    key.data(piece)
                    if not piece:
                        selector.unregister(key.fileobj)
                if self._work.stopping.is_set():
                    raise GitStopped
                if time.monotonic() >= measure_at:
                    check_size(self._work.folder, self._work.limit_bytes)
                    measure_at = time.monotonic() + MEASURE_SECONDS
        return bytes(self._printed), self._lines

    def _take_output(self, piece: bytes) -> None:
        self._printed += piece
        if len(self._printed) > MOST_PRINTED:
            raise GitFailed("read its output", [f"it prints more than {MOST_PRINTED:,} bytes"], 0)

    def _take_error(self, piece: bytes) -> None:
        text, begin = self._open + (piece or b"\n"), 0
        for end in LINE_END.finditer(text):
            self._say(text[begin : end.start()], is_step=end.group() == b"\r")
            begin = end.end()
        self._open = text[begin:] if piece else b""
        if len(self._open) > LONGEST_LINE:
            self._say(self._open, is_step=False)
            self._open = b""

    def _say(self, said: bytes, *, is_step: bool) -> None:
        line = said.decode(errors="replace").strip()
        if not line:
            return
        self._work.said(line, is_step)
        if not is_step:
            self._lines = [*self._lines[-KEPT_LINES:], line[:KEPT_CHARACTERS]]


def check_size(folder: Path, limit_bytes: int) -> None:
    """Raise `SourceTooLarge` where `folder` takes more than `limit_bytes` of its disk."""
    found, waiting = 0, [folder]
    while waiting:
        with suppress(OSError), os.scandir(waiting.pop()) as entries:  # moved or removed meanwhile
            for entry in entries:
                found += entry.stat(follow_symlinks=False).st_blocks * 512
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(Path(entry.path))
    if found > limit_bytes:
        raise SourceTooLarge(found, limit_bytes)
