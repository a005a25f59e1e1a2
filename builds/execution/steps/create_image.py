"""CREATE_IMAGE: build with BuildKit, push, and read the digest back. Only the last makes DONE possible."""

from typing import Any

from builds.domain import failures
from builds.domain.progress import BuildProgress, TraceRecord
from builds.engine.context import DOCKERFILE_NAME, inline_context
from builds.engine.errors import BuildFailed
from builds.engine.types import BuildRequest
from builds.execution.context import RunContext
from builds.execution.failing import RunFailed
from builds.execution.recorder import Recorder
from builds.execution.steps import push, verify
from builds.models import RunStep


def run(context: RunContext, step: RunStep) -> None:
    """Build, push and verify; raises `RunFailed` with whose problem it is, or what the engine floor raises."""
    context.image_id = build(context, step.config)
    context.stop.check()
    push.run(context)
    verify.run(context)


def build(context: RunContext, config: dict[str, Any]) -> str:
    """Build the image and return its id."""
    dockerfile = str(config["docker_file"])
    request = BuildRequest(
        build_id=context.build_id,
        dockerfile=DOCKERFILE_NAME,
        context=inline_context(dockerfile),
        build_args={str(pair["key"]): str(pair["value"]) for pair in config.get("build_args") or []},
        labels={str(pair["key"]): str(pair["value"]) for pair in config.get("labels") or []},
        target=str(config.get("target") or ""),
        platform=str(config.get("platform") or ""),
        no_cache=bool(config.get("no_cache")),
        pull=bool(config.get("pull")),
    )
    watcher = TraceWatcher(context.recorder)
    try:
        return context.engine.build(request, watcher, context.stop.event)
    except BuildFailed as error:
        failure = failures.build_failed(
            error.message,
            exit_code=error.exit_code,
            instruction=error.vertex_name,
            dockerfile=dockerfile,
            tail=context.recorder.tail(error.vertex),
        )
        raise RunFailed(failure) from error


class TraceWatcher:
    """Turns what BuildKit tells into log lines and build instructions."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._progress = BuildProgress()

    def __call__(self, record: TraceRecord) -> None:
        """Take one record of the trace."""
        for log in record.logs:
            self._recorder.output(log.vertex, log.stream, log.data)
        for vertex in record.vertexes:
            if vertex.completed is not None:
                self._recorder.close_vertex(vertex.digest)
        for warning in record.warnings:
            self._recorder.say(f"Warning of the build: {warning.short.decode('utf-8', 'replace')}")
        if self._progress.apply(record):
            self._recorder.show_vertices([vertex.as_dict() for vertex in self._progress.vertices])
