"""The form "Build with parameters": what one press may set for its run alone."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from django.http import QueryDict

from builds.domain.definition import Step
from builds.domain.errors import Invalid, Refused
from builds.domain.states import StepType
from builds.pages import labels as names
from builds.pages.form_values import TypedForm
from builds.pages.screens.source import image_step
from builds.services.runs.parameters import RunAsk

TEXTS: Final = ("tagName", "description", "callbackUrl", "branchName", "noCache")
ARGUMENT: Final = "buildArg:"  # leads the name of an argument in names of fields
LONGEST_ARGUMENTS: Final = 200


@dataclass(frozen=True, slots=True)
class Argument:
    """A build argument that the build allows, with its value."""

    key: str
    value: str

    @property
    def name(self) -> str:
        """Return the name of its field."""
        return ARGUMENT + self.key


@dataclass(slots=True)
class PressForm(TypedForm):
    """What may be given with a press; `is_open` once something of it was refused."""

    labels: Mapping[str, str] = field(default_factory=lambda: names.PRESS)
    arguments: Sequence[Argument] = ()
    has_code: bool = False
    is_open: bool = False

    def take(self, refused: Refused) -> None:
        """Put what is refused of the parameters beside their fields, and open the form where there is such a thing."""
        if isinstance(refused, Invalid):
            self.refuse(refused.errors)
        self.is_open = any(problem.field and problem.field != "tagName" for problem in self.problems)


def press_form(steps: Sequence[Step], sent: QueryDict | None = None) -> PressForm:
    """Return the form of a build with these steps, with what was sent where something was refused."""
    stored = stored_arguments(image_step(steps))
    data = sent if sent is not None else QueryDict()
    return PressForm(
        values={name: data.get(name, "") for name in TEXTS},
        arguments=[Argument(one.key, data.get(one.name, one.value)) for one in stored],
        has_code=any(step.step_type == StepType.CODE_DOWN and step.use for step in steps),
    )


def press_ask(steps: Iterable[Step], sent: QueryDict) -> RunAsk:
    """Return what a press asks for: of the arguments only those that differ from the build's own."""
    stored = stored_arguments(image_step(list(steps)))
    changed = [(one.key, typed) for one in stored if (typed := sent.get(one.name, one.value)) != one.value]
    return RunAsk(
        tag_name=sent.get("tagName", "").strip() or None,
        description=sent.get("description", "").replace("\r\n", "\n"),
        callback_url=sent.get("callbackUrl", "").strip(),
        branch_name=sent.get("branchName", "").strip(),
        no_cache=bool(sent.get("noCache")),
        build_args=tuple(changed),
    )


def stored_arguments(step: Step | None) -> list[Argument]:
    """Return the arguments that the image step names: the ones that a press may set."""
    rows: Any = (step.config.get("build_args") if step else None) or []
    return [Argument(str(row["key"]), str(row.get("value") or "")) for row in rows[:LONGEST_ARGUMENTS]]
