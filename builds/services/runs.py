"""What can be asked of runs: start, cancel, remove. Each function is one use case in one transaction."""

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from builds import doorbell, queue
from builds.domain import actions, tags
from builds.domain.access import Permission
from builds.domain.actions import Action
from builds.domain.states import ACTIVE, EndReason, RunState, RunType, StepState, StepType, WhenRunning
from builds.domain.steps import FieldError
from builds.models import Build, BuildRun, BuildServer, Caller, RunEvent, RunStep
from builds.queries.facts import build_facts, run_facts, with_build_facts, with_facts
from builds.services import activity, definitions, transitions
from builds.services.access import require
from builds.services.dispatch import dispatch
from builds.services.errors import Busy, Invalid, NotFound, NotPossible, Refused
from builds.services.limits import queue_limit
from builds.services.transitions import End


@dataclass(frozen=True, slots=True)
class RunAsk:
    """The query of POST run: all optional (build-api.md, section 3)."""

    tag_name: str | None = None
    description: str = ""
    callback_url: str = ""


def start_run(*, build_id: int, caller: Caller, ask: RunAsk = RunAsk()) -> BuildRun:
    """Accept a press: check, number, tag, snapshot and insert in one transaction; the order is the contract's.

    Raises `Refused` with the field or the reason; nothing is half-written then.
    Source: build-api.md, section 5 "Run".
    """
    with transaction.atomic():
        build = Build.objects.visible_to(caller).select_for_update(of=("self",)).filter(pk=build_id).first()
        if build is None:
            raise NotFound(f"There is no build {build_id}.")
        require(caller, Permission.RUN, build.account_id)
        if not build.in_use:
            raise NotPossible(Action.BUILD, actions.NOT_IN_USE)
        steps = definitions.runnable_steps(build)
        _check_ask(ask)
        server = find_server(build.server_host)
        _make_way(build, caller)
        run = _insert(build, server, caller, ask)
        _copy_steps(run, steps)
        _accepted(run, build, caller)
        transaction.on_commit(partial(dispatch, server.pk))
    return run


def request_cancel(*, run_id: int, caller: Caller, callback_url: str = "") -> BuildRun:
    """Ask for a run to be cancelled and return the CANCEL run; asking again returns the one under way.

    A waiting run ends here; a running one ends when its worker has confirmed that nothing of it is left.
    Raises `NotPossible` with the reason that the page shows. Source: build-api.md, section 5 "Cancel".
    """
    with transaction.atomic():
        run = _locked(run_id, caller)
        require(caller, Permission.RUN, run.account_id)
        _check_callback(callback_url)
        if under_way := run.follow_ups.active().filter(run_type=RunType.CANCEL).first():
            return under_way
        _refuse(Action.CANCEL, run, caller)
        cancel = _insert_follow_up(run, RunType.CANCEL, StepType.CANCEL, caller, callback_url)
        BuildRun.objects.filter(pk=run.pk).update(cancel_requested_at=Now(), updated_at=Now())
        activity.record(by=caller.user, did=activity.Did.CANCEL_RUN, run=run)
        transitions.start_cancel(cancel)
        if run.run_state == RunState.CREATED:
            transitions.end_waiting(run.pk, End(EndReason.CANCELLED, "Cancelled while it waited; it never started."))
            transaction.on_commit(partial(_dispatch_of, run))
        else:
            doorbell.stop_asked(run.pk)
            doorbell.run_changed(run.pk, build_id=run.build_id, account_id=run.account_id)
        cancel.refresh_from_db()
    return cancel


def request_remove(*, run_id: int, caller: Caller) -> BuildRun:
    """Ask for a run's image and row to be removed; return the REMOVE run, which a service worker carries out.

    Raises `NotPossible` (CCBD1014000 while the run is active). Source: build-api.md, section 5 "Remove a run".
    """
    with transaction.atomic():
        run = _locked(run_id, caller)
        require(caller, Permission.REMOVE_RUN, run.account_id)
        _refuse(Action.REMOVE, run, caller, code="CCBD1014000" if run.run_state in ACTIVE else None)
        removal = _insert_follow_up(run, RunType.REMOVE, StepType.DELETE, caller, "")
        activity.record(by=caller.user, did=activity.Did.REMOVE_RUN, run=run)
        queue.call_service(removal.pk, claim=removal.claim)
        doorbell.run_changed(run.pk, build_id=run.build_id, account_id=run.account_id)
    return removal


def request_build_removal(*, build_id: int, caller: Caller, callback_url: str = "") -> BuildRun:
    """Ask for a build with all its images to be removed; return the REMOVE run with its one DELETE step."""
    with transaction.atomic():
        build = Build.objects.visible_to(caller).select_for_update(of=("self",)).filter(pk=build_id).first()
        if build is None:
            raise NotFound(f"There is no build {build_id}.")
        require(caller, Permission.REMOVE_BUILD, build.account_id)
        _check_callback(callback_url)
        facts = build_facts(with_build_facts(Build.objects.filter(pk=build.pk)).get(), caller)
        if sentence := actions.build_refusal(Action.REMOVE, facts):
            raise NotPossible(Action.REMOVE, sentence, code="CCBD1014000")
        removal = BuildRun.objects.create(
            account_id=build.account_id,
            build=build,
            build_no=build.last_build_no,
            run_type=RunType.REMOVE,
            definition=definitions.snapshot(build),
            registry_id=build.registry_id,
            requested_by=caller.user,
            callback_url=callback_url,
            claim=1,
        )
        RunStep.objects.create(run=removal, order=1, step_type=StepType.DELETE, config={})
        activity.record(by=caller.user, did=activity.Did.REMOVE_BUILD, build=build)
        queue.call_service(removal.pk, claim=removal.claim)
        doorbell.build_changed(build.pk, account_id=build.account_id)
    return removal


