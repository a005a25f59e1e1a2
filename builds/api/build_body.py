"""BuildAdd, the body of create and edit, as a `BuildDraft`. Rules are the services'.

Types are checked here, all that a definition means in services/builds/edit.py; `submit` tells both kinds of errors at
once.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

from django.db import transaction

from builds.api.fields import Fields
from builds.contract.steps import CONFIG_KEYS, FILLED
from builds.domain.error_codes import ErrorCode
from builds.domain.errors import FieldError, Invalid, Refused
from builds.domain.states import StepType
from builds.domain.steps.kinds import api_name
from builds.domain.tags import AutoTagSeqType
from builds.models import Build
from builds.services.builds.edit import BuildDraft, StepDraft

T = TypeVar("T")
STEP_WORDS: Final = [kind.value for kind in StepType if kind not in (StepType.CANCEL, StepType.DELETE)]
STEP_NAMES: Final = ("buildSteps", "buildStepRuns")  # the name and its alias
STEP_PATH: Final = re.compile(r"buildSteps\[(\d+)\]")
LONGEST_PEM: Final = 64 * 1024  # characters
# Whose refusals come before those of fields: who may not do it, or may not know of it, learns nothing more.
FIRST_CODES: Final = (ErrorCode.NO_RIGHT, ErrorCode.NOT_FOUND)


@dataclass(frozen=True, slots=True)
class BuildBody:
    """What was read: the draft, what is wrong with types, and where in the body each step stands."""

    draft: BuildDraft
    errors: list[FieldError]
    step_indexes: tuple[int, ...]
    steps_name: str = "buildSteps"


def read_build(body: Mapping[str, Any], *, edit: bool) -> BuildBody:
    """Read a BuildAdd; unknown keys are ignored. `edit`: the body of a PUT, else of a POST."""
    fields = Fields(body)
    wanted = "U" if edit else "N"
    if fields.text("editType") != wanted and not any(error.field == "editType" for error in fields.errors):
        fields.refuse("editType", f'Give editType "{wanted}": N is for POST (create), U for PUT (edit).')
    steps_name = next((name for name in STEP_NAMES if body.get(name) is not None), STEP_NAMES[0])
    given = fields.values.get(steps_name)
    if not isinstance(given, list) or not given:
        fields.refuse(steps_name, f"{steps_name} has to be a list with at least one step.")
        given = []
    read = [(at, _read_step(value, f"{steps_name}[{at}]", fields, edit=edit)) for at, value in enumerate(given)]
    steps = [(at, step) for at, step in read if step is not None and step.step_type != StepType.INIT]
    draft = BuildDraft(
        account_id=fields.number("accountSeq", least=1),
        name=fields.text("buildName", most=Build.longest("name")),
        description=fields.text("buildDesc", "description", most=Build.longest("description")),
        project=fields.text("registryName", most=Build.longest("project")),
        registry_project_id=fields.number("registryProjectId"),
        external_registry_seq=fields.number("externalRegistrySeq"),
        image_name=fields.text("imageName", most=Build.longest("image_name")),
        auto_tag=fields.yes_no("autotagUseYn"),
        auto_tag_prefix=fields.text("autotagPrefix", most=Build.longest("auto_tag_prefix")),
        auto_tag_sequence=fields.word("autotagSeqType", ["", *AutoTagSeqType]),
        tag_name=fields.text("tagName", most=Build.longest("tag_name")),
        server_host=fields.text("buildServerHost", most=Build.longest("server_host")),
        server_tls_verify=fields.yes_no("buildServerTlsVerify"),
        server_ca_cert=fields.text("buildServerCacrt", most=LONGEST_PEM),
        server_client_cert=fields.text("buildServerClientCert", most=LONGEST_PEM),
        server_client_key=fields.text("buildServerClientKey", most=LONGEST_PEM),
        when_running=fields.text("whenRunning"),
        time_limit_seconds=fields.number("timeLimitSec"),
        queue_limit_seconds=fields.number("queueLimitSec"),
        max_attempts=fields.number("maxAttempts"),
        steps=tuple(step for _, step in steps),
    )
    return BuildBody(draft, fields.errors, tuple(index for index, _ in steps), steps_name)


def submit(body: BuildBody, act: Callable[[BuildDraft], T], stored_steps: Sequence[int] = ()) -> T:
    """Return what `act` makes of the draft; where types are wrong it is tried and undone, to tell all errors at once.

    `stored_steps` are the numbers of a stored build's steps in order. Raises `Invalid` with the body's paths.
    """
    try:
        with transaction.atomic():
            done = act(body.draft)
            _refuse_types(body)
            return done
    except Invalid as refused:
        raise Invalid(_joined(body, refused.errors, stored_steps)) from refused
    except Refused as refused:
        if body.errors and refused.code not in FIRST_CODES:
            raise Invalid(body.errors) from refused
        raise


def _refuse_types(body: BuildBody) -> None:
    if body.errors:
        raise Invalid(body.errors)


def _joined(body: BuildBody, found: Sequence[FieldError], stored_steps: Sequence[int]) -> list[FieldError]:
    """Join errors of types and of rules: of one field the former, since the latter were about its absence."""
    if not body.errors or found is body.errors:
        return [_in_body(error, body, stored_steps) for error in found]
    known = {error.field for error in body.errors}
    if any(error.field.startswith(body.steps_name) for error in body.errors):
        known.add(body.steps_name)  # "no step" would be said of steps that could not be read
    rules = [_in_body(error, body, stored_steps) for error in found if error.code == body.errors[0].code]
    return body.errors + [error for error in rules if error.field not in known]


def _in_body(error: FieldError, body: BuildBody, stored_steps: Sequence[int]) -> FieldError:
    """Name a step by its place in the body: the services count without INIT, and a stored build's steps first."""
    match = STEP_PATH.match(error.field)
    if match is None:
        return replace(error, field=body.steps_name) if error.field == "buildSteps" else error
    index, tail = int(match[1]), error.field[match.end() :]
    place = _places(body, stored_steps).get(index)
    if place is not None:
        return replace(error, field=f"{body.steps_name}[{place}]{tail}")
    if index >= len(stored_steps):
        return error
    unlisted = f"Step {stored_steps[index]}, which this body does not list, {tail.lstrip('.')}: {error.message}"
    return replace(error, field=body.steps_name, message=unlisted)


