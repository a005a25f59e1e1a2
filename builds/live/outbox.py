"""What waits to be sent to one socket: bounded, filled without waiting, emptied by the socket's own task."""

import asyncio
from collections import deque
from typing import Final

from builds.live.frames import LineFrame

MAX_FRAMES: Final = 64
MAX_CHARS: Final = 4 * 1024 * 1024  # the texts are shared by all sockets of a run; this bounds the slowest


class Outbox:
    """Marks and line frames for one reader of a run.

    A reader that catches up takes lines from the database, so frames are only counted (`newest`) until it is level.
    A reader that is level and too slow loses what has piled up: `skip_to` then tells it from where it goes on.
    """

    def __init__(self) -> None:
        self.run_changed = True  # at once, and after each change
        self.steps_changed = True
        self.is_catching_up = True
        self.newest = 0  # number of the last line that the topic has told of
        self.skip_to: int | None = None
        self._frames: deque[LineFrame] = deque()
        self._chars = 0
        self._filled = asyncio.Event()
        self._filled.set()

    def put(self, frame: LineFrame) -> None:
        """Add a frame that follows the one before."""
        self.newest = frame.last
        if not self.is_catching_up:
            self._add(frame)
        self._filled.set()

    def mark(self, *, run: bool = False, steps: bool = False) -> None:
        """Say that the run or its steps have changed; also without either: look at the topic again."""
        self.run_changed |= run
        self.steps_changed |= steps
        self._filled.set()

    def pop(self) -> LineFrame | None:
        """Take the oldest frame."""
        if not self._frames:
            return None
        frame = self._frames.popleft()
        self._chars -= len(frame.text)
        return frame

    def catch_up(self) -> None:
        """Drop all frames: the reader takes its lines from the database until it calls `level`."""
        self.is_catching_up = True
        self._empty()
        self._filled.set()

    def level(self) -> None:
        """Say that the reader has all lines up to `newest`; call it without an await since that was seen."""
        self.is_catching_up = False

    @property
    def has_work(self) -> bool:
        """True when there is something to send."""
        pending = self.is_catching_up or bool(self._frames) or self.skip_to is not None
        return pending or self.run_changed or self.steps_changed

    async def wait(self, seconds: float) -> None:
        """Return when something was put or marked since the last wait, or after `seconds`."""
        try:
            async with asyncio.timeout(seconds):
                await self._filled.wait()
        except TimeoutError:
            return
        self._filled.clear()

    def _add(self, frame: LineFrame) -> None:
        if len(self._frames) >= MAX_FRAMES or (self._frames and self._chars + len(frame.text) > MAX_CHARS):
            self._empty()
            self.skip_to = frame.last
            return
        self._frames.append(frame)
        self._chars += len(frame.text)

    def _empty(self) -> None:
        self._frames.clear()
        self._chars = 0
