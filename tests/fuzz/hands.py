"""What workers would do meanwhile, done between two requests: so that schemathesis meets runs in every state.

The moves are those of the services, as in tests/api/making.py; a removal is done before the next request, because
schemathesis looks whether what was removed is gone.
"""

from itertools import count

from builds.domain.states import EndReason, RunState, RunType
from builds.models import BuildRun
from builds.services.runs.removals import finish
from builds.services.runs.steps import prepare_attempt
from builds.services.runs.transitions import End, Lease, take
from tests.api.making import begin, end, say

EVERY = 7  # requests between two moves


class Hands:
    """Takes waiting runs, prints a line, ends them in turn as done, failed, or leaves them running for a while."""

    def __init__(self) -> None:
        self._turns = count()
        self._leases: dict[int, Lease] = {}

    def work(self) -> None:
        """Do what is due before the next request."""
        self._remove()
        self._end_cancelled()
        turn = next(self._turns)
        if turn % EVERY == 0:
            self._move(turn // EVERY)

    def _remove(self) -> None:
        for removal in BuildRun.objects.filter(run_type=RunType.REMOVE, run_state=RunState.CREATED):
            lease = take(removal.pk, claim=removal.claim, owner="fuzz")
            if lease is not None:
                prepare_attempt(lease)
                finish(removal, lease, End(EndReason.DONE, ""))

    def _end_cancelled(self) -> None:
        for run in BuildRun.objects.filter(run_state=RunState.RUNNING, cancel_requested_at__isnull=False):
            if lease := self._leases.pop(run.pk, None):
                end(lease, EndReason.CANCELLED)

    def _move(self, turn: int) -> None:
        if turn % 3 == 0 and self._leases:
            _, lease = self._leases.popitem()
            end(lease, EndReason.DONE if turn % 2 else EndReason.BUILD_FAILED)
            return
        waiting = BuildRun.objects.filter(run_type=RunType.BUILD, run_state=RunState.CREATED, cancel_requested_at=None)
        run = waiting.order_by("pk").first()
        if run is not None:
            lease = begin(run)
            say(lease, b"hello\n")
            self._leases[run.pk] = lease
