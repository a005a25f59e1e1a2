"""Sends the ledger of callbacks, each sequence in order, at least once; a sender is a worker that does so.

A sequence is what one receiver is told of one run (or of one build): only its oldest waiting delivery is sent. A claim
of 90 s by PostgreSQL's clock keeps two senders apart; a sender that was killed leaves a claim that lapses, and the
sweeper calls another one. The service floor writes the rows, `engine.outbound` speaks HTTP, this joins them.
"""

import logging
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import quote, urlsplit

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Least, Now
from standardwebhooks import Webhook

from builds import task_queue
from builds.domain.callbacks import MOST_ATTEMPTS, WAITS, Outcome, next_wait, retry_after_seconds
from builds.domain.outbound import without_query
from builds.domain.worker_queues import SERVICE
from builds.engine.outbound import Ask, Limits, OutboundFailed, OutboundRefused, send
from builds.execution.patience import until_it_is_back
from builds.models import CallbackDelivery, DeliveryAttempt, DeliveryState
from builds.queries.callbacks import BESIDE
from builds.services import callbacks
from builds.services.accounts.webhook_secret import webhook_secret

log = logging.getLogger(__name__)
CLAIM: Final = timedelta(seconds=90)
LIMITS: Final = Limits(connect_seconds=5, read_seconds=10, total_seconds=15, body_bytes=4096)
USER_AGENT: Final = "BuildHub-Callback/1"
CALLS_AT_ONCE: Final = 200
SENDERS: Final[int] = settings.CLUSTER_WORKERS[SERVICE] - 1  # one is left for removals, however many receivers hang
SENDERS_AT_ONE_RECEIVER: Final = 2
TURN: Final = 0x63616C6C  # "call": the advisory lock under which senders are counted
LOST: Final = "The sender was lost on its way; whether the receiver has got this is not known."

WAITING: Final = Q(state=DeliveryState.WAITING)
UNCLAIMED: Final = Q(claimed_until=None) | Q(claimed_until__lt=Now())


def deliver(delivery_id: int, *, waits: Sequence[float] = WAITS, limits: Limits = LIMITS) -> int:
    """Send what is due in the sequence of a delivery; return how many attempts were made.

    `waits` are the seconds between attempts; while the head of the sequence has to wait, so do the others. One that is
    sent again goes alone.
    """
    named = until_it_is_back(CallbackDelivery.objects.filter(pk=delivery_id).first)
    if named is None:
        return 0
    attempts = 0
    if until_it_is_back(CallbackDelivery.objects.filter(BESIDE, pk=delivery_id).exists):
        attempts += _attempt_if_free(delivery_id, waits, limits)
    same = CallbackDelivery.objects.filter(build_id=named.build_id, run_id=named.run_id, url=named.url)
    waiting = _in_sequence(same).order_by("pk").values_list("pk", flat=True)
    while (head := until_it_is_back(waiting.first)) is not None:
        if not _attempt_if_free(head, waits, limits):
            break
        attempts += 1
    return attempts


def call_for_due() -> int:
    """Call senders to the sequences whose head is due, or whose sender was lost; return how many. The sweeper's look.

    Nobody is called while earlier calls are left unheard: the senders have enough to do.
    """
    if task_queue.senders_have_calls():
        return 0
    found = list(due().order_by("due_at").values_list("pk", flat=True)[:CALLS_AT_ONCE])
    for delivery_id in found:
        task_queue.call_sender(delivery_id)
    return len(found)


def due() -> "QuerySet[CallbackDelivery]":
    """Return the deliveries that a sender may be called for now: each the head of its sequence, or alone."""
    earlier = _in_sequence(CallbackDelivery.objects.all()).filter(
        run=OuterRef("run"), url=OuterRef("url"), pk__lt=OuterRef("pk")
    )
    return CallbackDelivery.objects.filter(WAITING & UNCLAIMED, due_at__lte=Now()).filter(BESIDE | ~Exists(earlier))


def _in_sequence(deliveries: "QuerySet[CallbackDelivery]") -> "QuerySet[CallbackDelivery]":
    return deliveries.filter(WAITING).exclude(BESIDE)


def _attempt_if_free(delivery_id: int, waits: Sequence[float], limits: Limits) -> int:
    """Make one attempt if the delivery is due and nobody else has it; return how many were made."""
    claimed = until_it_is_back(
        _claim, delivery_id
    )  # committed but not answered: it lapses, and a sender is called again
    if claimed is None:
        return 0
    delivery, attempt = claimed
    secret = until_it_is_back(webhook_secret, delivery.account_id)
    status, answer, error, outcome = _sent(delivery, limits, secret)
    values: dict[str, object] = {"status": status, "answer": answer, "error": error}
    until_it_is_back(_record, delivery, attempt, values, outcome, waits)
    return 1


