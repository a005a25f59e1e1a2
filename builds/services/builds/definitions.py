"""What a build's definition means: steps of a run, host paths, callbacks. Shared by create, edit and run."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from django.conf import settings

from builds.domain.definition import Step
from builds.domain.error_codes import ErrorCode
from builds.domain.errors import FieldError, Invalid, NotFound, joined
from builds.domain.outbound import check_callback_url
from builds.domain.states import StepType
from builds.domain.steps.create_image import dockerfile_type
from builds.domain.steps.kinds import default_title, validate_steps
from builds.models import Build
from builds.services.builds.steps import StepDraft, once_steps, sealed, secret_names, spread_orders, step_errors
from builds.services.connections.servers import find_server

__all__ = [
    "StepDraft",
    "callback_errors",
    "host_paths_for",
    "refuse",
    "runnable_steps",
    "steps_for_once",
    "unexecutable",
]
LONGEST_CALLBACKS: Final = 4000  # characters of all callback addresses together


INIT: Final = Step(StepType.INIT, 0, config={"step_title": default_title(StepType.INIT)})


def runnable_steps(build: Build) -> list[Step]:
    """Return the build's steps as a run copies them, INIT first; raises `Invalid` where they cannot run."""
    steps = [replace(row.step, kept=secret_names(row.step)) for row in build.steps.order_by("order", "pk")]
    refuse(validate_steps(steps, host_paths=host_paths_for(steps, build.server_host, account_id=build.account_id)))
    return [INIT, *spread_orders(steps)]


def steps_for_once(
    build: Build, drafts: Sequence[StepDraft], *, errors: Sequence[FieldError] = (), path: str = "buildSteps"
) -> list[Step]:
    """Return the steps of one run that is given its own at `path`, INIT first; nothing of the build changes.

    `errors`: what is wrong with their types already.

    They are checked as an edit's; a blank secret is that of the build's step which the draft names, as long as it is
    for the same place. Raises `Invalid`.
    """
    stored = list(build.steps.all())
    steps = once_steps(stored, drafts, build.registry)
    host_paths = host_paths_for(steps, build.server_host, account_id=build.account_id)
    refuse(joined(errors, step_errors(steps, stored, host_paths, path=path)))
    return [INIT, *sorted(spread_orders([sealed(step, build.registry) for step in steps]), key=lambda step: step.order)]


def refuse(errors: Sequence[FieldError]) -> None:
    """Raise `Invalid` where there are errors; rules with a code of their own count only where no field is wrong."""
    if errors:
        raise Invalid([error for error in errors if error.code is ErrorCode.INVALID_PARAMETER] or list(errors))


def unexecutable(steps: list[Step], *, has_context: bool = False) -> str | None:
    """Say why these steps cannot be executed, or None; `has_context`: files for the run were uploaded."""
    used = [step for step in steps if step.use and step.step_type is not StepType.INIT]
    needs_files = any(
        dockerfile_type(step.config) == "FILE_PATH" or step.config.get("context_path") not in (None, "", ".")
        for step in used
        if step.step_type is StepType.CREATE_IMAGE
    )
    if needs_files and not has_context and all(step.step_type is StepType.CREATE_IMAGE for step in used):
        return (
            "No step in use brings files into the workspace: add a CODE_DOWN step, upload a context, or write the"
            " Dockerfile here."
        )
    return None


def host_paths_for(steps: Iterable[Step], server_host: str, *, account_id: int) -> Sequence[str]:
    """Return the host paths that a build's server opens to the user tasks among `steps`.

    None where no task is in use, so that nothing is asked for, or where the server is not known.
    """
    if not any(step.use and step.step_type is StepType.USER_TASK for step in steps):
        return ()
    try:
        server = find_server(server_host, account_id=account_id)
    except NotFound:
        return ()
    return tuple(str(path) for path in server.allowed_host_paths)


def callback_errors(callback_urls: str) -> list[FieldError]:
    """Return what is wrong with the callback addresses, which are joined by `|`."""
    if len(callback_urls) > LONGEST_CALLBACKS:
        return [FieldError("callbackUrl", "The callback addresses may have up to 4,000 characters together.")]
    urls = [url for url in callback_urls.split("|") if url]
    sentences = [check_callback_url(url, allowed=settings.OUTBOUND_ALLOW) for url in urls]
    return [FieldError("callbackUrl", sentence) for sentence in sentences if sentence]
