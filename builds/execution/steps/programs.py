"""What USER_TASK and SHELL share: a program in a container on the build server, from its image to its end."""

import posixpath
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from django.conf import settings

from builds.domain import task_failures
from builds.domain.references import pulled_from
from builds.domain.states import StepType
from builds.domain.steps.kinds import shown_title
from builds.domain.steps.places import is_within
from builds.engine.containers import WORKSPACE, HostMount, Limits, Task
from builds.engine.errors import ContainerLost, EngineRefused, PullFailed
from builds.execution.context import RunContext
from builds.execution.failing import RunFailed
from builds.execution.steps.push import Progress
from builds.execution.workspace import PathLeaves
from builds.models import RunStep

SAID: Final = 200  # characters of a command in the log's own line


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What a step runs: `command` in a container of `image`; `written` is what the user wrote of it, for the log.

    `working_dir` is absolute, or relative to the workspace.
    """

    image: str
    command: Sequence[str]
    written: str
    script: bytes = b""
    working_dir: str = ""
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    mounts: Sequence[HostMount] = ()


def run_program(context: RunContext, step: RunStep, program: Program) -> None:
    """Run a program to its end.

    Raises `RunFailed` where it fails or cannot run, `StopRequested` where it was killed for a stop, or what the engine
    floor raises.
    """
    step_type, written = StepType(step.step_type), program.written
    name = shown_title(step_type, step.config)
    ensure_image(context, step_type, program.image)
    working_dir = ensure_working_dir(context, program.working_dir)
    context.recorder.say(f"Running {f'{written[:SAID]} ' if written else ''}in {program.image}")
    task = Task(
        image=program.image,
        command=program.command,
        script=program.script,
        volume=context.volume.name,
        network=context.volume.network,
        labels=context.volume.labels,
        working_dir=working_dir,
        environment=program.environment,
        mounts=program.mounts,
        limits=Limits(settings.TASK_MEMORY_BYTES, settings.TASK_CPUS, settings.TASK_PROCESSES),
    )
    try:
        end = context.engine.run_task(
            task, lambda stream, data: context.recorder.output(None, stream, data), context.stop.event
        )
    except ContainerLost:
        raise
    except EngineRefused as error:
        context.volume.held.check()
        raise RunFailed(task_failures.task_refused(step_type, context.server.name, error.answered)) from error
    finally:
        context.recorder.close_vertex(None)
    context.stop.check()
    if end.unstarted:
        raise RunFailed(task_failures.task_unstarted(step_type, name, end.exit_code, end.unstarted))
    if end.exit_code or end.out_of_memory:
        failure = task_failures.task_ended(
            step_type,
            name,
            end.exit_code,
            command=written,
            tail=context.recorder.tail(None),
            out_of_memory=end.out_of_memory,
        )
        raise RunFailed(failure)
    context.recorder.say("Ended with exit code 0")


def ensure_working_dir(context: RunContext, path: str) -> str:
    """Return where a program works; within the workspace it is made for all users, by the engine it were root's."""
    working_dir = posixpath.normpath(posixpath.join(WORKSPACE, path))
    if is_within(working_dir, WORKSPACE):
        with suppress(PathLeaves):  # by a link: it is a folder of the image
            context.volume.make(posixpath.relpath(working_dir, WORKSPACE))
    return working_dir


def ensure_image(context: RunContext, step_type: StepType, image: str) -> None:
    """Pull an image that the engine does not have; one that it has is used as it is. Raises `RunFailed`."""
    if context.engine.image_exists(image):
        return
    context.recorder.say(f"{context.server.name} does not have {image}; pulling it")
    login = context.patiently(context.logins, pulled_from(image))
    try:
        context.engine.pull_tagged(image, login=login, on_update=Progress(context), stopping=context.stop.event)
    except PullFailed as error:
        raise RunFailed(task_failures.task_image_failed(step_type, image, error.message)) from error
