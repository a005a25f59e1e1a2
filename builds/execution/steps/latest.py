"""Move the tag `latest` to the image that was pushed, where the step asks for it: forward only."""

from typing import Any, Final

from builds.domain import failures
from builds.domain.run_events import LatestMoved
from builds.engine.errors import RegistryRefused, RegistryUnreachable
from builds.execution.context import RunContext
from builds.execution.failing import RunFailed
from builds.services.connections.clients import registry_client
from builds.services.runs.latest import newer_run, try_lock, unlock
from builds.services.runs.steps import note

TAG: Final = "latest"
LOOK_SECONDS: Final = 0.2


def run(context: RunContext, config: dict[str, Any]) -> None:
    """Point `latest` to the run's digest, or say which newer run keeps it; raises `RunFailed` where it is refused."""
    if not config.get("latest_apply"):
        return
    build_id = context.run.build_id
    while not context.patiently(try_lock, build_id):
        context.stop.event.wait(LOOK_SECONDS)
        context.stop.check()
    try:
        _move(context)
    finally:
        context.patiently(unlock, build_id)


def _move(context: RunContext) -> None:
    image, number = context.run.image, (context.original or context.run).build_no
    newer = context.patiently(newer_run, context.run.build_id, number=number, image=image.image)
    if newer is not None:
        context.recorder.say(f"latest left at run {newer}")
        return
    try:
        with registry_client(context.registry) as registry:
            registry.point(image.repository, TAG, context.pushed_digest)
    except (RegistryUnreachable, RegistryRefused) as error:
        failure = failures.push_failed(error.answered, registry=image.host, repository=f"{image.repository}:{TAG}")
        raise RunFailed(failure) from error
    moved = LatestMoved(context.lease.attempt, image=image.image, number=number)
    context.patiently(note, context.lease, moved)
    context.recorder.say(f"latest is run {number} now: {image.image}:{TAG}")
