"""What engines have told of themselves, kept so that no page has to wait for one."""

from django.db.models import QuerySet
from django.db.models.functions import Now

from builds.models import BuildRun, BuildServer, WorkerHost
from builds.services.connections.clients import EngineProbe, probe_engine


def look_at(server: BuildServer) -> EngineProbe:
    """Ask a server's engine what it is, and keep the answer."""
    probe = probe_engine(server)
    _keep(BuildServer.objects.filter(pk=server.pk), probe)
    return probe


def look_at_own(host: str) -> None:
    """Ask the engine beside the worker host `host`, which is this one, and keep the answer with the host."""
    _keep(WorkerHost.objects.filter(name=host), probe_engine(BuildServer(name=host, url=f"topic:{host}")))


def note_clipped_log(run_id: int) -> None:
    """Keep that the engine of a run has just left out output: of a topic's, with its worker host."""
    run = BuildRun.objects.select_related("server").get(pk=run_id)
    if run.server is None:
        return
    if run.server.topic is not None:
        WorkerHost.objects.filter(name=run.claimed_host).update(log_clipped_at=Now())
    else:
        BuildServer.objects.filter(pk=run.server.pk).update(log_clipped_at=Now())


def _keep(rows: "QuerySet[BuildServer] | QuerySet[WorkerHost]", probe: EngineProbe) -> None:
    if not probe.ok:
        rows.update(trouble=probe.message)
        return
    facts = {"engine_version": (probe.version or "")[:100], "engine_warnings": list(probe.warnings), "trouble": ""}
    rows.update(**facts, disk_free=probe.disk_free, seen_at=Now())
