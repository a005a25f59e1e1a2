"""Where a log is cut, and the words that say so: BuildHub's own limit, and the engine's.

Of BuildHub's limit head and tail are kept, and a mark says what is missing between. What the engine cuts by itself is
told in docs/engine-notes.md, "What differs".
"""

import re
from collections import deque
from collections.abc import Sequence
from typing import Final

from builds.domain.log.lines import LogLine

TAIL_BYTES: Final = 16 * 1024 * 1024  # the tail waits in memory: bounded whatever the limit is
TAIL_LINES: Final = 100_000
CLIPS_LOGS: Final = (
    "Its engine has left out output of instructions that print much; its administrator sets"
    " BUILDKIT_STEP_LOG_MAX_SIZE=1073741824 and BUILDKIT_STEP_LOG_MAX_SPEED=1073741824 in the engine's environment."
)
ENGINE_CLIP: Final = re.compile(r"\s*\[output clipped, log limit (-?[0-9.]+ ?[A-Za-z]*)(/s)? reached\]\s*")


def clip_remedy(text: str) -> str | None:
    """Return what BuildHub adds to a line in which BuildKit says that it clips the output, or None for other lines.

    The marker is the whole line: `[output clipped, log limit 200KiB/s reached]` or `… 1MiB reached]`.
    """
    marker = ENGINE_CLIP.fullmatch(text)
    if marker is None:
        return None
    size, per_second = marker.groups()
    name = "faster than" if per_second else "more than"
    return (
        f"The build server's engine left out output of this instruction here: it keeps no step that prints {name} "
        f"{size}{per_second or ''}. What is missing never reached BuildHub; the build itself goes on. Remedy: its "
        "administrator sets BUILDKIT_STEP_LOG_MAX_SIZE=1073741824 and BUILDKIT_STEP_LOG_MAX_SPEED=1073741824 in the "
        "engine's environment and restarts it."
    )


class LogLimit:
    """Keeps the head and the tail of a log that grows beyond `limit_bytes`, and counts what is left out between.

    The tail takes at most half of the limit and at most `tail_bytes`; the head has the rest.
    """

    def __init__(self, limit_bytes: int, *, tail_bytes: int = TAIL_BYTES) -> None:
        self.limit_bytes = limit_bytes
        self.missing_lines = 0
        self.missing_bytes = 0
        self._tail_room = min(limit_bytes // 2, tail_bytes)
        self._head_room = limit_bytes - self._tail_room
        self._head_open = True
        self._tail: deque[LogLine] = deque()
        self._tail_bytes = 0

    @property
    def is_reached(self) -> bool:
        """True where lines are held back: none is stored any more until the output is over."""
        return not self._head_open

    def admit(self, lines: Sequence[LogLine]) -> list[LogLine]:
        """Return those of `lines` that belong to the head and are to be stored now; hold the others back."""
        admitted: list[LogLine] = []
        for line in lines:
            size = len(line.raw)
            self._head_open = self._head_open and size <= self._head_room
            if self._head_open:
                self._head_room -= size
                admitted.append(line)
            else:
                self._hold(line, size)
        return admitted

    def release(self) -> tuple[str | None, list[LogLine]]:
        """Return the mark (None when nothing is missing) and the lines held back, once the output is over."""
        lines = list(self._tail)
        self._tail.clear()
        self._tail_bytes = 0
        return (self._mark() if self.missing_lines else None), lines

    def _hold(self, line: LogLine, size: int) -> None:
        self._tail.append(line)
        self._tail_bytes += size
        while self._tail_bytes > self._tail_room or len(self._tail) > TAIL_LINES:
            dropped = len(self._tail.popleft().raw)
            self._tail_bytes -= dropped
            self.missing_lines += 1
            self.missing_bytes += dropped

    def _mark(self) -> str:
        return (
            f"{self.missing_lines:,} lines ({self.missing_bytes:,} bytes) are missing here: the log of a run is "
            f"limited to {self.limit_bytes:,} bytes, of which beginning and end are kept. The build's result is not "
            "affected. The operator of BuildHub sets the limit by BUILDHUB_LOG_LIMIT_MB."
        )
