"""The operations on builds."""

from typing import Final

from builds.api.schema.operations import (
    ACCOUNT,
    AFTER_BUILD,
    BUILD_RUN,
    CALLBACK_URL,
    LIMIT,
    Body,
    Link,
    Operation,
    links_of_run,
    query,
)
from builds.api.schema.words import items, one_of, ref, text, word
from builds.domain.error_codes import ErrorCode

TAG: Final = "Builds"
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
    "repositoryType": "GIT", "repositoryUrl": "https://git.example.com/team/app.git", "branchName": "main",
}  # fmt: skip
WITH_CODE: Final = {"stepType": "CODE_DOWN", "stepOrder": 1, "buildStepConfig": CODE}
CHANGED_BUILD: Final = {**NEW_BUILD, "editType": "U", "buildDesc": "Says hello", "buildSteps": [WITH_CODE, IMAGE_STEP]}
LINKS: Final = (
    Link("getBuild", "buildSeq", "/buildSeq"),
    Link("editBuild", "buildSeq", "/buildSeq"),
    Link("startRun", "buildSeq", "/buildSeq"),
    Link("listRuns", "buildSeq", "/buildSeq"),
    Link("listImages", "buildSeq", "/buildSeq"),
    Link("removeBuild", "buildSeq", "/buildSeq"),
)
STORE_ERRORS: Final = (
    ErrorCode.SERVER_NOT_FOUND,
    ErrorCode.IMAGE_NAME_TAKEN,
    ErrorCode.NOT_ONE_IMAGE_STEP,
    ErrorCode.REGISTRY_NOT_FOUND,
    ErrorCode.NOT_FOUND,
    ErrorCode.UNREADABLE,
    ErrorCode.MEDIA_TYPE_NOT_SUPPORTED,
)

BUILD_OPERATIONS: Final = (
    Operation(
        "GET", "/build", "listBuilds", "List builds", TAG,
        items(ref("Build")),
        "A page of builds with counters, newest activity first.",
        (
            ACCOUNT,
            query("search", text(), "Part of build or image name, any case"),
            query("runState", one_of("RunState"), "State of the last run"),
            query("registryName", text(), "Only of this project"),
            LIMIT,
            AFTER_BUILD,
        ),
        paged=True,
    ),
    Operation(
        "POST", "/build", "createBuild", "Create a build", TAG,
        ref("BuildDetail"),
        "All fields that are wrong are told at once.",
        (CALLBACK_URL,),
        Body("BuildAdd", NEW_BUILD),
        errors=(*STORE_ERRORS, ErrorCode.BUILD_LIMIT),
        links=LINKS,
    ),
    Operation(
        "GET", "/build/names", "listBuildNames", "List names of builds", TAG,
        items(ref("BuildName")), "By name.", (ACCOUNT,),
    ),
    Operation(
        "GET", "/build/count/{accountSeq}", "countBuilds", "Count the builds of an account", TAG,
        ref("BuildCount"), errors=(ErrorCode.NOT_FOUND,),
    ),
    Operation(
        "POST", "/build/import", "importBuild", "Read an exported build", TAG,
        ref("BuildFilled"),
        "Creates nothing: answers a BuildAdd to be sent to POST /build.",
        body=Body("BuildImport", media_type="multipart/form-data"),
        errors=(
            ErrorCode.NO_ZIP, ErrorCode.OTHER_VERSION, ErrorCode.IMPORT_FAILED, ErrorCode.NOT_FOUND,
            ErrorCode.UNREADABLE, ErrorCode.MEDIA_TYPE_NOT_SUPPORTED, ErrorCode.REGISTRY_NOT_FOUND,
        ),
    ),
    Operation(
        "POST", "/build/source/test", "testSource", "Ask a repository whether it answers", TAG,
        ref("SourceTest"),
        "Stores nothing but the ssh key of a new host. Answers `ok` false with the reason where the repository cannot "
        "be read. With buildSeq and "
        "buildStepSeq blank secrets are those of that step, as long as they are for the same address; without any "
        "field of a config it is the whole step.",
        body=Body("SourceAsk", CODE),
        errors=(ErrorCode.NOT_FOUND, ErrorCode.UNREADABLE, ErrorCode.MEDIA_TYPE_NOT_SUPPORTED),
    ),
    Operation(
        "GET", "/build/{buildSeq}", "getBuild", "Get a build", TAG, ref("BuildDetail"), errors=(ErrorCode.NOT_FOUND,)
    ),
    Operation(
        "PUT", "/build/{buildSeq}", "editBuild", "Change a build", TAG,
        ref("BuildDetail"),
        "Steps are matched by buildStepSeq; unlisted ones stay. Fields that are absent or null keep their values. "
        "The enveloped dialect answers without result.",
        body=Body("BuildAdd", CHANGED_BUILD),
        errors=(*STORE_ERRORS, ErrorCode.NOT_POSSIBLE),
        has_result=False,
    ),
    Operation(
        "DELETE", "/build/{buildSeq}", "removeBuild", "Remove a build with its images", TAG,
        BUILD_RUN,
        "Answers the REMOVE run, which does it.",
        (CALLBACK_URL,),
        errors=(ErrorCode.NOT_FOUND, ErrorCode.NOT_POSSIBLE, ErrorCode.RUN_IS_ACTIVE),
        links=links_of_run("")[:1],
    ),
    Operation(
        "GET", "/build/{buildSeq}/images", "listImages", "List the images of a build", TAG,
        ref("BuildImage"),
        parameters=(
            query("order", word(["DESC", "ASC"]) | {"default": "DESC"}, "Order"),
            query(
                "orderColumn",
                word(["TAG", "IMAGE_SIZE", "END_TIME"]) | {"default": "END_TIME"},
                "What is ordered by; sizes as numbers",
            ),
        ),
        errors=(ErrorCode.NOT_FOUND,),
    ),
)  # fmt: skip
