"""Steps of a build in words: for those that pages show and do not edit."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from builds.domain.definition import Step
from builds.domain.states import StepType
from builds.domain.steps.kinds import default_title
from builds.models.build import USER_STEPS

KINDS: Final[Mapping[StepType, str]] = {kind: default_title(kind) for kind in USER_STEPS if kind is not StepType.INIT}
LONGEST: Final = 120


@dataclass(frozen=True, slots=True)
class StepWords:
    """One step: its kind, its title, and the one fact that tells what it does."""

    order: int
    kind: str
    title: str
    fact: str
    in_use: bool


def step_words(step: Step) -> StepWords:
    """Return a step in words. None of its facts is a secret: those are not in its config."""
    return StepWords(
        order=step.order,
        kind=KINDS[step.step_type],
        title=str(step.config.get("step_title") or ""),
        fact=_fact(step.step_type, step.config)[:LONGEST],
        in_use=step.use,
    )


def _fact(kind: StepType, config: Mapping[str, Any]) -> str:
    match kind:
        case StepType.CODE_DOWN:
            return " ".join(str(config.get(name) or "") for name in ("repository_url", "branch_name"))
        case StepType.USER_TASK:
            return f"{config.get('image_name') or ''}:{config.get('image_tag') or 'latest'}"
        case StepType.HTTP:
            return f"{config.get('http_mode') or ''} {str(config.get('url') or '').partition('?')[0]}"
        case StepType.FTP:
            return f"{config.get('ftp_exec_type') or ''} {config.get('url') or ''}"
        case StepType.SHELL:
            return (str(config.get("command") or "").strip().splitlines() or [""])[0]
        case _:
            return str(config.get("docker_file_path") or "")
