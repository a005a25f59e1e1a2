"""Steps as answers tell them and bodies give them; their configs stand in configs.py."""

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

from builds.contract.configs import filled_config, stored_config
from builds.contract.fields import (
    MOST_ITEMS,
    Answer,
    Field,
    Flag,
    IsoTime,
    Model,
    Models,
    Number,
    Secret,
    Text,
    Word,
    seconds,
)
from builds.domain.states import StepState, StepType
from builds.domain.steps.kinds import MOST_STEPS
from builds.models import RunStep
from builds.models.build import USER_STEPS
from builds.queries.builds import image_of
from builds.queries.installation import installation_id


class StepConfigField(Field, serializers.DictField):
    """The config of a step, by its stepType; in a body any object, of which the step takes what its kind knows."""

    default_error_messages = {"not_a_dict": "{name} has to be an object, such as {{}}."}


def _config_of_build(step: Any) -> Answer:
    """Return the config of a step whose build has its extras (queries/builds.py)."""
    build = step.build
    image = image_of(build, build.extras.registry)
    return filled_config(StepType(step.step_type), step.config, image, build.registry_id)


def _config_of_run(step: RunStep) -> Answer:
    return filled_config(StepType(step.step_type), step.config, step.run.image, step.run.registry_id)


def _log_id(step: RunStep) -> str:
    return f"{installation_id()}-{step.run.build_id}.{step.run_id}.{step.pk}-{step.step_type.lower()}"


class StepList(Models):
    """The steps of a body, which has at least one."""

    default_error_messages = {"required": "buildSteps has to be a list with at least one step."}

    def to_internal_value(self, data: Any) -> list[Any]:
        """Return the steps."""
        if not isinstance(data, list) or not data:
            raise serializers.ValidationError(f"{self.field_name} has to be a list with at least one step.")
        if len(data) > MOST_ITEMS:  # INIT steps are not counted by the rule, so there may be more
            raise serializers.ValidationError(
                f"A build has at most {MOST_STEPS} steps and this one has {len(data)}; join some."
            )
        # what is no object, null too, is wrong as a whole
        return list(super().to_internal_value([() if step is None else step for step in data]))


class BuildStep(Model):
    """A step of a build."""

    class Meta:
        list_serializer_class = StepList

    default_error_messages = {"invalid": "A step has to be an object, such as {{}}."}

    buildStepSeq = Number("Number of the step; send it back to change this step", source="pk", example=3)
    stepType = Word(
        StepType,
        "INIT is ignored in a body",
        given=USER_STEPS,
        required=True,
        error_messages={"required": "Give stepType, one of {words}."},
        example="CREATE_IMAGE",
    )
    stepOrder = Number("Order within the build, from 1", source="order", example=1)
    useFlag = Flag("False takes the step out of use; default true", source="use")
    buildStepConfig = StepConfigField(source="config", reads=_config_of_build)

    def get_fields(self) -> dict[str, Any]:
        """Return the fields; a step of a new build has no number yet."""
        fields = super().get_fields()
        fields["buildStepSeq"].read_only = self.context.get("is_new", False)
        return fields

    def to_internal_value(self, data: Any) -> Answer:
        """Return a step of a body; its stepType may stand in its config instead."""
        config = data.get("buildStepConfig") if isinstance(data, Mapping) else None
        if not isinstance(config, Mapping) or data.get("stepType") is not None or config.get("stepType") is None:
            return super().to_internal_value(data)
        try:
            return super().to_internal_value({**data, "stepType": config["stepType"]})
        except serializers.ValidationError as wrong:
            detail: Any = wrong.detail
            if "stepType" in detail:
                detail["buildStepConfig"] = {"stepType": detail.pop("stepType")}
            raise

    def validate(self, attrs: Answer) -> Answer:
        """Return the step with its config as it is stored."""
        if (word := attrs.get("step_type")) is None:
            return attrs
        kind, config = StepType(word), attrs.get("config", {})
        return {**attrs, "config": stored_config(kind, config)}


class BuildStepRun(Model):
    """A step of a run."""

    buildStepRunSeq = Number("Number of this step of the run", source="pk", example=11)
    buildStepSeq = Number("Number of the build's step; null for steps that BuildHub adds", example=3, null=True)
    buildRunSeq = Number(source="run_id", example=1)
    stepType = Word(StepType, example="CREATE_IMAGE")
    stepConfig = Secret("Always null; see buildStepConfig")
    stepState = Word(StepState, "Where the step stands", example="DONE")
    stepOrder = Number("INIT is 0", source="order", example=1)
    logId = Text(
        "`{installation}-{buildSeq}.{buildRunSeq}.{buildStepRunSeq}-{steptype}`",
        reads=_log_id,
        example="7f-1.1.11-init",
    )
    log = Text(
        "The step's text, in the answer of the log only",
        reads=lambda step: getattr(step, "text", None),
        keeps_empty=True,
        null=True,
    )
    beginTime = IsoTime("When it began", null=True)
    endTime = IsoTime("When it ended", null=True)
    runTimeBySec = Number("Whole seconds from beginTime to endTime", reads=seconds, null=True)
    useFlag = Flag("Whether the step is in use", source="use")
    buildStepConfig = StepConfigField(reads=_config_of_run)
