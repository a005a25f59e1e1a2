"""Finding runs by what they made: the newest images, the run behind an image, runs of the same digest."""

from django.db.models import F, Func, QuerySet, TextField, Value
from django.db.models.fields.json import KT
from django.db.models.functions import NullIf

from builds.domain.states import RunState, RunType
from builds.models import BuildRun, Caller


def latest_runs(caller: Caller, *, account_id: int | None = None) -> "QuerySet[BuildRun]":
    """Return the visible BUILD runs that are DONE, newest end first."""
    return _within(_images(caller), account_id=account_id).order_by("-end_time", "-pk")


def runs_of_image(
    caller: Caller, *, host: str, path: str, tag: str, account_id: int | None = None, build_id: int | None = None
) -> "QuerySet[BuildRun]":
    """Return the visible runs that pushed exactly `host/path:tag`, newest first; the tag may have moved on since."""
    found = _within(_images(caller), account_id=account_id, build_id=build_id)
    pushed = Func(
        Value("/"),
        NullIf(Func(F("registry_prefix"), Value("/"), function="btrim"), Value("")),
        NullIf(KT("definition__project"), Value("")),
        KT("definition__image_name"),
        function="concat_ws",
        output_field=TextField(),
    )
    return found.filter(tag_name=tag, registry_host=host).alias(pushed=pushed).filter(pushed=path).order_by("-pk")


def runs_of_same_digest(run: BuildRun, caller: Caller) -> "QuerySet[BuildRun]":
    """Return the other visible runs of the build whose image has the digest of `run`, newest first."""
    others = BuildRun.objects.visible_to(caller).filter(build_id=run.build_id, run_type=RunType.BUILD)
    if not run.image_digest:
        return others.none()
    return others.filter(image_digest=run.image_digest).exclude(pk=run.pk).order_by("-pk")


def _images(caller: Caller) -> "QuerySet[BuildRun]":
    return BuildRun.objects.visible_to(caller).filter(run_type=RunType.BUILD, run_state=RunState.DONE)


def _within(runs: "QuerySet[BuildRun]", *, account_id: int | None, build_id: int | None = None) -> "QuerySet[BuildRun]":
    runs = runs if account_id is None else runs.filter(account_id=account_id)
    return runs if build_id is None else runs.filter(build_id=build_id)
