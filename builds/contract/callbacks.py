"""What callbacks say, and the ledger of them."""

from datetime import datetime
from typing import Any

from builds.contract.builds import build_detail
from builds.contract.fields import Answer, Choice, IsoTime, Model, Number, PlainTime, Text, name_of
from builds.contract.runs import run_answer
from builds.domain.callbacks import Told
from builds.models import Build, CallbackDelivery, CallbackEvent, Caller, DeliveryState
from builds.models import DeliveryAttempt as AttemptRow
from builds.queries.callbacks import deliveries_of


def _end_of_attempt(attempt: AttemptRow) -> datetime | None:
    """Return the end of an attempt; without status and error it is under way, or asked for and not begun."""
    return attempt.end_time if attempt.status is not None or attempt.error else None


def _due_at(delivery: CallbackDelivery) -> datetime | None:
    return delivery.due_at if delivery.state == DeliveryState.WAITING else None


class DeliveryAttempt(Model):
    """One attempt to deliver a callback."""

    number = Number(min_value=1, example=1)
    beginTime = IsoTime("When it began")
    endTime = IsoTime("When it ended; null while it is under way", reads=_end_of_attempt, null=True)
    status = Number("HTTP status; null: nothing was answered", example=200, null=True)
    answer = Text("First 4 KB of the answer", null=True)
    error = Text("What went wrong", null=True)
    askedBy = Text("User name of who sent it again", reads=lambda attempt: name_of(attempt.asked_by), null=True)


class Delivery(Model):
    """A callback and what became of it."""

    number = Number("Counts the deliveries of the run", min_value=1, example=1)
    event = Choice(list(CallbackEvent), example="BUILD_RUN_STATE")
    what = Text(f"What happened: {', '.join(Told)}", example="ended")
    url = Text("Where it goes", example="http://dashboard:3000/callback")
    state = Choice(list(DeliveryState), example="DELIVERED")
    webhookId = Text("Header webhook-id: the same for every attempt")
    attemptCount = Number(reads=lambda delivery: len(delivery.attempts.all()), example=1)
    dueAt = IsoTime("When the next attempt is due; null when none is to come", reads=_due_at, null=True)
    deliveredAt = IsoTime("When the receiver answered 2xx", null=True)
    created = PlainTime("When the event happened", source="created_at")
    attempts = DeliveryAttempt(many=True)


def delivery_answers(run_id: int) -> list[Answer]:
    """Return the deliveries of a run in order, each with its attempts; three queries for any number of them."""
    return [Delivery.tell(delivery) for delivery in deliveries_of(run_id)]


def delivery_answer(run_id: int, number: int) -> Answer:
    """Return one delivery of a run, which is there, with its attempts."""
    return Delivery.tell(deliveries_of(run_id).get(number=number))


def told_of_run(run: Any, caller: Caller) -> Answer:
    """Return what a callback says of a run (through `with_facts`) as it is now; `caller` is who asked for the run."""
    return _told(CallbackEvent.RUN_STATE, run.build, run.pk, run_answer(run, caller))


def told_of_build(build: Any, caller: Caller) -> Answer:
    """Return what a callback says of a build (through `with_build_facts`) as it is now."""
    return _told(CallbackEvent.BUILD_STATE, build, None, build_detail(build, caller))


def _told(event: CallbackEvent, build: Build, run_id: int | None, data: Answer) -> Answer:
    target = {"accountSeq": build.account_id, "buildSeq": build.pk, "buildRunSeq": run_id}
    return {"event": event.value, "target": target, "data": data}
