"""What a run is made from: a build as it is, an earlier run's snapshot, or the image of a run that is pushed again."""

import hashlib
import json
from dataclasses import dataclass, replace
from typing import Final

from builds import credentials
from builds.domain.definition import Definition, Step
from builds.domain.error_codes import ErrorCode
from builds.domain.errors import FieldError, Invalid, NotFound, NotPossible
from builds.domain.states import RunType, StepType
from builds.domain.steps.kinds import validate_steps
from builds.models import Build, BuildRun, Registry, RunStep
from builds.services.builds.definitions import (
    host_paths_for,
    refuse,
    runnable_steps,
    steps_for_once,
)
from builds.services.connections.registries import usable_registry
from builds.services.runs.parameters import RunAsk, steps_with

NO_SUCH_CONTEXT: Final = (
    "Context {} has gone or is not of this build; upload it again, or leave contextSeq out for the newest one."
)
CONTEXT_GONE: Final = (
    "The uploaded context {} that this run was built from has gone; name another one as contextSeq, or press Build."
)


@dataclass(frozen=True, slots=True)
class Recipe:
    """The definition that a run keeps, its steps, and where its image goes.

    `registry_id` is that of the definition (None: the default one) and `registry` where it leads;
    `secrets_encrypted` belongs to the definition; `target` is the run whose image is pushed again.
    """

    definition: Definition
    steps: list[Step]
    registry_id: int | None
    registry: Registry
    secrets_encrypted: str = ""
    target: BuildRun | None = None

    @property
    def work_digest(self) -> str:
        """Return what is equal for runs that do the same: SHA-256 of the steps in use; empty for a push again."""
        if self.target is not None:
            return ""
        steps = [[step.step_type, step.config] for step in self.steps if step.use]
        return hashlib.sha256(json.dumps(steps, sort_keys=True).encode()).hexdigest()

    def with_parameters(self, ask: RunAsk) -> "Recipe":
        """Return the recipe with the parameters of `ask` in its steps and its definition; raises `Invalid`.

        Those of a run that is run again stay; new ones win.
        """
        parameters = self.definition.parameters.with_newer(ask.parameters)
        return replace(
            self, steps=steps_with(self.steps, ask), definition=replace(self.definition, parameters=parameters)
        )

    def with_context(self, build: Build, asked: int | None) -> "Recipe":
        """Return the recipe with the uploaded context that is asked for, else with its own; it stays until the commit.

        `build` is locked, so its newest one stays as well. Raises `Invalid` on contextSeq, or `NotPossible` where that
        of an earlier run has gone.
        """
        wanted = self.definition.context_id if asked is None else asked
        if wanted in (None, build.context_id):
            return replace(self, definition=replace(self.definition, context_id=wanted))
        if not build.contexts.select_for_update(no_key=True).filter(pk=wanted).values_list("pk", flat=True):
            if asked is not None:
                raise Invalid([FieldError("contextSeq", NO_SUCH_CONTEXT.format(asked))])
            raise NotPossible("BUILD", CONTEXT_GONE.format(wanted))
        return replace(self, definition=replace(self.definition, context_id=wanted))


def recipe_of_build(build: Build, ask: RunAsk) -> Recipe:
    """Return the build as it is now, with its own steps or with those that are given once; raises `Refused`."""
    if ask.steps is None:
        steps = runnable_steps(build)
    else:
        steps = steps_for_once(build, ask.steps, errors=ask.errors, path=ask.steps_name)
    key = credentials.decrypt(build.server_client_key_encrypted)
    return Recipe(
        definition=replace(build.definition, context_id=build.context_id),
        steps=steps,
        registry_id=build.registry_id,
        registry=_registry(build.registry_id, build.account_id),
        secrets_encrypted=credentials.encrypt_fields({"server_client_key": key} if key else {}),
    )


def recipe_of_run(run: BuildRun) -> Recipe:
    """Return what `run` was made from, held against the rules of today; raises `Refused`.

    The image goes to where its registry is now: the login that belongs to it is for no other host.
    """
    if run.run_type != RunType.BUILD:
        sentence = f"A {run.run_type} run has no steps that could run again; name a BUILD run, or give steps."
        raise NotPossible("BUILD", sentence)
    recipe = _kept(run, run.registry_id)
    # The rules may have become others since, such as the host paths that are open.
    steps = [step for step in recipe.steps if step.step_type is not StepType.INIT]
    host_paths = host_paths_for(steps, run.definition.server_host, account_id=run.account_id)
    refuse(validate_steps(steps, host_paths=host_paths))
    return recipe


def recipe_of_push(original: BuildRun, registry_seq: int | None) -> Recipe:
    """Return the snapshot of `original` that pushes its image: to the registry asked for, else to its own.

    Raises `NotFound` (REGISTRY_NOT_FOUND) for a registry that may not be used.
    """
    recipe = _kept(original, original.registry_id if registry_seq is None else registry_seq)
    return replace(recipe, definition=replace(recipe.definition, push_of=original.pk, context_id=None), target=original)


def _kept(run: BuildRun, registry_seq: int | None) -> Recipe:
    """Return the snapshot of `run` for the registry `registry_seq` (None or 0: the default one)."""
    return Recipe(
        definition=replace(run.definition, push_of=None),
        steps=[row.step for row in RunStep.objects.filter(run=run, attempt=1).order_by("order")],
        registry_id=registry_seq or None,
        registry=_registry(registry_seq, run.account_id),
        secrets_encrypted=run.secrets_encrypted,
    )


def _registry(seq: int | None, account_id: int) -> Registry:
    """Return a registry that the account may use, for None or 0 the default one; raises `NotFound`."""
    registry = usable_registry(seq or 0, account_id=account_id) or Registry.objects.default()
    if registry is None:
        sentence = "No default registry is set up; start with make run, or set BUILDHUB_REGISTRY."
        raise NotFound(sentence, code=ErrorCode.REGISTRY_NOT_FOUND)
    return registry
