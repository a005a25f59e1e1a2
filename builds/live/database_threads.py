"""Database reads for the event loop: a few threads with connections of their own, one read for all that ask alike.

The reads are synchronous (queries/ has them already); they never run on the loop itself.
"""

import asyncio
import threading
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

from django.db import close_old_connections, connections

T = TypeVar("T")
THREADS: Final = 3  # also the most connections that the sockets of a web process hold, beside the LISTEN


class DatabaseThreads:
    """Runs synchronous reads beside the loop. Close it; its connections end with it."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="live")
        self._under_way: dict[Hashable, asyncio.Task[Any]] = {}

    async def run(self, read: Callable[..., T], *args: Any) -> T:
        """Return `read(*args)`, called in one of the threads."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, _tidy, read, *args)

    async def shared(self, version: Hashable, read: Callable[..., T], *args: Any) -> T:
        """Return `read(*args)`, joining a read of the same `version` that is under way.

        What must not be older than a fact that the caller knows has that fact in `version`.
        """
        key = (version, read, args)
        task = self._under_way.get(key)
        if task is None:
            task = asyncio.create_task(self.run(read, *args))
            self._under_way[key] = task
            task.add_done_callback(lambda done: self._forget(key, done))
        result: T = await asyncio.shield(task)  # one who leaves does not take it from the others
        return result

    async def close(self) -> None:
        """Wait for what is under way and close the connections of every thread."""
        await asyncio.gather(*self._under_way.values(), return_exceptions=True)
        together = threading.Barrier(THREADS)  # keeps each thread until all have one: so each closes its own
        loop = asyncio.get_running_loop()
        ends = [loop.run_in_executor(self._threads, _close_connections, together) for _ in range(THREADS)]
        await asyncio.gather(*ends, return_exceptions=True)
        self._threads.shutdown(wait=False)

    def _forget(self, key: Hashable, done: asyncio.Task[Any]) -> None:
        del self._under_way[key]
        if not done.cancelled():
            done.exception()  # seen, also where all who asked have left


def _tidy(read: Callable[..., T], *args: Any) -> T:
    close_old_connections()
    try:
        return read(*args)
    finally:
        close_old_connections()


def _close_connections(together: threading.Barrier) -> None:
    together.wait(timeout=10)
    connections.close_all()
