"""What is asked of runs and builds that exist: cancel and remove. Each function is one use case in one transaction."""

from collections.abc import Sequence

from django.db import transaction
from django.db.models.functions import Now

from builds import doorbell, task_queue
from builds.domain import actions
from builds.domain.access import Permission
from builds.domain.actions import Action
from builds.domain.callbacks import Told
from builds.domain.error_codes import ErrorCode
from builds.domain.errors import NotFound, NotPossible
from builds.domain.states import ACTIVE, EndReason, RunState, RunType, StepState, StepType
from builds.models import Activity, Build, BuildRun, Caller, Did, RunStep
from builds.queries.facts import build_facts, run_facts, with_build_facts, with_facts
from builds.services import callbacks
from builds.services.accounts.access import require
from builds.services.runs.ends import end_waiting_run
from builds.services.runs.parameters import check_callback
from builds.services.runs.transitions import End, start_cancel


def request_cancel(*, run_id: int, caller: Caller, callback_url: str = "") -> BuildRun:
    """Ask for a run to be cancelled and return the CANCEL run; asking again returns the one under way.

    A waiting run ends here; a running one ends when its worker has confirmed that nothing of it is left.
    Raises `NotPossible` with the reason that the page shows (docs/contract.md, "Cancel").
    """
    with transaction.atomic():
        run = _locked(run_id, caller)
        require(caller, Permission.RUN, run.account_id)
        check_callback(callback_url)
        if under_way := run.follow_ups.active().filter(run_type=RunType.CANCEL).first():
            return under_way
        _refuse(Action.CANCEL, run, caller)
        cancel = _insert_follow_up(run, RunType.CANCEL, StepType.CANCEL, caller, callback_url)
        BuildRun.objects.filter(pk=run.pk).update(cancel_requested_at=Now(), updated_at=Now())
        Activity.record(by=caller.user, did=Did.CANCEL_RUN, run=run)
        callbacks.note_state(cancel, what=Told.ACCEPTED)
        start_cancel(cancel)
        if run.run_state == RunState.CREATED:
            end_waiting_run(run.pk, End(EndReason.CANCELLED, "Cancelled while it waited; it never started."))
        else:
            doorbell.stop_asked(run.pk)
            doorbell.run_changed(run.pk, build_id=run.build_id, account_id=run.account_id)
        cancel.refresh_from_db()
    return cancel


def request_remove(*, run_id: int, caller: Caller) -> BuildRun:
    """Ask for a run's image and row to be removed; return the REMOVE run, which a service worker carries out.

    Raises `NotPossible` (RUN_IS_ACTIVE while the run is active). See docs/contract.md, "Remove".
    """
    with transaction.atomic():
        return _remove(_locked(run_id, caller), caller)


def request_removals(*, build_id: int, run_ids: Sequence[int], caller: Caller) -> list[BuildRun]:
    """Ask for several runs of a build to be removed, all or none; return their REMOVE runs.

    Raises `NotFound` for a run that is not one of the build's, `NotPossible` with the first that may not go.
    """
    with transaction.atomic():
        build = Build.objects.visible_to(caller).wanted(build_id)
        require(caller, Permission.REMOVE_RUN, build.account_id)
        wanted = sorted(set(run_ids))  # in one order, so that two such requests cannot hold each other up
        known = build.runs.visible_to(caller).filter(pk__in=wanted).values_list("pk", flat=True)
        if unknown := sorted(set(wanted) - set(known)):
            raise NotFound(f"There is no run {unknown[0]} of build {build_id}; correct buildRunSeqs.")
        return [_remove(_locked(run_id, caller), caller, named=f"Run {run_id}: ") for run_id in wanted]


def request_build_removal(*, build_id: int, caller: Caller, callback_url: str = "") -> BuildRun:
    """Ask for a build with all its images to be removed; return the REMOVE run with its one DELETE step."""
    with transaction.atomic():
        build = Build.objects.visible_to(caller).select_for_update(of=("self",), no_key=True).wanted(build_id)
        require(caller, Permission.REMOVE_BUILD, build.account_id)
        check_callback(callback_url)
        facts = build_facts(with_build_facts(Build.objects.filter(pk=build.pk)).get(), caller)
        if sentence := actions.build_refusal(Action.REMOVE, facts):
            raise NotPossible(Action.REMOVE, sentence, code=ErrorCode.RUN_IS_ACTIVE)
        removal = BuildRun.objects.create(
            account_id=build.account_id,
            build=build,
            build_no=build.last_build_no,
            run_type=RunType.REMOVE,
            definition=build.definition,
            registry_id=build.registry_id,
            requested_by=caller.user,
            callback_url=callback_url,
            claim=1,
        )
        RunStep.objects.create(run=removal, order=1, step_type=StepType.DELETE, config={})
        Activity.record(by=caller.user, did=Did.REMOVE_BUILD, build=build)
        callbacks.note_state(removal, what=Told.ACCEPTED)
        task_queue.call_service(removal.pk, claim=removal.claim)
        doorbell.build_changed(build.pk, account_id=build.account_id)
    return removal


def _remove(run: BuildRun, caller: Caller, *, named: str = "") -> BuildRun:
    """Record the removal of a run, whose row is locked; `named` stands before the reason where it is refused."""
    require(caller, Permission.REMOVE_RUN, run.account_id)
    _refuse(Action.REMOVE, run, caller, code=ErrorCode.RUN_IS_ACTIVE if run.run_state in ACTIVE else None, named=named)
    removal = _insert_follow_up(run, RunType.REMOVE, StepType.DELETE, caller, "")
    Activity.record(by=caller.user, did=Did.REMOVE_RUN, run=run)
    callbacks.note_state(removal, what=Told.ACCEPTED)
    task_queue.call_service(removal.pk, claim=removal.claim)
    doorbell.run_changed(run.pk, build_id=run.build_id, account_id=run.account_id)
    return removal


def _insert_follow_up(
    run: BuildRun, run_type: RunType, step_type: StepType, caller: Caller, callback_url: str
) -> BuildRun:
    """Insert the CANCEL or REMOVE run of `run`, which carries its number, tag and image."""
    follow_up = BuildRun.objects.create(
        account_id=run.account_id,
        build_id=run.build_id,
        build_no=run.build_no,
        run_type=run_type,
        definition=run.definition,
        target=run,
        requested_by=caller.user,
        callback_url=callback_url,
        registry_id=run.registry_id,
        registry_host=run.registry_host,
        registry_prefix=run.registry_prefix,
        tag_name=run.tag_name,
        claim=1,
    )
    state = StepState.RUNNING if step_type is StepType.CANCEL else StepState.WAIT
    RunStep.objects.create(
        run=follow_up,
        order=1,
        step_type=step_type,
        step_state=state,
        begin_time=Now() if state is StepState.RUNNING else None,
        config={"ref_build_run_seq": run.pk},
    )
    return follow_up


def _locked(run_id: int, caller: Caller) -> BuildRun:
    """Return a visible run with its facts, its row locked; raises `NotFound`."""
    BuildRun.objects.visible_to(caller).select_for_update(of=("self",)).wanted(run_id)
    return with_facts(BuildRun.objects.visible_to(caller)).wanted(run_id)


def _refuse(action: Action, run: BuildRun, caller: Caller, *, code: ErrorCode | None = None, named: str = "") -> None:
    if sentence := actions.refusal(action, run_facts(run, caller)):
        raise NotPossible(action, f"{named}{sentence}", code=code)
