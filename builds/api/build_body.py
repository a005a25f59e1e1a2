"""BuildAdd, the body of create and edit, as a `BuildDraft`. Rules are the services'.

Types are checked here, all that a definition means in services/builds/edit.py; `submit` tells both kinds of errors at
once.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

from django.db import transaction

from builds.api.bodies import read_body
from builds.contract.builds import BuildSteps
from builds.domain.error_codes import ErrorCode
from builds.domain.errors import FieldError, Invalid, Refused
from builds.domain.states import StepType
from builds.services.builds.edit import BuildDraft, StepDraft

T = TypeVar("T")
STEP_NAMES: Final = ("buildSteps", "buildStepRuns")  # the name and its alias
STEP_PATH: Final = re.compile(r"buildSteps\[(\d+)\]")
# Whose refusals come before those of fields: who may not do it, or may not know of it, learns nothing more.
FIRST_CODES: Final = (ErrorCode.NO_RIGHT, ErrorCode.NOT_FOUND)


@dataclass(frozen=True, slots=True)
class BuildBody:
    """What was read: the draft, what is wrong with types, and where in the body each step stands."""

    draft: BuildDraft
    errors: list[FieldError]
    step_indexes: tuple[int, ...]
    steps_name: str = "buildSteps"


def read_build(model: type[BuildSteps], body: Mapping[str, Any], *, is_new: bool = False) -> BuildBody:
    """Read a BuildAdd or RunSteps; INIT steps are left out. `is_new`: the body of a POST, else of a PUT."""
    given, errors = read_body(model, body, is_new=is_new)
    given.pop("edit_type", None)
    listed = given.pop("ordered_steps", ())
    places = tuple(at for at, step in enumerate(listed) if step.get("step_type") not in (None, StepType.INIT))
    steps_name = next((name for name in STEP_NAMES if body.get(name) is not None), STEP_NAMES[0])
    draft = BuildDraft(**given, steps=tuple(StepDraft(**listed[at]) for at in places))
    return BuildBody(draft, errors, places, steps_name)


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
        if step.pk in stored_steps:
            places[stored_steps.index(step.pk)] = index
        else:
            places[added] = index
            added += 1
    return places
