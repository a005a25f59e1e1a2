"""Settling runs whose worker is lost: abort first and confirm, then start again or end.

A silent lease is the sign. The build of a dead worker dies with its connection; a worker that only hangs is cut off
by cancelling the attempt's fixed build id. Only an engine that answers can confirm either.
"""

import logging
from contextlib import closing
from datetime import timedelta
from typing import Final

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from builds import doorbell
from builds.domain import failures
from builds.domain.failures import Failure
from builds.domain.run_events import AttemptLost, EventKind, NoWorker, Unconfirmed
from builds.domain.states import RunType
from builds.engine.errors import EngineError
from builds.execution.context import build_id, labels
from builds.models import BuildRun, RunEvent
from builds.queries.runs import counted_attempts
from builds.queries.waiting import load_of
from builds.services import dispatch
from builds.services.connections.clients import engine_of_run
from builds.services.runs.ends import end_lost_run
from builds.services.runs.transitions import LEASE, End, end_cancel

log = logging.getLogger(__name__)
CONFIRM_WITHIN: Final = timedelta(minutes=5)


def settle_lost_run(run: BuildRun) -> None:
    """Settle a RUNNING run whose lease has lapsed: next attempt or end, once nothing of the old attempt is left."""
    if run.run_type == RunType.REMOVE:
        dispatch.call_service_again(run.pk)
        return
    unconfirmed = _confirm_gone(run)
    if unconfirmed is not None:
        _go_on_unconfirmed(run, unconfirmed)
    elif run.cancel_requested_at is not None:
        _end(run, failures.cancelled())
    elif run.begin_time and (timezone.now() - run.begin_time).total_seconds() > run.definition.time_limit_seconds:
        _end(run, failures.time_limit(run.definition.time_limit_seconds))
    elif counted_attempts(run) >= run.definition.max_attempts:
        _end(run, failures.worker_lost(run.attempt))
    else:
        _next_attempt(run)


def _confirm_gone(run: BuildRun) -> str | None:
    """Cancel and look for what is left of the run; None once nothing is, else why that is not known.

    The engine of a topic's run is asked by its own worker host. Where that is away, what it ran has ended with its
    connection: reason enough to go on elsewhere, but not to call a cancel confirmed.
    """
    if run.server is None:
        return None
    if run.server.topic is not None and run.claimed_host != settings.WORKER_HOST:
        away = f"worker host {run.claimed_host}, which alone reaches the engine that it ran on, is silent"
        return away if run.cancel_requested_at is not None else None
    try:
        with closing(engine_of_run(run)) as engine:
            engine.cancel_build(build_id(run.pk, run.attempt))
            engine.remove_leftovers(labels(run.pk))
            left = engine.leftovers(labels(run.pk))
            # What has begun and not ended, as far as the engine's answer is ours: two runs of the same content share
            # one process, so that beside other runs on the server it may be theirs.
            begun: list[str] = []
            if not BuildRun.objects.holding_slots().filter(server=run.server).exclude(pk=run.pk).exists():
                vertices = [vertex for step in run.steps.filter(attempt=run.attempt) for vertex in step.vertices]
                begun = [vertex["name"] for vertex in vertices if vertex["started"] and not vertex["completed"]]
            instructions = engine.still_running(begun)
    except EngineError as error:
        return error.answered
    if instructions:
        return f"the engine does not end an instruction that it has begun: {instructions[0]}"
    return f"{len(left)} containers or volumes are still there" if left else None


def _go_on_unconfirmed(run: BuildRun, why: str) -> None:
    """Keep the run as it is and say so once; give up on the wish to cancel, or on the run, after `CONFIRM_WITHIN`."""
    server = run.server.name if run.server else ""
    RunEvent.note(run.pk, Unconfirmed(run.attempt), because=why)
    cancel = run.follow_ups.active().filter(run_type=RunType.CANCEL).first()
    if cancel is not None:
        if timezone.now() - cancel.created_at > CONFIRM_WITHIN:
            failure = failures.not_confirmed(server, why)
            end_cancel(cancel.pk, End.of(failure))
        return
    first = RunEvent.objects.of(run.pk, EventKind.UNCONFIRMED, attempt=run.attempt).first()
    if first is not None and timezone.now() - first.at > CONFIRM_WITHIN:
        _end(run, failures.engine_unreachable(server, why))


def _next_attempt(run: BuildRun) -> None:
    """Hand the run to a free worker; where there is none it stays as it is and is looked at again."""
    if run.server is None:
        return
    places = load_of(run.server).places
    # The run holds a place of its own on the host that lost it, which is free again for itself.
    free = [place for place in places if place.free + (place.host == run.claimed_host) > 0]
    if not free:
        with transaction.atomic():
            if RunEvent.note(run.pk, NoWorker(run.attempt)):
                doorbell.run_changed(run.pk, build_id=run.build_id, account_id=run.account_id)
        return
    given_back = RunEvent.objects.of(run.pk, EventKind.GIVEN_BACK, attempt=run.attempt).first()
    if given_back is not None:  # what its own worker said, else its silence
        lost = AttemptLost(run.attempt, given_back.because)
    else:
        beat = run.lease_expires_at - LEASE if run.lease_expires_at else timezone.now()
        lost = AttemptLost.silent(run.attempt, beat)
    RunEvent.note(run.pk, lost, because=run.lease_owner)
    dispatch.hand_over_again(run.pk, host=max(free, key=lambda place: place.free).host)


def _end(run: BuildRun, failure: Failure) -> None:
    end_lost_run(run.pk, token=run.token, end=End.of(failure))
