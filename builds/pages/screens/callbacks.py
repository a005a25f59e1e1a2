"""The ledger of a run's callbacks: every delivery with every attempt."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

from django.db.models import Count, Q

from builds.contract.callbacks import delivery_answers
from builds.domain.actions import Action, refusal
from builds.domain.callbacks import Told
from builds.models import BuildRun, CallbackDelivery, Caller, DeliveryState
from builds.pages.state_look import CANCELLING, DONE, FAILED, RUNNING, WAITING, Look
from builds.queries.callbacks import waits_for
from builds.queries.facts import run_facts
from builds.queries.runs import find_run

SHOWN_ANSWER: Final = 1000  # characters of an answer; all that is kept is at the API
EVENTS: Final = {
    Told.ACCEPTED: "Run accepted",
    Told.RUNNING: "Run began",
    Told.STEP: "Step began",
    Told.ENDED: "Run ended",
    Told.CREATED: "Build created",
    Told.REMOVED: "Build removed",
}
FAILING: Final = Q(state=DeliveryState.GIVEN_UP) | Q(state=DeliveryState.WAITING, attempt_count__gt=0)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt: what was answered, or what went wrong."""

    number: int
    begin_time: datetime | None
    took: timedelta | None
    look: Look
    status: str
    answer: str
    is_cut: bool
    error: str
    asked_by: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event for one address."""

    number: int
    what: str
    address: str
    webhook_id: str
    look: Look
    state: str
    due_at: datetime | None  # of the next attempt, where it waits for nothing but the time
    created: datetime | None
    attempts: Sequence[Attempt]


@dataclass(frozen=True, slots=True)
class CallbackScreen:
    """All callbacks of a run for one reader."""

    run: Any
    title: str
    deliveries: Sequence[Delivery]
    may_resend: bool
    why_not: str


@dataclass(frozen=True, slots=True)
class CallbackCounts:
    """How many deliveries a run has, and how many of them have failed so far."""

    total: int
    failing: int


def callback_screen(run_id: int, caller: Caller) -> CallbackScreen | None:
    """Read the ledger of a run, None where the caller may not know of it."""
    run = find_run(run_id, caller)
    if run is None:
        return None
    why_not = refusal(Action.RESEND, run_facts(run, caller))
    heads = waits_for(run.pk)
    return CallbackScreen(
        run=run,
        title=run.definition.name or run.build.name,
        deliveries=[_delivery(shape, heads.get(shape["number"])) for shape in delivery_answers(run.pk)],
        may_resend=why_not is None,
        why_not=why_not or "",
    )


def callback_counts(run: BuildRun) -> CallbackCounts | None:
    """Count the deliveries of a run; None where it has no callback URL."""
    if not run.callback_url:
        return None
    found = CallbackDelivery.objects.filter(run_id=run.pk)
    return CallbackCounts(**found.aggregate(total=Count("pk"), failing=Count("pk", filter=FAILING)))


def address_of(url: str) -> str:
    """Return an address without what may be secret in it: its query is only hinted at."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "an address that cannot be read"
    shown = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
    return f"{shown}?…" if parts.query else shown


def _delivery(shape: Mapping[str, Any], head: int | None) -> Delivery:
    """Return a delivery in words; `head` is the one that it waits for."""
    look, state = (WAITING, f"Waits for delivery {head}") if head else _state(shape)
    return Delivery(
        number=shape["number"],
        what=EVENTS[shape["what"]],
        address=address_of(shape["url"]),
        webhook_id=shape["webhookId"],
        look=look,
        state=state,
        due_at=None if head else _moment(shape["dueAt"]),
        created=_moment(shape["created"]),
        attempts=[_attempt(attempt) for attempt in shape["attempts"]],
    )


def _state(shape: Mapping[str, Any]) -> tuple[Look, str]:
    match shape["state"]:
        case DeliveryState.DELIVERED:
            return DONE, "Delivered"
        case DeliveryState.GIVEN_UP:
            return FAILED, "Given up"
        case _ if shape["attemptCount"]:
            return CANCELLING, "Tried, and will be tried again"
        case _:
            return WAITING, "Waits to be sent"


def _attempt(shape: Mapping[str, Any]) -> Attempt:
    begin, end = _moment(shape["beginTime"]), _moment(shape["endTime"])
    status, answer = shape["status"], shape["answer"] or ""
    look = DONE if status is not None and status // 100 == 2 else FAILED
    return Attempt(
        number=shape["number"],
        begin_time=begin,
        took=end - begin if begin and end else None,
        look=look if end else RUNNING,
        status=_status_words(status) if end else "Under way",
        answer=answer[:SHOWN_ANSWER],
        is_cut=len(answer) > SHOWN_ANSWER,
        error=shape["error"] or "",
        asked_by=str(shape["askedBy"] or ""),
    )


def _status_words(status: int | None) -> str:
    """Return an HTTP status as number and words."""
    if status is None:
        return "No answer"
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"{status}"


def _moment(text: str | datetime | None) -> datetime | None:
    """Return a time of a shape; `created` and `updated` are UTC without saying so."""
    if not text:
        return None
    found = text if isinstance(text, datetime) else datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
