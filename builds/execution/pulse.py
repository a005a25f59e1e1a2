"""Whether the clusters of workers of this host pick up what is put into their queues, and what is done if not.

A cluster may look healthy and take nothing any more (a process that hangs, a lock that a killed one has left taken).
Only an answer that has come through its own queue shows that it works. Who is asked answers at once, unless all of its
workers have something to do: their silence then says nothing.
"""

import logging
import os
import signal
import time
from datetime import timedelta
from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Coalesce, Now

from builds import task_queue
from builds.domain.worker_queues import process_name
from builds.execution.patience import until_it_is_back
from builds.models import WorkerCluster, WorkerHost
from builds.queries.clusters import silent_clusters
from supervisor.processes import name_of

log = logging.getLogger(__name__)
CALM: Final = timedelta(seconds=15)  # from an answer to the next question
# Builds of a cluster end with it: one that is merely slow, on a machine with too much to do, is given time.
LAST_PATIENCE: Final = timedelta(seconds=45)
ASK_AGAIN_SECONDS: Final = 6.0  # a question may be lost with the worker that had it


class Questions:
    """The questions of one sweeper to the clusters of its host."""

    def __init__(self) -> None:
        self._asked_at: dict[str, float] = {}

    def put_anew(self) -> None:
        """Let what was asked count from now: the database was away, and questions and answers with it."""
        self._asked_at.clear()
        asked = WorkerCluster.objects.filter(host__name=settings.WORKER_HOST, asked_at__isnull=False)
        asked.update(asked_at=Now())

    def ask(self) -> None:
        """Ask whom it is time to ask, and end a cluster that has been silent for too long: it is started anew."""
        clusters = WorkerCluster.objects.filter(host__name=settings.WORKER_HOST)
        heard_lately = Q(asked_at=None, heard_at__gt=Now() - CALM)
        silent = Q(asked_at__lt=Now() - LAST_PATIENCE)
        states = clusters.annotate(calm=heard_lately, silent=silent).values("name", "calm", "silent")
        calm = {state["name"] for state in states if state["calm"]}
        for name in settings.CLUSTERS:
            if name not in calm:
                self._ask(name)
        if any(state["silent"] for state in states):
            _end_silent()

    def _ask(self, name: str) -> None:
        host = WorkerHost.objects.filter(name=settings.WORKER_HOST).first()
        if host is None:
            return  # its row was taken away since the beat, and comes back with the next one
        cluster, _is_new = WorkerCluster.objects.get_or_create(host=host, name=name)
        if time.monotonic() - self._asked_at.get(name, 0.0) < ASK_AGAIN_SECONDS:
            return
        with transaction.atomic():
            WorkerCluster.objects.filter(pk=cluster.pk).update(asked_at=Coalesce("asked_at", Now()))
            task_queue.ask_cluster(name, host=host.name)
        self._asked_at[name] = time.monotonic()


def _end_silent() -> None:
    for cluster in silent_clusters(LAST_PATIENCE).filter(host__name=settings.WORKER_HOST):
        group = cluster.process_group
        # Else its number is somebody else's by now.
        if group is not None and name_of(group) == process_name(cluster.name):
            log.error("The %s workers take nothing from their queue any more; they are started anew.", cluster.name)
            os.killpg(group, signal.SIGKILL)


def answer(name: str, host: str) -> None:
    """Note the answer of the cluster in whose worker this is called."""
    cluster = WorkerCluster.objects.filter(host__name=host, name=name)
    until_it_is_back(cluster.update, asked_at=None, heard_at=Now(), process_group=os.getpgid(0))
