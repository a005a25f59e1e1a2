"""Failures of the steps that run a program in a container: USER_TASK and SHELL, which end a run by different words."""

from collections.abc import Mapping
from typing import Final

from builds.domain.failure_kind import FailureKind, Whose
from builds.domain.states import EndReason, StepType

# The step's kind, what its ids begin with, and how its failures end the run.
TASKS: Final = (
    (StepType.USER_TASK, "task", EndReason.USER_TASK_FAILED),
    (StepType.SHELL, "shell", EndReason.STEP_FAILED),
)

ByStep = Mapping[StepType, FailureKind]


def of_each(name: str, whose: Whose, message: str, remedy: str) -> ByStep:
    """Return a kind of failure for each kind of step."""
    return {step: FailureKind(f"{word}.{name}", whose, reason, message, remedy) for step, word, reason in TASKS}


EXITED: Final = of_each("exited", Whose.DEFINITION, "", "Read the last lines of this step.")
COMMAND_MISSING: Final = of_each(
    "command_missing", Whose.DEFINITION, "", "Check the command, or take an image that has it."
)
OUT_OF_MEMORY: Final = of_each(
    "out_of_memory",
    Whose.DEFINITION,
    "",
    "Let the step use less memory (fewer parallel jobs), or let the operator raise BUILDHUB_TASK_MEMORY_MB.",
)
IMAGE_MISSING: Final = of_each(
    "image_missing",
    Whose.DEFINITION,
    "The image {image} of the step does not exist or may not be pulled: {detail}.",
    "Check its name and tag; for a private one, store a registry of its host with a login.",
)
IMAGE_DENIED: Final = of_each(
    "image_denied",
    Whose.REGISTRY,
    "The registry does not give {image}, the image of the step: {detail}.",
    "Let an admin of the account store a registry of this host with a login that may pull it.",
)
IMAGE_UNREACHABLE: Final = of_each(
    "image_unreachable",
    Whose.REGISTRY,
    "The registry of {image}, the image of the step, does not answer the build server: {detail}.",
    "Check the host in its name, and the network and name server of the build server.",
)
IMAGE_REFUSED: Final = of_each(
    "image_refused",
    Whose.REGISTRY,
    "The image {image} of the step could not be pulled: {detail}.",
    "Read what the registry says; a server that limits pulls lets them through later.",
)
MOUNT_MISSING: Final = of_each(
    "mount_missing",
    Whose.SERVER,
    "A host path of the step is not there on {server}: {detail}.",
    "Let the administrator of the build server make the folder, or leave the path out.",
)
MOUNT_BLOCKED: Final = of_each(
    "mount_blocked",
    Whose.DEFINITION,
    "The image of the step has a volume where a part of an opened host folder is to be mounted: {detail}.",
    "Mount it at another path, or let the administrator of {server} open exactly this folder.",
)
NOT_RUN: Final = of_each(
    "not_run",
    Whose.DEFINITION,
    "The engine of {server} could not run the step: {detail}.",
    "Check image, command and working directory of the step.",
)

KINDS: Final = [
    kind
    for by_step in (
        *(EXITED, COMMAND_MISSING, OUT_OF_MEMORY, MOUNT_MISSING, MOUNT_BLOCKED, NOT_RUN),
        *(IMAGE_MISSING, IMAGE_DENIED, IMAGE_UNREACHABLE, IMAGE_REFUSED),
    )
    for kind in by_step.values()
]
