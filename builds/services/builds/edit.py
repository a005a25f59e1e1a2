"""Creating and editing builds: one validator for page, API and admin."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from django.db import IntegrityError, transaction
from django.utils import timezone

from builds import doorbell
from builds.credentials import encrypt
from builds.domain.access import Permission
from builds.domain.callbacks import Told
from builds.domain.definition import COPIED, Step
from builds.domain.error_codes import ErrorCode
from builds.domain.errors import FieldError, NotFound, Refused, joined
from builds.models import Account, Activity, Build, BuildStep, Caller, Did
from builds.services import callbacks
from builds.services.accounts.access import require, require_on
from builds.services.builds.definitions import StepDraft, callback_errors, host_paths_for, refuse
from builds.services.builds.rules import build_errors, tls_errors
from builds.services.builds.steps import (
    Registries,
    host_of,
    merged_steps,
    sealed,
    spread_orders,
    step_errors,
    told_of_all,
)
from builds.services.connections.registries import usable_registry
from builds.services.connections.servers import find_server

__all__ = ["BuildDraft", "StepDraft", "create_build", "edit_build", "may_create_in"]


@dataclass(frozen=True, slots=True)
class BuildDraft:
    """A build as a body or a form gives it; None means: keep what is stored, or the default for a new build.

    A blank `server_client_key` keeps the stored one as long as the build server stays the same. `steps_name` is what
    errors call the list of steps; `errors` are those of types already.
    """

    account_id: int | None = None
    name: str | None = None
    description: str | None = None
    project: str | None = None
    registry_project_id: int | None = None
    registry_id: int | None = None
    image_name: str | None = None
    auto_tag: bool | None = None
    auto_tag_prefix: str | None = None
    auto_tag_sequence: str | None = None
    tag_name: str | None = None
    server_host: str | None = None
    server_tls_verify: bool | None = None
    server_ca_cert: str | None = None
    server_client_cert: str | None = None
    server_client_key: str | None = field(default=None, repr=False)
    when_running: str | None = None
    time_limit_seconds: int | None = None
    queue_limit_seconds: int | None = None
    max_attempts: int | None = None
    steps: Sequence[StepDraft] | None = None
    steps_name: str = "buildSteps"
    errors: Sequence[FieldError] = ()


PLAIN_FIELDS: Final = (*COPIED, "when_running")
SERVER_FIELDS: Final = ("server_host", "server_tls_verify", "server_ca_cert", "server_client_cert")


@dataclass(frozen=True, slots=True)
class Before:
    """What an edit is compared with: the build as it is stored, or as good as nothing for a new one."""

    registry_seq: int
    server: tuple[object, ...]
    is_new: bool


def create_build(*, caller: Caller, draft: BuildDraft, callback_url: str = "") -> Build:
    """Create a build with its steps; raises `Invalid` with all field errors at once, or `Refused`."""
    with transaction.atomic():
        build = Build(account=may_create_in(caller, draft.account_id))
        _write(build, draft, caller, callback_url=callback_url)
        Activity.record(by=caller.user, did=Did.CREATE_BUILD, build=build)
        doorbell.build_changed(build.pk, account_id=build.account_id)
        callbacks.note_build(build, what=Told.CREATED, callback_url=callback_url, caller=caller)
    return build


def edit_build(*, build_id: int, caller: Caller, draft: BuildDraft) -> Build:
    """Change a build; steps are matched by number, unlisted ones stay. Raises as `create_build` does."""
    with transaction.atomic():
        build = Build.objects.visible_to(caller).select_for_update(of=("self",)).wanted(build_id)
        require_on(caller, Permission.EDIT_BUILD, build)
        build.active_at = timezone.now()
        _write(build, draft, caller)
        Activity.record(by=caller.user, did=Did.EDIT_BUILD, build=build)
        doorbell.build_changed(build.pk, account_id=build.account_id)
    return build


def switch_build(*, build_id: int, caller: Caller, in_use: bool) -> Build:
    """Put a build in use or out of it: only one in use can be pressed. Raises `NotFound` and `NoRight`."""
    with transaction.atomic():
        build = Build.objects.visible_to(caller).select_for_update(of=("self",)).wanted(build_id)
        require_on(caller, Permission.EDIT_BUILD, build)
        build.in_use = in_use
        build.save(update_fields=["in_use", "updated_at"])
        detail = "put in use" if in_use else "taken out of use"
        Activity.record(by=caller.user, did=Did.EDIT_BUILD, build=build, detail=detail)
        doorbell.build_changed(build.pk, account_id=build.account_id)
    return build


def may_create_in(caller: Caller, account_id: int | None) -> Account:
    """Return the account to create a build in: the one asked for, else the first. Raises `NotFound` or `NoRight`."""
    accounts = Account.objects.order_by("pk")
    if not caller.sees_everything:
        accounts = accounts.filter(pk__in=caller.account_ids)
    account = (accounts.filter(pk=account_id) if account_id is not None else accounts).first()
    if account is None:
        raise NotFound(
            f"There is no account {account_id}." if account_id else "You belong to no account; ask an administrator."
        )
    require_on(caller, Permission.EDIT_BUILD, account)
    return account


def _write(build: Build, draft: BuildDraft, caller: Caller, *, callback_url: str = "") -> None:
    """Put what the draft gives into the build, check all of it in the contract's order, and store it with its steps."""
    stored: Sequence[BuildStep] = () if build.pk is None else list(build.steps.order_by("order", "pk"))
    before = Before(build.registry_id or 0, _server(build), is_new=build.pk is None)
    seq = before.registry_seq if draft.registry_id is None else draft.registry_id
    _fill(build, draft, before)
    server_changed = before.is_new or _server(build) != before.server or bool(draft.server_client_key)
    if build.server_host.startswith("tcp://") and server_changed:
        require(caller, Permission.MANAGE_ACCOUNT, build.account_id)
    registries = Registries(before.registry_seq, seq, host_of(build.registry))
    steps = merged_steps(stored, draft.steps or (), registries)
    _check(build, draft, steps, stored, callback_url=callback_url, server_changed=server_changed)
    if seq != before.registry_seq:
        build.registry = usable_registry(seq, account_id=build.account_id)
    if before.is_new or build.server_host != before.server[0]:
        find_server(build.server_host, account_id=build.account_id)
    if before.is_new:
        _check_limit(build.account)
    _save(build)
    rows = {row.pk: row for row in stored}
    for step in spread_orders([sealed(step, build.registry) for step in steps]):
        row = rows.get(step.build_step_seq or 0) or BuildStep(build=build)
        row.step_type = step.step_type
        row.order = step.order
        row.use = step.use
        row.config = step.config
        row.secrets_encrypted = step.secrets_encrypted
        row.save()


