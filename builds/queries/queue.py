"""What runs where, what waits and why, and when it will probably start: the whole queue from a few statements.

One run's place alone is read by `queries.waiting`; what both say comes from `domain.scheduling`.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from django.utils import timezone

from builds.domain import scheduling
from builds.domain.estimates import likely_starts
from builds.domain.states import RunState, RunType
from builds.models import Account, BuildCounts, BuildRun, BuildServer, Caller, WorkerHost
from builds.queries.connections import visible_servers
from builds.queries.facts import with_facts
from builds.queries.runs import active_runs
from builds.queries.waiting import NOT_WAITING, Load, Waiting, is_lost, load_on

COLUMNS: Final = (
    *("pk", "server_id", "build_id", "account_id", "run_state"),
    *("claimed_at", "claimed_host", "begin_time", "cancel_requested_at"),
)


@dataclass(frozen=True, slots=True)
class RunQueue:
    """What runs and the next that wait, how many there are of each, and the build servers with their `load`."""

    running: Sequence[Any]
    waiting: Sequence[Any]
    running_count: int
    waiting_count: int
    servers: Sequence[Any]


def run_queue(caller: Caller, *, most: int) -> RunQueue:
    """Return the first `most` visible runs that are under way, and of those that wait.

    Each running one has its `seconds_left`, each waiting one its place (`waits`), `elder` and `likely_start`; each
    server that the caller may see its load as `running`, `waiting` and `load`. Waiting runs of others count as well.
    """
    running_rows, waiting_rows = active_runs(caller)
    running: list[Any] = list(with_facts(running_rows)[:most])
    waiting: list[Any] = list(with_facts(waiting_rows)[:most])
    servers: list[Any] = list(visible_servers(caller))
    standing = Standing(
        {run.server.pk: run.server for run in (*running, *waiting) if run.server} | {one.pk: one for one in servers}
    )
    for run in running:
        run.waits, run.seconds_left, run.elder = standing.lost(run), standing.left_of(run), 0
    for run in waiting:
        standing.tell(run)
    for server in servers:
        server.load = standing.loads[server.pk]
        server.running, server.waiting = server.load.running, len(standing.queues[server.pk])
    return RunQueue(
        running=running,
        waiting=waiting,
        running_count=len(running) if len(running) < most else running_rows.count(),
        waiting_count=len(waiting) if len(waiting) < most else waiting_rows.count(),
        servers=servers,
    )


class Standing:
    """All BUILD runs that wait or run now, of every account, and what follows from them for some servers."""

    def __init__(self, servers: dict[int, BuildServer]) -> None:
        self._now = timezone.now()
        rows = list(
            BuildRun.objects.active()
            .filter(run_type=RunType.BUILD)
            .order_by("front_at", "pk")
            .values_list(*COLUMNS, named=True)
        )
        self._held = [row for row in rows if row.run_state == RunState.RUNNING or row.claimed_at is not None]
        self.queues: dict[int | None, list[Any]] = defaultdict(list)
        for row in rows:
            if row.run_state == RunState.CREATED and row.claimed_at is None:
                self.queues[row.server_id].append(row)
        hosts = list(WorkerHost.objects.alive())
        running = Counter(row.server_id for row in self._held)
        busy = Counter(row.claimed_host for row in self._held)
        self.loads = {pk: load_on(server, running[pk], hosts, busy) for pk, server in servers.items()}
        self._eldest: dict[int, int] = {}
        for row in rows:
            self._eldest[row.build_id] = min(row.pk, self._eldest.get(row.build_id, row.pk))
        self._accounts = self._account_facts()
        counts = BuildCounts.objects.filter(build__in={row.build_id for row in rows}, done__gt=0)
        self._usual = {one.pk: one.done_time.total_seconds() / one.done for one in counts}
        self._places = {row.pk: n for queue in self.queues.values() for n, row in enumerate(queue, start=1)}
        self._starts = dict(self._likely_starts())

    def tell(self, run: Any) -> None:
        """Say of a waiting run where it stands, behind which elder of its build, and when it will probably start."""
        run.elder = 0
        if run.claimed_at is not None:
            run.waits = Waiting(position=1, reason=scheduling.handed_to(run.claimed_host))
            run.likely_start = self._now
            return
        place, seconds = self._places.get(run.pk), self._starts.get(run.pk)
        run.likely_start = None if seconds is None else self._now + timedelta(seconds=seconds)
        if place is None or run.server_id is None:  # taken in between the reads
            run.waits = NOT_WAITING
            return
        eldest = self._eldest.get(run.build_id, run.pk)
        run.elder = eldest if eldest != run.pk and eldest in self._places else 0
        wait = scheduling.RunWait(place, eldest != run.pk, self._accounts.get(run.account_id))
        run.waits = Waiting(place, scheduling.waiting_reason(wait, self.loads[run.server_id].facts))

    def lost(self, run: Any) -> Waiting:
        """Return what a running run waits for whose worker was lost; nothing for any other."""
        if run.server_id not in self.loads or not is_lost(run, self._now):
            return NOT_WAITING
        return Waiting(None, scheduling.lost_reason(self.loads[run.server_id].facts))

    def left_of(self, run: Any) -> float | None:
        """Return how many seconds a run will probably still take; None where it takes longer than usual, or is new."""
        usual = self._usual.get(run.build_id)
        passed = (self._now - run.begin_time).total_seconds() if run.begin_time else 0.0
        return usual - passed if usual is not None and passed < usual else None

    def _account_facts(self) -> dict[int, scheduling.AccountFacts]:
        waiting = {row.account_id for queue in self.queues.values() for row in queue}
        limits = Account.objects.filter(pk__in=waiting, parallel_limit__isnull=False).values_list(
            "pk", "parallel_limit"
        )
        running = Counter(row.account_id for row in self._held)
        return {pk: scheduling.AccountFacts(running[pk], limit) for pk, limit in limits if limit is not None}

    def _likely_starts(self) -> Iterable[tuple[int, float | None]]:
        """Yield in how many seconds each run that waits for a place alone will probably start."""
        for server_id, load in self.loads.items():
            ready = [row for row in self.queues[server_id] if self._waits_for_a_place(row)]
            left = [self.left_of(row) for row in self._held if row.server_id == server_id]
            took = [self._usual.get(row.build_id) for row in ready]
            found = likely_starts(_ends(load, left), load.facts.free_slots, took)
            yield from zip([row.pk for row in ready], found, strict=True)

    def _waits_for_a_place(self, row: Any) -> bool:
        account = self._accounts.get(row.account_id)
        is_eldest = self._eldest[row.build_id] == row.pk
        return is_eldest and row.cancel_requested_at is None and (account is None or bool(account.room))


def _ends(load: Load, left: Sequence[float | None]) -> Sequence[float | None]:
    """Return in how many seconds held places of a server come free; none where that alone lets nothing start."""
    facts = load.facts
    if not facts.is_open or (not facts.free_slots and facts.running < facts.capacity):  # its workers are busy elsewhere
        return []
    known = sorted(seconds for seconds in left if seconds is not None)
    unknown: list[float | None] = [None] * (len(left) - len(known))
    return [*known, *unknown][max(0, facts.running - facts.capacity) :]
