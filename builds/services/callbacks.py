"""Writes the ledger of callbacks; delivering is builds/execution/callbacks.py.

A delivery is written in the transaction of the fact that it tells, so that neither can be without the other.
"""

import json
import uuid
from dataclasses import replace

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Max
from django.db.models.functions import Now

from builds import task_queue
from builds.contract.callbacks import told_of_build, told_of_run
from builds.contract.fields import Answer
from builds.domain import actions
from builds.domain.access import Permission, Role
from builds.domain.actions import Action
from builds.domain.callbacks import MOST_ATTEMPTS, Told
from builds.domain.errors import NotFound, NotPossible
from builds.models import (
    Activity,
    Build,
    BuildRun,
    CallbackDelivery,
    CallbackEvent,
    Caller,
    DeliveryAttempt,
    DeliveryState,
    Did,
)
from builds.queries.facts import run_facts, with_build_facts, with_facts
from builds.services.accounts.access import caller_for, require


def addresses(callback_url: str) -> list[str]:
    """Return the addresses of a `callbackUrl`, which are joined by `|`; each once."""
    return list(dict.fromkeys(url for part in callback_url.split("|") if (url := part.strip())))


def note_state(run: BuildRun, *, what: Told) -> None:
    """Do as `note_run`; a run that was read and has no address costs no statement."""
    if run.callback_url:
        note_run(run.pk, what=what)


def note_run(run_id: int, *, what: Told) -> None:
    """Keep a delivery of the run's state as it is now for each of its addresses; nothing where it has none.

    Call it in the transaction of the fact.
    """
    with transaction.atomic(savepoint=False):
        # The row's lock makes the numbers gapless and their order that of the facts.
        locked = BuildRun.objects.select_for_update(no_key=True).exclude(callback_url="").filter(pk=run_id).first()
        if locked is None:
            return
        run = with_facts(BuildRun.objects.filter(pk=run_id)).get()
        caller = requester_of(run)
        first = CallbackDelivery.objects.filter(run_id=run_id).aggregate(last=Max("number"))["last"] or 0
        body = _text(told_of_run(run, caller))
        _keep(run.build, run, caller, (CallbackEvent.RUN_STATE, what, body), run.callback_url, first)


def note_build(build: Build, *, what: Told, callback_url: str, caller: Caller) -> None:
    """Keep a delivery of the build as it is now for each address of `callback_url`; empty: nothing.

    Call it in the transaction of the fact.
    """
    if not addresses(callback_url):
        return
    with transaction.atomic():
        Build.objects.select_for_update(of=("self",), no_key=True).get(pk=build.pk)
        stored = with_build_facts(Build.objects.filter(pk=build.pk)).get()
        of_build = CallbackDelivery.objects.filter(build=build, run=None)
        first = of_build.aggregate(last=Max("number"))["last"] or 0
        body = _text(told_of_build(stored, caller))
        _keep(build, None, caller, (CallbackEvent.BUILD_STATE, what, body), callback_url, first)


def send_again(*, run_id: int, number: int, caller: Caller) -> CallbackDelivery:
    """Send a delivery of the run again, to the same address and with the same webhook-id; return it.

    One that has ended, delivered or given up, gets one further attempt beside the order of its run, so that it holds
    up nobody; one that waits for its next attempt is due now. Raises `NotFound`, `NoRight`, or `NotPossible` while
    a sender has it.
    """
    with transaction.atomic():
        run = with_facts(BuildRun.objects.visible_to(caller)).wanted(run_id)
        require(caller, Permission.RUN, run.account_id)
        delivery = CallbackDelivery.objects.select_for_update(no_key=True).filter(run=run, number=number).first()
        if delivery is None:
            raise NotFound(f"Run {run_id} has no callback {number}.")
        claimed = CallbackDelivery.objects.filter(pk=delivery.pk, state=DeliveryState.WAITING, claimed_until__gt=Now())
        facts = replace(run_facts(run, caller), being_sent=claimed.exists())
        if sentence := actions.refusal(Action.RESEND, facts):
            raise NotPossible(Action.RESEND, sentence)
        if delivery.state == DeliveryState.GIVEN_UP:
            delivery.attempt_count = max(delivery.attempt_count, MOST_ATTEMPTS)
        delivery.state = DeliveryState.WAITING
        delivery.due_at = Now()  # PostgreSQL's clock
        delivery.save(update_fields=["state", "due_at", "attempt_count"])
        open_attempt(delivery, asked_by=caller.user)
        Activity.record(by=caller.user, did=Did.RESEND_CALLBACK, run=run, detail=f"callback {number}")
        task_queue.call_sender(delivery.pk)
        delivery.refresh_from_db()
    return delivery


def open_attempt(delivery: CallbackDelivery, *, asked_by: User | None = None) -> DeliveryAttempt:
    """Return the attempt that has not ended (neither status nor error), a new one where there is none.

    It is written before anything is sent: what a lost sender has begun stays visible.
    """
    unended = delivery.attempts.filter(status=None, error="").first()
    if unended is not None:
        return unended
    last = delivery.attempts.aggregate(last=Max("number"))["last"] or 0
    return DeliveryAttempt.objects.create(
        delivery=delivery, number=last + 1, begin_time=Now(), end_time=Now(), asked_by=asked_by
    )


def requester_of(run: BuildRun) -> Caller:
    """Return the rights, now, of whoever asked for the run; one whose user is gone is seen as by a viewer."""
    if run.requested_by is None:
        return Caller(user=User(), roles={run.account_id: Role.VIEWER})
    return caller_for(run.requested_by)


def _text(body: Answer) -> str:
    """Return the very text that is signed and sent."""
    return json.dumps(body, separators=(",", ":"), allow_nan=False)


def _keep(
    build: Build,
    run: BuildRun | None,
    caller: Caller,
    said: tuple[CallbackEvent, Told, str],
    callback_url: str,
    first: int,
) -> None:
    """Insert a delivery for each address, numbered after `first`, and call a sender on commit."""
    event, what, body = said
    role = caller.role_in(build.account_id)
    rows = CallbackDelivery.objects.bulk_create(
        CallbackDelivery(
            account_id=build.account_id,
            build=build,
            run=run,
            number=number,
            event=event,
            what=what,
            url=url,
            webhook_id=f"msg_{uuid.uuid4().hex}",
            body=body,
            requested_by=caller.user if caller.user.pk else None,
            user_role=role.value if role else "",
        )
        for number, url in enumerate(addresses(callback_url), start=first + 1)
    )
    for row in rows:
        task_queue.call_sender(row.pk)
