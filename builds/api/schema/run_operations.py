"""The operations on runs, their logs and the queue."""

from typing import Final

from builds.api.schema.build_operations import IMAGE_STEP
from builds.api.schema.operations import (
    ACCOUNT,
    AFTER_RUN,
    BUILD_RUN,
    CALLBACK_URL,
    LIMIT,
    RUN_IN_BUILD_PATH,
    RUN_OR_NULL,
    RUN_PARAMETERS,
    TAG_NAME,
    Body,
    Operation,
    links_of_run,
    query,
)
from builds.api.schema.words import Schema, items, number, one_of, ref, text, word
from builds.domain.error_codes import ErrorCode

TAG: Final = "Runs"
LOG: Final = "Log"
QUEUE: Final = "Queue"
PRESS_ERRORS: Final = (
    ErrorCode.NOT_POSSIBLE,
    ErrorCode.SERVER_NOT_FOUND,
    ErrorCode.NOT_FOUND,
    ErrorCode.TAG_TAKEN,
    ErrorCode.NOT_ONE_IMAGE_STEP,
    ErrorCode.PARALLEL_LIMIT,
    ErrorCode.REGISTRY_NOT_FOUND,
)
TEXT: Final[Schema] = {"type": "string"}
ARCHIVE: Final[Schema] = {"type": "string", "format": "binary", "contentMediaType": "application/zip"}

RUN_OPERATIONS: Final = (
    Operation(
        "GET", "/build/run", "listRuns", "List the runs of a build", TAG,
        items(BUILD_RUN),
        "A page of runs of all types, newest first, without steps.",
        (
            query("buildSeq", number(least=1), "Number of the build", required=True, example=1),
            query("runState", one_of("RunState"), "Only in this state"),
            query("runType", one_of("RunType"), "Only of this type"),
            LIMIT,
            AFTER_RUN,
        ),
        errors=(ErrorCode.NOT_FOUND,),
        paged=True,
    ),
    Operation(
        "GET", "/build/run/latest", "listLatestRuns", "List what was built last", TAG,
        items(BUILD_RUN), "BUILD runs that are DONE, newest end first.",
        (ACCOUNT, query("limitCount", number(least=1, most=200) | {"default": 5}, "How many")),
    ),
    Operation(
        "GET", "/build/run/search", "findRun", "Find the run that built an image", TAG,
        RUN_OR_NULL, "The newest one, or null.",
        (
            query(
                "imageUrl", text(least=1), "host/name:tag", required=True,
                example="dev.cocktailcloud.io/ops/build-api-test-gradle:test-00001",
            ),
            ACCOUNT,
            query("buildSeq", number(least=1), "Only of this build"),
        ),
    ),
    Operation(
        "POST", "/build/run/{buildSeq}", "startRun", "Run build: create a tag", TAG,
        BUILD_RUN,
        "Executes the build with a new tag; no body is needed. The run is stored when this answers, and its state "
        "is told by GET /build/run/{buildRunSeq}, the socket, and callbacks.",
        (RUN_IN_BUILD_PATH, *RUN_PARAMETERS),
        errors=PRESS_ERRORS,
        links=links_of_run(""),
    ),
    Operation(
        "GET", "/build/run/{buildSeq}", "getRun", "Get a run with its steps", TAG,
        ref("BuildRunDetail"), "The number in the path is the run's: buildRunSeq.",
        (RUN_IN_BUILD_PATH,), errors=(ErrorCode.NOT_FOUND,),
    ),
    Operation(
        "DELETE", "/build/run/{buildSeq}", "removeRun", "Remove a run and its image", TAG,
        BUILD_RUN,
        "The number in the path is the run's: buildRunSeq. Answers the run as it was; a REMOVE run does it.",
        (RUN_IN_BUILD_PATH,), errors=(ErrorCode.NOT_FOUND, ErrorCode.NOT_POSSIBLE, ErrorCode.RUN_IS_ACTIVE),
    ),
    Operation(
        "POST", "/build/run/{buildSeq}/{buildRunSeq}", "repeatRun", "Run with these steps once", TAG,
        BUILD_RUN,
        "Runs the build with the steps of the body, or without them with those of the run in the path. "
        "Steps of the body are a definition: a token needs the scope `write` for them, beside `run`.",
        RUN_PARAMETERS,
        Body("RunSteps", {"buildSteps": [IMAGE_STEP]}, required=False),
        errors=(*PRESS_ERRORS, ErrorCode.UNREADABLE, ErrorCode.MEDIA_TYPE_NOT_SUPPORTED),
        links=links_of_run(""),
    ),
    Operation(
        "PUT", "/build/run/cancel/{buildRunSeq}", "cancelRun", "Cancel a run", TAG,
        BUILD_RUN,
        "Answers the CANCEL run at once; the run itself ends when it is confirmed that nothing of it is left.",
        (CALLBACK_URL,), errors=(ErrorCode.NOT_FOUND, ErrorCode.NOT_POSSIBLE), links=links_of_run("")[:1],
    ),
    Operation(
        "GET", "/build/run/{buildRunSeq}/otherremoveruns", "listRunsOfSameImage", "List runs with the same digest",
        TAG, items(BUILD_RUN), errors=(ErrorCode.NOT_FOUND,),
    ),
    Operation(
        "DELETE", "/build/run/{buildSeq}/tag", "removeRuns", "Remove several runs of a build", TAG,
        number("How many are removed", example=2), "All or none of them.",
        (
            query(
                "buildRunSeqs", items(number(least=1), minItems=1), "Numbers of runs: `1,2` or repeated",
                required=True, example=[1],
            ),
        ),
        errors=(ErrorCode.NOT_FOUND, ErrorCode.NOT_POSSIBLE, ErrorCode.RUN_IS_ACTIVE),
    ),
    Operation(
        "GET", "/build/run/{buildRunSeq}/export", "exportRun", "Export a run's definition", TAG,
        ARCHIVE, "A zip without secrets, for POST /build/import.", media_type="application/zip",
        errors=(ErrorCode.NOT_FOUND, ErrorCode.EXPORT_FAILED),
        answer_headers={"Content-Disposition": ("Name of the file", text())},
    ),
    Operation(
        "POST", "/build/run/{buildRunSeq}/push", "pushAgain", "Push a built image again", TAG,
        BUILD_RUN, "Pushes without building, as a run of its own.",
        (TAG_NAME, query("externalRegistrySeq", number(), "Number of the registry; 0 is the default one")),
        errors=PRESS_ERRORS,
    ),
)  # fmt: skip

