"""Creating and editing builds: one validator for page, API and admin (build-api.md, section 5 "Definition")."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from builds import doorbell
from builds.domain.access import Permission
from builds.domain.references import check_image_name, check_project
from builds.domain.states import StepType, WhenRunning
from builds.domain.steps import FieldError, StepDefinition, validate_steps
from builds.domain.tags import AutoTagSeqType, check_prefix, check_tag
from builds.models import Account, Build, BuildStep, Caller, Registry
from builds.services import activity
from builds.services.access import require
from builds.services.errors import Invalid, NotFound, Refused
from builds.services.runs import find_server


@dataclass(frozen=True, slots=True)
class StepDraft:
    """A step as a body gives it; `seq` names a stored step when a build is edited."""

    step_type: str
    order: int | None = None
    use: bool = True
    config: dict[str, Any] = field(default_factory=dict)
    seq: int | None = None


@dataclass(frozen=True, slots=True)
class BuildDraft:
    """A build as a body or a form gives it; None means: keep what is stored, or the default for a new build."""

    account_id: int | None = None
    name: str | None = None
    description: str | None = None
    project: str | None = None
    registry_project_id: int | None = None
    external_registry_seq: int | None = None
    image_name: str | None = None
    auto_tag: bool | None = None
    auto_tag_prefix: str | None = None
    auto_tag_sequence: str | None = None
    tag_name: str | None = None
    server_host: str | None = None
    server_tls_verify: bool | None = None
    when_running: str | None = None
    time_limit_seconds: int | None = None
    queue_limit_seconds: int | None = None
    max_attempts: int | None = None
    steps: tuple[StepDraft, ...] | None = None


PLAIN_FIELDS = (
    "name", "description", "project", "registry_project_id", "image_name", "auto_tag", "auto_tag_prefix",
    "auto_tag_sequence", "tag_name", "server_host", "server_tls_verify", "when_running", "time_limit_seconds",
    "queue_limit_seconds", "max_attempts",
)  # fmt: skip
RANGES = {
    "time_limit_seconds": ("timeLimitSec", 60, 86_400),
    "queue_limit_seconds": ("queueLimitSec", 60, 30 * 86_400),
    "max_attempts": ("maxAttempts", 1, 10),
}


def create_build(*, caller: Caller, draft: BuildDraft) -> Build:
    """Create a build with its steps; raises `Invalid` with all field errors at once, or `Refused`."""
    with transaction.atomic():
        account = _account(caller, draft.account_id)
        require(caller, Permission.EDIT_BUILD, account.pk)
        build = Build(account=account)
        _fill(build, draft)
        build.name = build.name or build.image_name
        steps = _merged([], draft.steps or ())
        _check(build, steps)
        _save(build)
        _store_steps(build, steps)
        activity.record(by=caller.user, did=activity.Did.CREATE_BUILD, build=build)
        doorbell.build_changed(build.pk, account_id=build.account_id)
    return build


def edit_build(*, build_id: int, caller: Caller, draft: BuildDraft) -> Build:
    """Change a build; steps are matched by number, unlisted ones stay. Raises as `create_build` does."""
    with transaction.atomic():
        build = Build.objects.visible_to(caller).select_for_update(of=("self",)).filter(pk=build_id).first()
        if build is None:
            raise NotFound(f"There is no build {build_id}.")
        require(caller, Permission.EDIT_BUILD, build.account_id)
        _fill(build, draft)
        steps = _merged(list(build.steps.order_by("order", "pk")), draft.steps or ())
        _check(build, steps)
        build.active_at = timezone.now()
        _save(build)
        _store_steps(build, steps)
        activity.record(by=caller.user, did=activity.Did.EDIT_BUILD, build=build)
        doorbell.build_changed(build.pk, account_id=build.account_id)
    return build


def _account(caller: Caller, asked: int | None) -> Account:
    """Return the account to create in: the one asked for, else the caller's first."""
    ids = Account.objects.order_by("pk")
    if not caller.sees_everything:
        ids = ids.filter(pk__in=caller.account_ids)
    account = (ids.filter(pk=asked) if asked is not None else ids).first()
    if account is None:
        raise NotFound(f"There is no account {asked}." if asked else "You belong to no account; ask an administrator.")
    return account


def _fill(build: Build, draft: BuildDraft) -> None:
    for name in PLAIN_FIELDS:
        value = getattr(draft, name)
        if value is not None:
            setattr(build, name, value)
    if draft.external_registry_seq is not None:
        build.registry = _registry(draft.external_registry_seq)


