"""What a web process reads once for all who watch the same: a run, or all runs."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from django.db import Error as DatabaseError

from builds.live import reading
from builds.live.database_threads import DatabaseThreads
from builds.live.frames import is_last_page
from builds.live.outbox import Outbox
from builds.live.reading import LogEnd, OpenAfter, RunNow

log = logging.getLogger(__name__)
GATHER_SECONDS: Final = 0.04  # reads are so far apart: hints between them are answered by one
LOOK_SECONDS: Final = 0.2  # instructions move often: their steps are not read more often than so
FALLBACK_SECONDS: Final = 2.0  # a hint may be lost: an active run is looked at so often in any case
RETRY_SECONDS: Final = 1.0
MOST_PENDING: Final = 1000


class RunTopic:
    """One run with watchers: `follow` reads what is new and hands the same text to every outbox."""

    def __init__(self, run_id: int, threads: DatabaseThreads) -> None:
        self.run_id = run_id
        self.build_id: int | None = None
        self.position = 0  # number of the last line that was handed out
        self.version = 0  # counts changes of the run
        self.steps: dict[int, str] = {}
        self.end: LogEnd | None = None
        self.open: OpenAfter | None = None  # None until it is read
        self.members: set[Outbox] = set()
        self._threads = threads
        self._facts: object = None
        self._woken = asyncio.Event()
        self._run_moved = True
        self._steps_moved = False
        self._looked_at = 0.0
        self._answered_at = 0.0

    def join(self, outbox: Outbox) -> None:
        """Add a watcher: what is handed out from now on reaches it, what was before is in the database."""
        outbox.newest = self.position
        self.members.add(outbox)

    def lines_grew(self) -> None:
        """Say that lines were stored."""
        self._woken.set()

    def steps_changed(self) -> None:
        """Say that a step or an instruction has moved."""
        self._steps_moved = True
        self._woken.set()

    def run_changed(self) -> None:
        """Say that the run, or something that its possible actions depend on, has changed."""
        self._run_moved = True
        self._woken.set()

    async def follow(self) -> None:
        """Read and hand out until the run has ended; a database that is away is asked again."""
        while not await self._tried(self._begin):
            pass
        while self.end is None:
            await self._tried(self._tick)
            await self._gathered()

    async def _tried(self, read: Callable[[], Awaitable[None]]) -> bool:
        """Say whether it worked; if not, some time has passed."""
        try:
            await read()
            return True
        except DatabaseError as error:
            log.warning("Run %d cannot be followed now: %s", self.run_id, error)
            self._run_moved = True
            await asyncio.sleep(RETRY_SECONDS)
        except Exception:
            log.exception("Following run %d failed; it goes on.", self.run_id)
            await asyncio.sleep(RETRY_SECONDS)
        return False

    async def _gathered(self) -> None:
        """Wait for a hint and those that come right behind it; without one it is time to look at everything."""
        try:
            async with asyncio.timeout(LOOK_SECONDS if self._steps_moved else FALLBACK_SECONDS):
                await self._woken.wait()
            await asyncio.sleep(self._answered_at + GATHER_SECONDS - time.monotonic())  # after a quiet time: at once
        except TimeoutError:
            self._run_moved = True
        self._answered_at = time.monotonic()
        self._woken.clear()

    async def _begin(self) -> None:
        """Begin behind the lines that are stored already: those who want them read them."""
        if now := await self._threads.run(reading.run_now, self.run_id):
            self.position = now.line_count
            for outbox in self.members:
                outbox.newest = now.line_count
                outbox.catch_up()

    async def _tick(self) -> None:
        """Look at the run before its lines: when it has ended, no line follows those that are read then."""
        is_due = time.monotonic() - self._looked_at >= LOOK_SECONDS
        looks = self._run_moved or (self._steps_moved and is_due)
        if not looks:
            await self._hand_out_lines()
            return
        self._run_moved = self._steps_moved = False
        self._looked_at = time.monotonic()
        now = await self._threads.run(reading.run_now, self.run_id)
        await self._hand_out_lines()
        self._hand_out_run(now)

    async def _hand_out_lines(self) -> None:
        is_all = False
        while not is_all:
            frames = await self._threads.run(reading.lines_after, self.run_id, self.position)
            is_all = is_last_page(frames)
            for frame in frames:
                self.position = frame.last
                for outbox in self.members:
                    outbox.put(frame)
        await self._look_at_open()

    async def _look_at_open(self) -> None:
        """Look at what is not finished; where more lines were stored meanwhile, their hint brings both."""
        found = await self._threads.run(reading.open_after, self.run_id)
        if found.last == self.position and found != self.open:
            self.open = found
            for outbox in self.members:
                outbox.mark()

    def _hand_out_run(self, now: RunNow | None) -> None:
        facts = now.facts if now else None
        steps = now.steps if now else self.steps
        run_changed, steps_changed = self._facts != facts or now is None, self.steps != steps
        self._facts, self.steps = facts, steps
        self.version += run_changed
        if now:
            self.build_id, self.end = now.build_id, now.end
        for outbox in self.members:
            outbox.mark(run=run_changed, steps=steps_changed)


class RunsOutbox:
    """Numbers of runs and builds that one reader of all runs has not been told of yet.

    `everything` where it is not known which.
    """

    def __init__(self) -> None:
        self.everything = True
        self.version = 0
        self._pending: dict[int, None] = {}
        self._builds: dict[int, None] = {}
        self._filled = asyncio.Event()
        self._filled.set()

    def put(self, run_ids: Iterable[int] | None, version: int, *, build_ids: Iterable[int] = ()) -> None:
        """Add runs that have changed, None stands for any, and builds that have."""
        self.version = version
        self._pending.update(dict.fromkeys(run_ids or ()))
        self._builds.update(dict.fromkeys(build_ids))
        if run_ids is None or max(len(self._pending), len(self._builds)) > MOST_PENDING:
            self.everything = True
        self._filled.set()

    def take(self) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
        """Return the runs and the builds to tell of, None for everything, and forget them."""
        taken = None if self.everything else (tuple(self._pending), tuple(self._builds))
        self.everything = False
        self._pending.clear()
        self._builds.clear()
        return taken

    async def wait(self, seconds: float) -> None:
        """Return when something was put since the last wait, or after `seconds`."""
        try:
            async with asyncio.timeout(seconds):
                await self._filled.wait()
        except TimeoutError:
            return
        self._filled.clear()


class RunsTopic:
    """All runs: gathers which have changed, and which builds, and tells all outboxes at once: so they ask alike."""

    def __init__(self) -> None:
        self.members: set[RunsOutbox] = set()
        self._version = 0
        self._pending: set[int] = set()
        self._builds: set[int] = set()
        self._everything = False
        self._woken = asyncio.Event()

    def run_changed(self, run_id: int) -> None:
        """Say that a run has changed."""
        self._pending.add(run_id)
        self._woken.set()

    def build_changed(self, build_id: int) -> None:
        """Say that a build itself has changed."""
        self._builds.add(build_id)
        self._woken.set()

    def gap(self) -> None:
        """Say that hints may have been missed."""
        self._everything = True
        self._woken.set()

    async def follow(self) -> None:
        """Hand out what hints have asked for, until cancelled."""
        while True:
            await self._woken.wait()
            await asyncio.sleep(GATHER_SECONDS)
            self._woken.clear()
            run_ids, build_ids = None if self._everything else sorted(self._pending), sorted(self._builds)
            self._everything = False
            self._pending.clear()
            self._builds.clear()
            self._version += 1
            for outbox in self.members:
                outbox.put(run_ids, self._version, build_ids=build_ids)
