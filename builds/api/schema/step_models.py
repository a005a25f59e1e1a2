"""buildStepConfig of each kind of step, as answers and bodies have it.

One table gives both: answers have every field and may be null; secrets are null in answers and text in bodies.
"""

from collections.abc import Iterable
from typing import Final

from builds.api.schema.words import (
    Schema,
    answer_model,
    any_of,
    body_model,
    flag,
    items,
    maybe,
    null,
    number,
    ref,
    text,
    word,
)
from builds.domain.states import StepType

TITLES: Final[dict[str, Schema]] = {
    "stepTitle": text("Shown title", example="Build & Push"),
    "stepDesc": text("Description"),
}
PAIRS: Final = items(ref("Pair"))
HEADERS: Final = items(ref("Header"))
CONFIGS: Final[dict[StepType, dict[str, Schema]]] = {
    StepType.CODE_DOWN: {
        **TITLES,
        "repositoryType": word(["GIT"], example="GIT"),
        "repositoryUrl": text("Stored without scheme", example="git.example.com/team/app.git"),
        "commonType": word(["COMMON", "PRIVATE"], "PRIVATE needs userId and password, or privateKey with ssh"),
        "protocolType": word(["http", "https", "ssh"], example="https"),
        "userId": text("User name for the repository"),
        "password": text("Write-only"),
        "branchName": text("Branch, tag or commit", example="main"),
        "codeSaveDir": text("Where in the workspace; default: last path part of the URL without .git", example="app"),
        "httpSslVerifySkip": flag("True: the certificate is not checked"),
        "privateKey": text("Write-only; with ssh"),
        "knownHosts": text("Lines of known_hosts; with ssh"),
        "submodules": flag("Fetch submodules"),
        "lfs": flag("Fetch large files (Git LFS)"),
    },
    StepType.USER_TASK: {
        **TITLES,
        "cmd": items(text(), "The container's command"),
        "workingDir": text("Relative to /workspace, or absolute"),
        "imageName": text(example="library/maven"),
        "imageTag": text(example="3.9"),
        "dockerVolumeMountVOList": items(ref("VolumeMount"), "Only host paths that the server's administrator allows"),
        "envs": PAIRS,
    },
    StepType.FTP: {
        **TITLES,
        "url": text(example="ftp://files.example.com"),
        "ftpType": word(["FTP", "SFTP"]),
        "username": text(),
        "password": text("Write-only"),
        "sourceFiles": text("Patterns under the workspace, comma-separated", example="target/*.jar"),
        "remoteDirectory": text(example="/incoming"),
        "ftpExecType": word(["FTP_UPLOAD", "FTP_DOWN", "DIR_FTP_UPLOAD", "DIR_FTP_DOWN"]),
    },
    StepType.HTTP: {
        **TITLES,
        "url": text(example="https://example.com/hook"),
        "httpMode": word(["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"]),
        "customHeaders": HEADERS,
        "ignoreSslErrors": flag("True: the certificate is not checked"),
        "username": text(),
        "password": text("Write-only"),
        "timeout": number("Seconds", least=1, most=3600, example=30),
        "validResponseCodes": text("Empty: 2xx", example="200:299,404"),
        "validResponseContent": text("What the answer has to contain"),
        "outputFile": text("File under the workspace that gets the answer"),
        "consoleLogResponseBody": flag("True: the answer is written to the log"),
        "requestBody": text(),
    },
    StepType.SHELL: {
        **TITLES,
        "shellType": word(["COMMAND", "SCRIPT"]),
        "command": text("Executed by `sh -e` in /workspace", example="make dist"),
    },
    StepType.CREATE_IMAGE: {
        **TITLES,
        "dockerFileType": word(["CONTENTS", "FILE_PATH"]),
        "dockerFile": text("With CONTENTS: the Dockerfile", example="FROM scratch\nCOPY app /app\n"),
        "dockerFilePath": text("With FILE_PATH: relative to /workspace", example="app/Dockerfile"),
        "registryId": number("Kept as it was given, never used"),
        "registryName": text("Filled from the build, ignored in a body"),
        "imageName": text("Filled from the build, ignored in a body"),
        "imageTag": text("Filled from the run, ignored in a body"),
        "latestApply": flag("True: `latest` moves too, forward only"),
        "registryUrl": text("Filled from the build, ignored in a body"),
        "loginId": text("Write-only; default: the stored registry's login"),
        "password": text("Write-only"),
        "privateCertificate": text("Write-only"),
        "imageUrl": text("Filled from the build, ignored in a body"),
        "externalRegistrySeq": number("Filled from the build, ignored in a body"),
        "severity": text("Kept and answered; nothing scans yet"),
        "exitCode": number("Kept and answered; nothing scans yet", least=-(2**31)),
        "contextPath": text("Under the workspace; empty: the Dockerfile's or the code's directory", example="app"),
        "buildArgs": PAIRS,
        "secrets": items(ref("BuildSecret"), "Mounted, never in arguments or layers"),
        "target": text("Stage to build", example="runtime"),
        "platform": text(example="linux/amd64"),
        "labels": PAIRS,
        "noCache": flag("True: nothing is taken from the cache"),
        "pull": flag("True: base images are pulled even if present"),
    },
    StepType.CANCEL: {**TITLES, "refBuildRunSeq": number("The run that is cancelled", example=1)},
    StepType.DELETE: {**TITLES, "refBuildRunSeq": number("The run that is removed; null: the whole build")},
    StepType.INIT: dict(TITLES),
}
SECRETS: Final = ("password", "loginId", "privateKey", "privateCertificate")
FOR_USERS: Final = (
    StepType.CODE_DOWN, StepType.USER_TASK, StepType.FTP, StepType.HTTP, StepType.SHELL, StepType.CREATE_IMAGE,
)  # fmt: skip


