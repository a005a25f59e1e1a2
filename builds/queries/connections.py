"""Reads of build servers and registries: what a caller may see, and what happens on a server now."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from django.db.models import Case, Count, Exists, OuterRef, Q, QuerySet, When
from django.db.models.functions import Greatest

from builds.domain.states import RunType
from builds.models import Build, BuildRun, BuildServer, Caller, EngineFacts, Registry, WorkerHost
from builds.queries.waiting import load_on


def visible_servers(caller: Caller) -> "QuerySet[BuildServer]":
    """Return the build servers that an account of the caller may use; all to instance admins, whose they are."""
    if caller.is_instance_admin and caller.account_id != 0:  # 0: a token without account, which sees nothing
        return BuildServer.objects.order_by("pk")
    if not caller.account_ids:
        return BuildServer.objects.none()
    return _granted_to(caller.account_ids).order_by("pk")


def usable_servers(account_id: int) -> "QuerySet[BuildServer]":
    """Return the build servers that runs of the account may go to, switched off ones included."""
    return _granted_to([account_id])


def visible_registries(caller: Caller) -> "QuerySet[Registry]":
    """Return the registries of the caller's accounts and those of all accounts."""
    if caller.sees_everything:
        return Registry.objects.order_by("pk")
    if not caller.account_ids:
        return Registry.objects.none()
    return Registry.objects.filter(Q(account=None) | Q(account_id__in=caller.account_ids)).order_by("pk")


def builds_pushing_to(registry: Registry) -> "QuerySet[Build]":
    """Return the builds whose images go to a registry now."""
    chosen = Q(registry=registry) | Q(registry=None) if registry.is_default else Q(registry=registry)
    return Build.objects.filter(chosen, removed_at=None)


def with_use(registries: "QuerySet[Registry]") -> list[Any]:
    """Return registries with what uses them, with a fixed number of queries.

    Each has `used_by`, how many builds push there now, and `last_used`, when the newest image of a run got there.
    """
    pushed = BuildRun.objects.filter(run_type=RunType.BUILD, end_time__isnull=False).exclude(image_digest="")
    by_number = pushed.filter(registry=OuterRef("pk")).order_by("-end_time").values("end_time")[:1]
    # Runs for the default registry name its address alone, which may have been another one before.
    by_address = pushed.filter(registry=None, registry_host=OuterRef("host"))
    to_default = Case(When(is_default=True, then=by_address.order_by("-end_time").values("end_time")[:1]))
    listed: list[Any] = list(registries.annotate(last_used=Greatest(by_number, to_default)))
    builds = Build.objects.filter(removed_at=None).order_by().values("registry").annotate(count=Count("pk"))
    used_by: Counter[int | None] = Counter(dict(builds.values_list("registry", "count")))
    for registry in listed:
        registry.used_by = used_by[registry.pk] + (used_by[None] if registry.is_default else 0)
    return listed


def builds_by_address() -> Counter[str]:
    """Return how many builds name each address as their build server; empty is the default one."""
    builds = Build.objects.filter(removed_at=None).order_by().values("server_host").annotate(count=Count("pk"))
    return Counter(dict(builds.values_list("server_host", "count")))


def with_load(servers: "QuerySet[BuildServer]") -> list[Any]:
    """Return build servers with their accounts and what happens on them now, with a fixed number of queries.

    Each has its `load`, the counts `running` and `waiting`, its live worker hosts as `served_by`, and what its engine
    has told, or those of a topic's hosts: `version`, `disk_left` (bytes), `told_warnings` and `last_seen`.
    """
    listed: list[Any] = list(servers.prefetch_related("accounts"))
    held = list(BuildRun.objects.holding_slots().values_list("server_id", "claimed_host"))
    running, busy = Counter(server_id for server_id, _ in held), Counter(host for _, host in held)
    queue = BuildRun.objects.waiting().filter(server__in=listed).order_by().values("server").annotate(count=Count("pk"))
    waiting: Counter[int | None] = Counter(dict(queue.values_list("server", "count")))
    hosts = list(WorkerHost.objects.alive())
    for server in listed:
        server.load = load_on(server, running[server.pk], hosts, busy)
        server.running, server.waiting = server.load.running, waiting[server.pk]
        server.served_by = [place.host for place in server.load.places]
        told: list[EngineFacts] = [server] if server.topic is None else [one for one in hosts if one.serves(server)]
        server.version = ", ".join(sorted({facts.engine_version for facts in told if facts.engine_version}))
        server.disk_left = min((facts.disk_free for facts in told if facts.disk_free is not None), default=None)
        server.last_seen = max((facts.seen_at for facts in told if facts.seen_at), default=None)
        server.told_warnings = list(dict.fromkeys(warning for facts in told for warning in facts.warnings))
    return listed


def _granted_to(account_ids: Sequence[int]) -> "QuerySet[BuildServer]":
    """Return the default server, which is for all, and those that are granted to one of the accounts."""
    grants = BuildServer.accounts.through.objects.filter(buildserver=OuterRef("pk"), account_id__in=account_ids)
    return BuildServer.objects.filter(Q(is_default=True) | Exists(grants))
