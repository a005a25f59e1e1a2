"""Every statement of the database while something is measured, from its own log."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg

from bench.world import World

SETTINGS = {"log_min_duration_statement": "0", "log_line_prefix": "'%m %r '"}
# A statement that the client has asked for; parse and bind belong to an execute.
ASKED = re.compile(r"\((\d+)\) LOG:  duration: [\d.]+ ms  (?:statement|execute [^:]*): (.*)$", re.MULTILINE)


@contextmanager
def statements(world: World) -> Iterator[Callable[[], str]]:
    """Have the database log all statements; what is given returns the log since then."""
    place = world.database_log.stat().st_size
    with psycopg.connect(world.addresses["database_url"], autocommit=True) as database:
        for name, value in SETTINGS.items():
            database.execute(f"ALTER SYSTEM SET {name} = {value}")
        database.execute("SELECT pg_reload_conf()")
        while database.execute("SHOW log_min_duration_statement").fetchone() != ("0",):
            time.sleep(0.01)
        try:
            yield lambda: world.database_log.read_bytes()[place:].decode(errors="replace")
        finally:
            for name in SETTINGS:
                database.execute(f"ALTER SYSTEM RESET {name}")
            database.execute("SELECT pg_reload_conf()")