def config_name(kind: StepType) -> str:
    """Return the model's name of a kind's config (`CreateImageConfig`)."""
    return kind.value.title().replace("_", "") + "Config"


def _refs(kinds: Iterable[StepType], tail: str = "") -> list[Schema]:
    return [ref(config_name(kind) + tail) for kind in kinds]


STEP_MODELS: Final[dict[str, Schema]] = {
    "Pair": body_model({"key": text(example="VERSION"), "value": text(example="1.2")}, "A name and its value."),
    "Header": body_model({"name": text(example="X-Token"), "value": text()}, "A header of a request."),
    "VolumeMount": body_model({"containerPath": text(), "hostPath": text()}, "A host path in a container."),
    "BuildSecret": body_model({"id": text(), "credential": text()}, "A secret that the image build may read."),
    **{
        config_name(kind): answer_model(
            {name: null("Write-only") if name in SECRETS else maybe(one) for name, one in fields.items()},
            f"buildStepConfig of {kind}.",
        )
        for kind, fields in CONFIGS.items()
    },
    **{
        f"{config_name(kind)}Add": body_model(CONFIGS[kind], f"buildStepConfig of {kind}, to be stored.")
        for kind in FOR_USERS
    },
    "SourceAsk": body_model(
        {
            **CONFIGS[StepType.CODE_DOWN],
            "accountSeq": number("The account that asks; default: the first of yours", least=1),
            "buildSeq": number("With buildStepSeq: whose stored secrets stand for blank ones", least=1),
            "buildStepSeq": number("A CODE_DOWN step of that build", least=1),
        },
        "The config of a CODE_DOWN step, to be tried.",
    ),
    "SourceTest": answer_model(
        {
            "ok": flag("Whether the repository, and the branchName if there is one, was found"),
            "message": text("What was found or what is wrong, in a sentence"),
            "branches": items(text(example="main"), "At most 500, the default branch first; empty where ok is false"),
        },
        "What a repository answered.",
    ),
    "StepConfig": any_of(*_refs(CONFIGS), description="The config of a step, by its stepType."),
    "StepConfigAdd": any_of(*_refs(FOR_USERS, "Add"), description="The config of a step, by its stepType."),
}
