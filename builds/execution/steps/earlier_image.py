"""The image of an earlier run: find it to be pushed again, and clear away what pushes that failed have left.

The image of a failed push stays on its engine until it is pushed again, or until a later run of the same build has
built and pushed its own.
"""

from builds.domain import failures
from builds.domain.states import RunState, RunType
from builds.engine.errors import EngineError, PullFailed, PushFailed
from builds.execution.context import RunContext
from builds.execution.failing import RunFailed
from builds.execution.steps.push import Progress
from builds.models import BuildRun
from builds.services.connections.clients import registry_login, registry_of_run


def find(context: RunContext, original: BuildRun) -> str:
    """Return the id of the image that `original` made: of the engine, else fetched by digest from its registry.

    Raises `RunFailed` where it is in neither place, or what the engine floor raises.
    """
    context.recorder.say(f"Pushing the image of run #{original.build_no} again; nothing is built")
    if original.image_id and context.engine.image_exists(original.image_id):
        return original.image_id
    if not original.image_digest:
        raise RunFailed(failures.image_gone(original.build_no, context.server.name))
    image, digest = original.image, original.image_digest
    context.recorder.say(f"{context.server.name} does not have it any more; fetching {image.image}@{digest}")
    registry = context.patiently(registry_of_run, original)
    try:
        login = registry_login(registry)
        found = context.engine.pull(
            image.image, digest, login=login, on_update=Progress(context), stopping=context.stop.event
        )
    except (PullFailed, PushFailed) as error:
        gone = failures.image_gone(original.build_no, context.server.name)
        other = failures.pull_failed(error.message, registry=image.host, server=context.server.name)
        raise RunFailed(gone if isinstance(error, PullFailed) and error.missing else other) from error
    context.pulled_name = f"{image.image}@{digest}"
    return found


def tidy(context: RunContext) -> None:
    """Clear away, now that the run's own image is safe in its registry; what cannot be removed is told and stays."""
    try:
        if context.pulled_name:
            context.engine.remove_image(context.pulled_name)
        for run in context.patiently(_superseded, context):
            _remove(context, run)
    except EngineError as error:
        context.recorder.say(f"An image that is not needed any more stays on the build server: {error.answered}")


def _superseded(context: RunContext) -> list[BuildRun]:
    """Return the runs whose images on this engine nobody needs any more.

    For a push again: its original. Else the runs of the build that failed since the last one that built and pushed.
    """
    if context.original is not None:
        return [context.original]
    runs = BuildRun.objects.filter(build_id=context.run.build_id, run_type=RunType.BUILD, pk__lt=context.run.pk)
    built = runs.filter(run_state=RunState.DONE).exclude(definition__has_key="push_of").order_by("-pk")
    failed = runs.filter(run_state=RunState.ERROR, server_id=context.run.server_id).exclude(image_id="")
    return list(failed.filter(pk__gt=built.values_list("pk", flat=True).first() or 0))


def _remove(context: RunContext, run: BuildRun) -> None:
    """Take a run's name off its image, and the image away when it has no other name and no active run needs it."""
    if not run.image_id or context.patiently(_is_needed, run.image_id, context.run.pk):
        return
    named = context.engine.image_facts(run.image.tagged)
    if named is not None and named.id == run.image_id:
        context.engine.remove_image(run.image.tagged)
    image = context.engine.image_facts(run.image_id)
    if image is not None and not image.tags:
        context.engine.remove_image(run.image_id)


def _is_needed(image_id: str, run_id: int) -> bool:
    """Say whether an active run other than `run_id` has this image: the same content has the same id in any build."""
    return BuildRun.objects.active().exclude(pk=run_id).filter(image_id=image_id).exists()
