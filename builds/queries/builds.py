"""Reads of builds for API and pages: lists newest activity first with their counters, one build with its steps."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import OuterRef, Q, QuerySet, Subquery

from builds.domain.references import ImageReference
from builds.domain.states import RunState, RunType
from builds.domain.times import whole_seconds
from builds.models import Build, BuildCounts, BuildRun, Caller, Registry
from builds.queries.facts import with_build_facts, with_facts
from builds.queries.waiting import with_waiting


@dataclass(frozen=True, slots=True)
class BuildExtras:
    """What is told of a build beside its row: its own registry or the default one, its last run, and counts."""

    registry: Registry | None
    last_run: BuildRun | None
    host: str | None
    counts: BuildCounts
    latest_seconds: int | None = None
    latest_size: int | None = None


@dataclass(frozen=True, slots=True)
class BuildFilter:
    """What narrows a list of builds; None: not narrowed. It never widens what the caller may see."""

    account_id: int | None = None
    search: str | None = None  # part of build or image name, any case
    run_state: str | None = None  # state of the last run
    project: str | None = None  # registryName


def visible_builds(caller: Caller, narrowed: BuildFilter = BuildFilter()) -> "QuerySet[Build]":
    """Return the builds that `caller` may see, newest activity first."""
    found = Build.objects.visible_to(caller).order_by("-active_at", "-pk")
    if narrowed.account_id is not None:
        found = found.filter(account_id=narrowed.account_id)
    if narrowed.search:
        found = found.filter(Q(name__icontains=narrowed.search) | Q(image_name__icontains=narrowed.search))
    if narrowed.run_state:
        found = found.filter(last_run__run_state=narrowed.run_state)
    if narrowed.project is not None:
        found = found.filter(project=narrowed.project)
    return found


def after_build(builds: "QuerySet[Build]", last: Build) -> "QuerySet[Build]":
    """Return what follows `last` in a list that is ordered by newest activity (keyset, no OFFSET)."""
    return builds.filter(Q(active_at__lt=last.active_at) | Q(active_at=last.active_at, pk__lt=last.pk))


def find_build(build_id: int, caller: Caller) -> Any | None:
    """Return a build with its facts, or None where `caller` may not know of it."""
    return with_build_facts(Build.objects.visible_to(caller).filter(pk=build_id)).first()


def image_of(build: Build, registry: Registry | None) -> ImageReference:
    """Return where the images of a build go, with the tag of its own if it has one."""
    return ImageReference(
        host=registry.host if registry else "",
        prefix=registry.prefix if registry else "",
        project=build.project,
        name=build.image_name,
        tag="" if build.auto_tag else build.tag_name,
    )


def with_extras(builds: Iterable[Any], caller: Caller) -> list[Any]:
    """Return builds, each with its `extras`, read for all at once."""
    listed: list[Any] = list(builds)
    default = Registry.objects.default()
    counts, latest = BuildCounts.objects.in_bulk([build.pk for build in listed]), _latest_done(listed)
    last = BuildRun.objects.visible_to(caller).filter(
        pk__in=[build.last_run_id for build in listed if build.last_run_id]
    )
    last_runs = {run.pk: run for run in with_waiting(with_facts(last))}
    for build in listed:
        registry, newest = build.registry or default, latest.get(build.pk)
        build.extras = BuildExtras(
            registry=registry,
            last_run=last_runs.get(build.last_run_id),
            host=image_of(build, registry).host or None,
            latest_seconds=whole_seconds(newest.begin_time, newest.end_time) if newest else None,
            latest_size=newest.image_size if newest else None,
            counts=counts.get(build.pk) or BuildCounts(),
        )
    return listed


def _latest_done(builds: Sequence[Build]) -> dict[int, BuildRun]:
    """Return the newest DONE run of each build: one look at the index for each, in one statement."""
    done = BuildRun.objects.filter(
        build=OuterRef("pk"), run_type=RunType.BUILD, run_state=RunState.DONE, removed_at=None
    )
    newest = Build.objects.filter(pk__in=[build.pk for build in builds]).values(
        newest=Subquery(done.order_by("-pk").values("pk")[:1])
    )
    return {run.build_id: run for run in BuildRun.objects.filter(pk__in=newest)}
