"""Takes a run's output and stores it: decoded, masked, numbered, in small batches, beside the build and not in its way.

`say` and `output` only append; a thread stores what is there at most every `FLUSH_SECONDS`. When the store is slower
than the output, appending waits (back-pressure), so nothing is lost and memory is bounded.
"""

import hashlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final

from django.db import connection

from builds.domain.log.limits import LogLimit, clip_remedy
from builds.domain.log.lines import LogLine, OpenLine, Stream
from builds.domain.log.masking import Masker
from builds.domain.log.packing import CHUNK_LINES
from builds.domain.log.splitting import LineSplitter
from builds.domain.progress import VertexState
from builds.execution.patience import DatabaseAway, Patience
from builds.execution.stop import Stop, StopReason
from builds.queries.log import ends_open
from builds.services.connections.engine_facts import note_clipped_log
from builds.services.runs import steps as run_steps
from builds.services.runs.log import Open, append_chunks
from builds.services.runs.transitions import Lease

log = logging.getLogger(__name__)
FLUSH_SECONDS: Final = 0.05
CHUNK_BYTES: Final = 64 * 1024
PENDING_BYTES: Final = 4 * 1024 * 1024
RECENT_LINES: Final = 200


class Recorder:
    """The one writer of an attempt's log. Not for use by several threads at once, but for its own.

    Whatever it is given goes through `masker`, its own lines and the names of build instructions too. Where the log
    cannot be stored for a reason that nobody foresaw, `error` is that and the attempt is asked to stop.
    """

    def __init__(self, lease: Lease, stop: Stop, *, limit_bytes: int, masker: Masker) -> None:
        self.masker = masker
        self._lease = lease
        self._stop = stop
        self._patiently = Patience(stop.lease_is_over)
        self.error: Exception | None = None
        self._began = time.monotonic() - lease.elapsed_ms / 1000
        self._splitter = LineSplitter(masker)
        self._limit = LogLimit(limit_bytes)
        self._changed = threading.Condition()
        self._pending: list[tuple[int | None, LogLine]] = []
        self._pending_bytes = 0
        self._vertices: tuple[int, list[dict[str, Any]]] | None = None
        self._facts: list[Callable[[], object]] = []
        self._shown: list[OpenLine] = []
        self._step_id: int | None = None
        self._sequence = lease.chunk_count
        self._is_clipped = self._told_of_clip = False
        self._bytes, self._digest = 0, hashlib.sha256()
        self._recent: deque[LogLine] = deque(maxlen=RECENT_LINES)
        self._over = False
        self._is_open = lease.chunk_count > 0 and self._patiently(ends_open, lease.run_id)
        self._thread = threading.Thread(target=self._store, name=f"recorder-{lease.run_id}", daemon=True)
        self._thread.start()

    def enter_step(self, step_id: int) -> None:
        """Let all that follows belong to a step."""
        with self._changed:
            self._append(self._splitter.finish())
            self._step_id = step_id
            self._recent.clear()

    def say(self, text: str) -> None:
        """Add lines of BuildHub's own (stream 0)."""
        now, lines = self._now(), self.masker.mask_text(text).splitlines()
        self._append([LogLine(f"{line}\n".encode(), None, Stream.BUILDHUB, now) for line in lines])

    def output(self, vertex: str | None, stream: int, data: bytes) -> None:
        """Add bytes as they were printed."""
        with self._changed:  # a line is at no moment neither open nor pending
            self._append(self._splitter.feed(vertex, stream, data, t=self._now()))
            if self._splitter.open_changed:
                self._changed.notify()

    def close_vertex(self, vertex: str | None) -> None:
        """Hand out the unterminated rest of a build instruction, None: of the step's program, that has ended."""
        with self._changed:
            self._append(self._splitter.close(vertex))

    def show_vertices(self, vertices: Sequence[VertexState]) -> None:
        """Show how far the build instructions of the present step are; stored with the next batch."""
        if self._step_id is not None:
            shown = [vertex.masked(self.masker).as_dict() for vertex in vertices]
            with self._changed:
                self._vertices = (self._step_id, shown)
                self._changed.notify()

    def keep(self, write: Callable[[], object]) -> None:
        """Let the attempt's own thread go on while `write` stores a fact; it is stored before the log is closed."""
        with self._changed:
            self._facts.append(write)
            self._changed.notify()

    def tail(self, vertex: str | None) -> str:
        """Return the last lines that an instruction printed, None: the step's program, to look for known errors."""
        of_program = (line for line in self._recent if line.stream != Stream.BUILDHUB)
        return "\n".join(line.text for line in of_program if line.vertex == vertex)

    def close(self) -> None:
        """Store all that is left, the held-back tail of an over-long log with its mark included."""
        with self._changed:
            self._append(self._splitter.finish())
        mark, tail = self._limit.release()
        said = [LogLine(f"{mark}\n".encode(), None, Stream.BUILDHUB, self._now())] if mark else []
        rest = self._apart([*said, *tail])
        with self._changed:
            self._pending += [(self._step_id, line) for line in rest]
            self._over = True
            self._changed.notify_all()
        self._thread.join()

    @property
    def sealed(self) -> tuple[int, str] | None:
        """Return byte count and SHA-256 of the log that this attempt has stored, None where an earlier one began it.

        Only for a recorder that is closed.
        """
        return None if self._lease.chunk_count else (self._bytes, self._digest.hexdigest())

    def _now(self) -> int:
        return int((time.monotonic() - self._began) * 1000)

    def _append(self, lines: Sequence[LogLine]) -> None:
        if not lines:
            return
        self._recent.extend(lines)
        explained = [line for given in lines for line in _explained(given)]
        self._is_clipped |= len(explained) > len(lines)
        admitted = self._apart(self._limit.admit(explained))
        with self._changed:
            while self._pending_bytes > PENDING_BYTES and self._thread.is_alive():
                self._changed.wait(1)
            self._pending += [(self._step_id, line) for line in admitted]
            self._pending_bytes += sum(len(line.raw) for line in admitted)
            self._changed.notify()

    def _apart(self, lines: Sequence[LogLine]) -> list[LogLine]:
        """Let each line of BuildHub's own begin a line, also behind output that ended without one."""
        apart: list[LogLine] = []
        for line in lines:
            apart.append(line.after_an_open_line() if self._is_open else line)
            self._is_open = not line.ends
        return apart

    def _store(self) -> None:
        try:
            while self._store_batch():
                pass
        except DatabaseAway:
            log.warning("Run %s: the rest of the log is dropped with its lease", self._lease.run_id)
        except Exception as error:  # noqa: BLE001  told by the attempt's own thread
            self.error = error
            self._stop.ask(StopReason.LOG_FAILED)
        finally:
            connection.close()

    def _store_batch(self) -> bool:
        """Store what is pending; return False once all is stored after the end, or the lease was lost."""
        with self._changed:
            self._changed.wait_for(lambda: self._has_more or self._over)
            if not self._over:  # let a batch gather, one commit for many lines; the end waits for nothing
                self._changed.wait_for(lambda: self._over, FLUSH_SECONDS)
            batch, self._pending, self._pending_bytes = self._pending, [], 0
            vertices, self._vertices = self._vertices, None
            facts, self._facts = self._facts, []
            opened = self._take_open()
            self._changed.notify_all()
        held = self._write(batch, vertices, opened) and self._write_facts(facts)
        if not held:
            self._stop.ask(StopReason.LEASE_LOST)
        with self._changed:
            return held and (self._has_more or not self._over)

    @property
    def _has_more(self) -> bool:
        return bool(self._pending or self._vertices or self._facts or self._splitter.open_changed)

    def _take_open(self) -> Open | None:
        """Return the lines that are open now, None where they are as before; none once the log is at its limit."""
        if not self._splitter.open_changed:
            return None
        lines = self._splitter.open_lines()
        before, self._shown = self._shown, [] if self._limit.is_reached else lines
        return None if self._shown == before else (self._step_id, self._shown)

    def _write_facts(self, facts: Sequence[Callable[[], object]]) -> bool:
        try:
            for write in facts:
                self._patiently(write)
        except run_steps.LeaseLost:
            return False
        return True

    def _write(
        self,
        batch: list[tuple[int | None, LogLine]],
        vertices: tuple[int, list[dict[str, Any]]] | None,
        opened: Open | None,
    ) -> bool:
        if (chunks := _chunks(batch)) or opened:
            if not self._patiently(append_chunks, self._lease, chunks, after=self._sequence, opened=opened):
                return False
            self._sequence += len(chunks)
            if self._is_clipped and not self._told_of_clip:
                self._patiently(note_clipped_log, self._lease.run_id)
                self._told_of_clip = True
            for _step_id, line in batch:
                self._digest.update(line.raw)
                self._bytes += len(line.raw)
        return vertices is None or self._patiently(run_steps.show_vertices, self._lease, *vertices)


def _explained(line: LogLine) -> list[LogLine]:
    """Add BuildHub's own words behind a line in which the engine says that it has cut the output."""
    if line.vertex is None or not line.raw.lstrip().startswith(b"[output clipped"):
        return [line]
    remedy = clip_remedy(line.text)
    return [line, LogLine(f"{remedy}\n".encode(), line.vertex, Stream.BUILDHUB, line.t)] if remedy else [line]


def _chunks(batch: list[tuple[int | None, LogLine]]) -> list[tuple[int | None, list[LogLine]]]:
    """Cut a batch into chunks of one step each, within the limits of a chunk."""
    chunks: list[tuple[int | None, list[LogLine]]] = []
    size = 0
    for step_id, line in batch:
        full = not chunks or len(chunks[-1][1]) >= CHUNK_LINES or size + len(line.raw) > CHUNK_BYTES
        if full or chunks[-1][0] != step_id:
            chunks.append((step_id, []))
            size = 0
        chunks[-1][1].append(line)
        size += len(line.raw)
    return chunks