LOG_OPERATIONS: Final = (
    Operation(
        "GET", "/build/run/log/{buildRunSeq}", "getRunLog", "Get the log in one piece", LOG,
        items(ref("BuildRunLog"), minItems=1, maxItems=1), "An array of one under /v1, the object under /api.",
        enveloped_answer=ref("BuildRunLog"), errors=(ErrorCode.NOT_FOUND,),
    ),
    Operation(
        "GET", "/build/run/log/step/{buildStepRunSeq}", "getStepLog", "Get the log of one step", LOG,
        ref("BuildRunLog"), errors=(ErrorCode.NOT_FOUND,),
    ),
    Operation(
        "GET", "/build/run/{buildRunSeq}/lines", "getRunLines", "Get lines of the log", LOG,
        ref("Lines"), "Ask again with `after` = `last` until `complete`.",
        (
            query("after", number() | {"default": 0}, "Lines after this number"),
            query("limit", number(least=1, most=10_000) | {"default": 1000}, "How many"),
            query("search", text(), "Only lines that hold this, any case"),
            query("step", number(least=1), "Only of this buildStepRunSeq"),
        ),
        errors=(ErrorCode.NOT_FOUND,),
    ),
    Operation(
        "GET", "/build/run/{buildRunSeq}/log.txt", "getRunText", "Get the log as text", LOG,
        TEXT, "Without parameters the stored bytes, with Range; empty before the first line.",
        (
            query("from", number(least=1), "First line"),
            query("to", number(least=1), "Last line"),
            query("timestamps", word(["true", "false", "1", "0", "Y", "N"]), "Begin each line with its time"),
            query(
                "stream", {"type": "string", "pattern": "^([012](,[012])*)?$"},
                "`1,2` is the pure output; 0 is what BuildHub says", example="1,2",
            ),
        ),
        media_type="text/plain", errors=(ErrorCode.NOT_FOUND,),
        statuses={206: "The range that was asked for"},
        answer_headers={"Accept-Ranges": ("`bytes`", text())},
    ),
)  # fmt: skip

QUEUE_OPERATIONS: Final = (
    Operation(
        "GET", "/build/queue", "getQueue", "What runs and what waits", QUEUE,
        ref("Queue"), "Each waiting run with its position and reason.", (LIMIT,),
    ),
    Operation(
        "POST", "/build/queue/{buildRunSeq}/front", "moveToFront", "Let a waiting run be next", QUEUE,
        ref("Queue"), "To the place of the account's first waiting run; instance admins: before all.",
        errors=(ErrorCode.NOT_FOUND, ErrorCode.NOT_POSSIBLE),
    ),
)  # fmt: skip
