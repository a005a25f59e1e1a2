"""Reads of runs for API, sockets and pages: one run with its steps, lists without N+1, the queue."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.db.models.functions import Now

from builds.domain.run_events import AttemptLost, EventKind
from builds.domain.states import ACTIVE, EndReason, RunState, RunType
from builds.models import BuildRun, Caller, RunEvent, RunStep
from builds.queries.facts import with_facts


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt of a run that another one followed, and why it did."""

    number: int
    steps: Sequence[RunStep]
    end_message: str | None

    @property
    def begin_time(self) -> datetime | None:
        """Return when its first step began."""
        return min((step.begin_time for step in self.steps if step.begin_time), default=None)

    @property
    def end_time(self) -> datetime | None:
        """Return when its last step ended."""
        return max((step.end_time for step in self.steps if step.end_time), default=None)


def find_run(run_id: int, caller: Caller) -> Any | None:
    """Return a run with its facts, or None where `caller` may not know of it."""
    return with_facts(BuildRun.objects.visible_to(caller).filter(pk=run_id)).first()


def find_step(step_id: int, caller: Caller) -> RunStep | None:
    """Return a step with its run, or None where `caller` may not know of it."""
    visible = BuildRun.objects.visible_to(caller)
    return RunStep.objects.select_related("run").filter(pk=step_id, run__in=visible).first()


def runs_of_build(build_id: int, caller: Caller) -> "QuerySet[BuildRun]":
    """Return the visible runs of a build, newest first."""
    return BuildRun.objects.visible_to(caller).filter(build_id=build_id).order_by("-pk")


def active_runs(caller: Caller) -> tuple["QuerySet[BuildRun]", "QuerySet[BuildRun]"]:
    """Return the visible BUILD runs that are under way, and those that wait, in the order in which they start."""
    runs = BuildRun.objects.visible_to(caller).filter(run_type=RunType.BUILD)
    running = runs.filter(run_state=RunState.RUNNING).order_by("begin_time", "pk")
    return running, runs.filter(run_state=RunState.CREATED).order_by("front_at", "pk")


def run_counts(caller: Caller) -> dict[str, int]:
    """Count the BUILD runs that the caller may see; a cancelled run is no failed one. Names as in the counts frame."""
    today = Q(end_time__gt=Now() - timedelta(hours=24))
    failed = Q(run_state=RunState.ERROR) & ~Q(end_reason=EndReason.CANCELLED)
    runs = BuildRun.objects.visible_to(caller).filter(Q(run_state__in=ACTIVE) | today, run_type=RunType.BUILD)
    return runs.aggregate(
        running=Count("pk", filter=Q(run_state=RunState.RUNNING)),
        waiting=Count("pk", filter=Q(run_state=RunState.CREATED)),
        failed24h=Count("pk", filter=failed),
        done24h=Count("pk", filter=Q(run_state=RunState.DONE)),
    )


def steps_by_attempt(run: BuildRun) -> tuple[list[list[RunStep]], list[RunStep]]:
    """Return the steps of the earlier attempts, one list for each, and those of the latest that has steps."""
    steps = list(RunStep.objects.filter(run_id=run.pk).order_by("attempt", "order"))
    for step in steps:
        step.run = run
    attempts = [list(group) for _, group in groupby(steps, key=lambda step: step.attempt)]
    return attempts[:-1], attempts[-1] if attempts else []


def with_attempts(run: Any) -> Any:
    """Return a run with the steps of its latest attempt (`latest`) and the attempts before (`earlier`)."""
    earlier, run.latest = steps_by_attempt(run)
    said = {lost.attempt: lost.sentence for lost in lost_attempts(run.pk)} if earlier else {}
    numbers = [steps[0].attempt for steps in earlier]
    run.earlier = [Attempt(n, steps, said.get(n) or None) for n, steps in zip(numbers, earlier, strict=True)]
    return run


def lost_attempts(run_id: int) -> list[AttemptLost]:
    """Return the attempts of a run that another one followed, in order."""
    events = RunEvent.objects.of(run_id, EventKind.ATTEMPT_LOST)
    return [AttemptLost.from_facts(facts) for facts in events.values_list("facts", flat=True)]


def counted_attempts(run: BuildRun) -> int:
    """Return how many attempts of a run count against its limit: not those that the database was away for."""
    given_back = RunEvent.objects.of(run.pk, EventKind.GIVEN_BACK).filter(facts__counted=False)
    return run.attempt - given_back.count()
