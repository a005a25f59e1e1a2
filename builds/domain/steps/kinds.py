"""The steps of a build: kinds, fields and what makes them valid, each error with the path of its field.

Config keys are snake_case here; `api_name` gives the API's name. What a kind's fields mean stands in its own file;
`KINDS` joins them. What steps do: docs/contract.md, "Step configurations".
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from builds.domain.definition import Step
from builds.domain.error_codes import ErrorCode
from builds.domain.errors import FieldError
from builds.domain.states import StepType
from builds.domain.steps import code_down, create_image, ftp, http, shell, user_task
from builds.domain.steps.checks import TITLE_CHECKS, Kind, StepFacts, Values, text, unstorable
from builds.domain.steps.create_image import LOGIN_HOST

MOST_STEPS: Final = 64  # of a build

API_NAMES: Final = {"docker_volume_mount_vo_list": "dockerVolumeMountVOList"}  # the one that no rule gives
PASSWORD_IN_URL: Final = re.compile(r"((?:[^:/?#]*://)?)[^/?#@]*:[^/?#]*@")
# Null in answers. What is stored of `OF_A_PLACE` is for one host or address only.
SECRETS: Final = frozenset({"password", "login_id", "private_key", "private_certificate", "ssh_key"})
OF_A_PLACE: Final = SECRETS - {"ssh_key"} | {LOGIN_HOST}
KINDS: Final[Mapping[StepType, Kind]] = {
    StepType.CODE_DOWN: code_down.KIND,
    StepType.USER_TASK: user_task.KIND,
    StepType.FTP: ftp.KIND,
    StepType.HTTP: http.KIND,
    StepType.SHELL: shell.KIND,
    StepType.CREATE_IMAGE: create_image.KIND,
}
OWN_TITLES: Final = {StepType.INIT: "init"}  # of the steps that BuildHub adds by itself


def without_password(url: str) -> str:
    """Return an address without the user and password in it, where it has a password; such a one is refused."""
    return PASSWORD_IN_URL.sub(r"\1", url, count=1) if PASSWORD_IN_URL.match(url) else url


def default_title(step_type: StepType) -> str:
    """Return the title of a step that was given none."""
    title = KINDS[step_type].title if step_type in KINDS else OWN_TITLES.get(step_type)
    return title or step_type.value.capitalize()


def shown_title(step_type: StepType, config: Values) -> str:
    """Return the title that a step was given, else that of its kind."""
    return str(config.get("step_title") or default_title(step_type))


def api_name(name: str) -> str:
    """Return the API's camelCase name of a config key (`docker_file_type`: `dockerFileType`)."""
    first, *others = name.split("_")
    return API_NAMES.get(name) or first + "".join(word.capitalize() for word in others)


def tidy_config(step_type: StepType, config: Values) -> dict[str, Any]:
    """Return a config in the form in which it is stored, whatever is in it; null is the same as absent."""
    values = {key: value for key, value in config.items() if value is not None}
    return KINDS[step_type].tidy(values) if step_type in KINDS else values


def validate_steps(
    steps: Sequence[Step], *, path: str = "buildSteps", host_paths: Sequence[str] | None = None
) -> list[FieldError]:
    """Return all that is wrong with `steps`, by their own paths, else their places in `path`.

    Steps that are out of use are only kept from holding what cannot be stored. The rule with a code of its own
    (exactly one used CREATE_IMAGE) is looked at only when no field is wrong. `host_paths` are the paths of the build
    server's disk that user tasks may mount; None: not looked at.
    """
    if not steps:
        return [FieldError(path, "A build needs at least one step; add a CREATE_IMAGE step.")]
    if len(steps) > MOST_STEPS:
        return [FieldError(path, f"A build has at most {MOST_STEPS} steps and this one has {len(steps)}; join some.")]
    errors = [
        error for at, step in enumerate(steps) for error in _step_errors(step, step.path or f"{path}[{at}]", host_paths)
    ]
    used = sum(step.use and step.step_type is StepType.CREATE_IMAGE for step in steps)
    if errors or used == 1:
        return errors
    remedy = "add one." if not used else "take the others out of use."
    sentence = f"A build needs exactly one CREATE_IMAGE step in use and this one has {used}; {remedy}"
    return [FieldError(path, sentence, ErrorCode.NOT_ONE_IMAGE_STEP)]


def _step_errors(step: Step, path: str, host_paths: Sequence[str] | None) -> list[FieldError]:
    at = f"{path}.buildStepConfig"
    if (bad := unstorable(step.written)) is not None:
        sentence = "This text holds a NUL or half of a surrogate pair, which cannot be stored; remove it."
        return [FieldError(f"{at}{_api_path(bad)}", sentence)]
    if step.step_type is StepType.INIT:
        return []
    if step.step_type not in KINDS:
        sentence = f"{step.step_type} is a step that BuildHub adds by itself; remove it from the definition."
        return [FieldError(f"{path}.stepType", sentence)] if step.use else []
    found = _problems(step, host_paths) if step.use else _secret_problems(step.written)
    return [FieldError(f"{at}.{_api_path(key)}", sentence) for key, sentence in found]


def _problems(step: Step, host_paths: Sequence[str] | None) -> Iterator[tuple[str, str]]:
    """Yield (key, sentence) for each thing that is wrong with a config; fields together only where each is sound."""
    kind = KINDS[step.step_type]
    values: Values = {key: value for key, value in step.written.items() if value is not None}  # null: absent
    found = [
        (f"{key}{tail}", sentence)
        for key, check in {**TITLE_CHECKS, **kind.checks}.items()
        if key in values
        for tail, sentence in check(values[key])
    ]
    wrong = {re.split(r"[.\[]", key)[0] for key, _ in found}
    sound = {key: value for key, value in values.items() if key not in wrong}
    together = kind.problems(sound, StepFacts(step.kept, host_paths))
    yield from found
    yield from ((key, sentence) for key, sentence in together if re.split(r"[.\[]", key)[0] not in wrong)


def _secret_problems(config: Values) -> Iterator[tuple[str, str]]:
    """Yield what keeps the secrets of a step that is out of use from being stored."""
    for key in sorted(SECRETS & config.keys()):
        if config[key] is not None:
            yield from ((key, sentence) for _, sentence in text(config[key]))
    for key in ("repository_url", "url"):
        if PASSWORD_IN_URL.match(str(config.get(key) or "")):
            yield key, "Leave user and password out of the address; there are fields of their own for them."


def _api_path(path: str) -> str:
    """Return a path of config keys, such as `build_args[0].key`, in the API's names."""
    return re.sub(r"[^.\[\]]+", lambda match: api_name(match[0]), path)