def _places(body: BuildBody, stored_steps: Sequence[int]) -> dict[int, int]:
    places: dict[int, int] = {}
    added = len(stored_steps)
    for index, step in zip(body.step_indexes, body.draft.steps or (), strict=True):
        if step.seq in stored_steps:
            places[stored_steps.index(step.seq)] = index
        else:
            places[added] = index
            added += 1
    return places


def _read_step(value: object, path: str, fields: Fields, *, edit: bool) -> StepDraft | None:
    """Read one step; None where it cannot be told what kind of step it is."""
    if not isinstance(value, Mapping):
        fields.errors.append(FieldError(path, "A step has to be an object, such as {}."))
        return None
    step = Fields(value, fields.errors, path)
    config = Fields(step.part("buildStepConfig") or {}, fields.errors, step.at("buildStepConfig"))
    holder = config if step.values.get("stepType") is None and config.values.get("stepType") is not None else step
    kind = holder.word("stepType", STEP_WORDS)
    if kind is None:
        if not any(error.field == holder.at("stepType") for error in fields.errors):
            step.refuse("stepType", f"Give stepType, one of {', '.join(STEP_WORDS)}.")
        return None
    return StepDraft(
        step_type=kind,
        order=step.number("stepOrder"),
        use=step.flag("useFlag") is not False,
        config=read_config(StepType(kind), config),
        seq=step.number("buildStepSeq") if edit else None,
    )


# Fields of the public API that would be taken and do nothing: refused as long as that is so.
UNBUILT: Final[Mapping[StepType, Sequence[str]]] = {StepType.CREATE_IMAGE: ("cacheFrom", "extraTags", "sshKey")}


def read_config(kind: StepType, config: Fields) -> dict[str, Any]:
    """Return the known fields of a step's config under the stored keys; what is not executed yet is refused."""
    read: dict[str, Any] = {}
    for key in CONFIG_KEYS[kind]:
        value = config.values.get(api_name(key))
        if value is None or (kind is StepType.CREATE_IMAGE and key in FILLED):
            continue
        read[key] = _stored(value)
    for name in UNBUILT.get(kind, ()):
        if config.values.get(name):
            config.refuse(name, f"{name} is not executed by this version yet; leave it out.")
    return read


def _stored(value: Any) -> Any:
    """Return a value with the keys of its objects as they are stored (`containerPath`: `container_path`)."""
    if isinstance(value, list):
        return [_stored(item) for item in value]
    if isinstance(value, Mapping):
        return {re.sub("(?<=.)([A-Z])", r"_\1", key).lower(): _stored(item) for key, item in value.items()}
    return value
