"""A definition as a file carries it: a BuildAdd with every field, without secrets.

camelCase stands here for the reason given in shapes.py.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from builds.domain.states import StepType
from builds.domain.steps.kinds import api_name
from builds.models import BuildRun, Caller, RunStep
from builds.queries.config_shapes import CONFIG_KEYS, FILLED, WRITE_ONLY, config_shape
from builds.queries.shapes import Shape, may_edit, yes_no

BUILD_FIELDS: Final = (
    "buildName", "buildDesc", "accountSeq", "registryProjectId", "registryName", "imageName", "autotagUseYn",
    "autotagPrefix", "autotagSeqType", "tagName", "externalRegistrySeq", "buildServerHost", "buildServerTlsVerify",
    "buildServerCacrt", "buildServerClientCert", "buildServerClientKey", "whenRunning", "timeLimitSec",
    "queueLimitSec", "maxAttempts",
)  # fmt: skip
SECRET_NAMES: Final = frozenset(api_name(key) for key in WRITE_ONLY)
FILLED_NAMES: Final = frozenset(api_name(key) for key in FILLED)


def definition_of_run(run: BuildRun, steps: Sequence[RunStep], caller: Caller) -> Shape:
    """Return what a BUILD run was made from; certificates only for those who may edit the build."""
    kept = run.definition
    shown = may_edit(caller, run.account_id)
    build = {
        "buildName": kept.name,
        "buildDesc": kept.description or None,
        "registryProjectId": kept.registry_project_id,
        "registryName": kept.project or None,
        "imageName": kept.image_name,
        "autotagUseYn": yes_no(kept.auto_tag),
        "autotagPrefix": kept.auto_tag_prefix or None,
        "autotagSeqType": kept.auto_tag_sequence or None,
        "tagName": kept.tag_name or None,
        "externalRegistrySeq": run.registry_id or 0,
        "buildServerHost": kept.server_host or None,
        "buildServerTlsVerify": yes_no(kept.server_tls_verify),
        "buildServerCacrt": (kept.server_ca_cert or None) if shown else None,
        "buildServerClientCert": (kept.server_client_cert or None) if shown else None,
        "whenRunning": run.when_running,
        "timeLimitSec": kept.time_limit_seconds,
        "queueLimitSec": kept.queue_limit_seconds,
        "maxAttempts": kept.max_attempts,
        "buildSteps": [
            {
                "stepType": step.step_type,
                "stepOrder": step.order,
                "useFlag": step.use,
                "buildStepConfig": config_shape(StepType(step.step_type), step.config, {}),
            }
            for step in steps
            if step.step_type != StepType.INIT
        ],
    }
    return filled_definition(build)


def filled_definition(build: Mapping[str, Any]) -> Shape:
    """Return a BuildAdd with every field of the contract and no other, unknown ones and secrets None.

    `build` is an object of a file: its steps have to be objects, everything else may be anything.
    """
    shape: Shape = {"editType": "N", **{name: build.get(name) for name in BUILD_FIELDS}}
    shape["buildServerClientKey"] = None
    shape["buildSteps"] = [_filled_step(step) for step in build["buildSteps"]]
    return shape


def with_changes(definition: Shape, changes: Mapping[str, Any]) -> Shape:
    """Return a definition with the fields of `changes` that are not None; a `registryId` goes into the image step."""
    given = {name: value for name, value in changes.items() if value is not None}
    registry_id = given.pop("registryId", None)
    for step in definition["buildSteps"]:
        if registry_id is not None and step["stepType"] == StepType.CREATE_IMAGE:
            step["buildStepConfig"]["registryId"] = registry_id
    return {**definition, **given}


def _filled_step(step: Mapping[str, Any]) -> Shape:
    kind, config = step.get("stepType"), step.get("buildStepConfig")
    known = CONFIG_KEYS[StepType(kind)] if kind in set(StepType) else ()
    values = config if isinstance(config, Mapping) else {}
    names = [api_name(key) for key in known]
    hidden = SECRET_NAMES | FILLED_NAMES if kind == StepType.CREATE_IMAGE else SECRET_NAMES
    return {
        "buildStepSeq": None,
        "stepType": kind,
        "stepOrder": step.get("stepOrder"),
        "useFlag": step.get("useFlag"),
        "buildStepConfig": {name: None if name in hidden else values.get(name) for name in names},
    }
