"""The one LISTEN connection of a web process (docs/engine-notes.md, "PostgreSQL, django-q2 and Channels")."""

import asyncio
import json
import logging
from collections.abc import Callable
from typing import Final

import psycopg

from builds import postgres
from builds.doorbell import WATCHERS, Hint

log = logging.getLogger(__name__)
FIRST_WAIT_SECONDS: Final = 0.2
LONGEST_WAIT_SECONDS: Final = 5.0
KEEPALIVES: Final = {"keepalives": 1, "keepalives_idle": 15, "keepalives_interval": 5, "keepalives_count": 3}


async def listen(on_hint: Callable[[Hint], None], on_gap: Callable[[], None]) -> None:
    """Hear hints until cancelled; `on_gap` is called after each (re)connect: hints before that were not heard."""
    parameters = {**postgres.parameters(), **KEEPALIVES, "application_name": "buildhub-bell"}
    wait = FIRST_WAIT_SECONDS
    while True:
        try:
            async with await psycopg.AsyncConnection.connect(**parameters, autocommit=True) as listener:
                await listener.execute(f"LISTEN {WATCHERS}")
                wait = FIRST_WAIT_SECONDS
                on_gap()
                async for notice in listener.notifies():
                    on_hint(json.loads(notice.payload))
        except (psycopg.Error, OSError) as error:
            log.warning("The hints for live views are cut off, next try in %.1f s: %s", wait, error)
        await asyncio.sleep(wait)
        wait = min(wait * 2, LONGEST_WAIT_SECONDS)
