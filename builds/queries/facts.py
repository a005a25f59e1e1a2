"""Facts that decide possibleActions, read in one query for a whole list."""

from typing import Any, TypeVar

from django.db.models import Exists, OuterRef, Q, QuerySet

from builds.domain.access import Permission, Role, refused
from builds.domain.actions import BuildFacts, RunFacts
from builds.domain.states import ACTIVE, RunState, RunType, WhenRunning
from builds.models import BuildRun, Caller

Rows = TypeVar("Rows", bound=QuerySet[Any])


def with_facts(runs: Rows) -> Rows:
    """Add to each run what its possible actions depend on."""
    active = BuildRun.objects.filter(run_state__in=ACTIVE)
    return runs.select_related("build", "server", "registry", "requested_by").annotate(
        has_cancel=Exists(active.filter(run_type=RunType.CANCEL, target=OuterRef("pk"))),
        has_removal=Exists(active.filter(run_type=RunType.REMOVE, target=OuterRef("pk"))),
        has_other=Exists(active.filter(run_type=RunType.BUILD, build=OuterRef("build")).exclude(pk=OuterRef("pk"))),
        has_build_removal=Exists(active.filter(run_type=RunType.REMOVE, build=OuterRef("build"), target=None)),
    )


def run_facts(run: Any, caller: Caller) -> RunFacts:
    """Return the facts of a run that came through `with_facts`, as `caller` meets them."""
    return RunFacts(
        run_type=RunType(run.run_type),
        run_state=RunState(run.run_state),
        role=effective_role(caller, run.account_id),
        build_in_use=run.build.in_use and run.build.removed_at is None,
        when_running=WhenRunning(run.build.when_running),
        cancel_active=run.has_cancel,
        other_active=run.has_other,
        build_removal_active=run.has_build_removal,
        removal_active=run.has_removal,
        has_image=bool(run.image_digest or run.image_id),
        claimed_host=run.claimed_host if run.claimed_at else "",
    )


def with_build_facts(builds: Rows) -> Rows:
    """Add to each build what its possible actions depend on."""
    active = BuildRun.objects.filter(run_state__in=ACTIVE, build=OuterRef("pk"))
    return builds.select_related("account", "registry").annotate(
        has_active=Exists(active.filter(run_type=RunType.BUILD)),
        has_removal=Exists(active.filter(run_type=RunType.REMOVE)),
        has_build_removal=Exists(active.filter(Q(target=None), run_type=RunType.REMOVE)),
    )


def build_facts(build: Any, caller: Caller) -> BuildFacts:
    """Return the facts of a build that came through `with_build_facts`, as `caller` meets them."""
    return BuildFacts(
        role=effective_role(caller, build.account_id),
        in_use=build.in_use,
        when_running=WhenRunning(build.when_running),
        active=build.has_active,
        removing=build.has_removal,
        build_removal_active=build.has_build_removal,
    )


def effective_role(caller: Caller, account_id: int) -> Role | None:
    """Return the role that counts for possible actions: a token that may only read is a viewer."""
    role = caller.role_in(account_id)
    if role is None or not refused(Permission.RUN, role, caller.scopes):
        return role
    return Role.VIEWER
