"""A build from an exported file: it fills the form, and what the form has no field for goes along unseen.

The form carries that as JSON, of which nothing is trusted: kinds of values are checked here, their meaning by the
services, as of any body.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from builds.contract.configs import stored_config
from builds.domain.definition import Step
from builds.domain.states import StepType
from builds.pages.forms import BuildForm
from builds.pages.screens.source import SourceSteps, source_steps
from builds.pages.screens.steps import KINDS
from builds.services.builds.edit import BuildDraft, StepDraft

STEPS: Final = "buildSteps"
UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")
# what a build has beside the form's fields: name at the API, name of the draft, kind of value
CARRIED_TEXTS: Final = {
    "buildServerHost": "server_host",
    "buildServerCacrt": "server_ca_cert",
    "buildServerClientCert": "server_client_cert",
}
CARRIED_NUMBERS: Final = {"externalRegistrySeq": "registry_id", "registryProjectId": "registry_project_id"}
CARRIED: Final = (*CARRIED_TEXTS, *CARRIED_NUMBERS, "buildServerTlsVerify", STEPS)


@dataclass(frozen=True, slots=True)
class Carried:
    """What goes along with the form; `text` is how the form carries it, empty for a build that was not imported."""

    text: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    steps: tuple[StepDraft, ...] = ()

    @property
    def source(self) -> SourceSteps:
        """Return which of the steps the form edits."""
        return source_steps([Step(StepType(s.step_type), s.order or 0, s.use, s.config) for s in self.steps])

    def complete(self, draft: BuildDraft) -> BuildDraft:
        """Return what the form says together with what goes along."""
        if not self.text:
            return draft
        others = [
            StepDraft(step.step_type, order=step.order or None, use=step.use, config=step.config)
            for step in self.source.others
        ]
        return replace(draft, **self.settings, steps=(*others, *(draft.steps or ())))


def imported_form(definition: Mapping[str, Any]) -> tuple[BuildForm, Carried]:
    """Return the form that an exported definition (a BuildAdd) fills, and what goes along with it."""
    carried = read_carried(json.dumps({name: definition.get(name) for name in CARRIED}))
    values = {name: _text(value) if isinstance(value, str) else _number(value) for name, value in definition.items()}
    return BuildForm.filled(values, carried.source), carried


def read_carried(text: str) -> Carried:
    """Read what a form carries; what is not of the kind that it has to be is left out."""
    try:
        found = json.loads(text) if text else None
        if not isinstance(found, Mapping) or not isinstance(found.get(STEPS), list):
            return Carried()
        steps = [step for value in found[STEPS] if (step := _step(value)) is not None]
    except (ValueError, RecursionError):
        return Carried()
    settings: dict[str, Any] = {draft: _text(found.get(name)) for name, draft in CARRIED_TEXTS.items()}
    settings |= {draft: _number(found.get(name)) for name, draft in CARRIED_NUMBERS.items()}
    settings["server_tls_verify"] = found.get("buildServerTlsVerify") == "Y"
    return Carried(text, settings, tuple(steps))


def _step(value: object) -> StepDraft | None:
    """Return one step, None for a kind that users do not configure."""
    if not isinstance(value, Mapping) or value.get("stepType") not in KINDS:
        return None
    kind = StepType(value["stepType"])
    config = value.get("buildStepConfig")
    return StepDraft(
        step_type=kind,
        order=_number(value.get("stepOrder")),
        use=value.get("useFlag") is not False,
        config=stored_config(kind, config) if isinstance(config, Mapping) else {},
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and not UNSTORABLE.search(value) else None


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**31 else None
