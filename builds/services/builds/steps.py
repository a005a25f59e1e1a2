"""Drafts of steps merged into the stored ones, and the secrets of steps: the same split for every door.

A secret never stands in a config: it is kept encrypted beside it. A login is kept for the place that it was given for:
where that changes it is forgotten, or an operator could point it at a host of his own.
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from builds.credentials import decrypt_fields, encrypt_fields
from builds.domain.definition import Step
from builds.domain.errors import FieldError
from builds.domain.states import StepType
from builds.domain.steps.create_image import LOGIN_HOST, MOUNTED, is_secret
from builds.domain.steps.kinds import KINDS, OF_A_PLACE, SECRETS, tidy_config, validate_steps
from builds.models import BuildStep, Registry

HIGHEST_ORDER: Final = 1_000_000
SECRET_LIST: Final = "secrets"  # noqa: S105  of an image step: what its build may mount
UNLISTED: Final = "{}, which this body does not list, "  # path of a stored step that no draft names


@dataclass(frozen=True, slots=True)
class StepDraft:
    """A step as a body gives it at `path`, secrets within its config; `pk` names a stored step of the build.

    An empty config keeps the stored one, a blank secret the stored secret, unless it is among what the step `forgets`.
    """

    step_type: str
    order: int | None = None
    use: bool = True
    config: Mapping[str, Any] = field(default_factory=dict, repr=False)  # may hold secrets, which no traceback shows
    pk: int | None = None
    path: str = ""
    forgets: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Registries:
    """The registry of the build before and after: where the secrets of an image step belong (0: the default one).

    `host` is where the one before is now.
    """

    before: int
    after: int
    host: str


def merged_steps(stored: Sequence[BuildStep], drafts: Iterable[StepDraft], registries: Registries) -> list[Step]:
    """Return the stored steps with the drafts merged into them by number, then the new ones; INIT is left out."""
    rows = {row.pk: row for row in stored}
    unchanged = {pk: StepDraft(row.step_type, use=row.use, pk=pk, path=UNLISTED.format(pk)) for pk, row in rows.items()}
    steps = {pk: _merged(rows[pk], draft, rows[pk].order, registries) for pk, draft in unchanged.items()}
    added: list[Step] = []
    for draft in drafts:
        if draft.step_type == StepType.INIT:
            continue
        row = rows.get(draft.pk or 0) if unchanged.pop(draft.pk or 0, None) else None
        if row is None:
            order = draft.order or max((step.order for step in (*steps.values(), *added)), default=0) + 1
            added.append(_new(draft, order))
        else:
            steps[row.pk] = _merged(row, draft, draft.order or row.order, registries)
    return [*steps.values(), *added]


def once_steps(stored: Sequence[BuildStep], drafts: Iterable[StepDraft], registry: Registry | None) -> list[Step]:
    """Return the drafts alone as steps of one run; blank secrets are those of the stored step that a draft names."""
    rows = {row.pk: row for row in stored}
    seq = registry.pk if registry else 0
    same = Registries(seq, seq, host_of(registry))
    steps: list[Step] = []
    for draft in drafts:
        if draft.step_type == StepType.INIT:
            continue
        order = draft.order or max((step.order for step in steps), default=0) + 1
        row = rows.pop(draft.pk or 0, None)
        steps.append(_new(draft, order) if row is None else _merged(row, draft, order, same))
    return steps


def step_errors(
    steps: Sequence[Step], stored: Sequence[BuildStep], host_paths: Sequence[str], *, path: str
) -> list[FieldError]:
    """Return what is wrong with the merged steps, by their own paths, else their places in `path`.

    The path of a step that no draft names is for `told_of_all` to turn into that of the whole list.
    """
    errors: list[FieldError] = []
    free = {row.pk for row in stored}
    for index, step in enumerate(steps):
        at = step.path or f"{path}[{index}]"
        if wrong := _wrong_seq(step.build_step_seq, stored, free):
            errors.append(FieldError(f"{at}.buildStepSeq", wrong))
        if step.order > HIGHEST_ORDER:
            errors.append(FieldError(f"{at}.stepOrder", f"Use a number up to {HIGHEST_ORDER:,}."))
        free.discard(step.build_step_seq or 0)
    return errors + validate_steps(steps, path=path, host_paths=host_paths)


def told_of_all(error: FieldError, path: str) -> FieldError:
    """Return an error as it is; of a step that the body does not list it is one of the whole list."""
    number, listed, name = error.field.partition(UNLISTED.format(""))
    if not listed:
        return error
    return replace(error, field=path, message=f"Step {number}{listed}{name.lstrip('.')}: {error.message}")


def spread_orders(steps: Sequence[Step]) -> list[Step]:
    """Return steps whose orders differ: as they are, and one more than the one before where two are the same."""
    spread, last = list(steps), 0
    for place in sorted(range(len(steps)), key=lambda place: steps[place].order):
        last = max(steps[place].order, last + 1)
        spread[place] = replace(steps[place], order=last)
    return spread


def secret_names(step: Step) -> frozenset[str]:
    """Return which secrets are stored for a step."""
    return frozenset(decrypt_fields(step.secrets_encrypted))


def secrets_of(step: Step) -> dict[str, Any]:
    """Return all secrets of a step: those that are stored and those that were given.

    Of the mounted ones (`secret:` and the id) those that the config lists.
    """
    listed = {f"{MOUNTED}{secret['id']}" for secret in step.config.get(SECRET_LIST) or ()}
    given = {name: value for name, value in step.given.items() if name != SECRET_LIST}
    mounted = {
        f"{MOUNTED}{secret['id']}": secret["value"]
        for secret in step.given.get(SECRET_LIST) or ()
        if is_secret(secret) and isinstance(secret.get("value"), str) and secret["value"]
    }
    found = {**decrypt_fields(step.secrets_encrypted), **given, **mounted}
    return {name: value for name, value in found.items() if not name.startswith(MOUNTED) or name in listed}


def sealed(step: Step, registry: Registry | None) -> Step:
    """Return a step as it is stored, the given secrets encrypted with the others; only for one that was checked.

    `registry` is the build's, None: the default one. The login of an image step is for its host as it is now.
    """
    secrets = secrets_of(step)
    if step.step_type is StepType.CREATE_IMAGE and OF_A_PLACE & step.given.keys():
        secrets[LOGIN_HOST] = host_of(registry)
    return replace(step, kept=frozenset(secrets), given={}, secrets_encrypted=encrypt_fields(secrets))


def host_of(registry: Registry | None) -> str:
    """Return where a build's registry is now, None: the default one."""
    found = registry or Registry.objects.default()
    return found.host if found else ""


