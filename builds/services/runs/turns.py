"""Presses of one build take turns in this process, before its row is locked.

Each press that waits for the row would hold a connection of the pool: a few dozen presses of one build at the same
moment held them all, and every other page of the site waited too. Who waits here holds none. The row's lock stays what
decides: it is also that of other processes.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from weakref import WeakValueDictionary

from django.db import connection

from builds.domain.actions import Action
from builds.domain.errors import NotPossible

SECONDS: Final = 10.0
OTHERS_PRESS: Final = "Many presses of this build came at the same moment; look whether it runs, then press again."


class _Turn:
    """The turn of one build; the thread that has it may take it again."""

    def __init__(self) -> None:
        self.lock = threading.RLock()


_guard: Final = threading.Lock()
_turns: "Final[WeakValueDictionary[int, _Turn]]" = WeakValueDictionary()  # a turn that nobody wants is forgotten


@contextmanager
def turn(build_id: int) -> Iterator[None]:
    """Wait for one's turn to press a build. Take it before any transaction, else the wait holds a connection.

    Raises `NotPossible` where it does not come within `SECONDS`.
    """
    with _guard:
        own = _turns.setdefault(build_id, _Turn())
    if not own.lock.acquire(blocking=False):
        if not connection.in_atomic_block:
            connection.close()  # back to the pool; the next query takes one again
        if not own.lock.acquire(timeout=SECONDS):
            raise NotPossible(Action.BUILD, OTHERS_PRESS)
    try:
        yield
    finally:
        own.lock.release()
