"""The sweeper: announces its worker host, and finds what nobody works on any more. One query for each kind of orphan.

It runs beside the workers of every worker host; an advisory lock lets one of them sweep at a time. One statement asks
which kinds there are: an installation that has nothing to do is asked nothing further.
"""

import logging
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from enum import StrEnum
from functools import cache
from typing import Any, Final

from django.conf import settings
from django.db import Error, connection
from django.db.models import F, Q, QuerySet, Value
from django.db.models.functions import Now

from builds.domain import failures
from builds.domain.states import RunState, RunType
from builds.execution import callbacks, pulse, workspace
from builds.execution.engine_watch import EngineWatch
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
SHORTEST_LIMIT: Final = timedelta(seconds=60)  # that a build may set on its wait
ADVISORY_LOCK: Final = 0x6275696C  # "buil", within 32 bits

Act = Callable[["QuerySet[Any]"], object]


class Orphan(StrEnum):
    """The kinds of what nobody works on any more, in the order in which they are seen to."""

    WAITING = "waiting"  # but the doorbell was never heard
    CLAIMED = "claimed"  # but no worker has begun it: its task went with a worker
    LOST = "lost"  # running, but its lease is silent
    REMOVAL = "removal"  # whose task went with a worker, before it had begun
    OVERDUE = "overdue"  # waiting for a while: each is asked whether that is longer than its build allows
    CALLBACK = "callback"  # due, or its sender was lost


def sweep_for_ever(stop: threading.Event) -> None:
    """Beat and sweep until `stop` is set; a database that is away is waited for."""
    tidy_at = time.monotonic()
    questions, watch = pulse.Questions(), EngineWatch()
    settle_at, was_away = tidy_at + LAST_WORD_SECONDS, False
    while not stop.is_set():
        try:
            beat()
            if was_away:
                questions.put_anew()
                was_away = False
            questions.ask()
            workspace.sweep_leftovers()
            is_elected = not settings.TOPICS_ONLY and _elected()
            watch.look(at_all=is_elected)
            if is_elected:
                sweep(settle=time.monotonic() >= settle_at)
                if time.monotonic() >= tidy_at:
                    idempotency.forget_old_answers()
                    tidy_at = time.monotonic() + TIDY_SECONDS
            elif settings.TOPICS and time.monotonic() >= settle_at:
                # What was lost of this host's topics, by its own workers or by hosts that are away.
                lost, settle_all = _kinds()[Orphan.LOST]
                settle_all(lost.filter(server__url__in=[f"topic:{topic}" for topic in settings.TOPICS]))
        except Error as error:
            log.warning("The sweeper waits for the database: %s", error)
            connection.close()
            settle_at, was_away = time.monotonic() + SWEEP_SECONDS + LAST_WORD_SECONDS, True
        stop.wait(SWEEP_SECONDS)


def beat() -> None:
    """Announce this worker host; the first beat after a silence lets what waits start at once."""
    own = {"workers": settings.WORKERS, "topics": list(settings.TOPICS), "topics_only": settings.TOPICS_ONLY}
    announced = {**own, "beat_at": Now()}
    # Its row is there, but for the first beat: this is one statement, where update_or_create() takes four.
    if not WorkerHost.objects.filter(name=settings.WORKER_HOST).update(**announced):
        WorkerHost.objects.create(name=settings.WORKER_HOST, **announced)


def sweep(*, settle: bool = True) -> None:
    """See to every kind of orphan that is found; `settle` False: but leave runs with a silent lease for later."""
    for kind in _found():
        if settle or kind is not Orphan.LOST:
            rows, act = _kinds()[kind]
            act(rows)


def _kinds() -> dict[Orphan, tuple["QuerySet[Any]", Act]]:
    """Return the query for each kind, and what is done about its rows: each act looks whether it is still due."""
    runs = BuildRun.objects.all()
    patience = Now() - CLAIM_PATIENCE
    created = runs.filter(run_state=RunState.CREATED)
    claimed = created.filter(run_type=RunType.BUILD, claimed_at__lt=patience)
    removals = created.filter(run_type=RunType.REMOVE, updated_at__lt=patience)
    # One that was handed over a moment ago is given time to begin.
    due = Q(claimed_at=None) | Q(claimed_at__lt=patience) | Q(cancel_requested_at__isnull=False)
    lost = runs.filter(due, run_state=RunState.RUNNING, lease_expires_at__lt=Now()).select_related("server")
    # A topic's engine is reached by the worker host beside it alone, which settles what it has lost while it lives.
    others = WorkerHost.objects.alive().exclude(name=settings.WORKER_HOST)
    lost = lost.exclude(server__url__startswith="topic:", claimed_host__in=others.values("name"))
    overdue = runs.waiting().filter(created_at__lt=Now() - SHORTEST_LIMIT).annotate(age=Now() - F("created_at"))
    return {
        Orphan.WAITING: (runs.waiting(), lambda _rows: dispatch.dispatch_all()),
        Orphan.CLAIMED: (claimed.values_list("pk", flat=True), _each(dispatch.release_unstarted)),
        Orphan.LOST: (lost, _each(settle_lost_run)),
        Orphan.REMOVAL: (removals.values_list("pk", flat=True), _each(dispatch.call_service_again)),
        Orphan.OVERDUE: (overdue, _each(_end_if_overdue)),
        Orphan.CALLBACK: (callbacks.due(), lambda _rows: callbacks.call_for_due()),
    }


def _found() -> list[Orphan]:
    """Ask in one statement of which kinds there is anything."""
    with connection.cursor() as cursor:
        cursor.execute(*_question())
        found = {name for (name,) in cursor.fetchall()}
    return [kind for kind in Orphan if kind.value in found]


@cache
def _question() -> tuple[str, tuple[Any, ...]]:
    """Return it as SQL, which stays the same: to compile it takes Django longer than the database to answer it."""
    first, *others = (rows.order_by().values_list(Value(kind.value))[:1] for kind, (rows, _act) in _kinds().items())
    sql, parameters = first.union(*others, all=True).query.sql_with_params()
    return sql, tuple(parameters)


def _each(act: Callable[[Any], object]) -> Act:
    def act_on(rows: "QuerySet[Any]") -> None:
        for row in rows:
            act(row)

    return act_on


def _end_if_overdue(run: BuildRun) -> None:
    limit = run.definition.queue_limit_seconds
    if run.age.total_seconds() > limit:  # type: ignore[attr-defined]  # annotated where it is asked for
        end_waiting_run(run.pk, End.of(failures.queue_limit(limit)))


def _elected() -> bool:
    """Say whether this sweeper may work: one session holds the lock until its connection ends."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"
            " AND objid = %s) OR pg_try_advisory_lock(%s)",
            [ADVISORY_LOCK, ADVISORY_LOCK],
        )
        return bool(cursor.fetchone()[0])