def _claim(delivery_id: int) -> tuple[CallbackDelivery, DeliveryAttempt] | None:
    """Take a due delivery for 90 s and open its attempt; None where it is not due or somebody else has it."""
    with transaction.atomic():
        due = CallbackDelivery.objects.filter(WAITING & UNCLAIMED, pk=delivery_id, due_at__lte=Now())
        found = due.select_for_update(of=("self",), no_key=True).select_related("requested_by").first()
        if found is None:
            return None
        if not _is_room_for(found.url):
            return None
        if found.claimed_until is not None:
            found.attempts.filter(status=None, error="").update(error=LOST, end_time=Now())
            # Lost attempts count as well, but alone they never use the schedule up.
            counted = Least(F("attempt_count") + 1, MOST_ATTEMPTS - 1)
            CallbackDelivery.objects.filter(pk=found.pk).exclude(BESIDE).update(attempt_count=counted)
        attempt = callbacks.open_attempt(found)
        DeliveryAttempt.objects.filter(pk=attempt.pk).update(begin_time=Now(), end_time=Now())
        CallbackDelivery.objects.filter(pk=found.pk).update(claimed_until=Now() + CLAIM)
        found.refresh_from_db(fields=["claimed_until", "attempt_count"])
    return found, attempt


def _is_room_for(url: str) -> bool:
    """Say whether one more may send there now. The sweeper calls again, so that a look too early does no harm.

    A receiver that hangs must not keep all senders from the others, nor all that hang a removal from a worker.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [TURN])
    sending = CallbackDelivery.objects.filter(WAITING, claimed_until__gt=Now())
    there = sending.filter(url__startswith="{0.scheme}://{0.netloc}".format(urlsplit(url)))
    return sending.count() < SENDERS and there.count() < SENDERS_AT_ONE_RECEIVER


def _sent(delivery: CallbackDelivery, limits: Limits, secret: str) -> tuple[int | None, str, str, Outcome]:
    """Send; return status, kept answer and error for the ledger, and what it came to."""
    now = datetime.now(UTC)
    name = delivery.requested_by.get_username() if delivery.requested_by else ""
    headers = {  # those of Standard Webhooks, and who asked for what is told
        "content-type": "application/json",
        "user-agent": USER_AGENT,
        "webhook-id": delivery.webhook_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign(delivery.webhook_id, now, delivery.body),
        "user-id": quote(name, safe="@.+-_"),  # headers are ASCII; names need not be
        "user-role": delivery.user_role,
    }
    ask = Ask(
        method="POST",
        url=delivery.url,
        headers=headers,
        body=delivery.body.encode(),
        allowed=settings.OUTBOUND_ALLOW,
        limits=limits,
    )
    try:
        answer = send(ask)
    except OutboundRefused as error:
        return None, "", error.answered, Outcome(refused=True)
    except OutboundFailed as error:
        return None, "", error.answered, Outcome()
    given = next((value for key, value in answer.headers.items() if key.lower() == "retry-after"), None)
    wished = retry_after_seconds(given, now=datetime.now(UTC))
    kept = answer.body.decode("utf-8", "replace").replace(
        "\x00", "\N{REPLACEMENT CHARACTER}"
    )  # PostgreSQL takes no NUL
    return answer.status, kept, answer.cut, Outcome(answer.status, retry_after=wished)


def _record(
    delivery: CallbackDelivery,
    attempt: DeliveryAttempt,
    values: dict[str, object],
    outcome: Outcome,
    waits: Sequence[float],
) -> None:
    """Write what the attempt came to; a sender whose claim has lapsed leaves the delivery to its successor."""
    with transaction.atomic():
        DeliveryAttempt.objects.filter(pk=attempt.pk).update(**values, end_time=Now())
        mine = CallbackDelivery.objects.filter(WAITING, pk=delivery.pk, claimed_until=delivery.claimed_until)
        moved = mine.update(claimed_until=None, **_next(delivery, outcome, waits))
    if not outcome.is_delivered or not moved:
        said = values["error"] or f"status {values['status']}"
        log.info("Callback %s to %s: %s", delivery.webhook_id, without_query(delivery.url), said)


def _next(delivery: CallbackDelivery, outcome: Outcome, waits: Sequence[float]) -> dict[str, object]:
    """Return the columns of a delivery after an attempt."""
    count = delivery.attempt_count + 1
    if outcome.is_delivered:
        return {"state": DeliveryState.DELIVERED, "attempt_count": count, "delivered_at": Now()}
    if delivery.delivered_at is not None:  # it was sent once more, and has been delivered before
        return {"state": DeliveryState.DELIVERED, "attempt_count": count}
    chance = random.random()  # noqa: S311  spreads attempts, guards nothing
    wait = next_wait(outcome, attempts=count, chance=chance, waits=waits)
    if wait is None:
        return {"state": DeliveryState.GIVEN_UP, "attempt_count": count}
    return {"attempt_count": count, "due_at": Now() + timedelta(seconds=wait)}
