"""What a build's definition means: steps of a run, snapshot, registry. Shared by create, edit and run."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings

from builds.domain.error_codes import ErrorCode
from builds.domain.errors import FieldError, Invalid, NotFound
from builds.domain.outbound import check_callback_url
from builds.domain.states import StepType
from builds.domain.steps.create_image import dockerfile_type
from builds.domain.steps.kinds import StepDefinition, default_title, validate_steps
from builds.models import Build
from builds.services.builds.steps import StepDraft, once_steps, secret_names, spread_orders, step_errors
from builds.services.connections.servers import find_server

__all__ = [
    "StepCopy",
    "StepDraft",
    "callback_errors",
    "host_paths_of",
    "runnable_steps",
    "steps_for_once",
    "unexecutable",
]
LONGEST_CALLBACKS: Final = 4000  # characters of all callback addresses together


@dataclass(frozen=True, slots=True)
class StepCopy:
    """A step as a run copies it from its build."""

    order: int
    step_type: StepType
    use: bool
    config: dict[str, Any]
    build_step_seq: int | None
    secrets_encrypted: str = ""


INIT: Final = StepCopy(
    order=0,
    step_type=StepType.INIT,
    use=True,
    config={"step_title": default_title(StepType.INIT)},
    build_step_seq=None,
)


def runnable_steps(build: Build) -> list[StepCopy]:
    """Return the build's steps as a run copies them, INIT first; raises `Invalid` where they cannot run."""
    stored = list(build.steps.order_by("order", "pk"))
    definitions = [
        StepDefinition(StepType(row.step_type), row.order, row.use, row.config, secret_names(row)) for row in stored
    ]
    if errors := validate_steps(definitions, host_paths=host_paths_of(build.server_host, account_id=build.account_id)):
        raise Invalid(errors)
    copies = [
        StepCopy(order, StepType(row.step_type), row.use, row.config, row.pk, row.secrets_encrypted)
        for row, order in zip(stored, spread_orders([row.order for row in stored]), strict=True)
    ]
    return [INIT, *copies]


def steps_for_once(build: Build, drafts: tuple[StepDraft, ...]) -> list[StepCopy]:
    """Return the steps of one run that is given its own, INIT first; nothing of the build changes.

    They are checked as an edit's; a blank secret is that of the build's step which the draft names, as long as it is
    for the same place. Raises `Invalid`, `buildSteps[n]` being the place among the drafts without INIT.
    """
    steps = once_steps(list(build.steps.all()), drafts, build.registry_id or 0)
    if errors := step_errors(steps, host_paths_of(build.server_host, account_id=build.account_id)):
        raise Invalid([error for error in errors if error.code is ErrorCode.INVALID_PARAMETER] or errors)
    copies = [
        StepCopy(
            order, step.step_type, step.use, step.config, step.row.pk if step.row else None, step.secrets_encrypted
        )
        for step, order in zip(steps, spread_orders([step.order for step in steps]), strict=True)
    ]
    return [INIT, *sorted(copies, key=lambda copy: copy.order)]


def unexecutable(steps: list[StepCopy], host: str) -> str | None:
    """Say why this version cannot execute these steps yet, or None.

    `host` is the address of an engine of the build's own; empty for a server that is registered.
    """
    if host.startswith("tcp://"):
        return (
            f"{host} is no registered build server, and an engine of a build's own is not executed by this version"
            " yet; ask an administrator to register it, or use the default one."
        )
    used = [step for step in steps if step.use and step.step_type is not StepType.INIT]
    for step in used:
        if what := _beyond(step):
            return f"{what} not executed by this version yet; take it out of use, or wait for the next version."
    needs_files = any(
        dockerfile_type(step.config) == "FILE_PATH" or step.config.get("context_path") not in (None, "", ".")
        for step in used
        if step.step_type is StepType.CREATE_IMAGE
    )
    if needs_files and all(step.step_type is StepType.CREATE_IMAGE for step in used):
        return "No step in use brings files into the workspace: add a CODE_DOWN step, or write the Dockerfile here."
    return None


def host_paths_of(server_host: str, *, account_id: int) -> Sequence[str]:
    """Return the host paths that a build's server opens to user tasks; none where the server is not known."""
    try:
        server = find_server(server_host, account_id=account_id)
    except NotFound:
        return ()
    if server_host.startswith("tcp://") and server.url != server_host:
        return ()  # an engine of the build's own: nobody has opened anything of it
    return tuple(str(path) for path in server.allowed_host_paths)


def callback_errors(callback_urls: str) -> list[FieldError]:
    """Return what is wrong with the callback addresses, which are joined by `|`."""
    if len(callback_urls) > LONGEST_CALLBACKS:
        return [FieldError("callbackUrl", "The callback addresses may have up to 4,000 characters together.")]
    urls = [url for url in callback_urls.split("|") if url]
    sentences = [check_callback_url(url, allowed=settings.OUTBOUND_ALLOW) for url in urls]
    return [FieldError("callbackUrl", sentence) for sentence in sentences if sentence]


def _beyond(step: StepCopy) -> str | None:
    """Return what of a step this version does not execute, as the subject of a sentence, or None."""
    if step.step_type is StepType.CODE_DOWN:
        return None
    if step.step_type is not StepType.CREATE_IMAGE:
        return f"Step {step.order} ({step.step_type}) is"
    if step.config.get("secrets"):
        return "A build secret is"
    return "A login of the image step's own is" if step.secrets_encrypted else None
