"""Who comes first among the runs that wait."""

from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Final

from django.db import transaction
from django.db.models.functions import Now

from builds import doorbell
from builds.domain import actions, run_events
from builds.domain.access import Permission, Role
from builds.domain.actions import Action
from builds.domain.errors import FieldError, Invalid, NotPossible
from builds.models import Activity, BuildRun, BuildServer, Caller, Did, RunEvent
from builds.queries.facts import run_facts, with_facts
from builds.services.accounts.access import require
from builds.services.dispatch import dispatch

STEP: Final = timedelta(milliseconds=1)
LONGEST_REASON: Final = 500


def move_to_front(*, run_id: int, caller: Caller, reason: str = "") -> BuildRun:
    """Let a waiting run start before others of its server, and return it.

    An instance admin moves it before all. Everybody else moves it to the place of the account's first waiting run,
    whose others go back by one: the places of other accounts stay as they are. `reason` is kept in Activity. Raises
    `NotPossible` for a run that does not wait, `Invalid` for a reason that cannot be kept.
    """
    if len(reason) > LONGEST_REASON:
        raise Invalid([FieldError("reason", f"The reason may have up to {LONGEST_REASON} characters.")])
    with transaction.atomic():
        seen = BuildRun.objects.visible_to(caller).wanted(run_id)
        require(caller, Permission.RUN, seen.account_id)
        if seen.server_id is not None:  # locked first, as dispatch does
            BuildServer.objects.select_for_update(no_key=True).get(pk=seen.server_id)
        run = BuildRun.objects.select_for_update(of=("self",), no_key=True).get(pk=run_id)
        elders = BuildRun.objects.waiting().filter(build_id=run.build_id, pk__lt=run.pk)
        facts = run_facts(with_facts(BuildRun.objects.filter(pk=run.pk)).get(), caller)
        facts = replace(facts, elder=elders.values_list("pk", flat=True).first() or 0)
        if sentence := actions.refusal(Action.FRONT, facts):
            raise NotPossible(Action.FRONT, sentence)
        first = BuildRun.objects.waiting().filter(server_id=run.server_id).exclude(pk=run.pk).first()
        if caller.role_in(run.account_id) is not Role.INSTANCE_ADMIN:
            _first_of_account(run)
        elif first is not None and (first.front_at, first.pk) < (run.front_at, run.pk):
            BuildRun.objects.filter(pk=run.pk).update(front_at=first.front_at - STEP, updated_at=Now())
        RunEvent.record(run, run_events.MovedToFront(), because=str(caller.user))
        Activity.record(by=caller.user, did=Did.MOVE_TO_FRONT, run=run, detail=reason)
        doorbell.run_changed(run.pk, build_id=run.build_id, account_id=run.account_id)
        if run.server_id is not None:
            transaction.on_commit(partial(dispatch, run.server_id))
    return run


def _first_of_account(run: BuildRun) -> None:
    """Give `run` the place of the account's first waiting run, and each of those before it the next one's."""
    waiting = BuildRun.objects.waiting().filter(server_id=run.server_id, account_id=run.account_id)
    ahead = list(waiting.filter(front_at__lte=run.front_at).select_for_update(of=("self",)))
    ahead = [other for other in ahead if (other.front_at, other.pk) < (run.front_at, run.pk)]
    in_new_order = [run, *ahead]
    places = sorted(other.front_at for other in in_new_order)
    for other, place in zip(in_new_order, places, strict=True):
        other.front_at = place
    BuildRun.objects.bulk_update(in_new_order, ["front_at"], batch_size=500)
