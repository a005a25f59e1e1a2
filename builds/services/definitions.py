"""What a build's definition means: validation, snapshot, registry. Shared by create, edit and run."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings

from builds.domain.outbound import check_callback_url
from builds.domain.states import StepType
from builds.domain.steps import FieldError, StepDefinition, default_title, validate_steps
from builds.models import Build, Registry
from builds.services.errors import Invalid, NotFound


@dataclass(frozen=True, slots=True)
class StepCopy:
    """A step as a run copies it from its build."""

    order: int
    step_type: StepType
    use: bool
    config: dict[str, Any]
    build_step_seq: int | None


def snapshot(build: Build) -> dict[str, Any]:
    """Return the definition that a run keeps; edits of the build touch later runs only."""
    return {
        "name": build.name,
        "description": build.description,
        "project": build.project,
        "image_name": build.image_name,
        "registry_project_id": build.registry_project_id,
        "auto_tag": build.auto_tag,
        "auto_tag_prefix": build.auto_tag_prefix,
        "auto_tag_sequence": build.auto_tag_sequence,
        "tag_name": build.tag_name,
        "server_host": build.server_host,
        "server_tls_verify": build.server_tls_verify,
        "time_limit_seconds": build.time_limit_seconds,
        "queue_limit_seconds": build.queue_limit_seconds,
        "max_attempts": build.max_attempts,
    }


def runnable_steps(build: Build) -> list[StepCopy]:
    """Return the build's steps as a run copies them, INIT first; raises `Invalid` where they cannot run."""
    stored = list(build.steps.order_by("order", "pk"))
    errors = validate_steps([StepDefinition(StepType(row.step_type), row.order, row.use, row.config) for row in stored])
    if errors:
        raise Invalid(errors)
    init = StepCopy(0, StepType.INIT, True, {"step_title": default_title(StepType.INIT)}, None)  # noqa: FBT003
    return [init, *(StepCopy(row.order, StepType(row.step_type), row.use, row.config, row.pk) for row in stored)]


def registry_of(build: Build) -> Registry:
    """Return the registry of a build: its own, or the default one."""
    registry = build.registry or Registry.objects.filter(is_default=True).first()
    if registry is None:
        raise NotFound(
            "No default registry is set up; start with make run, or set BUILDHUB_REGISTRY.", code="CCBD1020000"
        )
    return registry


def callback_errors(callback_urls: str) -> list[FieldError]:
    """Return what is wrong with the callback addresses, which are joined by `|`."""
    if len(callback_urls) > 4000:
        return [FieldError("callbackUrl", "The callback addresses may have up to 4,000 characters together.")]
    urls = [url for url in callback_urls.split("|") if url]
    sentences = [check_callback_url(url, allowed=settings.OUTBOUND_ALLOW) for url in urls]
    return [FieldError("callbackUrl", sentence) for sentence in sentences if sentence]
