"""What the caller of a run may ask for, and how it goes into the run's own copy of the steps (ADR 0016)."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from builds.domain import tags
from builds.domain.definition import Parameters, Step
from builds.domain.errors import FieldError, Invalid
from builds.domain.states import StepType
from builds.domain.steps.kinds import validate_steps
from builds.services.builds.definitions import callback_errors

if TYPE_CHECKING:
    from builds.services.builds.definitions import StepDraft

LONGEST_DESCRIPTION: Final = 1000  # characters
# Where the rules of a step find fault with a parameter: part of the path, and the parameter that put it there.
PARAMETER_PATHS: Final = (("branchName", "branchName"), ("buildArgs", "buildArg"), ("noCache", "noCache"))


@dataclass(frozen=True, slots=True)
class RunAsk:
    """The query of POST run, all optional; `steps` are those of a run with steps once, as in a `BuildDraft`."""

    tag_name: str | None = None
    description: str = ""
    callback_url: str = ""
    branch_name: str = ""
    no_cache: bool = False
    build_args: tuple[tuple[str, str], ...] = ()
    context_id: int | None = None
    steps: "Sequence[StepDraft] | None" = None
    steps_name: str = "buildSteps"
    errors: Sequence[FieldError] = ()

    @property
    def parameters(self) -> Parameters:
        """Return what the definition keeps of them."""
        return Parameters(self.branch_name, self.no_cache, self.build_args)


def steps_with(steps: Sequence[Step], ask: RunAsk) -> list[Step]:
    """Return the run's own steps, the parameters merged in; raises `Invalid` with everything that is wrong with `ask`.

    Build arguments are allowed where the image step in use lists their names; what a step's rules refuse of a
    parameter is told under the parameter's name.
    """
    errors = list(_errors(steps, ask))
    merged = [_with(step, ask) for step in steps]
    if not errors and ask.parameters:  # all else is as valid as it was
        found = validate_steps(merged)
        errors = [
            replace(error, field=name) for error in found for part, name in PARAMETER_PATHS if part in error.field
        ]
    errors += callback_errors(ask.callback_url)
    if errors:
        raise Invalid(errors)
    return merged


def check_callback(callback_url: str) -> None:
    """Raise `Invalid` on `callbackUrl` unless every address in it may be called."""
    if errors := callback_errors(callback_url):
        raise Invalid(errors)


def _errors(steps: Sequence[Step], ask: RunAsk) -> Iterator[FieldError]:
    """Yield what is wrong with single parameters, and with those that the steps do not take."""
    if ask.tag_name and (sentence := tags.check_tag(ask.tag_name)):
        yield FieldError("tagName", sentence)
    if len(ask.description) > LONGEST_DESCRIPTION or "\x00" in ask.description:
        yield FieldError("description", "The description may have up to 1,000 characters and no NUL.")
    if ask.branch_name and not _used(steps, StepType.CODE_DOWN):
        yield FieldError("branchName", "No step in use of this build downloads code; leave branchName out.")
    yield from _argument_errors(steps, ask)


def _argument_errors(steps: Sequence[Step], ask: RunAsk) -> Iterator[FieldError]:
    """Yield what is wrong with build arguments: names that the image step does not list, and doubles."""
    # What the image step in use lists; reserved names never get into a definition.
    listed = [pair for step in _used(steps, StepType.CREATE_IMAGE) for pair in step.config.get("build_args") or ()]
    allowed = [str(pair["key"]) for pair in listed]
    for name, times in Counter(name for name, _ in ask.build_args).items():
        if name not in allowed and not listed:
            sentence = (
                f"This build takes no build argument; leave {name[:100]} out, or list it in its image step first."
            )
            yield FieldError("buildArg", sentence)
        elif name not in allowed:
            which = ", ".join(allowed)
            sentence = f"The build argument {name[:100]} is not open to callers; this build allows {which}."
            yield FieldError("buildArg", sentence)
        elif times > 1:
            yield FieldError("buildArg", f"{name} is given {times} times; give it once.")


def _with(step: Step, ask: RunAsk) -> Step:
    """Return a step with the parameters that concern it."""
    if not step.use:
        return step
    if step.step_type is StepType.CODE_DOWN and ask.branch_name:
        return replace(step, config={**step.config, "branch_name": ask.branch_name})
    if step.step_type is not StepType.CREATE_IMAGE:
        return step
    changes: dict[str, Any] = {"no_cache": True} if ask.no_cache else {}
    if ask.build_args:
        given = dict(ask.build_args)
        listed = step.config.get("build_args") or ()
        changes["build_args"] = [{**pair, "value": given.get(pair["key"], pair.get("value"))} for pair in listed]
    return replace(step, config={**step.config, **changes})


def _used(steps: Sequence[Step], step_type: StepType) -> list[Step]:
    return [step for step in steps if step.use and step.step_type is step_type]
