"""A build from an exported file: it fills the form, and what the form has no field for goes along unseen.

The form carries that as JSON, of which nothing is trusted: it is read as a body is, and what is wrong is left out.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from builds.contract.builds import BuildAdd
from builds.domain.definition import Step
from builds.domain.states import StepType
from builds.domain.steps.checks import unstorable
from builds.domain.steps.kinds import tidy_config
from builds.domain.strict_json import NotStrict, has_utf8, read_object
from builds.pages.forms import BuildForm
from builds.pages.screens.source import SourceSteps, source_steps
from builds.services.builds.bodies import read_build
from builds.services.builds.edit import BuildDraft, StepDraft

STEPS: Final = "buildSteps"
SHOWN_NOWHERE: Final = ("registryProjectId",)  # by no field of the form
COLUMNS: Final = {name: str(field.source) for name, field in BuildAdd().fields.items() if name in SHOWN_NOWHERE}


@dataclass(frozen=True, slots=True)
class Carried:
    """What goes along with the form; `text` is how the form carries it, empty for a build that was not imported."""

    text: str = ""
    draft: BuildDraft = field(default_factory=BuildDraft)

    @property
    def source(self) -> SourceSteps:
        """Return which of the steps the form edits."""
        steps = [(StepType(step.step_type), step) for step in self.draft.steps or ()]
        return source_steps(
            [Step(kind, step.order or 0, step.use, tidy_config(kind, step.config)) for kind, step in steps]
        )

    def complete(self, draft: BuildDraft) -> BuildDraft:
        """Return what the form says together with what goes along."""
        if not self.text:
            return draft
        others = [
            StepDraft(step.step_type, order=step.order or None, use=step.use, config=step.config)
            for step in self.source.others
        ]
        settings: Any = {column: getattr(self.draft, column) for column in COLUMNS.values()}
        return replace(draft, **settings, steps=(*others, *(draft.steps or ())))


def imported_form(definition: Mapping[str, Any]) -> tuple[BuildForm, Carried]:
    """Return the form that an exported definition (a BuildAdd) fills, and what goes along with it."""
    carried = read_carried(json.dumps({name: definition.get(name) for name in (*COLUMNS, STEPS)}))
    plain = {name: value for name, value in definition.items() if isinstance(value, str | int)}
    shown = {name: value for name, value in plain.items() if unstorable(value) is None}
    return BuildForm.filled(shown, carried.source), carried


def read_carried(text: str) -> Carried:
    """Read what a form carries."""
    try:
        found = read_object(text.encode("utf-8", "surrogatepass"))
    except NotStrict:
        return Carried()
    if not isinstance(found.get(STEPS), list) or not has_utf8(found):
        return Carried()
    return Carried(text, read_build(BuildAdd, found))