def find_server(host: str) -> BuildServer:
    """Return the enabled server that `buildServerHost` names: empty is the default one, `topic:NAME` a stored one."""
    wanted = Q(url=host) if host else Q(is_default=True)
    server = BuildServer.objects.filter(wanted).first()
    if server is None or not server.enabled:
        name = host or "the default build server"
        why = "is switched off" if server else "is not known here"
        raise NotFound(f"{name} {why}; choose another build server, or ask an administrator.", code="CCCM1013000")
    return server


def end_run(lease: transitions.Lease, end: End, *, server_id: int | None) -> bool:
    """End a run as its attempt and give its slot to the next; False where the lease was lost."""
    with transaction.atomic():
        ended = transitions.end_attempt(lease, end)
        if ended and server_id is not None:
            transaction.on_commit(partial(dispatch, server_id))
    return ended


def _check_ask(ask: RunAsk) -> None:
    errors = []
    if ask.tag_name and (sentence := tags.check_tag(ask.tag_name)):
        errors.append(FieldError("tagName", sentence))
    if len(ask.description) > 1000 or "\x00" in ask.description:
        errors.append(FieldError("description", "The description may have up to 1,000 characters and no NUL."))
    if errors:
        raise Invalid(errors)
    _check_callback(ask.callback_url)


def _check_callback(callback_url: str) -> None:
    if errors := definitions.callback_errors(callback_url):
        raise Invalid(errors)


def _make_way(build: Build, caller: Caller) -> None:
    """Apply `whenRunning` and the limits to a new press; the build's row is locked."""
    if build.runs.active().filter(run_type=RunType.REMOVE, target=None).exists():
        raise NotPossible(Action.BUILD, actions.BUILD_GOES)
    others = list(build.runs.active().filter(run_type=RunType.BUILD).values_list("pk", flat=True))
    if others and build.when_running == WhenRunning.REFUSE:
        raise NotPossible(Action.BUILD, actions.ANOTHER_RUNS)
    if build.when_running == WhenRunning.REPLACE:
        for other in others:
            request_cancel(run_id=other, caller=caller)
    if BuildRun.objects.waiting().count() >= queue_limit():
        raise Busy(f"{queue_limit()} runs wait already; try again when some have ended.")


def _insert(build: Build, server: BuildServer, caller: Caller, ask: RunAsk) -> BuildRun:
    build.last_build_no += 1
    registry = definitions.registry_of(build)
    tag = _tag(build, ask.tag_name)
    return BuildRun.objects.create(
        account_id=build.account_id,
        build=build,
        build_no=build.last_build_no,
        run_type=RunType.BUILD,
        description=ask.description,
        definition=definitions.snapshot(build),
        when_running=build.when_running,
        requested_by=caller.user,
        callback_url=ask.callback_url,
        registry=build.registry,
        registry_host=registry.host,
        registry_prefix=registry.prefix,
        tag_name=tag,
        server=server,
    )


def _tag(build: Build, asked: str | None) -> str:
    """Return the run's tag; raises `Invalid` where there is none, `Refused` where it belongs to another run."""
    rule = build.tag_rule
    zone = ZoneInfo(build.account.time_zone)
    try:
        tag = tags.next_tag(
            rule, build_no=build.last_build_no, now=local_now(zone), asked=asked, taken=partial(is_tag_taken, build)
        )
    except tags.TagMissing as error:
        raise Invalid([FieldError("tagName", str(error))]) from error
    if tag != rule.tag and is_tag_taken(build, tag):
        raise Refused(
            f"The tag {tag} belongs to an earlier run of this build; choose another.", code="CCBD1004000", status=409
        )
    return tag


def local_now(zone: ZoneInfo) -> datetime:
    """Return the time of the press in the account's zone."""
    return timezone.now().astimezone(zone)


def is_tag_taken(build: Build, tag: str) -> bool:
    """Say whether a waiting, running or done run of the build that is not removed has this tag."""
    keeps = [RunState.CREATED, RunState.RUNNING, RunState.DONE]
    return build.runs.filter(run_type=RunType.BUILD, tag_name=tag, run_state__in=keeps, removed_at=None).exists()


def _copy_steps(run: BuildRun, steps: list[definitions.StepCopy]) -> None:
    RunStep.objects.bulk_create(
        RunStep(
            run=run,
            order=step.order,
            step_type=step.step_type,
            use=step.use,
            config=step.config,
            build_step_seq=step.build_step_seq,
        )
        for step in steps
    )


def _accepted(run: BuildRun, build: Build, caller: Caller) -> None:
    Build.objects.filter(pk=build.pk).update(last_run=run, last_build_no=run.build_no, active_at=Now())
    RunEvent.objects.create(run=run, what="accepted", run_state=run.run_state, because=caller.user.get_username())
    activity.record(by=caller.user, did=activity.Did.START_RUN, run=run)
    doorbell.run_changed(run.pk, build_id=run.build_id, account_id=run.account_id)


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
    if not BuildRun.objects.visible_to(caller).select_for_update(of=("self",)).filter(pk=run_id).exists():
        raise NotFound(f"There is no run {run_id}.")
    return with_facts(BuildRun.objects.filter(pk=run_id)).get()


def _refuse(action: Action, run: BuildRun, caller: Caller, *, code: str | None = None) -> None:
    if sentence := actions.refusal(action, run_facts(run, caller)):
        raise NotPossible(action, sentence, code=code)


def _dispatch_of(run: BuildRun) -> None:
    if run.server_id is not None:
        dispatch(run.server_id)
