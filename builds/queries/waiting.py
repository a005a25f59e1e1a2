"""What runs where, what waits, and why: one source for dispatch, pages and API."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db.models import Count, Exists, OuterRef, Q
from django.utils import timezone

from builds.domain import scheduling
from builds.domain.states import ACTIVE, RunState, RunType
from builds.models import Account, BuildRun, BuildServer, WorkerHost


@dataclass(slots=True)
class Place:
    """A live worker host and how many of its workers are free."""

    host: str
    free: int


@dataclass(slots=True)
class Load:
    """What a build server has to do: how many of its slots are held, and the places where its runs may go."""

    server: BuildServer
    running: int
    places: list[Place]

    @property
    def facts(self) -> scheduling.ServerFacts:
        """What decides about starting on the server."""
        return scheduling.ServerFacts(
            name=self.server.name,
            enabled=self.server.enabled,
            capacity=self.server.capacity,
            running=self.running,
            live_hosts=len(self.places),
            free_workers=sum(max(place.free, 0) for place in self.places),
            kind="topic" if self.server.topic is not None else ("default" if self.server.is_default else "tcp"),
            draining=self.server.draining,
        )

    def take(self) -> str:
        """Take a slot at the freest place; return its host."""
        freest = max(self.places, key=lambda place: place.free)
        freest.free -= 1
        self.running += 1
        return freest.host


@dataclass(frozen=True, slots=True)
class Waiting:
    """Where a waiting run stands (1 is next) and, in words, what it waits for; None: it does not wait.

    A running run whose worker was lost has a reason and no position.
    """

    position: int | None
    reason: str | None


NOT_WAITING: Final = Waiting(None, None)


def load_of(server: BuildServer) -> Load:
    """Return what `server` has to do, and the live worker hosts that serve it with their free workers."""
    held = list(BuildRun.objects.holding_slots().values_list("server_id", "claimed_host"))
    hosts = WorkerHost.objects.alive()
    return load_on(server, sum(pk == server.pk for pk, _ in held), hosts, Counter(host for _, host in held))


def load_on(server: BuildServer, running: int, hosts: Iterable[WorkerHost], busy: Mapping[str, int]) -> Load:
    """Return the load of `server`, of whose slots `running` are held, with those of the live `hosts` that serve it.

    `busy`: how many workers of each host have something to do.
    """
    serving = [host for host in hosts if host.serves(server)]
    return Load(server, running, [Place(host.name, host.workers - busy.get(host.name, 0)) for host in serving])


def account_facts(account_ids: Iterable[int]) -> dict[int, scheduling.AccountFacts]:
    """Return how many builds the accounts among `account_ids` that have a limit may run, and how many they do."""
    limited = Account.objects.filter(pk__in=set(account_ids), parallel_limit__isnull=False)
    limits = {pk: limit for pk, limit in limited.values_list("pk", "parallel_limit") if limit is not None}
    if not limits:
        return {}
    holding = BuildRun.objects.holding_slots().filter(account_id__in=limits).values("account_id").order_by()
    running = dict(holding.annotate(holding=Count("pk")).values_list("account_id", "holding"))
    return {pk: scheduling.AccountFacts(running=running.get(pk, 0), limit=limit) for pk, limit in limits.items()}


def elder_active() -> Exists:
    """Return the condition that an elder BUILD run of the same build still waits or runs."""
    elders = BuildRun.objects.filter(
        build=OuterRef("build"), run_type=RunType.BUILD, run_state__in=ACTIVE, id__lt=OuterRef("id")
    )
    return Exists(elders)


def is_lost(run: BuildRun, now: datetime) -> bool:
    """Say whether the worker of a BUILD run that runs has been silent for longer than its lease."""
    is_held = run.lease_expires_at is None or run.lease_expires_at > now
    return run.run_type == RunType.BUILD and run.run_state == RunState.RUNNING and not is_held


def waiting_of(run: BuildRun) -> Waiting | None:
    """Return position and reason of a run that waits, None for any other."""
    return waiting_of_all([run]).get(run.pk)


def with_waiting(runs: Iterable[BuildRun]) -> list[Any]:
    """Return runs, each with where it stands in the queue (`waits`), read for all at once."""
    listed: list[Any] = list(runs)
    waiting = waiting_of_all(listed)
    for run in listed:
        run.waits = waiting.get(run.pk, NOT_WAITING)
    return listed


def waiting_of_all(runs: Sequence[BuildRun]) -> dict[int, Waiting]:
    """Return position and reason of each waiting run among `runs`, read for all at once."""
    waiting = [run for run in runs if run.run_type == RunType.BUILD and run.run_state == RunState.CREATED]
    found = {
        run.pk: Waiting(position=1, reason=scheduling.handed_to(run.claimed_host))
        for run in waiting
        if run.claimed_at is not None
    }
    now = timezone.now()
    lost = [run for run in runs if run.server is not None and is_lost(run, now)]
    for server in {run.server for run in lost if run.server is not None}:
        waits = Waiting(None, scheduling.lost_reason(load_of(server).facts))
        found |= {run.pk: waits for run in lost if run.server == server}
    unclaimed = [run for run in waiting if run.claimed_at is None]
    by_server = {run.server_id: run.server for run in unclaimed if run.server is not None}
    accounts = account_facts(run.account_id for run in unclaimed) if unclaimed else {}
    for server in by_server.values():
        found |= _waiting_on(server, [run for run in unclaimed if run.server_id == server.pk], accounts)
    return found


def _waiting_on(
    server: BuildServer, runs: list[BuildRun], accounts: Mapping[int, scheduling.AccountFacts]
) -> dict[int, Waiting]:
    queue = BuildRun.objects.waiting().filter(server=server)
    if len(runs) == 1:  # one alone is counted, not looked for in the whole
        (only,) = runs
        ahead = queue.filter(Q(front_at__lt=only.front_at) | Q(front_at=only.front_at, pk__lt=only.pk))
        positions = {only.pk: ahead.count() + 1}
    else:
        positions = {run_id: place for place, run_id in enumerate(queue.values_list("pk", flat=True), start=1)}
    run_ids = [run.pk for run in runs]
    behind_elder = set(BuildRun.objects.filter(elder_active(), pk__in=run_ids).values_list("pk", flat=True))
    facts = load_of(server).facts
    found: dict[int, Waiting] = {}
    for run in runs:
        if run.pk not in positions:  # claimed between the two reads: it waits no more
            continue
        wait = scheduling.RunWait(positions[run.pk], run.pk in behind_elder, accounts.get(run.account_id))
        found[run.pk] = Waiting(position=wait.position, reason=scheduling.waiting_reason(wait, facts))
    return found
