"""The models of the API as dictionaries: the one source for answers, socket frames and pages.

An exception to the rule that camelCase lives in builds/api only: api, pages and live are independent siblings in the
layers contract and show the very same dictionaries, so these stand one floor below them. Every field is always
present and unknown is None; secrets are None. Nothing here knows a request.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from builds.domain.access import Permission, refused
from builds.domain.actions import build_possible_actions, possible_actions
from builds.domain.definition import Definition
from builds.domain.log.lines import NumberedLine
from builds.domain.references import ImageReference
from builds.domain.states import RunType, StepType
from builds.models import Build, BuildRun, BuildStep, Caller, Registry, RunStep
from builds.queries.config_shapes import config_shape
from builds.queries.facts import build_facts, run_facts
from builds.queries.installation import installation_id
from builds.queries.waiting import Waiting, waiting_of

Shape = dict[str, Any]


@dataclass(frozen=True, slots=True)
class BuildExtras:
    """What a build's shape needs beside its row: read once for a whole list (queries/builds.py)."""

    registry: Registry | None  # its own or the default one
    last_run: Shape | None = None
    counters: Mapping[str, Any] | None = None


def plain_time(time: datetime) -> str:
    """Return `created` and `updated` as the contract writes them: seconds, in UTC."""
    return time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def iso_time(time: datetime | None) -> str | None:
    """Return a time of a run, step or image: ISO with milliseconds and +00:00."""
    return None if time is None else time.astimezone(UTC).isoformat(timespec="milliseconds")


