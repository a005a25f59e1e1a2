"""All steps of a build as one form: a row a step, whose fields are those of its kind."""

import re
from collections.abc import Container, Iterator, Mapping, Sequence
from copy import deepcopy
from typing import Any, Final, Self

from django import forms
from django.core.exceptions import SuspiciousOperation
from django.forms.formsets import TOTAL_FORM_COUNT, formset_factory
from django.http import QueryDict

from builds.contract.configs import SERIALIZERS
from builds.contract.steps import BuildStep
from builds.domain.definition import Step
from builds.domain.errors import FieldError, Refused
from builds.domain.states import StepType
from builds.domain.steps.code_down import COMMON_TYPES
from builds.domain.steps.kinds import KINDS, MOST_STEPS, SECRETS, without_password
from builds.pages.place_form import KEPT
from builds.pages.screens.source import repository_address, source_steps
from builds.pages.service_form import Lines, Number, ServiceForm, Text, Tick
from builds.pages.step_kinds_form import FIELDS, WORDS, Chosen, LineList
from builds.services.builds.edit import BuildDraft, StepDraft
from builds.services.builds.steps import secret_names

STEPS: Final = "buildSteps"  # leads the paths of errors
PREFIX: Final = "steps"
CONFIG: Final = "buildStepConfig"
PATH: Final = re.compile(rf"{STEPS}\[(\d+)\]\.(?:{CONFIG}\.)?(\w+)(?:\[(\d+)\])?")
LAST: Final = 2**31  # no order is higher
OF_ALL: Final[Mapping[str, Any]] = BuildStep().fields  # what steps of all kinds have


