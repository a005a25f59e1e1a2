"""The rights of one open socket, looked at again and again: no hint tells that a session or a token has ended."""

import math
import time
from typing import Final

from builds.live.credentials import Credentials, caller_of
from builds.live.database_threads import DatabaseThreads
from builds.live.reading import NoEntry
from builds.models import Caller

RECHECK_SECONDS: Final = 1.5  # what is lost is taken away within three seconds: these, and the time to look


class Rights:
    """What the credentials of a socket are good for. Call `look` before anything is sent."""

    def __init__(self, threads: DatabaseThreads, credentials: Credentials) -> None:
        self._threads = threads
        self._credentials = credentials
        self._caller: Caller | None = None
        self._looked_at = -math.inf

    @property
    def due_in(self) -> float:
        """Return in how many seconds it is time to look again."""
        return max(self._looked_at + RECHECK_SECONDS - time.monotonic(), 0)

    async def look(self) -> NoEntry | bool:
        """Say whether the rights differ from those of the last look, or why there are none; only where it is due."""
        if self.due_in:
            return False
        version = time.monotonic() // 1  # sockets of one session that ask in the same second share the answer
        caller = await self._threads.shared(version, caller_of, self._credentials)
        if caller is None:
            return NoEntry.NOT_SIGNED_IN
        self._looked_at = time.monotonic()
        before, self._caller = self._caller, caller
        return caller != before
