"""One hub for each event loop, that is for each web process: one LISTEN, one read for each run, many sockets.

Data is in PostgreSQL; hints only say where to look. So a hub may be cut off, restarted or multiplied at any time, and
every web process serves every reader (docs/architecture.md, "The life of a run", step 7).
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from typing import Any, Self
from weakref import WeakKeyDictionary

from builds.doorbell import Hint
from builds.live.database_threads import DatabaseThreads
from builds.live.hints import listen
from builds.live.outbox import Outbox
from builds.live.topics import RunsOutbox, RunsTopic, RunTopic

_hubs: "WeakKeyDictionary[asyncio.AbstractEventLoop, Hub]" = WeakKeyDictionary()


class Hub:
    """Lives while a socket of its loop is open: `async with Hub.of_this_loop() as hub`."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.threads = DatabaseThreads()
        self._loop = loop
        self._users = 0
        self._runs: dict[int, RunTopic] = {}
        self._all_runs: RunsTopic | None = None
        self._tasks: dict[object, asyncio.Task[None]] = {}

    @classmethod
    def of_this_loop(cls) -> "Hub":
        """Return the hub of the running loop; enter it before anything is awaited."""
        loop = asyncio.get_running_loop()
        if loop not in _hubs:
            _hubs[loop] = cls(loop)
        return _hubs[loop]

    async def __aenter__(self) -> Self:
        self._users += 1
        return self

    async def __aexit__(self, *_: object) -> None:
        self._users -= 1
        if self._users:
            return
        del _hubs[self._loop]  # before the first await: who comes now makes a new one
        for owner in list(self._tasks):
            await self._stop(owner)
        await self.threads.close()

    @contextlib.asynccontextmanager
    async def run(self, run_id: int, outbox: Outbox) -> AsyncIterator[RunTopic]:
        """Watch one run with `outbox`."""
        self._ensure_listening()
        topic = self._runs.get(run_id)
        if topic is None:
            topic = self._runs[run_id] = RunTopic(run_id, self.threads)
            self._start(topic, topic.follow())
        topic.join(outbox)
        try:
            yield topic
        finally:
            topic.members.discard(outbox)
            if not topic.members and self._runs.get(run_id) is topic:
                del self._runs[run_id]
                await self._stop(topic)

    @contextlib.asynccontextmanager
    async def all_runs(self, outbox: RunsOutbox) -> AsyncIterator[RunsTopic]:
        """Watch all runs with `outbox`."""
        self._ensure_listening()
        if self._all_runs is None:
            self._all_runs = RunsTopic()
            self._start(self._all_runs, self._all_runs.follow())
        topic = self._all_runs
        topic.members.add(outbox)
        try:
            yield topic
        finally:
            topic.members.discard(outbox)

    def _ensure_listening(self) -> None:
        if self not in self._tasks:
            self._start(self, listen(self._hear, self._gap))

    def _hear(self, hint: Hint) -> None:
        if hint["type"] == "log.grew":
            if topic := self._runs.get(hint["run"]):
                topic.lines_grew()
        elif hint["type"] == "steps.changed":
            if topic := self._runs.get(hint["run"]):
                topic.steps_changed()
        elif hint["type"] == "build.changed":
            self._build_changed(hint["build"], itself=True)
        elif hint["type"] == "run.changed":
            self._build_changed(hint["build"])
            if self._all_runs:
                self._all_runs.run_changed(hint["run"])

    def _build_changed(self, build_id: int, *, itself: bool = False) -> None:
        """Look anew at all runs of a build that are watched: their possible actions depend on each other.

        `itself`: the build has changed, not one of its runs.
        """
        if itself and self._all_runs:
            self._all_runs.build_changed(build_id)
        for topic in self._runs.values():
            if topic.build_id in (build_id, None):
                topic.run_changed()

    def _gap(self) -> None:
        for topic in self._runs.values():
            topic.run_changed()
        if self._all_runs:
            self._all_runs.gap()

    def _start(self, owner: object, coroutine: Coroutine[Any, Any, None]) -> None:
        self._tasks[owner] = asyncio.create_task(coroutine)

    async def _stop(self, owner: object) -> None:
        task = self._tasks.pop(owner)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
