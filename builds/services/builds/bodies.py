"""A definition as programs and files write it, read as the draft that the services take."""

from collections.abc import Mapping
from typing import Any, Final

from builds.contract.bodies import read_body
from builds.contract.builds import BuildSteps
from builds.services.builds.edit import BuildDraft, StepDraft

STEP_NAMES: Final = ("buildSteps", *BuildSteps.aliases)  # the name and its alias


def read_build(model: type[BuildSteps], body: Mapping[str, Any], **context: Any) -> BuildDraft:
    """Return a BuildAdd or RunSteps as a draft; of the steps only those that have a stepType."""
    given, errors = read_body(model, body, **context)
    given.pop("edit_type", None)
    name = next((name for name in STEP_NAMES if body.get(name) is not None), STEP_NAMES[0])
    listed = enumerate(given.pop("ordered_steps", ()))
    steps = [StepDraft(**step, path=f"{name}[{at}]") for at, step in listed if step.get("step_type")]
    return BuildDraft(**given, steps=steps, steps_name=name, errors=errors)
