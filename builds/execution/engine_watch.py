"""Asks engines from time to time what they are, and clears away what was left there.

On a thread of its own: one that hangs holds nothing up.
"""

import logging
import threading
import time
from contextlib import closing, suppress
from typing import Final

from django.conf import settings
from django.db import Error, connection

from builds.engine.errors import EngineError
from builds.execution.left_behind import sweep_engine
from builds.models import BuildServer
from builds.services.connections.clients import engine_of
from builds.services.connections.engine_facts import look_at, look_at_own

log = logging.getLogger(__name__)
APART_SECONDS: Final = 30.0


class EngineWatch:
    """The looks of one sweeper: at the engine beside it, and where it sweeps at those with an address."""

    def __init__(self) -> None:
        self._next_at = 0.0
        self._thread: threading.Thread | None = None

    def look(self, *, at_all: bool) -> None:
        """Begin a look when it is time for one and the last one is over."""
        if time.monotonic() < self._next_at or (self._thread is not None and self._thread.is_alive()):
            return
        self._next_at = time.monotonic() + APART_SECONDS
        self._thread = threading.Thread(target=_look, args=(at_all,), name="engine-watch", daemon=True)
        self._thread.start()


def _sweep(server: BuildServer) -> None:
    with closing(engine_of(server)) as engine, suppress(EngineError):  # what it says is kept by the look
        sweep_engine(engine)


def _look(at_all: bool) -> None:  # noqa: FBT001  a thread's own argument
    try:
        # Over TCP the engine beside it is reached with the keys that builds bring, and with none here.
        if settings.TOPICS and settings.DEFAULT_ENGINE.startswith("unix://"):
            look_at_own(settings.WORKER_HOST)
            _sweep(BuildServer(name=settings.WORKER_HOST, url=f"topic:{settings.WORKER_HOST}"))
        # One that builds bring with them is reached with the keys of each.
        for server in BuildServer.objects.filter(enabled=True, given_by_builds=False) if at_all else ():
            if server.topic is None:
                look_at(server)
                _sweep(server)
    except Error as error:
        log.warning("The look at the engines waits for the database: %s", error)
    finally:
        connection.close()
