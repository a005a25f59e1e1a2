"""The database that DATABASE_URL names: another machine's may come up later than we do, so it is asked for a while."""

import time
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

import psycopg

from supervisor.place import WrongSetting

PATIENCE_SECONDS: Final = 30.0
PAUSE_SECONDS: Final = 1.0
PASSING: Final = ("starting up", "shutting down", "recovery", "too many", "remaining connection slots")


def wait_until_it_answers(url: str, *, say: Callable[[str], None], pause: Callable[[float], None]) -> None:
    """Return when the database at `url` lets us in; raises `WrongSetting` when it does not within 30 s.

    `say` is told once that there is something to wait for; `pause` sleeps, and may raise to end the wait.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    is_told = False
    while True:
        try:
            with psycopg.connect(url, connect_timeout=5):
                return
        except psycopg.OperationalError as error:
            reason = reason_of(error)
        # The server itself refuses us, for a reason that does not pass by waiting.
        if reason.startswith("FATAL") and not any(word in reason for word in PASSING):
            said = f"the database at {_place(url)} does not let BuildHub in ({reason}): correct user, password or name."
            raise WrongSetting("DATABASE_URL", said)
        if time.monotonic() > deadline:
            said = f"no PostgreSQL answers at {_place(url)} ({reason}): start it, or correct host and port."
            raise WrongSetting("DATABASE_URL", said)
        if not is_told:
            say(f"No PostgreSQL answers at {_place(url)} (DATABASE_URL): trying again for {PATIENCE_SECONDS:.0f} s.")
            is_told = True
        pause(PAUSE_SECONDS)


def reason_of(error: Exception) -> str:
    """Return what libpq says of a connection that it did not get, in one line; it never names the password."""
    lines = str(error).strip().splitlines() or ["no reason given"]
    return lines[0].rpartition(" failed: ")[2].strip().rstrip(".:")


def _place(url: str) -> str:
    """Return host and port of `url`, which is all of it that may be shown."""
    parts = urlsplit(url)
    host = parts.hostname or "the local socket"
    return f"[{host}]:{parts.port or 5432}" if ":" in host else f"{host}:{parts.port or 5432}"
