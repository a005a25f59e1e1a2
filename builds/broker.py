"""django-q2's broker on PostgreSQL with LISTEN instead of polling.

A row is deleted when it is pulled: a task is delivered at most once, and what got lost is found and handed over again
by the sweeper, which knows leases. So no row ever stays behind.
"""

import hashlib
import logging
import select
import time
from typing import Any

import psycopg
from django.conf import settings
from django.db import connections
from django_q.brokers.orm import ORM
from django_q.conf import Conf
from django_q.models import OrmQ

from builds.domain.worker_queues import queues_of
from builds.postgres import listen

log = logging.getLogger(__name__)
WAIT_SECONDS = 1.0  # bounds the latency of a stop; a task itself is heard of at once
# Without a notification a queue is looked at this often: a row may have been put by hand, and a connection whose other
# end is gone may be silent for as long as the network lets it. It is far less than a claim waits for its worker.
LOOK_SECONDS = 3.0

# What signs tasks is known to every worker host, which has the keys of stored secrets and no other of the web's. Of
# several keys it is the oldest, which those hosts know that do not have the newest yet.
Conf.SECRET_KEY = hashlib.sha256(f"queue {settings.CREDENTIAL_KEYS.split(',')[-1].strip()}".encode()).hexdigest()

ENQUEUE = (
    "WITH row AS (INSERT INTO django_q_ormq (key, payload, lock) VALUES (%s, %s, now()) RETURNING id)"
    " SELECT id, pg_notify(%s, id::text) FROM row"
)


def channel(list_key: str) -> str:
    """Return the NOTIFY channel of a queue; identifiers end at 63 characters, so the key is hashed."""
    return "buildhub_q_" + hashlib.sha256(list_key.encode()).hexdigest()[:16]


class PostgresBroker(ORM):  # type: ignore[misc]  # django-q2 has no types
    """Carries tasks by rows of django-q2's own table and notifies those who listen to their queue."""

    _listening: psycopg.Connection[Any] | None = None
    _look_at = 0.0  # by the monotonic clock; zero: at once

    def enqueue(self, task: str) -> int:
        """Store `task` in the caller's transaction; the notification goes out when that commits."""
        with connections[Conf.ORM].cursor() as cursor:
            cursor.execute(ENQUEUE, [self.list_key, task, channel(self.list_key)])
            return int(cursor.fetchone()[0])

    def dequeue(self) -> list[tuple[int, str]] | None:
        """Return one task, waiting up to `WAIT_SECONDS`; None where none came."""
        try:
            listening = self._listen()  # before looking: no notification is missed between the two
            wait = min(self._look_at - time.monotonic(), WAIT_SECONDS)
            # Not psycopg's notifies(), which wakes ten times a second; what is heard is read by the statement.
            if wait > 0 and not select.select([listening], [], [], wait)[0]:
                return None
            return self._take(listening)
        except psycopg.Error as error:
            log.warning("The queue is out of reach, trying again: %s", error)
            self._stop_listening()
            time.sleep(0.5)
            return None

    def _listen(self) -> psycopg.Connection[Any]:
        if self._listening is None:
            self._listening = listen(*(channel(key) for key in self._keys))
            self._listening.add_notify_handler(self._look_at_once)
            self._look_at_once()  # nothing was heard while there was no connection
        return self._listening

    def _look_at_once(self, _notice: psycopg.Notify | None = None) -> None:
        self._look_at = 0.0

    @property
    def _keys(self) -> list[str]:
        """The queues that this cluster takes from: what it is named for, and what is meant for this host alone."""
        return queues_of(settings.CLUSTER, settings.WORKER_HOST)

    def _take(self, connection: psycopg.Connection[Any]) -> list[tuple[int, str]] | None:
        self._look_at = time.monotonic() + LOOK_SECONDS  # a notification that comes with the answer makes it sooner
        row = connection.execute(
            "DELETE FROM django_q_ormq WHERE id = (SELECT id FROM django_q_ormq WHERE key = ANY(%s)"
            " ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING id, payload",
            [self._keys],
        ).fetchone()
        if row is None:
            return None
        self._look_at_once()  # there may be more
        return [(int(row[0]), str(row[1]))]

    def _stop_listening(self) -> None:
        if self._listening is not None:
            self._listening.close()
        self._listening = None

    def queue_size(self) -> int:
        """Return how many tasks wait."""
        return int(OrmQ.objects.using(Conf.ORM).filter(key=self.list_key).count())

    def acknowledge(self, task_id: int) -> None:
        """Do nothing: the row went when it was pulled."""

    def delete(self, task_id: int) -> None:
        """Do nothing: the row went when it was pulled."""
