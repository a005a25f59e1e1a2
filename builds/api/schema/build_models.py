"""Build, its images, and the bodies that make and change it."""

from typing import Final

from builds.api.schema.run_models import ACTIONS, SERVER_FIELDS, TAG_FIELDS
from builds.api.schema.step_models import FOR_USERS
from builds.api.schema.words import (
    Schema,
    answer_model,
    big_number,
    body_model,
    flag,
    iso_time,
    items,
    maybe,
    number,
    one_of,
    plain_time,
    ref,
    text,
    word,
    yes_no,
)
from builds.domain.states import StepType
from builds.domain.steps.kinds import MOST_STEPS
from builds.domain.tags import AutoTagSeqType
from builds.models import Build

HEAD_FIELDS: Final[dict[str, Schema]] = {
    "buildSeq": number("Number of the build", example=1),
    "buildNo": number("Number of its newest run; 0 before the first", example=1),
    "buildName": text(example="build-test"),
    "buildDesc": maybe(text(example="build-test")),
    "accountSeq": number("Number of the account", example=1),
    "registryProjectId": number("Kept as it was given, never used", example=27),
    "registryName": maybe(text("The project: the first path part in the registry", example="dev")),
    "imageName": text(example="build-api-test-gradle"),
    **TAG_FIELDS,
    "externalRegistrySeq": number("Number of the registry; 0 is the default one", example=0),
    **SERVER_FIELDS,
    "useYn": yes_no("Whether it is in use; only such a build can be pressed"),
    "created": plain_time("When it was created"),
    "updated": plain_time("When it changed last"),
}
COUNTER_FIELDS: Final[dict[str, Schema]] = {
    "hostUrl": maybe(text("Host of its registry", example="dev.cocktailcloud.io")),
    "buildCount": number("BUILD runs", example=12),
    "runningCount": number("of those, waiting or running", example=1),
    "doneCount": number("of those, DONE", example=10),
    "errorCount": number("of those, ERROR", example=1),
    "pipelineCount": number("Always 0", example=0),
    "tagCount": number("Different tags of DONE runs", example=10),
    "buildTimeAvg": maybe(number("Seconds on average, of DONE runs", example=57)),
    "latestBuildTime": maybe(number("Seconds of the latest DONE run", example=57)),
    "imgSizeAvg": maybe(big_number("Bytes on average, of DONE runs", example=133745493)),
    "latestImgSize": maybe(big_number("Bytes of the latest DONE run", example=133745493)),
}
ADDED_FIELDS: Final[dict[str, Schema]] = {
    "possibleActions": ACTIONS,
    "whenRunning": one_of("WhenRunning", "What a press does while another run is active", example="REFUSE"),
    "timeLimitSec": number("A run that takes longer ends in ERROR", example=3600),
    "queueLimitSec": number("A run that waits longer ends in ERROR", example=86400),
    "maxAttempts": number("Attempts in all when worker or engine are lost", example=3),
    "lastRun": maybe(ref("BuildRun", "Newest run of runType BUILD")),
}
STEP_FIELDS: Final[dict[str, Schema]] = {
    "buildStepSeq": number("Number of the step; send it back to change this step", example=3),
    "stepType": one_of("StepType", example="CREATE_IMAGE"),
    "stepOrder": number("Order within the build, from 1", example=1),
    "useFlag": flag("False takes the step out of use"),
    "buildStepConfig": ref("StepConfig"),
}
STEP_ADD_FIELDS: Final[dict[str, Schema]] = {
    "buildStepSeq": number("When editing: the stored step to change", example=3),
    "stepType": word([StepType.INIT, *FOR_USERS], "INIT is ignored", example="CREATE_IMAGE"),
    "stepOrder": number("Order within the build, from 1", example=1),
    "useFlag": flag("False takes the step out of use; default true"),
    "buildStepConfig": ref("StepConfigAdd"),
}
ADD_FIELDS: Final[dict[str, Schema]] = {
    "editType": word(["N", "U"], "N with POST, U with PUT", example="N"),
    "buildName": text("Default: imageName", most=Build.longest("name"), example="hello"),
    "buildDesc": text(most=Build.longest("description")),
    "description": text("Alias of buildDesc, which wins", most=Build.longest("description")),
    "accountSeq": number("Default: the caller's account", least=1, example=1),
    "registryProjectId": number("Kept, never used"),
    "registryName": text(
        "The project: the first path part in the registry", most=Build.longest("project"), example="ops"
    ),
    "imageName": text("Lower-case parts joined by /", most=Build.longest("image_name"), example="hello"),
    "autotagUseYn": yes_no("Y needs autotagPrefix and autotagSeqType, N needs tagName (here or at the press)"),
    "autotagPrefix": text("What an automatic tag begins with", most=Build.longest("auto_tag_prefix"), example="v"),
    "autotagSeqType": word([*AutoTagSeqType, ""], "What follows the prefix", example="SEQUENCE"),
    "tagName": text("Tag of the images", most=Build.longest("tag_name")),
    "externalRegistrySeq": number("Number of the registry; 0 is the default one"),
    "buildServerHost": text("Empty: the default server; `topic:NAME`, or `tcp://host:port` (account admins)"),
    "buildServerTlsVerify": yes_no("Y needs CA, client certificate and client key"),
    "buildServerCacrt": text("PEM"),
    "buildServerClientCert": text("PEM"),
    "buildServerClientKey": text("PEM; write-only. Blank keeps the stored one unless the host changed"),
    "whenRunning": one_of("WhenRunning", "What a press does while another run is active", example="REFUSE"),
    "timeLimitSec": number("Default 3600", least=60, most=86_400),
    "queueLimitSec": number("Default 86400", least=60, most=2_592_000),
    "maxAttempts": number("Default 3", least=1, most=10),
    "buildSteps": items(ref("BuildStepAdd"), "Exactly one used CREATE_IMAGE", minItems=1, maxItems=MOST_STEPS),
    "buildStepRuns": items(ref("BuildStepAdd"), "Alias of buildSteps, so that an answer can be sent back"),
}
IMAGE_FIELDS: Final[dict[str, Schema]] = {
    "buildSeq": number(example=1),
    "registryImagePath": maybe(text("Where the images are, without tag", example="dev.cocktailcloud.io/ops/app")),
    "registryProjectId": number(example=27),
    "registryName": maybe(text(example="ops")),
    "imageName": text(example="app"),
    "externalRegistrySeq": number(example=0),
    "tags": items(ref("BuildImageTag")),
}
IMAGE_TAG_FIELDS: Final[dict[str, Schema]] = {
    "buildRunSeq": number(example=1),
    "tag": maybe(text(example="test-00001")),
    "runDesc": maybe(text()),
    "imageUrl": maybe(text("Without tag under /v1, with `:tag` under /api")),
    "imageSize": big_number("Bytes, compressed", example=133745493),
    "imageDigest": maybe(text()),
    "beginTime": maybe(iso_time("When the run began")),
    "endTime": maybe(iso_time("When the run ended")),
}
IMPORT_FIELDS: Final[dict[str, Schema]] = {
    "dataFile": {
        "type": "string",
        "format": "binary",
        "contentMediaType": "application/zip",
        "description": "What GET /build/run/{buildRunSeq}/export has answered; up to 20 MiB",
    },
    **{
        name: ADD_FIELDS[name] if name in ADD_FIELDS else number("Kept, never used")
        for name in ("accountSeq", "registryId", "registryName", "imageName", "tagName")
    },
}
FILLED_FIELDS: Final = {name: maybe(one) for name, one in ADD_FIELDS.items() if name not in ("editType", "buildSteps")}

