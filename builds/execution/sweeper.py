"""The sweeper: announces its worker host, and finds what nobody works on any more. One query for each kind of orphan.

It runs beside the workers of every worker host; an advisory lock lets one of them sweep at a time.
"""

import logging
import threading
import time
from datetime import timedelta
from typing import Final

from django.conf import settings
from django.db import Error, connection
from django.db.models import F, Q
from django.db.models.functions import Now

from builds.domain import failures
from builds.domain.states import RunState, RunType
from builds.execution import callbacks, pulse, workspace
from builds.execution.recovery import settle_lost_run
from builds.models import BuildRun, WorkerHost
from builds.services import dispatch, idempotency
from builds.services.runs.ends import end_waiting_run
from builds.services.runs.transitions import End

log = logging.getLogger(__name__)
SWEEP_SECONDS: Final = 2.0
TIDY_SECONDS: Final = 3600.0
# Once the database is back, workers that had to give a run up have this long to say so, before it is settled (ADR 20).
LAST_WORD_SECONDS: Final = 4.0
CLAIM_PATIENCE: Final = timedelta(seconds=15)  # a claimed run that no worker has begun within this is handed over anew
ADVISORY_LOCK: Final = 0x6275696C  # "buil", within 32 bits


def sweep_for_ever(stop: threading.Event) -> None:
    """Beat and sweep until `stop` is set; a database that is away is waited for."""
    tidy_at = time.monotonic()
    questions = pulse.Questions()
    settle_at, was_away = tidy_at + LAST_WORD_SECONDS, False
    while not stop.is_set():
        try:
            beat()
            if was_away:
                questions.put_anew()
                was_away = False
            questions.ask()
            workspace.sweep_leftovers()
            if _elected():
                sweep(settle=time.monotonic() >= settle_at)
                if time.monotonic() >= tidy_at:
                    idempotency.forget_old_answers()
                    tidy_at = time.monotonic() + TIDY_SECONDS
        except Error as error:
            log.warning("The sweeper waits for the database: %s", error)
            connection.close()
            settle_at, was_away = time.monotonic() + SWEEP_SECONDS + LAST_WORD_SECONDS, True
        stop.wait(SWEEP_SECONDS)


def beat() -> None:
    """Announce this worker host; the first beat after a silence lets what waits start at once."""
    WorkerHost.objects.update_or_create(
        name=settings.WORKER_HOST,
        defaults={"workers": settings.WORKERS, "topics": list(settings.TOPICS), "beat_at": Now()},
    )


def sweep(*, settle: bool = True) -> None:
    """Look once for every kind of orphan; `settle` False: but leave runs with a silent lease for later."""
    runs = BuildRun.objects.all()
    # Waiting, but the doorbell was never heard.
    dispatch.dispatch_all()
    # Claimed, but no worker has begun it: its task went with a worker.
    claimed = runs.filter(run_type=RunType.BUILD, run_state=RunState.CREATED, claimed_at__lt=Now() - CLAIM_PATIENCE)
    for run_id in claimed.values_list("pk", flat=True):
        dispatch.release_unstarted(run_id)
    # Running, but its lease is silent; one that was handed over a moment ago is given time to begin.
    silent = runs.filter(run_state=RunState.RUNNING, lease_expires_at__lt=Now())
    due = Q(claimed_at=None) | Q(claimed_at__lt=Now() - CLAIM_PATIENCE) | Q(cancel_requested_at__isnull=False)
    for run in silent.filter(due).select_related("server") if settle else ():
        settle_lost_run(run)
    # REMOVE runs whose task went with a worker, before they had begun.
    removals = runs.filter(run_type=RunType.REMOVE, run_state=RunState.CREATED, updated_at__lt=Now() - CLAIM_PATIENCE)
    for run_id in removals.values_list("pk", flat=True):
        dispatch.call_service_again(run_id)
    # Waiting for longer than the build allows.
    for run in (
        runs.waiting().filter(created_at__lt=Now() - timedelta(seconds=60)).annotate(age=Now() - F("created_at"))
    ):
        limit = run.definition.queue_limit_seconds
        if run.age.total_seconds() > limit:  # type: ignore[attr-defined]  # annotated above
            end_waiting_run(run.pk, End.of(failures.queue_limit(limit)))
    callbacks.call_for_due()


def _elected() -> bool:
    """Say whether this sweeper may work: one session holds the lock until its connection ends."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"
            " AND objid = %s) OR pg_try_advisory_lock(%s)",
            [ADVISORY_LOCK, ADVISORY_LOCK],
        )
        return bool(cursor.fetchone()[0])
