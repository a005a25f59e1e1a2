"""A definition as a file carries it: a BuildAdd with every field, without secrets."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from rest_framework import serializers

from builds.contract.builds import BuildHead, BuildLimits
from builds.contract.configs import FILLED, SERIALIZERS, config_answer
from builds.contract.fields import Answer, Choice, Loose, Model, Text
from builds.contract.parameters import Whole
from builds.contract.steps import BuildStep
from builds.domain.states import StepType
from builds.domain.steps.create_image import is_secret
from builds.domain.steps.kinds import SECRETS, api_name
from builds.models import BuildRun, Caller, RunStep


class FilledStep(Loose, BuildStep):
    """A step of a file; it is of no build yet."""


class BuildFilled(Loose, BuildHead, BuildLimits):
    """A BuildAdd, filled from a file: send it to POST /build as it is, or changed."""

    within = "definition."
    # DRF: an inherited field that this model does not have
    buildSeq = buildNo = useYn = created = updated = None  # type: ignore[assignment]

    editType = Choice(["N"], example="N")
    buildSteps = FilledStep(many=True)

    @staticmethod
    def tell_account_seq(run: BuildRun, caller: Caller) -> None:
        """Return nothing: a file is read in any account."""

    @staticmethod
    def tell_external_registry_seq(run: BuildRun, caller: Caller) -> int:
        """Return the registry that the definition names."""
        return run.registry_id or 0

    @staticmethod
    def tell_when_running(run: BuildRun, caller: Caller) -> str:
        """Return what a press does while another run is active."""
        return run.when_running

    @staticmethod
    def tell_edit_type(run: BuildRun, caller: Caller) -> str:
        """Return N: a file makes a new build."""
        return "N"

    @staticmethod
    def tell_build_steps(run: BuildRun, caller: Caller) -> list[Any]:
        """Return none: the steps of a run are told beside it."""
        return []


class ImportChanges(Model):
    """What wins over the fields of a file; a form gives all of them as texts."""

    accountSeq = Whole("Default: the caller's account", min_value=1, example=1)
    registryId = Whole("Kept, never used")
    registryName = Text("The project: the first path part in the registry", max_length=200, example="ops")
    imageName = Text("Lower-case parts joined by /", max_length=255, example="hello")
    tagName = Text("Tag of the images", max_length=128)


class BuildImport(ImportChanges):
    """A file to read; further fields win over it."""

    body_name = "BuildImport"

    dataFile = serializers.FileField(
        required=True, help_text="What GET /build/run/{buildRunSeq}/export has answered; up to 20 MiB"
    )


NAMES: Final = [name for name in map(str, BuildFilled().fields) if name not in ("editType", "buildSteps")]
HIDDEN: Final = frozenset(api_name(key) for key in SECRETS)
FILLED_NAMES: Final = frozenset(api_name(key) for key in FILLED)


def definition_of_run(run: BuildRun, steps: Sequence[RunStep], caller: Caller) -> Answer:
    """Return what a BUILD run was made from; certificates only for those who may edit the build."""
    told = BuildFilled.tell(run, caller)
    told["buildSteps"] = [
        {
            "stepType": step.step_type,
            "stepOrder": step.order,
            "useFlag": step.use,
            "buildStepConfig": config_answer(StepType(step.step_type), step.config),
        }
        for step in steps
        if step.step_type != StepType.INIT
    ]
    return filled_definition(told)


def filled_definition(build: Mapping[str, Any]) -> Answer:
    """Return a BuildAdd with every field of the contract and no other, unknown ones and secrets None.

    `build` is an object of a file: its steps have to be objects, everything else may be anything.
    """
    filled: Answer = {"editType": "N", **{name: build.get(name) for name in NAMES}}
    return {**filled, "buildServerClientKey": None, "buildSteps": [_filled_step(step) for step in build["buildSteps"]]}


def with_changes(definition: Answer, changes: Mapping[str, Any]) -> Answer:
    """Return a definition with what `ImportChanges` has read; a `registryId` goes into the image step."""
    given = {api_name(name): value for name, value in changes.items()}
    registry_id = given.pop("registryId", None)
    for step in definition["buildSteps"]:
        if registry_id is not None and step["stepType"] == StepType.CREATE_IMAGE:
            step["buildStepConfig"]["registryId"] = registry_id
    return {**definition, **given}


def _filled_step(step: Mapping[str, Any]) -> Answer:
    kind, config = step.get("stepType"), step.get("buildStepConfig")
    names = [str(name) for name in SERIALIZERS[StepType(kind)].fields] if kind in set(StepType) else []
    values = config if isinstance(config, Mapping) else {}
    hidden = HIDDEN | FILLED_NAMES if kind == StepType.CREATE_IMAGE else HIDDEN
    if isinstance(listed := values.get("secrets"), list):  # of what is none of a secret nobody knows whether it is one
        values = {**values, "secrets": [{"id": one["id"], "value": None} for one in listed if is_secret(one)]}
    return {
        "buildStepSeq": None,
        "stepType": kind,
        "stepOrder": step.get("stepOrder"),
        "useFlag": step.get("useFlag"),
        "buildStepConfig": {name: None if name in hidden else values.get(name) for name in names},
    }
