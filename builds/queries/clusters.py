"""Clusters of workers that owe an answer although one of their workers has nothing to do."""

from collections import Counter
from datetime import timedelta
from typing import Final

from django.conf import settings
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from builds.domain.states import RunState, RunType
from builds.domain.worker_queues import BUILDS, SERVICE
from builds.models import BuildRun, CallbackDelivery, WorkerCluster, WorkerHost

PATIENCE: Final = timedelta(seconds=15)  # for an answer; a question is asked again twice within it


def silent_clusters(patience: timedelta = PATIENCE) -> "QuerySet[WorkerCluster]":
    """Return the clusters that have been asked, have not answered within `patience`, and have a worker to do so."""
    late = WorkerCluster.objects.filter(asked_at__lt=Now() - patience).select_related("host")
    holding = BuildRun.objects.filter(run_state=RunState.RUNNING, lease_expires_at__gt=Now())
    builds = Counter(holding.filter(run_type=RunType.BUILD).values_list("claimed_host", flat=True))
    building = Q(name=BUILDS, host__in=[host for host in WorkerHost.objects.all() if builds[host.name] >= host.workers])
    removing = holding.filter(run_type=RunType.REMOVE).count()
    sending = CallbackDelivery.objects.filter(claimed_until__gt=Now()).count()
    serving = Q(name=SERVICE) if removing + sending >= settings.CLUSTER_WORKERS[SERVICE] else Q(pk=None)
    return late.exclude(building).exclude(serving)


def unserved(name: str, hosts: "QuerySet[WorkerHost]") -> str | None:
    """Say since when no cluster `name` of `hosts` has picked anything up, or None where one does."""
    served = WorkerCluster.objects.filter(name=name, host__in=hosts).exclude(pk__in=silent_clusters().values("pk"))
    silent = WorkerCluster.objects.filter(name=name, host__in=hosts).order_by("-heard_at").first()
    if silent is None or served.exists():
        return None
    return f"no {name} worker picks up what is handed over, asked at {silent.asked_at:%H:%M:%S} UTC"
