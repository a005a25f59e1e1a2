"""Drafts of steps merged into the stored ones, and the secrets of steps: the same split for every door.

A secret never stands in a config: it is kept encrypted beside it, and only for the place that it was given for. Where
that changes it is forgotten, or an operator could point a stored login at a host of his own.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from builds.credentials import decrypt_fields, encrypt_fields
from builds.domain.errors import FieldError
from builds.domain.states import StepType
from builds.domain.steps.kinds import KINDS, SECRETS, StepDefinition, tidy_config, validate_steps
from builds.models import BuildStep

HIGHEST_ORDER: Final = 1_000_000
# The fields that name the place which the secrets of a kind belong to; those of an image step belong to the registry.
PLACES: Final[Mapping[StepType, tuple[str, ...]]] = {
    StepType.CODE_DOWN: ("protocol_type", "repository_url"),
    StepType.FTP: ("ftp_type", "url"),
    StepType.HTTP: ("url",),
}


@dataclass(frozen=True, slots=True)
class StepDraft:
    """A step as a body gives it, secrets within its config; `seq` names a stored step of the build.

    An empty config keeps the stored one, a blank secret the stored secret.
    """

    step_type: str
    order: int | None = None
    use: bool = True
    config: dict[str, Any] = field(default_factory=dict, repr=False)  # may hold secrets, which no traceback shows
    seq: int | None = None


@dataclass(frozen=True, slots=True)
class DraftedStep:
    """A step after the drafts: `given` and `kept` are its secrets, `row` the stored step that it changes."""

    step_type: StepType
    order: int
    use: bool
    config: dict[str, Any]
    given: Mapping[str, Any] = field(repr=False)
    kept: Mapping[str, str] = field(repr=False)
    row: BuildStep | None = None
    wrong_seq: str = ""

    @property
    def definition(self) -> StepDefinition:
        """Return what the rules look at."""
        shown = {**self.config, **self.given}
        return StepDefinition(self.step_type, self.order, self.use, shown, frozenset(self.kept))

    @property
    def secrets_encrypted(self) -> str:
        """Return the secrets as they are stored."""
        return encrypt_fields({**self.kept, **self.given})


@dataclass(frozen=True, slots=True)
class Registries:
    """The registry of the build before and after: where the secrets of an image step belong (0: the default one)."""

    before: int
    after: int


def merged_steps(stored: Sequence[BuildStep], drafts: Iterable[StepDraft], registries: Registries) -> list[DraftedStep]:
    """Return the stored steps with the drafts merged into them by number, then the new ones; INIT is left out."""
    steps = {row.pk: _merged(row, None, row.order, registries) for row in stored}
    rows = {row.pk: row for row in stored}
    added: list[DraftedStep] = []
    seen: set[int] = set()
    for draft in drafts:
        if draft.step_type == StepType.INIT:
            continue
        row = rows.get(draft.seq or 0)
        if row is None or row.pk in seen:
            order = draft.order or max((step.order for step in (*steps.values(), *added)), default=0) + 1
            added.append(_new(draft, order, again=row is not None))
        else:
            steps[row.pk] = _merged(row, draft, draft.order or row.order, registries)
            seen.add(row.pk)
    return [*steps.values(), *added]


def once_steps(stored: Sequence[BuildStep], drafts: Iterable[StepDraft], registry: int) -> list[DraftedStep]:
    """Return the drafts alone as steps of one run; blank secrets are those of the stored step that a draft names."""
    rows = {row.pk: row for row in stored}
    same = Registries(registry, registry)
    steps: list[DraftedStep] = []
    for draft in drafts:
        if draft.step_type == StepType.INIT:
            continue
        order = draft.order or max((step.order for step in steps), default=0) + 1
        row = rows.pop(draft.seq or 0, None)
        steps.append(_new(draft, order, again=False) if row is None else _merged(row, draft, order, same))
    return steps


def step_errors(steps: Sequence[DraftedStep], host_paths: Sequence[str]) -> list[FieldError]:
    """Return what is wrong with the steps, `buildSteps[n]` being their places in `steps`."""
    errors: list[FieldError] = []
    for index, step in enumerate(steps):
        if step.wrong_seq:
            errors.append(FieldError(f"buildSteps[{index}].buildStepSeq", step.wrong_seq))
        if step.order > HIGHEST_ORDER:
            errors.append(FieldError(f"buildSteps[{index}].stepOrder", f"Use a number up to {HIGHEST_ORDER:,}."))
    return errors + validate_steps([step.definition for step in steps], host_paths=host_paths)


def spread_orders(orders: Sequence[int]) -> list[int]:
    """Return orders that differ: as they are, and one more than the one before where two are the same."""
    spread, last = dict.fromkeys(range(len(orders)), 0), 0
    for place in sorted(range(len(orders)), key=lambda place: orders[place]):
        spread[place] = last = max(orders[place], last + 1)
    return list(spread.values())


def secret_names(step: BuildStep) -> frozenset[str]:
    """Return which secrets are stored for a step."""
    return frozenset(decrypt_fields(step.secrets_encrypted))


def _merged(row: BuildStep, draft: StepDraft | None, order: int, registries: Registries) -> DraftedStep:
    kind = StepType(draft.step_type if draft else row.step_type)
    source = draft.config if draft and draft.config else row.config
    config, given = split(kind, source)
    same = kind == row.step_type and _place(kind, row.config, registries.before) == _place(
        kind, config, registries.after
    )
    kept = decrypt_fields(row.secrets_encrypted) if same else {}
    use = draft.use if draft else row.use
    return DraftedStep(kind, order, use, config, given, kept, row)


def _new(draft: StepDraft, order: int, *, again: bool) -> DraftedStep:
    kind = StepType(draft.step_type)
    config, given = split(kind, draft.config)
    wrong = ""
    if again:
        wrong = f"Step {draft.seq} is given twice; leave one out."
    elif draft.seq is not None:
        wrong = f"This build has no step {draft.seq}; leave buildStepSeq out for a new step."
    return DraftedStep(kind, order, draft.use, config, given, {}, None, wrong)


def split(kind: StepType, config: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a config in its stored form without any secret, and the secrets of its kind that are not blank."""
    own = SECRETS & KINDS[kind].checks.keys() if kind in KINDS else frozenset()
    given = {key: config[key] for key in own if config.get(key) not in (None, "")}
    return tidy_config(kind, {key: value for key, value in config.items() if key not in SECRETS}), given


def _place(kind: StepType, config: Mapping[str, Any], registry: int) -> tuple[Any, ...]:
    return (
        (registry,) if kind is StepType.CREATE_IMAGE else tuple(config.get(name) or "" for name in PLACES.get(kind, ()))
    )