def whole_seconds(begin: datetime | None, end: datetime | None) -> int | None:
    """Return the whole seconds between two times as they are shown, None while one is unknown."""
    if begin is None or end is None:
        return None
    shown = [time.replace(microsecond=time.microsecond // 1000 * 1000) for time in (begin, end)]
    return int((shown[1] - shown[0]).total_seconds())


def run_shape(run: Any, caller: Caller, *, waiting: Mapping[int, Waiting] | None = None) -> Shape:
    """Return a BuildRun: the platform's 34 fields in its order, then BuildHub's additions.

    `run` comes through `queries.facts.with_facts`. `waiting` is what a list has read for all its runs at once
    (queries.waiting.waiting_of_all); without it position and reason of a waiting run are looked up.
    """
    definition = run.definition
    shape: Shape = {
        "useYn": yes_no(run.removed_at is None),
        "created": plain_time(run.created_at),
        "updated": plain_time(run.updated_at),
        "buildName": definition.name,
        "buildDesc": definition.description or None,
        "registryName": definition.project or None,
        "imageName": definition.image_name,
        "accountSeq": run.account_id,
        "registryProjectId": definition.registry_project_id,
        "externalRegistrySeq": run.registry_id or 0,
        **_server_fields(definition, shown=may_edit(caller, run.account_id)),
        "buildRunSeq": run.pk,
        "buildSeq": run.build_id,
        "buildNo": run.build_no,
        "runType": run.run_type,
        "runDesc": run.description or None,
        "runState": run.run_state,
        **_tag_fields(definition, run.tag_name),
        "callbackUrl": run.callback_url or None,
        "imageUrl": run.image.image if run.registry_host else None,
        "imageSize": run.image_size,
        "imageDigest": run.image_digest or None,
        "pipelineSeq": 0,
        "beginTime": iso_time(run.begin_time),
        "endTime": iso_time(run.end_time),
        "runTimeBySec": whole_seconds(run.begin_time, run.end_time),
        "possibleActions": [action.value for action in possible_actions(run_facts(run, caller))],
    }
    return shape | _added_fields(run, waiting_of(run) if waiting is None else waiting.get(run.pk))


def step_run_shape(step: RunStep, run: BuildRun, *, log: str | None = None) -> Shape:
    """Return a BuildStepRun of `run`; `log` is its text, in the log's answer only."""
    step_type = StepType(step.step_type)
    log_id = f"{installation_id()}-{run.build_id}.{run.pk}.{step.pk}-{step_type.value.lower()}"
    return {
        "buildStepRunSeq": step.pk,
        "buildStepSeq": step.build_step_seq,
        "buildRunSeq": run.pk,
        "stepType": step_type.value,
        "stepConfig": None,
        "stepState": step.step_state,
        "stepOrder": step.order,
        "logId": log_id,
        "log": log,
        "beginTime": iso_time(step.begin_time),
        "endTime": iso_time(step.end_time),
        "runTimeBySec": whole_seconds(step.begin_time, step.end_time),
        "useFlag": step.use,
        "buildStepConfig": config_shape(step_type, step.config, _filled(run.image, run.registry_id)),
    }


def build_shape(build: Any, caller: Caller, extras: BuildExtras, *, steps: Sequence[BuildStep] | None = None) -> Shape:
    """Return a Build; `build` comes through `queries.facts.with_build_facts`. `steps` are given for the detail only."""
    definition = build.definition
    shape: Shape = {
        "buildSeq": build.pk,
        "buildNo": build.last_build_no,
        "buildName": build.name,
        "buildDesc": build.description or None,
        "accountSeq": build.account_id,
        "registryProjectId": build.registry_project_id,
        "registryName": build.project or None,
        "imageName": build.image_name,
        **_tag_fields(definition, build.tag_name),
        "externalRegistrySeq": build.registry_id or 0,
        **_server_fields(definition, shown=may_edit(caller, build.account_id)),
        "useYn": yes_no(build.in_use),
        "created": plain_time(build.created_at),
        "updated": plain_time(build.updated_at),
    }
    if steps is not None:
        shape["buildSteps"] = [step_shape(step, build, extras.registry) for step in steps]
    return {
        **shape,
        **(extras.counters or {}),
        "possibleActions": [action.value for action in build_possible_actions(build_facts(build, caller))],
        "whenRunning": build.when_running,
        "timeLimitSec": build.time_limit_seconds,
        "queueLimitSec": build.queue_limit_seconds,
        "maxAttempts": build.max_attempts,
        "lastRun": extras.last_run,
    }


def step_shape(step: BuildStep, build: Build, registry: Registry | None) -> Shape:
    """Return a BuildStep of `build`, whose images go to `registry`."""
    step_type = StepType(step.step_type)
    image = image_of(build, registry)
    return {
        "buildStepSeq": step.pk,
        "stepType": step_type.value,
        "stepOrder": step.order,
        "useFlag": step.use,
        "buildStepConfig": config_shape(step_type, step.config, _filled(image, build.registry_id)),
    }


def line_shape(step_id: int | None, line: NumberedLine) -> Shape:
    """Return a Line: number, milliseconds since beginTime, step, instruction, stream and text."""
    return {
        "n": line.n,
        "t": line.t,
        "step": step_id,
        "vertex": line.vertex,
        "stream": line.stream,
        "text": line.text,
    }


def image_of(build: Build, registry: Registry | None) -> ImageReference:
    """Return where the images of a build go, with the tag of its own if it has one."""
    return ImageReference(
        host=registry.host if registry else "",
        prefix=registry.prefix if registry else "",
        project=build.project,
        name=build.image_name,
        tag="" if build.auto_tag else build.tag_name,
    )


def may_edit(caller: Caller, account_id: int) -> bool:
    """Say whether `caller` may edit the builds of an account: certificates are shown to them only."""
    return refused(Permission.EDIT_BUILD, caller.role_in(account_id), caller.scopes) is None


def _added_fields(run: Any, waits: Waiting | None) -> Shape:
    """Return what BuildHub adds to the platform's fields of a run."""
    has_image = run.run_type == RunType.BUILD and run.image_digest
    return {
        "endReason": run.end_reason or None,
        "endMessage": run.end_message or None,
        "cancelRequestedAt": iso_time(run.cancel_requested_at),
        "requestedBy": run.requested_by.get_username() if run.requested_by else None,
        "commitId": run.commit_id or None,
        "attempt": run.attempt,
        "imageRef": run.image.pinned(run.image_digest) if has_image else None,
        "queuePosition": waits.position if waits else None,
        "waitingFor": waits.reason if waits else None,
        "lineCount": run.line_count,
    }


def _server_fields(kept: Definition, *, shown: bool) -> Shape:
    return {
        "buildServerHost": kept.server_host or None,
        "buildServerTlsVerify": yes_no(kept.server_tls_verify),
        "buildServerCacrt": (kept.server_ca_cert or None) if shown else None,
        "buildServerClientCert": (kept.server_client_cert or None) if shown else None,
        "buildServerClientKey": None,
    }


def _tag_fields(definition: Definition, tag: str) -> Shape:
    return {
        "autotagUseYn": yes_no(definition.auto_tag),
        "autotagPrefix": definition.auto_tag_prefix or None,
        "autotagSeqType": definition.auto_tag_sequence or None,
        "tagName": tag or None,
    }


def _filled(image: ImageReference, registry_id: int | None) -> Shape:
    """Return what the build and the run decide for their CREATE_IMAGE step, under the stored keys."""
    return {
        "registry_name": image.project or None,
        "image_name": image.name,
        "image_tag": image.tag or None,
        "registry_url": image.host or None,
        "image_url": image.image if image.host else None,
        "external_registry_seq": registry_id or 0,
    }


def yes_no(value: bool) -> str:  # noqa: FBT001  one value in, one word out
    """Return the word of the contract."""
    return "Y" if value else "N"
