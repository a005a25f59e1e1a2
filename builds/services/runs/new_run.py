"""How a new BUILD run gets in: way, number, tag, insert, and what is written with it; all in the caller's transaction.

The build's row is locked by the caller, so that numbers, tags and `whenRunning` are decided one press after another.
"""

from collections.abc import Collection
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from builds import doorbell, task_queue
from builds.domain import actions, failures, run_events, tags
from builds.domain.actions import Action
from builds.domain.callbacks import Told
from builds.domain.error_codes import ErrorCode
from builds.domain.errors import Busy, FieldError, Invalid, NotPossible, Refused
from builds.domain.states import RunState, RunType, WhenRunning
from builds.domain.tags import TagRule
from builds.models import Account, Activity, Build, BuildRun, BuildServer, Caller, Did, RunEvent
from builds.queries.waiting import account_facts
from builds.services import callbacks
from builds.services.dispatch import dispatch, slot_at_once
from builds.services.runs.cancel_and_remove import request_cancel
from builds.services.runs.ends import end_waiting_run
from builds.services.runs.recipes import Recipe
from builds.services.runs.steps import copy_steps
from builds.services.runs.transitions import End


def check_in_use(build: Build) -> None:
    """Raise `NotPossible` for a build that is out of use."""
    if not build.in_use:
        raise NotPossible(Action.BUILD, actions.NOT_IN_USE)


def apply_when_running(build: Build, caller: Caller, *, replaces: bool = True) -> bool:
    """Apply `whenRunning` and the limits to a new run; `replaces` False: a run that waits instead of replacing.

    Returns whether it has to wait for another run of its build. Raises `NotPossible`, `Refused` (PARALLEL_LIMIT) or
    `Busy`.
    """
    active = list(build.runs.active().values_list("pk", "run_type", "target_id"))
    if any(run_type == RunType.REMOVE and target_id is None for _, run_type, target_id in active):
        raise NotPossible(Action.BUILD, actions.BUILD_GOES)
    others = [pk for pk, run_type, _ in active if run_type == RunType.BUILD]
    if others and build.when_running == WhenRunning.REFUSE:
        raise NotPossible(Action.BUILD, actions.ANOTHER_RUNS)
    # Locked before any run is, in the order of dispatch (server, account, run): two presses are counted one by one.
    account = build.account if build.account.parallel_refuse and build.account.parallel_limit is not None else None
    if account is not None:
        Account.objects.select_for_update(no_key=True).get(pk=account.pk)
    if build.when_running == WhenRunning.REPLACE and replaces:
        # All are locked before the first ends: who ends one of them holds it, and waits for the counts of the build.
        # Those that have ended meanwhile are no more among them.
        still = build.runs.active().filter(pk__in=others).order_by("pk").select_for_update(no_key=True)
        for other in list(still.values_list("pk", flat=True)):
            request_cancel(run_id=other, caller=caller)
    if account is not None:
        _check_parallel(account)
    if BuildRun.objects.waiting().count() >= settings.QUEUE_LIMIT:
        raise Busy(f"{settings.QUEUE_LIMIT} runs wait already; try again when some have ended.")
    return bool(others)


def accept(
    build: Build, server: BuildServer, caller: Caller, recipe: Recipe, *, has_to_wait: bool, **fields: Any
) -> BuildRun:
    """Insert a run with its steps, history and act; `fields` are further columns, such as `tag_name`.

    Unless it has to wait, it is handed over at once where a slot is free.
    """
    host = None if has_to_wait else slot_at_once(server, build.account)
    if host is not None:
        fields |= {"claim": 1, "claimed_at": Now(), "claimed_host": host}
    run = BuildRun.objects.create(
        account_id=build.account_id,
        build=build,
        build_no=build.last_build_no,
        run_type=RunType.BUILD,
        definition=recipe.definition,
        work_digest=recipe.work_digest,
        secrets_encrypted=recipe.secrets_encrypted,
        target=recipe.target,
        context_id=recipe.definition.context_id,
        when_running=build.when_running,
        requested_by=caller.user,
        registry_id=recipe.registry_id,
        registry_host=recipe.registry.host,
        registry_prefix=recipe.registry.prefix,
        server=server,
        **fields,
    )
    copy_steps(run.pk, recipe.steps, attempt=1)
    Build.objects.filter(pk=build.pk).update(last_run=run, last_build_no=run.build_no, active_at=Now())
    happened: list[tuple[run_events.Event, str]] = [(run_events.Accepted(), caller.user.get_username())]
    if host is not None:
        happened.append((run_events.Claimed(run.claim), host))
        task_queue.hand_over(run.pk, claim=run.claim, host=host)
    RunEvent.record_all(run, happened)
    did = Did.PUSH_AGAIN if recipe.target else Did.START_RUN
    Activity.record(by=caller.user, did=did, run=run)
    callbacks.note_state(run, what=Told.ACCEPTED)
    doorbell.run_changed(run.pk, build_id=run.build_id, account_id=run.account_id)
    return run


def let_start(run: BuildRun, *, unless: str | None) -> None:
    """Have an accepted run dispatched; `unless` says why this version cannot execute it: then it ends at once."""
    if unless is None:
        if run.server_id is not None and run.claimed_at is None:
            transaction.on_commit(partial(dispatch, run.server_id))
        return
    end_waiting_run(run.pk, End.of(failures.definition_invalid(unless)))
    run.refresh_from_db()


def next_number(build: Build) -> int:
    """Return the number of the build's next run, and keep it on `build` (stored by `accept`)."""
    build.last_build_no += 1
    return build.last_build_no


def choose_tag(build: Build, rule: TagRule, asked: str | None) -> str:
    """Return the run's tag; raises `Invalid` where there is none, `Refused` where it belongs to another run."""
    try:
        tag = tags.next_tag(
            rule,
            build_no=build.last_build_no,
            now=timezone.now().astimezone(ZoneInfo(build.account.time_zone)),
            asked=asked,
            taken=partial(is_tag_taken, build),
        )
    except tags.TagMissing as error:
        raise Invalid([FieldError("tagName", str(error))]) from error
    if tag != rule.tag:
        check_tag_free(build, tag)
    return tag


def check_tag_free(build: Build, tag: str, *, apart_from: Collection[int] = ()) -> None:
    """Raise `Refused` (TAG_TAKEN) where a run of the build but those of `apart_from` has the tag."""
    if is_tag_taken(build, tag, apart_from=apart_from):
        raise Refused(
            f"The tag {tag} belongs to an earlier run of this build; choose another.", code=ErrorCode.TAG_TAKEN
        )


def is_tag_taken(build: Build, tag: str, *, apart_from: Collection[int] = ()) -> bool:
    """Say whether a waiting, running or done run of the build that is not removed has this tag."""
    keeps = [RunState.CREATED, RunState.RUNNING, RunState.DONE]
    same = build.runs.filter(run_type=RunType.BUILD, tag_name=tag, run_state__in=keeps, removed_at=None)
    return same.exclude(pk__in=apart_from).exists()


def _check_parallel(account: Account) -> None:
    """Refuse a press where the account has as many builds as it may; those that are being cancelled give way."""
    facts = account_facts([account.pk])[account.pk]
    active = BuildRun.objects.active().filter(account=account, run_type=RunType.BUILD, cancel_requested_at=None).count()
    if active >= facts.limit:
        raise Refused(
            f"The account may have {facts.limit} builds at the same time and has {active}; wait for the end of one.",
            code=ErrorCode.PARALLEL_LIMIT,
        )
