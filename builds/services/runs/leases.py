"""Keeping the right to a run: one statement a beat, by PostgreSQL's clock."""

from dataclasses import dataclass
from typing import Any, Final

import psycopg

from builds import doorbell, postgres
from builds.services.runs.transitions import LEASE, Lease

BEAT_SECONDS: Final = 5.0
SELF_STOP_SECONDS: Final = LEASE.total_seconds() * 2 / 3  # a worker that cannot renew stops itself before others start


@dataclass(frozen=True, slots=True)
class Held:
    """What a renewal found: still ours, and whether somebody wants the run cancelled."""

    cancel_asked: bool


def open_connection() -> psycopg.Connection[Any]:
    """Return a connection of its own for a heartbeat thread, listening for wishes to stop."""
    return postgres.listen(doorbell.WORKERS)


def renew(held_by: psycopg.Connection[Any], lease: Lease) -> Held | None:
    """Renew the lease; None where another attempt holds the run or it has ended."""
    row = held_by.execute(
        "UPDATE builds_buildrun SET lease_expires_at = now() + %s WHERE id = %s AND token = %s"
        " AND run_state = 'RUNNING' AND lease_expires_at > now() RETURNING cancel_requested_at IS NOT NULL",
        [LEASE, lease.run_id, lease.token],
    ).fetchone()
    return None if row is None else Held(cancel_asked=bool(row[0]))
