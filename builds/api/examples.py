"""Examples of the published documents: bodies to copy, and answers made of the examples of their fields."""

from typing import Any, Final

from rest_framework import serializers

from builds.contract.configs import CONFIGS
from builds.contract.errors import FieldProblem
from builds.contract.fields import Secret
from builds.contract.runs import RunAttempt
from builds.contract.steps import StepConfigField
from builds.domain.states import StepType

IMAGE_STEP: Final = {
    "stepType": "CREATE_IMAGE",
    "stepOrder": 1,
    "buildStepConfig": {"dockerFileType": "CONTENTS", "dockerFile": "FROM buildhub-base:1\nRUN echo hello > /hello\n"},
}
NEW_BUILD: Final = {
    "editType": "N",
    "buildName": "hello",
    "imageName": "hello",
    "autotagUseYn": "Y",
    "autotagPrefix": "v",
    "autotagSeqType": "SEQUENCE",
    "buildSteps": [IMAGE_STEP],
}
CODE: Final = {
    "repositoryType": "GIT",
    "repositoryUrl": "https://git.example.com/team/app.git",
    "branchName": "main",
}
WITH_CODE: Final = {"stepType": "CODE_DOWN", "stepOrder": 1, "buildStepConfig": CODE}
CHANGED_BUILD: Final = {**NEW_BUILD, "editType": "U", "buildDesc": "Says hello", "buildSteps": [WITH_CODE, IMAGE_STEP]}
NEW_SERVER: Final = {"buildServerName": "arm", "buildServerHost": "topic:arm", "capacity": 2}
NEW_REGISTRY: Final = {"registryName": "release", "registryUrl": "registry.internal:5000", "plainHttp": True}


def example_of(part: Any) -> Any:
    """Return a value that a serializer or field may tell: the fields' own examples, else the simplest value."""
    if isinstance(part, type):
        part = part()
    if getattr(part, "example", None) is not None:
        return part.example
    if isinstance(part, Secret) or part.allow_null:
        return None
    if isinstance(part, serializers.ListSerializer):
        return [] if isinstance(part.child, RunAttempt | FieldProblem) else [example_of(part.child)]
    if isinstance(part, serializers.Serializer):
        return {name: example_of(one) for name, one in part.fields.items() if not one.write_only}
    return _simplest(part)


def _simplest(part: Any) -> Any:
    match part:
        case serializers.ListField():
            return [example_of(part.child)]
        case serializers.ChoiceField():
            return next(iter(part.choices))
        case serializers.IntegerField():
            return part.min_value or 0
        case serializers.BooleanField():
            return False
    return example_of(CONFIGS[StepType.CREATE_IMAGE]) if isinstance(part, StepConfigField) else "text"
