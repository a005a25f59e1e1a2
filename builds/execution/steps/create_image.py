"""CREATE_IMAGE: build with BuildKit, push, and read the digest back. Only the last makes DONE possible.

A run that pushes an earlier run's image again finds that one instead of building.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Final, TypeVar

from builds.credentials import decrypt_fields
from builds.domain import failures
from builds.domain.progress import BuildProgress, TraceRecord
from builds.domain.steps.create_image import MOUNTED
from builds.engine.errors import BuildFailed, EngineError, KeyUnusable
from builds.engine.ssh_agent import agent_with
from builds.engine.types import BuildRequest, BuildSecrets
from builds.execution.context import RunContext
from builds.execution.failing import RunFailed
from builds.execution.recorder import Recorder
from builds.execution.steps import earlier_image, following_tags, image_files, push, read_back, verify
from builds.execution.steps.image_files import ImageFiles
from builds.models import RunStep
from builds.services.runs.steps import keep_image_id

T = TypeVar("T")
TAKEN: Final = "Another run of the same content took the image away meanwhile; taking it from the cache"
TIMES_LOST: Final = 3  # that the engine may lose a finished image before the run fails


def run(context: RunContext, step: RunStep) -> None:
    """Build or find the image, push and verify.

    Raises `RunFailed` with whose problem it is, or what the engine floor raises.
    """
    if context.original is None:
        # Once more from the cache where the image was taken off the engine between the two.
        _while_taken(context, lambda: _push(context, build(context, step)))
    else:
        _push(context, earlier_image.find(context, context.original))
    verify.run(context)
    with ThreadPoolExecutor(1, "take-name-off") as aside:  # the engine takes its time
        kept = aside.submit(_take_name_off, context)
        following_tags.run(context, step.config)
        earlier_image.tidy(context)
    if sentence := kept.result():
        context.recorder.say(sentence)


def _while_taken(context: RunContext, work: Callable[[], T]) -> T:
    """Return what `work` gives, done again where another run took the finished image off the engine at this moment."""
    for _ in range(TIMES_LOST):
        try:
            return work()
        except (push.ImageTaken, BuildFailed) as error:
            if isinstance(error, BuildFailed) and not error.lost_its_image:
                raise
        context.recorder.say(TAKEN)
    return work()


def _push(context: RunContext, image_id: str) -> None:
    context.image_id = image_id
    context.patiently(keep_image_id, context.lease, image_id)
    context.stop.check()
    push.run(context)


def _take_name_off(context: RunContext) -> str:
    """Take the image's name off the engine, or say why not: its layers stay as cache, its image is in the registry."""
    try:
        context.engine.remove_image(context.run.image.tagged)
    except EngineError as error:
        return f"The image's name could not be taken off the build server: {error.answered}"
    return ""


def build(context: RunContext, step: RunStep) -> str:
    """Build the image and return its id."""
    read_back.run(context, step.config)
    config, files = step.config, image_files.of(context, step.config)
    request = BuildRequest(
        build_id=context.build_id,
        dockerfile=files.name,
        context=files.context,
        # Named from its first moment: another run whose content is the same has the same image, and takes its name off.
        tags=(context.run.image.tagged,),
        build_args={str(pair["key"]): str(pair["value"]) for pair in config.get("build_args") or []},
        labels={str(pair["key"]): str(pair["value"]) for pair in config.get("labels") or []},
        target=str(config.get("target") or ""),
        platform=str(config.get("platform") or ""),
        no_cache=bool(config.get("no_cache")),
        pull=bool(config.get("pull")),
        cache_from=tuple(config.get("cache_from") or ()),
    )
    try:
        with _secrets(context, step) as request.secrets:
            return _while_taken(
                context,
                lambda: context.engine.build(request, TraceWatcher(context.recorder, files), context.stop.event),
            )
    except BuildFailed as error:
        hide = context.recorder.masker.mask_text  # before long texts are cut: half a secret would not be recognised
        failure = failures.build_failed(
            hide(error.message),
            instruction=hide(error.vertex_name) if error.vertex_name else None,
            dockerfile=hide(files.dockerfile),
            tail=context.recorder.tail(error.vertex),
            without_login=context.logins.without,
        )
        raise RunFailed(failure) from error


@contextmanager
def _secrets(context: RunContext, step: RunStep) -> Iterator[BuildSecrets]:
    """Hold what the build may ask for until it has ended: decrypted here, at the moment of use."""
    stored = context.patiently(decrypt_fields, step.secrets_encrypted)
    mounted = {name.removeprefix(MOUNTED): value for name, value in stored.items() if name.startswith(MOUNTED)}
    with ExitStack() as held:
        agent = ""
        if key := stored.get("ssh_key"):
            try:
                agent = held.enter_context(agent_with(key, context.workspace.private))
            except KeyUnusable as error:
                raise RunFailed(failures.definition_invalid(f"sshKey: {error.answered}")) from error
        yield BuildSecrets(context.logins, mounted, agent)


class TraceWatcher:
    """Turns what BuildKit tells into log lines and build instructions."""

    def __init__(self, recorder: Recorder, files: ImageFiles) -> None:
        self._recorder, self._files = recorder, files
        self._progress = BuildProgress()

    def __call__(self, record: TraceRecord) -> None:
        """Take one record of the trace."""
        for line in self._files.announced():
            self._recorder.say(line)
        for log in record.logs:
            self._recorder.output(log.vertex, log.stream, log.data)
        for vertex in record.vertexes:
            if vertex.completed is not None:
                self._recorder.close_vertex(vertex.digest)
        for warning in record.warnings:
            self._recorder.say(f"Warning of the build: {warning.short.decode('utf-8', 'replace')}")
        if self._progress.apply(record):
            self._recorder.show_vertices(self._progress.vertices)