def _registry(seq: int) -> Registry | None:
    if seq == 0:
        return None
    registry = Registry.objects.filter(pk=seq).first()
    if registry is None:
        raise NotFound(f"There is no registry {seq}; use 0 for the default one.", code="CCBD1020000")
    return registry


def _merged(stored: list[BuildStep], drafts: tuple[StepDraft, ...]) -> list[BuildStep]:
    """Return stored steps with the drafts laid over them by number; INIT is BuildHub's own and left out."""
    by_seq = {step.pk: step for step in stored}
    steps = list(stored)
    for draft in drafts:
        if draft.step_type == StepType.INIT:
            continue
        step = by_seq.get(draft.seq) if draft.seq is not None and stored else None
        if step is None:
            step = BuildStep(order=len(steps) + 1)
            steps.append(step)
        step.step_type = draft.step_type
        step.use = draft.use
        step.config = draft.config
        step.order = draft.order if draft.order else step.order
    return steps


def _check(build: Build, steps: list[BuildStep]) -> None:
    """Raise `Invalid` with every field error; then what has a code of its own."""
    errors = [*_field_errors(build), *validate_steps(list(_definitions(steps)))]
    plain = [error for error in errors if error.code == "CCCM1004000"]
    if errors:
        raise Invalid(plain or errors)
    if build.server_host:
        find_server(build.server_host)


def _definitions(steps: list[BuildStep]) -> Iterator[StepDefinition]:
    for step in steps:
        yield StepDefinition(StepType(step.step_type), step.order, step.use, step.config)


def _field_errors(build: Build) -> Iterator[FieldError]:
    yield from _text_errors("buildName", build.name or build.image_name, 200)
    yield from _text_errors("buildDesc", build.description, 1000)
    if sentence := check_project(build.project):
        yield FieldError("registryName", sentence)
    if sentence := check_image_name(build.image_name):
        yield FieldError("imageName", sentence)
    yield from _tag_errors(build)
    yield from _server_errors(build)
    if build.when_running not in set(WhenRunning):
        yield FieldError("whenRunning", f"Use one of {', '.join(WhenRunning)}.")
    for name, (api_name, low, high) in RANGES.items():
        if not low <= getattr(build, name) <= high:
            yield FieldError(api_name, f"Use a whole number from {low} to {high}.")


def _text_errors(name: str, text: str, length: int) -> Iterator[FieldError]:
    if len(text) > length:
        yield FieldError(name, f"At most {length} characters are kept; this has {len(text)}.")
    if any(ord(sign) < 32 and sign not in "\n\t\r" for sign in text) or (
        name == "buildName" and not text.isprintable()
    ):
        yield FieldError(name, "Control characters are not allowed here; leave them out.")


def _tag_errors(build: Build) -> Iterator[FieldError]:
    if not build.auto_tag:
        if not build.tag_name:
            yield FieldError("tagName", "Give tagName, or switch the automatic tag on (autotagUseYn Y).")
        elif sentence := check_tag(build.tag_name):
            yield FieldError("tagName", sentence)
        return
    if sentence := check_prefix(build.auto_tag_prefix):
        yield FieldError("autotagPrefix", sentence)
    if build.auto_tag_sequence not in set(AutoTagSeqType):
        yield FieldError("autotagSeqType", f"Use one of {', '.join(AutoTagSeqType)}.")


def _server_errors(build: Build) -> Iterator[FieldError]:
    host = build.server_host
    if host and not host.startswith("topic:"):
        yield FieldError("buildServerHost", "Leave it empty for the default server, or use topic:NAME.")
    if not host and build.server_tls_verify:
        yield FieldError("buildServerTlsVerify", "TLS needs a buildServerHost; leave it N for the default server.")


def _save(build: Build) -> None:
    taken = Refused(
        f"Another build of this account makes the image {build.image_name}; choose another image name.",
        code="CCBD1003000",
        status=409,
    )
    twin = Build.objects.filter(account=build.account, image_name=build.image_name, removed_at=None)
    if twin.exclude(pk=build.pk).exists():
        raise taken
    try:
        with transaction.atomic():
            build.save()
    except IntegrityError as error:  # two at the same moment: the index decides
        if "build_image_name_once" not in str(error):
            raise
        raise taken from error


def _store_steps(build: Build, steps: list[BuildStep]) -> None:
    for step in steps:
        step.build = build
        step.save()
