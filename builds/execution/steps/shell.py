"""SHELL: a command line or a script for `sh -e`, in the tools image on the build server."""

from typing import Final

from django.conf import settings

from builds.domain.references import tagged
from builds.engine.containers import SCRIPT
from builds.execution.context import RunContext
from builds.execution.steps.programs import Program, run_program
from builds.models import RunStep

LONGEST_ARGUMENT: Final = 128 * 1024 - 1  # bytes that Linux takes as one


def run(context: RunContext, step: RunStep) -> None:
    """Run the command to its end. Raises `RunFailed` with whose problem it is."""
    command = str(step.config.get("command") or "")
    is_line = step.config.get("shell_type") != "SCRIPT" and len(command.encode()) <= LONGEST_ARGUMENT
    context.volume.held  # noqa: B018  a worker without tools has its own words there
    program = Program(
        image=tagged(settings.TOOLS_IMAGE) if settings.TOOLS_IMAGE else context.volume.tools(),
        command=("sh", "-e", "-c", command) if is_line else ("sh", "-e", SCRIPT),
        script=b"" if is_line else command.encode(),
        written=command if is_line and len(command.splitlines()) == 1 else "the script",
    )
    run_program(context, step, program)
