"""Push: hand the built image to the registry, again when that may help, never building again."""

from functools import partial
from typing import Final

from tenacity import wait_exponential_jitter

from builds.domain import failures
from builds.domain.failure_kinds import IMAGE_TAKEN
from builds.domain.run_events import Pushed
from builds.engine.errors import ConnectionLost, EngineRefused, PushFailed, RegistryRefused, RegistryUnreachable
from builds.engine.transfers import RETRYING
from builds.engine.types import PushUpdate
from builds.execution.context import RunContext
from builds.execution.failing import RunFailed
from builds.execution.retry import retrying
from builds.services.connections.clients import registry_client, registry_login
from builds.services.runs.steps import note

TRIES: Final = 5
NOT_FOUND: Final = 404


class ImageTaken(RunFailed):
    """The engine does not have the image any more: another run of the same content took it away at this moment."""


def run(context: RunContext) -> None:
    """Tag and push the image; keeps the digest that the engine was told. Raises `RunFailed` or `ImageTaken`."""
    image = context.run.image
    try:
        context.engine.tag_image(context.image_id, image.image, image.tag)
    except EngineRefused as error:
        if error.status != NOT_FOUND:
            raise
        raise ImageTaken(failures.engine_refused(context.server.name, error.answered)) from error
    context.recorder.say(f"Pushing {image.tagged}")
    push = retrying(
        context,
        lambda error: isinstance(error, PushFailed) and error.retryable,
        tries=TRIES,
        wait=wait_exponential_jitter(multiplier=0.5, max=20),
        words=lambda error: f"The push did not go through ({error})",
    )
    try:
        context.pushed_digest = push(_push_once, context)
    except PushFailed as error:
        context.stop.check()
        failure = failures.push_failed(error.message, registry=image.host, repository=image.repository)
        raise (ImageTaken if error.kind is IMAGE_TAKEN else RunFailed)(failure) from error
    pushed = Pushed(context.lease.attempt, image=image.tagged)
    context.recorder.keep(partial(note, context.lease, pushed, because=context.pushed_digest))
    context.recorder.say(f"Pushed {image.tagged}, digest {context.pushed_digest}")


def _push_once(context: RunContext) -> str:
    image = context.run.image
    login = registry_login(context.registry)
    said = Progress(context)
    try:
        return context.engine.push(image.image, image.tag, login=login, on_update=said, stopping=context.stop.event)
    except ConnectionLost:
        if arrived := _arrived(context):
            return arrived
        raise


def _arrived(context: RunContext) -> str:
    """Return the digest of the run's image if the registry has it under its tag; nothing where that cannot be told.

    For a push whose answer broke off: the engine may have finished it all the same.
    """
    image = context.run.image
    try:
        with registry_client(context.registry) as registry:
            found = registry.manifest(image.repository, image.tag)
    except (RegistryUnreachable, RegistryRefused):
        return ""
    if found is None or not found.is_of(context.image_id):
        return ""
    context.recorder.say("The engine's answer to the push broke off, but the registry has the image")
    return found.digest


class Progress:
    """Says when a layer has moved on to another word, or is begun anew; the beats between are not lines."""

    def __init__(self, context: RunContext) -> None:
        self._context = context
        self._last: dict[str, str] = {}

    def __call__(self, update: PushUpdate) -> None:
        """Take one beat of a push or pull."""
        word = RETRYING if update.status.startswith(RETRYING) else update.status
        if update.layer and word in SAID and self._last.get(update.layer) != word:
            self._context.recorder.say(f"{update.layer}: {update.status}")
        self._last[update.layer] = word


# The engine counts the seconds down ("Retrying in 5 seconds", "Retrying in 4 seconds"): the first is a line.
SAID: Final = ("Pushed", "Layer already exists", "Pull complete", "Already exists", RETRYING)
