"""Keeps an attempt's lease and hears wishes to stop: a thread with a connection of its own."""

import logging
import select
import socket
import threading
import time
from typing import Any, Self

import psycopg

from builds.execution.stop import Stop, StopReason
from builds.services.runs.leases import BEAT_SECONDS, SELF_STOP_SECONDS, open_connection, renew
from builds.services.runs.transitions import Lease

log = logging.getLogger(__name__)


class Heartbeat:
    """Context manager: renews every `BEAT_SECONDS`, and at once when a hint for the workers comes.

    A worker that cannot renew stops itself by its own monotonic clock, well before another attempt may begin. A lost
    connection is opened anew until then.
    """

    def __init__(self, lease: Lease, stop: Stop, *, seconds_left: float) -> None:
        self._lease = lease
        self._stop = stop
        self._deadline = time.monotonic() + seconds_left
        self._over, self._waker = socket.socketpair()
        self._thread = threading.Thread(target=self._beat, name=f"heartbeat-{lease.run_id}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._waker.close()  # readable end of file at the other end: wakes the thread
        self._thread.join()
        self._over.close()

    def _beat(self) -> None:
        renewed, over = self._lease.taken_at, False
        connection: psycopg.Connection[Any] | None = None
        while not over and not self._stop.lease_is_over():
            asked = (
                time.monotonic()
            )  # the lease counts from PostgreSQL's answer at the latest, so from here we are safe
            try:
                connection = connection or open_connection()
                self._renew(connection)
                renewed = asked
                over = self._wait(connection)
            except (psycopg.Error, OSError) as error:
                log.warning("Run %s: the lease could not be renewed: %s", self._lease.run_id, error)
                self._close_apart(connection)
                connection = None
                over = self._wait(None)
            if time.monotonic() - renewed > SELF_STOP_SECONDS:
                self._stop.ask(StopReason.DATABASE_AWAY)
        self._close_apart(connection)

    def _renew(self, connection: psycopg.Connection[Any]) -> None:
        held = renew(connection, self._lease)
        if held is None:
            self._stop.ask(StopReason.LEASE_LOST)
        elif held.cancel_asked:
            self._stop.ask(StopReason.CANCEL)
        elif time.monotonic() >= self._deadline:
            self._stop.ask(StopReason.TIME_LIMIT)

    def _wait(self, connection: psycopg.Connection[Any] | None) -> bool:
        """Wait for the next beat, a hint or the end; return whether it was the end."""
        ears: list[Any] = [self._over]
        if connection is not None:
            ears.append(connection.fileno())
        beat = BEAT_SECONDS if connection is not None else 0.5
        left = self._deadline - time.monotonic()
        heard, _, _ = select.select(ears, [], [], min(beat, left) if left > 0 else beat)
        if connection is not None and connection.fileno() in heard:
            for _notice in connection.notifies(timeout=0):
                pass
        return self._over in heard

    def _close_apart(self, connection: psycopg.Connection[Any] | None) -> None:
        if connection is not None:
            connection.close()
