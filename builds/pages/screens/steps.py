"""Steps of a build in words: for those that pages show and do not edit."""

from dataclasses import dataclass
from typing import Final

from builds.domain.definition import Step
from builds.domain.steps.kinds import KINDS

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
        kind=KINDS[step.step_type].title,
        title=str(step.config.get("step_title") or ""),
        fact=KINDS[step.step_type].fact(step.config)[:LONGEST],
        in_use=step.use,
    )
