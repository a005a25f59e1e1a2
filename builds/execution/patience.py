"""The one place where an attempt waits for a database that is away (ADR 20).

What is called here may be called again: its first try may have been committed and only the answer lost. So each such
function either finds its own effect, or does the same once more without harm.
"""

import logging
import time
from collections.abc import Callable
from typing import Final, ParamSpec, TypeVar

from django.db import Error, InterfaceError, OperationalError, connection

from builds.services.runs.leases import SELF_STOP_SECONDS
from builds.services.runs.transitions import Lease

log = logging.getLogger(__name__)
P = ParamSpec("P")
T = TypeVar("T")
FIRST_PAUSE_SECONDS: Final = 0.05  # doubled up to the longest one
LONGEST_PAUSE_SECONDS: Final = 0.5
# SQLSTATE classes of a server that goes, comes, or cannot take it at the moment: connection exception, insufficient
# resources (disk full, too many connections), operator intervention (shutdown, killed session, still starting).
AWAY: Final = ("08", "53", "57P")


class DatabaseAway(Exception):  # noqa: N818  names what happened
    """The database stayed away for as long as the lease allowed: the attempt must leave."""


def is_away(error: BaseException) -> bool:
    """Say whether `error` means that the database is out of reach, not that a statement is wrong."""
    if not isinstance(error, OperationalError | InterfaceError):
        return False
    state = getattr(error.__cause__, "sqlstate", None)
    return state is None or state.startswith(AWAY)  # without a state it is the client's own word: the line is gone


class Patience:
    """Calls work on the database, and again while the database is away, until `is_over`; then raises `DatabaseAway`."""

    def __init__(self, is_over: Callable[[], bool]) -> None:
        self._is_over = is_over

    def __call__(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what `work` returns; whatever else it raises goes through. Not within a transaction."""
        pause = FIRST_PAUSE_SECONDS
        while not self._is_over():
            try:
                return work(*args, **kwargs)
            except Error as error:
                if connection.in_atomic_block or not is_away(error):
                    raise
                log.warning("The database is away, trying again: %s", error)
                connection.close()
            time.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
        raise DatabaseAway


def before_heartbeat(lease: Lease) -> Patience:
    """Return the patience of an attempt whose heartbeat has not begun: as long as its lease is safe."""
    return Patience(lambda: time.monotonic() > lease.taken_at + SELF_STOP_SECONDS)


# For who holds nothing that could lapse meanwhile, and could do nothing else without the database.
until_it_is_back: Final = Patience(lambda: False)
