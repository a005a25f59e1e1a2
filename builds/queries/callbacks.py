"""Callbacks as dictionaries: what is told, and the ledger of it for the API and the run's page."""

from typing import Any, Final

from django.db.models import Q

from builds.domain.callbacks import MOST_ATTEMPTS
from builds.models import Build, CallbackDelivery, CallbackEvent, Caller, DeliveryAttempt, DeliveryState
from builds.queries.builds import build_detail
from builds.queries.shapes import Shape, iso_time, plain_time, run_shape

# Sent again after it had ended (services/callbacks.py): such a delivery stands beside the order of its run.
BESIDE: Final = Q(delivered_at__isnull=False) | Q(attempt_count__gte=MOST_ATTEMPTS)


def told_of_run(run: Any, caller: Caller) -> Shape:
    """Return what a callback says of a run (through `with_facts`) as it is now; `caller` is who asked for the run."""
    return _told(CallbackEvent.RUN_STATE, run.build, run.pk, run_shape(run, caller))


def told_of_build(build: Any, caller: Caller) -> Shape:
    """Return what a callback says of a build (through `with_build_facts`) as it is now."""
    return _told(CallbackEvent.BUILD_STATE, build, None, build_detail(build, caller))


def delivery_shapes(run_id: int) -> list[Shape]:
    """Return the deliveries of a run in order, each with its attempts; three queries for any number of them."""
    deliveries = CallbackDelivery.objects.filter(run_id=run_id).order_by("number")
    return [_delivery(delivery) for delivery in deliveries.prefetch_related("attempts__asked_by")]


def waits_for(run_id: int) -> dict[int, int]:
    """Return, for each delivery of a run that waits for an earlier one to the same address, the number of that one."""
    waiting = CallbackDelivery.objects.filter(run_id=run_id, state=DeliveryState.WAITING).exclude(BESIDE)
    heads: dict[str, int] = {}
    found = (
        (number, heads.setdefault(url, number))
        for number, url in waiting.order_by("number").values_list("number", "url")
    )
    return {number: head for number, head in found if head != number}


def delivery_shape(run_id: int, number: int) -> Shape | None:
    """Return one delivery of a run with its attempts, or None."""
    return next((shape for shape in delivery_shapes(run_id) if shape["number"] == number), None)


def _told(event: CallbackEvent, build: Build, run_id: int | None, data: Shape) -> Shape:
    target = {"accountSeq": build.account_id, "buildSeq": build.pk, "buildRunSeq": run_id}
    return {"event": event.value, "target": target, "data": data}


def _delivery(delivery: CallbackDelivery) -> Shape:
    attempts = [_attempt(attempt) for attempt in delivery.attempts.all()]
    return {
        "number": delivery.number,
        "event": delivery.event,
        "what": delivery.what,
        "url": delivery.url,
        "state": delivery.state,
        "webhookId": delivery.webhook_id,
        "attemptCount": len(attempts),
        "dueAt": iso_time(delivery.due_at) if delivery.state == "WAITING" else None,
        "deliveredAt": iso_time(delivery.delivered_at),
        "created": plain_time(delivery.created_at),
        "attempts": attempts,
    }


def _attempt(attempt: DeliveryAttempt) -> Shape:
    """Return an attempt; one without status and error is under way, or asked for and not begun: no endTime then."""
    has_ended = attempt.status is not None or bool(attempt.error)
    return {
        "number": attempt.number,
        "beginTime": iso_time(attempt.begin_time),
        "endTime": iso_time(attempt.end_time) if has_ended else None,
        "status": attempt.status,
        "answer": attempt.answer or None,
        "error": attempt.error or None,
        "askedBy": attempt.asked_by.get_username() if attempt.asked_by else None,
    }
