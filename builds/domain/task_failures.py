"""Why the program of a USER_TASK or SHELL step failed, or its image could not be had."""

from collections.abc import Mapping
from typing import Final

from builds.domain import failure_kinds as kinds
from builds.domain import task_kinds
from builds.domain.engine_words import pull_kind_of
from builds.domain.failure_kind import FailureKind
from builds.domain.failures import NOT_FOUND, Failure, made, server_lacks
from builds.domain.known_errors import KILLED, explain_exit, hint, missing_command
from builds.domain.quoting import clean, short
from builds.domain.states import StepType

NO_SUCH_SOURCE: Final = "bind source path does not exist"
IS_A_VOLUME: Final = "device or resource busy"  # said of a path that is to become a link, and has a mount of its own
OF_A_MOUNT: Final[Mapping[str, task_kinds.ByStep]] = {
    NO_SUCH_SOURCE: task_kinds.MOUNT_MISSING,
    IS_A_VOLUME: task_kinds.MOUNT_BLOCKED,
}
# What a pull's failure would be called for a base image, and what it is for the image of a step.
OF_AN_IMAGE: Final[Mapping[FailureKind, task_kinds.ByStep]] = {
    kinds.BASE_NOT_FOUND: task_kinds.IMAGE_MISSING,
    kinds.BASE_DENIED: task_kinds.IMAGE_DENIED,
    kinds.BASE_UNREACHABLE: task_kinds.IMAGE_UNREACHABLE,
}


def task_ended(
    step: StepType, name: str, code: int, *, command: str = "", tail: str = "", out_of_memory: bool = False
) -> Failure:
    """Return that the program of a step ended with `code`; `name` is the step's title, `tail` its last lines.

    `command` is what the user wrote: a command that it does not name is not said to be missing.
    """
    missing = missing_command(tail, command) if code == NOT_FOUND else None
    if missing:
        kind = task_kinds.COMMAND_MISSING[step]
        message = f"{missing} is not in the image of {short(name)}, which ended with exit code {code}."
        return Failure(kind, message, kind.remedy, code)
    kind = (task_kinds.OUT_OF_MEMORY if out_of_memory else task_kinds.EXITED)[step]
    meaning = explain_exit(code)
    if out_of_memory:
        meaning = "killed: it had used up its memory" if code else "but had used up its memory, and a part was killed"
    elif code == KILLED:
        meaning = "killed, and not for the memory that it may use"
    message = f"{short(name)} ended with exit code {code}{f' ({meaning})' if meaning else ''}."
    return Failure(kind, message, kind.remedy, code, looks_like=hint(tail))


def task_unstarted(step: StepType, name: str, code: int, detail: str) -> Failure:
    """Return that the program of a step never began, in the engine's words; `code` is 126 or 127."""
    kind = task_kinds.COMMAND_MISSING[step]
    return Failure(kind, f"{short(name)} could not be started: {clean(detail)}.", kind.remedy, code)


def task_refused(step: StepType, server: str, detail: str) -> Failure:
    """Return that the engine of `server` did not run the container of a step, in its own words."""
    kind = next((kind for words, kind in OF_A_MOUNT.items() if words in detail), task_kinds.NOT_RUN)
    return server_lacks(detail) or made(kind[step], server=server, detail=clean(detail))


def task_image_failed(step: StepType, image: str, detail: str) -> Failure:
    """Return that the image of a step could not be pulled, in the words of engine or registry."""
    kind = OF_AN_IMAGE.get(pull_kind_of(detail), task_kinds.IMAGE_REFUSED)
    return server_lacks(detail) or made(kind[step], image=image, detail=clean(detail))


def tools_missing(detail: str) -> Failure:
    """Return that this worker has nothing of which it could make a workspace on a build server."""
    return made(kinds.TOOLS_MISSING, detail=clean(detail))


def container_lost(server: str, detail: str) -> Failure:
    """Return that somebody else has stopped or removed a container of the run on `server`."""
    return made(kinds.CONTAINER_LOST, server=server, detail=clean(detail))
