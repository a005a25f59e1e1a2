"""A PostgreSQL of a test's own, which it may crash, and whose sessions it may end, without harm to others."""

import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.core.management import call_command
from django.db import connection

from builds.execution.sweeper import ADVISORY_LOCK
from supervisor import postgres
from supervisor.children import Child, Children
from tests.support.folders import make_folder

# Commits wait for the log to be written, as in production: an immediate stop may lose none that was answered.
QUICK: Final = ("fsync=off", "full_page_writes=off")
HEARTBEAT: Final = "(query LIKE 'UPDATE builds_buildrun SET lease_expires_at%' OR query = 'LISTEN buildhub_workers')"
QUEUE: Final = "(query LIKE 'DELETE FROM django_q_ormq%' OR query LIKE 'LISTEN buildhub_q%')"
SWEEPER: Final = f"pid IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = {ADVISORY_LOCK})"  # noqa: S608
SESSIONS: Final = {
    "heartbeat": HEARTBEAT,
    "queue": QUEUE,
    "sweeper": SWEEPER,
    "worker": f"NOT {HEARTBEAT} AND NOT {QUEUE} AND NOT {SWEEPER}",  # where it works, and where it stores the log
    "all": "true",
}
END: Final = (
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
    " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
)


class OwnPostgres:
    """Starts it in a folder of its own; the tests' Django asks it within `as_default`."""

    def __init__(self) -> None:
        self._home = make_folder()
        self._prepared = postgres.prepare(self._home, settings=QUICK)
        self._children = Children(self._home, adopt_orphans=False)
        self._child: Child | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        self._child = self._children.start(self._prepared.command)
        self._children.wait_until(self._prepared.is_ready, self._child, seconds=60)

    def crash(self) -> None:
        """Stop it as `pg_ctl -m immediate` does: sessions are cut, nothing is tidied up."""
        assert self._child is not None
        os.kill(self._child.pid, signal.SIGQUIT)
        self._child.running().wait(30)

    def stop(self) -> None:
        """Stop it and remove its folder."""
        self._children.stop()
        shutil.rmtree(self._home, ignore_errors=True)

    def end_sessions(self, whose: str) -> int:
        """End the sessions of `whose` (see `SESSIONS`), but not ours; return how many."""
        with connection.cursor() as cursor:
            cursor.execute(f"{END} AND {SESSIONS[whose]}")
            return int(cursor.fetchone()[0])

    @contextmanager
    def as_default(self) -> Iterator[None]:
        """Let this process's Django, and what it starts meanwhile, use this database, with all tables in it."""
        kept = dict(connection.settings_dict)
        connection.close()
        place = {"HOST": self._prepared.host, "PORT": str(self._prepared.port), "NAME": postgres.DATABASE}
        connection.settings_dict.update(place, USER=postgres.USER, PASSWORD=self._prepared.password)
        try:
            call_command("migrate", verbosity=0)
            yield
        finally:
            connection.close()
            connection.settings_dict.update(kept)