class StepForm(ServiceForm):
    """One step; `stored` are those of the build by number. Those `in_form` are edited in the build's own form."""

    buildStepSeq = Number(label="Number of the step", empty_value=None)
    stepType = Text(label="Kind of step", widget=forms.HiddenInput())
    stepTitle = Text(label="Title")
    stepOrder = Number(label="Order", help_text="From 1.", empty_value=None)
    useFlag = Tick(label="In use")
    stepDesc = Lines(label="Description", widget=forms.Textarea({"class": "input", "rows": 2}))

    def __init__(self, *args: Any, stored: Mapping[int, Step], in_form: Container[Step | None], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["buildStepSeq"].widget = forms.HiddenInput()
        seq = self.fields["buildStepSeq"].clean(self["buildStepSeq"].value())
        self.step = stored.get(seq)
        self.kind = self.step.step_type if self.step else kind_of(self["stepType"].value(), KINDS)
        self.fields["stepTitle"].help_text = f"Empty: {KINDS[self.kind].title}."
        self.config_keys = {name: str(field.source) for name, field in SERIALIZERS[self.kind].fields.items()}
        self.is_in_form = self.step is not None and self.step in in_form
        self.has_fields = self.kind in FIELDS and not self.is_in_form
        self.fields |= deepcopy(FIELDS[self.kind].base_fields) if self.has_fields else {}
        kept = frozenset[str]()
        if self.step:
            self.initial, kept = self._stored_values(self.step), secret_names(self.step)
        secrets = {name: key for name, key in self.config_keys.items() if key in SECRETS and name in self.fields}
        self.hint_secrets({name: KEPT if key in kept else "" for name, key in secrets.items()})

    def _stored_values(self, step: Step) -> dict[str, Any]:
        """Return what the fields show of a stored step; a choice that was never made is shown as such."""
        own = {"buildStepSeq": step.build_step_seq, "stepOrder": step.order, "useFlag": step.use}
        shown = {name: step.config.get(key) for name, key in self.config_keys.items() if name in self.fields}
        for name, field in self.fields.items():
            if isinstance(field, Chosen):
                shown[name] = stored = str(shown[name] or "")
                field.offer(stored)
        if "repositoryUrl" in shown:
            shown["repositoryUrl"] = repository_address(step.config)
            shown["commonType"] = shown["commonType"] or COMMON_TYPES[0]
        return {**own, "stepType": step.step_type.value, **shown}

    @property
    def order(self) -> int:
        """Return the place to be shown at: what is no order stands last."""
        try:
            return int(self["stepOrder"].value())
        except (TypeError, ValueError):
            return LAST

    @property
    def own_fields(self) -> Iterator[forms.BoundField]:
        """Return the fields of the kind."""
        yield from (self[name] for name in self.fields if name not in StepForm.base_fields)

    @property
    def fact(self) -> str:
        """Return what a step does that has no fields of its own here."""
        return KINDS[self.kind].fact(self.step.config) if self.step and not self.has_fields else ""

    def is_changed(self, name: str) -> bool:
        """Say whether a field differs from what is stored, which may be more than its field can show."""
        field = self.fields[name]
        shown = field.prepare_value(self.get_initial_for_field(field, name))
        return self.step is None or self.values[name] != field.clean(shown)

    def draft(self, path: str) -> StepDraft:
        """Return what the services take: what was not changed stays as it is stored."""
        stored = self.step.config if self.step else {}
        changed = {
            key: None if self.values[name] in ("", []) else self.values[name]
            for name, key in self.config_keys.items()
            if name in self.fields and self.is_changed(name)
        }
        if "repository_url" in changed:
            changed["protocol_type"] = None  # the address says it, else it is https
        return StepDraft(
            self.kind,
            order=self.values["stepOrder"],
            use=self.values["useFlag"],
            config={**stored, **changed},
            pk=self.values["buildStepSeq"],
            path=path,
        )

    def wrong_numbers(self, path: str) -> Iterator[FieldError]:
        """Yield the contract's sentence for each number that is none or out of its bounds."""
        for name in self.fields:
            value = self.values[name]
            if not isinstance(self.fields[name], Number) or value is None or not self.is_changed(name):
                continue
            of_kind: Mapping[str, Any] = SERIALIZERS[self.kind].fields
            known, at = (OF_ALL, path) if name in OF_ALL else (of_kind, f"{path}.{CONFIG}")
            if sentence := known[name].wrong(value):
                yield FieldError(f"{at}.{name}", f"“{self.fields[name].label}”{sentence.removeprefix(name)}")

    def sentence_of(self, name: str | None, error: FieldError) -> str:
        """Return what is said of an error: of one entry of a list with the number of its line."""
        found, field = PATH.match(error.field), self.fields.get(name or "")
        if not (found and found[3] and isinstance(field, LineList)):
            return super().sentence_of(name, error)
        return f"Line {field.line_of(self[str(name)].value(), int(found[3]))}: {error.message}"


ROWS: Final = formset_factory(StepForm, extra=0, max_num=2 * MOST_STEPS, absolute_max=2 * MOST_STEPS)


class StepsForm(ServiceForm):
    """The steps of a build in their order, and the choice of a kind to be added."""

    addType = Text(
        label="Kind of step",
        initial=next(iter(WORDS)).value,
        widget=forms.Select(choices=[(kind.value, KINDS[kind].title) for kind in WORDS]),
    )

    def __init__(self, steps: Sequence[Step], data: QueryDict | None = None) -> None:
        super().__init__(data)
        stored = {step.build_step_seq: step for step in steps if step.step_type in KINDS}
        source = source_steps(steps)
        self.formset = ROWS(
            data,
            initial=[{"buildStepSeq": seq} for seq in stored],
            prefix=PREFIX,
            auto_id="%s",
            form_kwargs={"empty_permitted": False, "stored": stored, "in_form": (source.image, source.code)},
        )
        self.rows: list[StepForm] = sorted(self.formset.forms, key=lambda row: row.order)
        for number, row in enumerate(self.rows, 1):
            row.title = f"Step {number}, {KINDS[row.kind].title}"

    @classmethod
    def with_added(cls, steps: Sequence[Step], data: QueryDict) -> Self:
        """Return the form as it was typed with one more step, before that which makes the image; nothing is stored."""
        kind = kind_of(data.get("addType"), WORDS)
        data = _without_passwords(data)
        typed = cls(steps, data)
        before = [row.order for row in typed.rows if row.kind is StepType.CREATE_IMAGE and row.values["useFlag"]]
        place = min(before, default=max((row.order for row in typed.rows if row.order < LAST), default=0) + 1)
        count = len(typed.rows)
        changed: dict[str, Any] = {
            f"{row.prefix}-stepOrder": row.order + 1 for row in typed.rows if place <= row.order < LAST
        }
        new = {"stepType": kind.value, "stepOrder": place, "useFlag": "Y"}
        changed |= {f"{PREFIX}-{count}-{name}": value for name, value in new.items()}
        changed[f"{PREFIX}-{TOTAL_FORM_COUNT}"] = count + 1
        for name, value in changed.items():
            data[name] = str(value)
        form = cls(steps, data)
        form.formset.forms[count].fields["stepTitle"].widget.attrs["autofocus"] = True
        return form

    @property
    def kinds(self) -> Iterator[tuple[str, str]]:
        """Return the kinds that can be added with what each does."""
        yield from ((KINDS[kind].title, words) for kind, words in WORDS.items())

    @property
    def shown_fields(self) -> Iterator[forms.BoundField]:
        """Return all fields of all steps in the page's order."""
        for row in self.rows:
            yield from row

    def draft(self) -> BuildDraft:
        """Return what the services take."""
        rows = [(f"{STEPS}[{place}]", row) for place, row in enumerate(self.rows)]
        errors = [error for path, row in rows for error in row.wrong_numbers(path)]
        return BuildDraft(steps=[row.draft(path) for path, row in rows], errors=errors)

    def place_of(self, path: str) -> tuple[ServiceForm, str | None]:
        """Return the row and its field that an error is about; one of what no row shows stands above all."""
        found = PATH.match(path)
        if found and found[2] in (row := self.rows[int(found[1])]).fields:
            return row, found[2]
        return self, None

    def refuse(self, refused: Refused) -> dict[str, Any]:
        """Put errors beside their fields; a password in an address is not shown again."""
        shown = super().refuse(refused)
        for form in (self, *self.rows):
            form.data = _without_passwords(self.data)
        return shown


def kind_of(word: Any, known: Mapping[StepType, Any]) -> StepType:
    """Return the kind that a form names; only one that was not made by a page names another."""
    if word not in known:
        raise SuspiciousOperation("No such kind of step.")
    return StepType(word)


def _without_passwords(data: Any) -> Any:
    """Return what was typed, changeable, with no password in an address."""
    copied = data.copy()
    for name in [name for name in copied if name.endswith(("-url", "-repositoryUrl"))]:
        copied[name] = without_password(copied[name])
    return copied
