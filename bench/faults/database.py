"""Questions to the database of the storm, which may be away at any moment."""

from collections.abc import Sequence
from typing import Any

import psycopg

BUSY_WORKERS = (
    "SELECT split_part(lease_owner, '/', 2)::int FROM builds_buildrun"
    " WHERE run_type = 'BUILD' AND run_state = 'RUNNING' AND lease_expires_at > now()"
)
ENDS = "SELECT id, run_state, end_reason FROM builds_buildrun WHERE end_time IS NOT NULL"
END_ONE = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
    " AND backend_type = 'client backend' AND pid <> pg_backend_pid() ORDER BY md5(pid::text || %s) LIMIT 1"
)


def ask(url: str, sql: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
    """Return the rows. Raises `psycopg.Error` while the database is away."""
    with psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
        return connection.execute(sql.encode(), values or None).fetchall()  # without values a % is a %


def ask_or_nothing(url: str, sql: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
    """Return the rows, none while the database is away."""
    try:
        return ask(url, sql, values)
    except psycopg.Error:
        return []
