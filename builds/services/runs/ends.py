"""How a BUILD run ends, whoever ends it: the last move, and its slot given to the next run.

The slot goes once the end is committed: to a run that waits for the same server, or for the worker or the room of the
account on another one.
"""

from django.db import transaction

from builds.services.dispatch import dispatch_all
from builds.services.runs.transitions import End, Lease, end_attempt, end_lost, end_waiting, has_ended

__all__ = ["end_lost_run", "end_run", "end_waiting_run"]


def end_run(lease: Lease, end: End) -> bool:
    """End a run as the attempt that holds it; False where the lease was lost. May be repeated."""
    with transaction.atomic():
        ended = end_attempt(lease, end) or has_ended(lease, end)
        return _free_slot(lease.run_id, ended=ended)


def end_lost_run(run_id: int, *, token: int, end: End) -> bool:
    """End a run whose attempt `token` is lost; False where a further attempt was quicker."""
    with transaction.atomic():
        return _free_slot(run_id, ended=end_lost(run_id, token=token, end=end))


def end_waiting_run(run_id: int, end: End) -> bool:
    """End a run that has never started; False where a worker was quicker."""
    with transaction.atomic():
        return _free_slot(run_id, ended=end_waiting(run_id, end))


def _free_slot(run_id: int, *, ended: bool) -> bool:
    if ended:
        transaction.on_commit(dispatch_all)
    return ended
