"""Move the tags that follow the build to the image that was pushed: `latest` and extra tags, forward only."""

from collections.abc import Mapping
from typing import Any, Final

from builds.domain import failures
from builds.domain.run_events import TagsMoved
from builds.domain.steps.create_image import following_tags
from builds.engine.errors import RegistryRefused, RegistryUnreachable
from builds.execution.context import RunContext
from builds.execution.failing import RunFailed
from builds.services.connections.clients import registry_client
from builds.services.runs.following_tags import newer_runs, try_lock, unlock
from builds.services.runs.steps import note

LOOK_SECONDS: Final = 0.2


def run(context: RunContext, config: Mapping[str, Any]) -> None:
    """Point the tags to the run's digest, or say which newer run keeps one; raises `RunFailed` where one is refused."""
    tags = [tag for tag in following_tags(config) if tag != context.run.tag_name]
    if not tags:
        return
    build_id = context.run.build_id
    while not context.patiently(try_lock, build_id):
        context.stop.event.wait(LOOK_SECONDS)
        context.stop.check()
    try:
        _move(context, tags)
    finally:
        context.patiently(unlock, build_id)


def _move(context: RunContext, tags: list[str]) -> None:
    image, number = context.run.image, (context.original or context.run).build_no
    newer = context.patiently(newer_runs, context.run.build_id, number=number, image=image.image)
    moved: list[str] = []
    try:
        for tag in tags:
            if tag in newer:
                context.recorder.say(f"{tag} left at run {newer[tag]}")
                continue
            with registry_client(context.registry) as registry:
                registry.point(image.repository, tag, context.pushed_digest)
            moved.append(tag)
            context.recorder.say(f"{tag} is run {number} now: {image.image}:{tag}")
    except (RegistryUnreachable, RegistryRefused) as error:
        failure = failures.push_failed(error.answered, registry=image.host, repository=f"{image.repository}:{tag}")
        raise RunFailed(failure) from error
    finally:
        if moved:
            event = TagsMoved(context.lease.attempt, image=image.image, number=number, tags=moved)
            context.patiently(note, context.lease, event)
