"""What starts runs and moves them in the queue: press Build, push again, move to the front.

Each function is one use case in one transaction. Cancel and remove: cancel_and_remove.py; ends: ends.py.
"""

from collections.abc import Sequence
from typing import Final

from django.db import transaction

from builds.domain import actions, tags
from builds.domain.access import Permission
from builds.domain.actions import Action
from builds.domain.definition import Step
from builds.domain.errors import FieldError, Invalid, NotFound, NotPossible
from builds.domain.states import RunType, StepType
from builds.domain.steps.create_image import LATEST, following_tags
from builds.models import Build, BuildRun, Caller
from builds.queries.facts import run_facts, with_facts
from builds.services.accounts.access import require
from builds.services.builds.definitions import unexecutable
from builds.services.connections.servers import server_of_run
from builds.services.runs.new_run import (
    accept,
    apply_when_running,
    check_in_use,
    check_tag_free,
    choose_tag,
    let_start,
    next_number,
)
from builds.services.runs.parameters import RunAsk
from builds.services.runs.recipes import recipe_of_build, recipe_of_push, recipe_of_run
from builds.services.runs.turns import turn

NOTHING_ASKED: Final = RunAsk()


def start_run(*, build_id: int, caller: Caller, ask: RunAsk = NOTHING_ASKED, again: int | None = None) -> BuildRun:
    """Accept a press: check, number, tag, snapshot and insert in one transaction; the order is the contract's.

    `ask.steps` are run once instead of the build's own. `again` without steps: the snapshot of that run of the
    build is run once more, its definition, tag rule, steps and secrets. A run that this version cannot execute is
    accepted and ends at once. Raises `Refused` with the field or the reason; nothing is half-written then.
    Order of the checks: docs/contract.md, "Run".
    """
    with turn(build_id), transaction.atomic():
        build = _locked_build(build_id, caller)
        if ask.steps is not None:  # steps that the build does not have are a definition, stored or not
            require(caller, Permission.EDIT_BUILD, build.account_id)
        earlier = None
        if again is not None:
            earlier = BuildRun.objects.visible_to(caller).filter(pk=again, build=build).first()
            if earlier is None:
                raise NotFound(f"There is no run {again} of build {build.pk}.")
        recipe = recipe_of_run(earlier) if earlier and ask.steps is None else recipe_of_build(build, ask)
        recipe = recipe.with_parameters(ask).with_context(build, ask.context_id)
        server = server_of_run(recipe.definition.server_host, account_id=build.account_id)
        has_to_wait = apply_when_running(build, caller)
        next_number(build)
        tag = choose_tag(build, recipe.definition.tag_rule, ask.tag_name)
        for extra in extra_tags(recipe.steps):
            if extra != tag:
                check_tag_free(build, extra)
        unless = unexecutable(recipe.steps, has_context=recipe.definition.context_id is not None)
        given = {"tag_name": tag, "description": ask.description, "callback_url": ask.callback_url}
        run = accept(build, server, caller, recipe, has_to_wait=has_to_wait or unless is not None, **given)
        let_start(run, unless=unless)
    return run


def push_again(
    *, run_id: int, caller: Caller, tag_name: str | None = None, external_registry_seq: int | None = None
) -> BuildRun:
    """Accept a run that builds nothing and pushes the image of `run_id` once more (ADR 0017).

    Tag and registry are the original's where none is given. Where another run of the build is active it is refused
    or waits, as `whenRunning` says; it never replaces one. Raises `NotPossible` where there is no image.
    """
    with turn(_pushable(run_id, caller).build_id), transaction.atomic():
        # The run, then its build: the order of a finished removal. A press locks the build first, but then active runs
        # only, and none that is locked here: who may not push, or has nothing to push, is refused before.
        original = BuildRun.objects.select_for_update(of=("self",), no_key=True).get(pk=run_id)
        build = original.build = _locked_build(original.build_id, caller)
        if original.removed_at is not None:
            raise NotFound(f"There is no run {run_id}.")
        _check_pushable(original, caller)
        if tag_name and (sentence := tags.check_tag(tag_name)):
            raise Invalid([FieldError("tagName", sentence)])
        recipe = recipe_of_push(original, external_registry_seq)
        server = server_of_run(recipe.definition.server_host, account_id=build.account_id)
        has_to_wait = apply_when_running(build, caller, replaces=False)
        tag = tag_name or original.tag_name
        if tag != recipe.definition.tag_rule.tag:
            # The tags of the runs that hold this very image are no others'.
            root = original.target_id or original.pk
            pushes = build.runs.filter(target_id__in={root, original.pk}, run_type=RunType.BUILD)
            check_tag_free(build, tag, apart_from={root, original.pk, *pushes.values_list("pk", flat=True)})
        next_number(build)
        given = {"tag_name": tag, "description": original.description}
        run = accept(build, server, caller, recipe, has_to_wait=has_to_wait, **given)
        let_start(run, unless=None)
    return run


def extra_tags(steps: Sequence[Step]) -> list[str]:
    """Return the tags that the image step in use moves beside the run's own and beside `latest`."""
    used = (step for step in steps if step.use and step.step_type is StepType.CREATE_IMAGE)
    return [tag for step in used for tag in following_tags(step.config) if tag != LATEST]


def _locked_build(build_id: int, caller: Caller) -> Build:
    """Return a visible build that the caller may run, its row locked."""
    # Not FOR UPDATE: who holds a run of the build and inserts its CANCEL or REMOVE run refers to this row.
    builds = Build.objects.visible_to(caller).select_related("account")
    build = builds.select_for_update(of=("self",), no_key=True).wanted(build_id)
    require(caller, Permission.RUN, build.account_id)
    check_in_use(build)
    return build


def _pushable(run_id: int, caller: Caller) -> BuildRun:
    """Return a visible run whose image the caller may push, not locked."""
    seen = BuildRun.objects.visible_to(caller).wanted(run_id)
    require(caller, Permission.RUN, seen.account_id)
    _check_pushable(seen, caller)
    return seen


def _check_pushable(run: BuildRun, caller: Caller) -> None:
    facts = run_facts(with_facts(BuildRun.objects.filter(pk=run.pk)).get(), caller)
    if reason := actions.refusal(Action.PUSH, facts):
        raise NotPossible(Action.PUSH, reason)