def _server(build: Build) -> tuple[object, ...]:
    return tuple(getattr(build, name) for name in SERVER_FIELDS)


def _fill(build: Build, draft: BuildDraft, before: Before) -> None:
    for name in PLAIN_FIELDS:
        value = getattr(draft, name)
        if value is not None:
            setattr(build, name, value)
    build.name = build.name or build.image_name
    if build.server_host != before.server[0]:
        build.server_client_key_encrypted = ""  # it was given for another host
    if draft.server_client_key:
        build.server_client_key_encrypted = encrypt(draft.server_client_key)


def _check(
    build: Build,
    draft: BuildDraft,
    steps: Sequence[Step],
    stored: Sequence[BuildStep],
    *,
    callback_url: str,
    server_changed: bool,
) -> None:
    """Raise `Invalid` with every field error, else with what has a code of its own."""
    host_paths = host_paths_for(steps, build.server_host, account_id=build.account_id)
    found = [
        *build_errors(build),
        *(tls_errors(build) if server_changed else ()),
        *step_errors(steps, stored, host_paths, path=draft.steps_name),
        *callback_errors(callback_url),
    ]
    refuse([told_of_all(error, draft.steps_name) for error in joined(draft.errors, found)])


def _check_limit(account: Account) -> None:
    # Locked, so that two at the same moment count each other; without the key, so that no new run waits for it.
    limit = Account.objects.select_for_update(no_key=True).get(pk=account.pk).build_limit
    if limit is None:
        return
    if Build.objects.filter(account=account, removed_at=None).count() >= limit:
        sentence = f"This account may have {limit} builds and has them all; remove one, or ask for more."
        raise Refused(sentence, code=ErrorCode.BUILD_LIMIT)


def _save(build: Build) -> None:
    taken = Refused(
        f"Another build of this account makes the image {build.image_name}; choose another image name.",
        code=ErrorCode.IMAGE_NAME_TAKEN,
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
