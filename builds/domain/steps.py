"""The steps of a build: kinds, fields and what makes them valid, each error with the path of its field.

Config keys are snake_case here; `api_name` gives the API's name. Source: build-api.md, sections 4, 5 and 7.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from builds.domain.states import StepType
from builds.domain.step_fields import CREATE_IMAGE_CHECKS, TITLE_CHECKS, Problems, Values, unstorable

INVALID: Final = "CCCM1004000"
NOT_ONE_IMAGE_STEP: Final = "CCBD1011000"
MOST_STEPS: Final = 64  # surface.md, "Limits"

API_NAMES: Final = {"docker_volume_mount_vo_list": "dockerVolumeMountVOList"}  # the one that no rule gives
TITLES: Final = {StepType.INIT: "init", StepType.CREATE_IMAGE: "Build & Push"}
LATER: Final = (StepType.CODE_DOWN, StepType.USER_TASK, StepType.FTP, StepType.HTTP, StepType.SHELL)


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one field: its path in the API's names, a sentence with the remedy, and an error code."""

    field: str
    message: str
    code: str = INVALID


@dataclass(frozen=True, slots=True)
class StepDefinition:
    """One step as the user wrote it; `use` False takes it out of the run without losing it."""

    step_type: StepType
    order: int
    use: bool = True
    config: Mapping[str, object] = field(default_factory=dict)


INIT_STEP: Final = StepDefinition(StepType.INIT, 0, use=True, config={"step_title": TITLES[StepType.INIT]})


def default_title(step_type: StepType) -> str:
    """Return the title of a step that was given none."""
    return TITLES.get(step_type) or step_type.value.replace("_", " ").capitalize()


def api_name(name: str) -> str:
    """Return the API's camelCase name of a config key (`docker_file_type`: `dockerFileType`)."""
    first, *others = name.split("_")
    return API_NAMES.get(name) or first + "".join(word.capitalize() for word in others)


def validate_steps(steps: Sequence[StepDefinition], *, path: str = "buildSteps") -> list[FieldError]:
    """Return all that is wrong with `steps`, which stand at `path` of a body; empty when they can be executed.

    Steps that are out of use are only kept from holding what cannot be stored. The rule with a code of its own
    (exactly one used CREATE_IMAGE) is looked at only when no field is wrong.
    """
    if not steps:
        return [FieldError(path, "A build needs at least one step; add a CREATE_IMAGE step.")]
    if len(steps) > MOST_STEPS:
        return [FieldError(path, f"A build has at most {MOST_STEPS} steps and this one has {len(steps)}; join some.")]
    errors = [error for index, step in enumerate(steps) for error in _step_errors(step, f"{path}[{index}]")]
    return errors or _image_step_errors(steps, path)


def _image_step_errors(steps: Sequence[StepDefinition], path: str) -> list[FieldError]:
    used = sum(step.use and step.step_type is StepType.CREATE_IMAGE for step in steps)
    if used == 1:
        return []
    sentence = f"A build needs exactly one CREATE_IMAGE step in use and this one has {used}; "
    return [
        FieldError(path, sentence + ("add one." if not used else "take the others out of use."), NOT_ONE_IMAGE_STEP)
    ]


def _step_errors(step: StepDefinition, path: str) -> list[FieldError]:
    at = f"{path}.buildStepConfig"
    if (bad := unstorable(step.config)) is not None:
        sentence = "This text holds a NUL or half of a surrogate pair, which cannot be stored; remove it."
        return [FieldError(f"{at}{_api_path(bad)}", sentence)]
    if not step.use or step.step_type is StepType.INIT:
        return []
    if step.step_type is not StepType.CREATE_IMAGE:
        return [FieldError(f"{path}.stepType", _not_executable(step.step_type))]
    return [FieldError(f"{at}.{_api_path(key)}", sentence) for key, sentence in _config_problems(step.config)]


def _not_executable(step_type: StepType) -> str:
    if step_type in LATER:
        return f"{step_type} steps are known but not executable yet in this version; take the step out of use."
    return f"{step_type} is a step that BuildHub adds by itself; remove it from the definition."


def _config_problems(config: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Yield (key, sentence) for each thing that is wrong with the config of a CREATE_IMAGE step."""
    values: Values = {key: value for key, value in config.items() if value is not None}  # null is the same as absent
    for key, check in {**TITLE_CHECKS, **CREATE_IMAGE_CHECKS}.items():
        if key in values:
            yield from _named(key, check(values[key]))
    if all(isinstance(values.get(key, ""), str) for key in ("docker_file_type", "docker_file", "docker_file_path")):
        yield from _source_problems(values)


def _source_problems(values: Values) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with where the Dockerfile comes from."""
    match values.get("docker_file_type") or "CONTENTS":
        case "CONTENTS" if not str(values.get("docker_file") or "").strip():
            yield "docker_file", "The Dockerfile is empty; write at least a FROM line."
        case "FILE_PATH":
            yield (
                "docker_file_type",
                "FILE_PATH needs a CODE_DOWN step, which this version does not execute yet; use CONTENTS.",
            )


def _named(key: str, problems: Problems) -> Iterator[tuple[str, str]]:
    for tail, sentence in problems:
        yield f"{key}{tail}", sentence


def _api_path(path: str) -> str:
    """Return a path of config keys, such as `build_args[0].key`, in the API's names."""
    return ".".join(api_name(part) for part in path.split("."))
