"""Signals of the supervisor: asked to stop, or a child has ended."""

import os
import select
import signal
from contextlib import suppress
from types import FrameType


class Signals:
    """Notes SIGINT, SIGTERM and SIGHUP, and wakes `wait` for them and for SIGCHLD. For the main thread only."""

    def __init__(self) -> None:
        self.stop_asked = False
        self._reading, writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._ask)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # ignored it would not wake us

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        self.stop_asked = True

    def asked(self) -> bool:
        """Say whether somebody asked for the end."""
        return self.stop_asked

    def wait(self, seconds: float) -> None:
        """Sleep until a signal comes, at most `seconds`."""
        if self.stop_asked:
            return
        select.select([self._reading], [], [], seconds)
        with suppress(BlockingIOError):
            os.read(self._reading, 4096)
