"""BuildRun and what belongs to it: the platform's 34 fields with its own examples, then BuildHub's additions."""

from typing import Final

from builds.api.schema.words import (
    Schema,
    answer_model,
    big_number,
    flag,
    iso_time,
    items,
    maybe,
    null,
    number,
    one_of,
    plain_time,
    ref,
    text,
    yes_no,
)

SERVER_FIELDS: Final[dict[str, Schema]] = {
    "buildServerHost": maybe(
        text(
            "Where the steps are executed: null is the default server, `topic:NAME` a named one, `tcp://host:port` "
            "a Docker Engine",
            example="topic:build-20230623-ws-namespace-thingcluster",
        )
    ),
    "buildServerTlsVerify": yes_no("Whether TLS is used on the build server", example="N"),
    "buildServerCacrt": maybe(text("CA of the build server (PEM); null for those who may not edit the build")),
    "buildServerClientCert": maybe(text("Client certificate for the build server (PEM); null likewise")),
    "buildServerClientKey": null("Client key for the build server: write-only"),
}
TAG_FIELDS: Final[dict[str, Schema]] = {
    "autotagUseYn": yes_no("Whether tags are made automatically", example="N"),
    "autotagPrefix": maybe(text("What an automatic tag begins with", example="test")),
    "autotagSeqType": maybe(one_of("AutoTagSeqType", "What follows the prefix", example="DATETIME")),
    "tagName": maybe(text("Tag of the image", example="8u292-rmsoft")),
}
ACTIONS: Final = items(one_of("Action"), "What may be done now, by this caller, always in this order")
RUN_STATE: Final = one_of("RunState", "Where the run stands", example="DONE")

PLATFORM_FIELDS: Final[dict[str, Schema]] = {
    "useYn": yes_no("Whether it is in use; N once it was removed"),
    "created": plain_time("When it was created"),
    "updated": plain_time("When it changed last"),
    "buildName": text(example="build-test"),
    "buildDesc": maybe(text(example="build-test")),
    "registryName": maybe(text("The project: the first path part in the registry", example="dev")),
    "imageName": text(example="build-api-test-gradle"),
    "accountSeq": number("Number of the account", example=1),
    "registryProjectId": number("Kept as it was given, never used", example=27),
    "externalRegistrySeq": number("Number of the registry; 0 is the default one", example=0),
    **SERVER_FIELDS,
    "buildRunSeq": number("Number of the run", example=1),
    "buildSeq": number("Number of the build", example=1),
    "buildNo": number("Counts the runs of the build; CANCEL runs carry the original's", example=1),
    "runType": one_of("RunType", "What the run does", example="BUILD"),
    "runDesc": maybe(text("The `description` of the press", example="Build run test")),
    "runState": RUN_STATE,
    **TAG_FIELDS,
    "callbackUrl": maybe(text("As it was given", example="http://dashboard:3000/callback")),
    "imageUrl": maybe(
        text(
            "Where the image goes: without tag under /v1, with `:tag` under /api",
            example="dev.cocktailcloud.io/ops/build-api-test-gradle",
        )
    ),
    "imageSize": big_number("Bytes, compressed; 0 until the registry has confirmed the push", example=133745493),
    "imageDigest": maybe(
        text(
            "Set once the registry has confirmed the push",
            example="sha256:30c1930cbee0c55a2ab23708866b8b9c6f555b17382df716d1e675eefbf5083b",
        )
    ),
    "pipelineSeq": number("Always 0", example=0),
    "beginTime": maybe(iso_time("When it began to run; null while it waits", example="2022-12-02T08:42:43.000+00:00")),
    "endTime": maybe(iso_time("When it ended")),
    "runTimeBySec": maybe(number("Whole seconds from beginTime to endTime; null until then", example=57)),
    "possibleActions": ACTIONS,
}
ADDED_FIELDS: Final[dict[str, Schema]] = {
    "endReason": maybe(one_of("EndReason", "What ended the run; null until then", example="DONE")),
    "endMessage": maybe(text("One sentence: the step, what was wrong, the remedy")),
    "cancelRequestedAt": maybe(iso_time("When cancelling was asked for")),
    "requestedBy": maybe(text("User name of who asked for it", example="operator")),
    "commitId": maybe(text("The commit that was built", example="4b825dc642cb6eb9a060e54bf8d69288fbee4904")),
    "attempt": number("Counts the attempts; 0 while it waits", example=1),
    "imageRef": maybe(text("What to pull: `host/name:tag@digest`")),
    "queuePosition": maybe(number("Place among the waiting runs, 1 is next; null when it does not wait", least=1)),
    "waitingFor": maybe(text("Why it does not start yet, in words")),
    "lineCount": number("Lines of the log so far", example=120),
}
RUN_FIELDS: Final = PLATFORM_FIELDS | ADDED_FIELDS

