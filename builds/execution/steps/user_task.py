"""USER_TASK: the user's program in a container of the user's image."""

import shlex
from typing import Final

from django.conf import settings

from builds.domain import failures
from builds.domain.steps.places import is_within
from builds.domain.steps.user_task import NOT_ALLOWED, image_of, mounted_by
from builds.engine.containers import WORKSPACE, HostMount
from builds.execution.context import RunContext
from builds.execution.failing import RunFailed
from builds.execution.steps.programs import Program, run_program
from builds.models import RunStep

# It is reached by a link, which would take the place of a folder of the workspace, and go into the image.
NOT_IN_WORKSPACE: Final = "Of {source}, which the build server opens, only the whole is mounted within the workspace."


def run(context: RunContext, step: RunStep) -> None:
    """Run the task to its end. Raises `RunFailed` with whose problem it is."""
    command = [str(part) for part in step.config.get("cmd") or []]
    program = Program(
        image=image_of(step.config),
        command=command,
        written=shlex.join(command),
        working_dir=str(step.config.get("working_dir") or ""),
        environment={str(pair["key"]): str(pair.get("value") or "") for pair in step.config.get("envs") or []},
        mounts=host_mounts(context, step),
    )
    run_program(context, step, program)


def host_mounts(context: RunContext, step: RunStep) -> list[HostMount]:
    """Return the host folders of the task, held against what the server opens at this moment."""
    mounts = []
    for mount in step.config.get("docker_volume_mount_vo_list") or []:
        host_path = str(mount["host_path"])
        opened = mounted_by(host_path, context.server.allowed_host_paths, settings.DEFAULT_ENGINE)
        if opened is None:
            raise RunFailed(failures.definition_invalid(f"{host_path}: {NOT_ALLOWED}"))
        target = str(mount["container_path"])
        if opened.within and is_within(target, WORKSPACE):
            raise RunFailed(failures.definition_invalid(f"{target}: {NOT_IN_WORKSPACE.format(source=opened.source)}"))
        mounts.append(HostMount(opened.source, target, opened.within))
    return mounts
