"""What the list of builds shows: counters, and rows newest activity first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from django.db.models import Count, Q, QuerySet, Subquery, Window
from django.utils import timezone

from builds.domain.access import Permission, refused
from builds.domain.actions import Action, build_possible_actions, possible_actions
from builds.domain.states import ACTIVE, EndReason, RunState
from builds.models import Build, BuildRun, Caller, Registry
from builds.pages.screens.sparkline import Sparkline, sparklines
from builds.pages.state_look import Look, look_of
from builds.queries.builds import BuildFilter, image_of, visible_builds
from builds.queries.facts import build_facts, run_facts, with_build_facts, with_facts
from builds.queries.runs import run_counts
from builds.queries.waiting import Waiting, waiting_of_all

PAGE: Final = 50
ON_THE_BUILD: Final = {Action.BUILD}
ON_THE_RUN: Final = {Action.VIEW, Action.LOG, Action.CANCEL}  # REMOVE stands on the run's and the build's own pages

# Words of ?state= and what the last run has to be.
STATES: Final[Mapping[str, Q]] = {
    "active": Q(last_run__run_state__in=ACTIVE),
    "running": Q(last_run__run_state=RunState.RUNNING),
    "waiting": Q(last_run__run_state=RunState.CREATED),
    "done": Q(last_run__run_state=RunState.DONE),
    "failed": Q(last_run__run_state=RunState.ERROR) & ~Q(last_run__end_reason=EndReason.CANCELLED),
    "cancelled": Q(last_run__end_reason=EndReason.CANCELLED),
    "never": Q(last_run=None),
}


@dataclass(frozen=True, slots=True)
class Ask:
    """What a reader wants to see: the query of the page's address."""

    search: str = ""
    state: str = ""
    after: int | None = None


@dataclass(frozen=True, slots=True)
class BuildRow:
    """One build with its last run."""

    build: Any
    image: str
    run: Any | None
    look: Look
    waiting: Waiting | None
    spark: Sparkline | None
    actions: frozenset[str]

    @property
    def took(self) -> timedelta | None:
        """Return how long the last run took, None while it is active or when it never began."""
        return (
            self.run.end_time - self.run.begin_time if self.run and self.run.end_time and self.run.begin_time else None
        )


@dataclass(frozen=True, slots=True)
class BuildsScreen:
    """The list for one reader."""

    ask: Ask
    rows: Sequence[BuildRow]
    counts: Mapping[str, int]
    total: int
    next_after: int | None
    may_create: bool

    @property
    def is_narrowed(self) -> bool:
        """True where a search, a filter or the page hides builds."""
        return bool(self.ask.search or self.ask.state or self.ask.after)


def builds_screen(caller: Caller, ask: Ask) -> BuildsScreen:
    """Read one page of the list; the number of statements does not grow with its rows."""
    found = visible_builds(caller, BuildFilter(search=ask.search or None))
    if ask.state in STATES:
        found = found.filter(STATES[ask.state])
    if ask.after is not None:  # nothing follows a build that the caller may not know of
        moment = Subquery(Build.objects.visible_to(caller).filter(pk=ask.after).values("active_at"))
        found = found.filter(Q(active_at__lt=moment) | Q(active_at=moment, pk__lt=ask.after))
    left = Window(Count("pk"))  # how many there are from here on: one statement for the page and its number
    listed = list(_listed(found).annotate(left=left)[: PAGE + 1])
    page = listed[:PAGE]
    return BuildsScreen(
        ask=ask,
        rows=_rows(page, caller),
        counts=run_counts(caller),
        total=listed[0].left if listed else 0,
        next_after=page[-1].pk if len(listed) > PAGE else None,
        may_create=may_create(caller),
    )


def build_row(build_id: int, caller: Caller) -> BuildRow | None:
    """Read one row, None where the caller may not know of the build."""
    rows = _rows(list(_listed(visible_builds(caller).filter(pk=build_id))), caller)
    return rows[0] if rows else None


def may_create(caller: Caller) -> bool:
    """Say whether the caller may create a build in any account."""
    if caller.is_instance_admin:
        return True
    return any(refused(Permission.EDIT_BUILD, role, caller.scopes) is None for role in caller.roles.values())


def _listed(builds: "QuerySet[Build]") -> "QuerySet[Build]":
    """Add to each build what its row needs."""
    default = Registry.objects.filter(is_default=True)
    return with_build_facts(builds).annotate(
        default_host=Subquery(default.values("host")[:1]), default_prefix=Subquery(default.values("prefix")[:1])
    )


def _rows(builds: Sequence[Any], caller: Caller) -> list[BuildRow]:
    last = [build.last_run_id for build in builds if build.last_run_id]
    runs = {run.pk: run for run in with_facts(BuildRun.objects.visible_to(caller).filter(pk__in=last))}
    waiting = waiting_of_all(list(runs.values()))
    sparks = sparklines([build.pk for build in builds], timezone.now())
    rows = []
    for build in builds:
        run = runs.get(build.last_run_id)
        # the default registry as `_listed` has read it: no row of its own, so that it costs no statement
        default = Registry(host=build.default_host or "", prefix=build.default_prefix or "")
        rows.append(
            BuildRow(
                build=build,
                image=image_of(build, build.registry or default).image,
                run=run,
                look=look_of(run),
                waiting=waiting.get(run.pk) if run else None,
                spark=sparks.get(build.pk),
                actions=_actions(build, run, caller),
            )
        )
    return rows


def _actions(build: Any, run: Any | None, caller: Caller) -> frozenset[str]:
    """Return the buttons of a row: BUILD acts on the build; VIEW, LOG and CANCEL on its last run."""
    own = set(build_possible_actions(build_facts(build, caller)))
    if run is None:
        return frozenset(action.value for action in own & {Action.VIEW, Action.BUILD})
    on_run = set(possible_actions(run_facts(run, caller))) & ON_THE_RUN
    return frozenset(action.value for action in (own & ON_THE_BUILD) | on_run)
