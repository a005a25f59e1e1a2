"""What runs where, what waits, and why: one source for dispatch, pages and API."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.db.models import Count, Exists, OuterRef, Q
from django.db.models.functions import Now

from builds.domain import scheduling
from builds.domain.states import ACTIVE, RunState, RunType
from builds.models import Account, BuildRun, BuildServer, WorkerHost

HOST_SILENCE: Final = timedelta(seconds=15)  # a worker host that has not beaten for so long gets nothing


@dataclass(slots=True)
class Place:
    """A live worker host and how many of its workers are free."""

    host: str
    free: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """Where a waiting run stands (1 is next) and, in words, what it waits for."""

    position: int
    reason: str | None


def live_places(server: BuildServer) -> list[Place]:
    """Return the live worker hosts that serve `server`, with their free workers."""
    topic = server.url.removeprefix("topic:") if server.url.startswith("topic:") else None
    hosts = WorkerHost.objects.filter(beat_at__gt=Now() - HOST_SILENCE).order_by("name")
    busy = Counter(BuildRun.objects.holding_slots().values_list("claimed_host", flat=True))
    return [Place(host.name, host.workers - busy[host.name]) for host in hosts if topic is None or topic in host.topics]


def server_facts(server: BuildServer, places: list[Place]) -> scheduling.ServerFacts:
    """Return what decides about starting on `server`."""
    return scheduling.ServerFacts(
        name=server.name,
        enabled=server.enabled,
        capacity=server.capacity,
        running=BuildRun.objects.holding_slots().filter(server=server).count(),
        live_hosts=len(places),
        free_workers=sum(max(place.free, 0) for place in places),
        kind="topic" if server.url.startswith("topic:") else ("default" if server.is_default else "tcp"),
    )


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


def waiting_of(run: BuildRun) -> Waiting | None:
    """Return position and reason of a run that waits, None for any other."""
    if run.run_type != RunType.BUILD or run.run_state != RunState.CREATED or run.server is None:
        return None
    if run.claimed_at is not None:
        return Waiting(position=1, reason=f"Handed to a worker on {run.claimed_host}.")
    ahead = Q(front_at__lt=run.front_at) | Q(front_at=run.front_at, pk__lt=run.pk)
    position = BuildRun.objects.waiting().filter(ahead, server=run.server).count() + 1
    wait = scheduling.RunWait(
        position=position,
        elder_active=BuildRun.objects.filter(elder_active(), pk=run.pk).exists(),
        account=account_facts([run.account_id]).get(run.account_id),
    )
    facts = server_facts(run.server, live_places(run.server))
    return Waiting(position=position, reason=scheduling.waiting_reason(wait, facts))
