"""Reads of builds for API and pages: lists newest activity first with their counters, one build with its steps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Avg, Count, F, OuterRef, Q, QuerySet, Subquery

from builds.domain.states import ACTIVE, RunState, RunType
from builds.models import Build, BuildRun, Caller, Registry
from builds.queries.facts import with_build_facts, with_facts
from builds.queries.runs import run_shapes
from builds.queries.shapes import BuildExtras, Shape, build_shape, image_of, whole_seconds


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


def build_shapes(builds: "QuerySet[Build]", caller: Caller) -> list[Shape]:
    """Return a page of builds with counters and last runs, with a fixed number of queries."""
    listed = list(with_build_facts(builds))
    extras = build_extras(listed, caller)
    return [build_shape(build, caller, extras[build.pk]) for build in listed]


def build_detail(build: Any, caller: Caller) -> Shape:
    """Return one build (through `with_build_facts`) with its steps in order."""
    extras = build_extras([build], caller)[build.pk]
    return build_shape(build, caller, extras, steps=list(build.steps.order_by("order", "pk")))


def build_extras(builds: Sequence[Build], caller: Caller) -> dict[int, BuildExtras]:
    """Return by number what the shapes of `builds` need beside their rows."""
    default = Registry.objects.default()
    counts, latest = _counts(builds), _latest_done(builds)
    last = BuildRun.objects.visible_to(caller).filter(
        pk__in=[build.last_run_id for build in builds if build.last_run_id]
    )
    last_runs = {shape["buildRunSeq"]: shape for shape in run_shapes(with_facts(last), caller)}
    extras = {}
    for build in builds:
        registry = build.registry or default
        host = image_of(build, registry).host or None
        counters = {"hostUrl": host, **_counters(counts.get(build.pk, {}), latest.get(build.pk))}
        extras[build.pk] = BuildExtras(registry, last_runs.get(build.last_run_id or 0), counters)
    return extras


def _counts(builds: Sequence[Build]) -> dict[int, Mapping[str, Any]]:
    """Count and average the runs of all `builds` in one statement."""
    done = Q(run_state=RunState.DONE)
    rows = (
        BuildRun.objects.filter(build__in=[build.pk for build in builds], run_type=RunType.BUILD, removed_at=None)
        .order_by()
        .values("build_id")
        .annotate(
            all=Count("pk"),
            running=Count("pk", filter=Q(run_state__in=ACTIVE)),
            done=Count("pk", filter=done),
            error=Count("pk", filter=Q(run_state=RunState.ERROR)),
            tags=Count("tag_name", filter=done, distinct=True),
            time=Avg(F("end_time") - F("begin_time"), filter=done),
            size=Avg("image_size", filter=done),
        )
    )
    return {row["build_id"]: row for row in rows}


def _latest_done(builds: Sequence[Build]) -> dict[int, BuildRun]:
    """Return the newest DONE run of each build: one look at the index for each, in one statement."""
    done = BuildRun.objects.filter(
        build=OuterRef("pk"), run_type=RunType.BUILD, run_state=RunState.DONE, removed_at=None
    )
    newest = Build.objects.filter(pk__in=[build.pk for build in builds]).values(
        newest=Subquery(done.order_by("-pk").values("pk")[:1])
    )
    return {run.build_id: run for run in BuildRun.objects.filter(pk__in=newest)}


def _counters(counts: Mapping[str, Any], latest: BuildRun | None) -> Shape:
    average = counts.get("time")
    return {
        "buildCount": counts.get("all", 0),
        "runningCount": counts.get("running", 0),
        "doneCount": counts.get("done", 0),
        "errorCount": counts.get("error", 0),
        "pipelineCount": 0,
        "tagCount": counts.get("tags", 0),
        "buildTimeAvg": None if average is None else int(average.total_seconds()),
        "latestBuildTime": whole_seconds(latest.begin_time, latest.end_time) if latest else None,
        "imgSizeAvg": None if counts.get("size") is None else int(counts["size"]),
        "latestImgSize": latest.image_size if latest else None,
    }