def _merged(row: BuildStep, draft: StepDraft, order: int, registries: Registries) -> Step:
    step = _new(replace(draft, config=draft.config or row.config), order)
    if step.step_type != row.step_type:
        return step
    stored = decrypt_fields(row.secrets_encrypted)
    # What is given of a login is for the registry's host of now: the rest must not go there with it.
    takes_along = OF_A_PLACE & step.given.keys() and stored.get(LOGIN_HOST, registries.host) != registries.host
    has_moved = takes_along or _place(row.step, registries.before) != _place(step, registries.after)
    forgotten = draft.forgets | (OF_A_PLACE if has_moved else frozenset())
    kept = {name: value for name, value in stored.items() if name not in forgotten}
    encrypted = row.secrets_encrypted if kept == stored else encrypt_fields(kept)
    return replace(step, kept=frozenset(kept), secrets_encrypted=encrypted)


def _new(draft: StepDraft, order: int) -> Step:
    kind = StepType(draft.step_type)
    config, given = split(kind, draft.config)
    return Step(kind, order, draft.use, config, kept=frozenset(), given=given, build_step_seq=draft.pk, path=draft.path)


def _wrong_seq(seq: int | None, stored: Sequence[BuildStep], free: Container[int]) -> str | None:
    """Say what is wrong with the number by which a draft names a stored step, or None."""
    if seq is None or seq in free:
        return None
    if any(row.pk == seq for row in stored):
        return f"Step {seq} is given twice; leave one out."
    return f"This build has no step {seq}; leave buildStepSeq out for a new step."


def split(kind: StepType, config: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a config in its stored form without any secret, and the secrets of its kind that are not blank.

    Of the list of mounted secrets the config keeps the ids; the list as it was given is among the secrets.
    """
    checks = KINDS[kind].checks if kind in KINDS else {}
    given = {key: config[key] for key in SECRETS & checks.keys() if config.get(key) not in (None, "")}
    kept = {key: value for key, value in config.items() if key not in SECRETS and key != SECRET_LIST}
    if SECRET_LIST in checks and config.get(SECRET_LIST) is not None:
        given[SECRET_LIST] = secrets = config[SECRET_LIST]
        listed = secrets if isinstance(secrets, list) else []
        kept[SECRET_LIST] = [{"id": secret["id"]} for secret in listed if is_secret(secret)]
    return tidy_config(kind, kept), given


def _place(step: Step, registry: int) -> tuple[Any, ...]:
    """Return where the secrets of a step belong: those of an image step to the registry of its build, `registry`."""
    if step.step_type is StepType.CREATE_IMAGE:
        return (registry,)
    names = KINDS[step.step_type].secrets_of if step.step_type in KINDS else ()
    return tuple(step.config.get(name) or "" for name in names)