STEP_RUN_FIELDS: Final[dict[str, Schema]] = {
    "buildStepRunSeq": number("Number of this step of the run", example=11),
    "buildStepSeq": maybe(number("Number of the build's step; null for steps that BuildHub adds", example=3)),
    "buildRunSeq": number(example=1),
    "stepType": one_of("StepType", example="CREATE_IMAGE"),
    "stepConfig": null("Always null; see buildStepConfig"),
    "stepState": one_of("StepState", "Where the step stands", example="DONE"),
    "stepOrder": number("INIT is 0", example=1),
    "logId": text("`{installation}-{buildSeq}.{buildRunSeq}.{buildStepRunSeq}-{steptype}`", example="7f-1.1.11-init"),
    "log": maybe(text("The step's text, in the answer of the log only")),
    "beginTime": maybe(iso_time("When it began")),
    "endTime": maybe(iso_time("When it ended")),
    "runTimeBySec": maybe(number("Whole seconds from beginTime to endTime")),
    "useFlag": flag("Whether the step is in use"),
    "buildStepConfig": ref("StepConfig"),
}
ATTEMPT_FIELDS: Final[dict[str, Schema]] = {
    "attempt": number(least=1, example=1),
    "beginTime": maybe(iso_time("When it began")),
    "endTime": maybe(iso_time("When it ended")),
    "endMessage": maybe(text("Why it was not the last one")),
    "buildStepRuns": items(ref("BuildStepRun")),
}
LOG_FIELDS: Final[dict[str, Schema]] = {
    "buildRunSeq": number(example=1),
    "runState": RUN_STATE,
    "buildSeq": number(example=1),
    "registryProjectId": number(example=27),
    "externalRegistrySeq": number(example=0),
    "buildServerHost": SERVER_FIELDS["buildServerHost"],
    "dbLog": flag("True once the log is complete"),
    "buildStepRuns": items(ref("BuildStepRun"), "Steps with their texts in `log`"),
    "buildRunLogs": items(ref("BuildStepRun"), "The same list under its other name"),
}
LINE_FIELDS: Final[dict[str, Schema]] = {
    "n": number("Number of the line, from 1", least=1, example=1),
    "t": big_number("Milliseconds since beginTime", example=12),
    "step": maybe(number("buildStepRunSeq", example=11)),
    "vertex": maybe(text("The build instruction, null outside the image build", example="[2/3] RUN make")),
    "stream": {"type": "integer", "enum": [0, 1, 2], "description": "1 stdout, 2 stderr, 0 said by BuildHub itself"},
    "text": text(example="hello"),
}
LINES_FIELDS: Final[dict[str, Schema]] = {
    "lines": items(ref("Line")),
    "last": number("Number of the last line of this answer: the next `after`", example=120),
    "total": number("Lines stored so far", example=120),
    "complete": flag("True when the run has ended and no line follows"),
}
QUEUE_FIELDS: Final[dict[str, Schema]] = {
    "running": items(ref("BuildRun"), "Runs under way"),
    "waiting": items(ref("BuildRun"), "The next that wait, in order"),
    "runningCount": number(example=1),
    "waitingCount": number(example=0),
}
ATTEMPTS: Final = items(ref("RunAttempt"), "Earlier attempts, else empty")

RUN_MODELS: Final[dict[str, Schema]] = {
    "BuildRun": answer_model(RUN_FIELDS, "One execution of a build."),
    "BuildRunDetail": answer_model(
        {
            **RUN_FIELDS,
            "buildStepRuns": items(ref("BuildStepRun"), "Steps of the latest attempt"),
            "attempts": ATTEMPTS,
        },
        "One execution of a build with its steps.",
    ),
    "BuildStepRun": answer_model(STEP_RUN_FIELDS, "A step of a run."),
    "RunAttempt": answer_model(ATTEMPT_FIELDS, "An earlier attempt of a run whose worker or engine was lost."),
    "BuildRunLog": answer_model(LOG_FIELDS, "The log of a run in one piece; texts over 4 MiB are cut here only."),
    "Line": answer_model(LINE_FIELDS, "A line of the log."),
    "Lines": answer_model(LINES_FIELDS, "A window of the log; ask again with `after` = `last`."),
    "Queue": answer_model(QUEUE_FIELDS, "What runs and what waits."),
}