BUILD_MODELS: Final[dict[str, Schema]] = {
    "Build": answer_model(HEAD_FIELDS | COUNTER_FIELDS | ADDED_FIELDS, "What is to be built, as lists have it."),
    "BuildDetail": answer_model(
        HEAD_FIELDS | {"buildSteps": items(ref("BuildStep"), "By stepOrder")} | COUNTER_FIELDS | ADDED_FIELDS,
        "What is to be built, with its steps.",
    ),
    "BuildStep": answer_model(STEP_FIELDS, "A step of a build."),
    "BuildName": answer_model(
        {"buildSeq": number(example=1), "buildName": text(example="build-test")}, "Number and name of a build."
    ),
    "BuildCount": answer_model(
        {"accountSeq": number(example=1), "buildCount": number(example=12)}, "How many builds an account has."
    ),
    "BuildImage": answer_model(IMAGE_FIELDS, "The images of a build."),
    "BuildImageTag": answer_model(IMAGE_TAG_FIELDS, "One image of a build."),
    "BuildStepAdd": body_model(STEP_ADD_FIELDS, "A step to be stored.", required=["stepType"]),
    "BuildAdd": body_model(ADD_FIELDS, "A build to be stored.", required=["editType", "buildSteps"]),
    "RunSteps": body_model(
        {name: one for name, one in ADD_FIELDS.items() if name in ("buildSteps", "buildStepRuns")},
        "Steps for one run; further fields of a BuildAdd are ignored. Without steps: those of the run again.",
    ),
    "BuildFilled": {
        "type": "object",
        "description": "A BuildAdd, filled from a file: send it to POST /build as it is, or changed.",
        "properties": {"editType": {"const": "N"}, "buildSteps": ADD_FIELDS["buildSteps"], **FILLED_FIELDS},
        "required": ["editType", "imageName", "buildSteps"],
    },
    "BuildImport": body_model(IMPORT_FIELDS, "A file to read; further fields win over it.", required=["dataFile"]),
}
