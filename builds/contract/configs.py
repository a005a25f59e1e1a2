"""The configs of steps, one serializer a kind: what an answer tells of it and what a body may give."""

from collections.abc import Mapping
from typing import Any, Final

from builds.contract.fields import Answer, Choice, Flag, Items, Loose, Model, Number, Secret, Text, stored_name
from builds.domain.references import ImageReference
from builds.domain.states import StepType
from builds.domain.steps.code_down import COMMON_TYPES, PROTOCOLS, REPOSITORY_TYPES
from builds.domain.steps.create_image import DOCKERFILE_TYPES
from builds.domain.steps.ftp import FTP_EXEC_TYPES, FTP_TYPES
from builds.domain.steps.http import HTTP_MODES
from builds.domain.steps.kinds import KINDS, api_name
from builds.domain.steps.shell import SHELL_TYPES


class Pair(Loose):
    """A name and its value."""

    key = Text(example="VERSION")
    value = Text(example="1.2")


class Header(Loose):
    """A header of a request."""

    name = Text(example="X-Token")
    value = Text()


class VolumeMount(Loose):
    """A host path in a container."""

    containerPath = Text()
    hostPath = Text()


class BuildSecret(Loose):
    """A secret that the image build may read."""

    id = Text("As in `RUN --mount=type=secret,id=…`", example="npm_token")
    value = Secret("In a body: the text to be mounted; blank keeps the stored one")


class StepConfig(Loose):
    """What the configs of all kinds of steps have."""

    default_title: str | None = None

    stepTitle = Text("Shown title", example="Build & Push")
    stepDesc = Text("Description")

    def to_representation(self, instance: Mapping[str, Any]) -> Answer:
        """Return every field of a stored config as it was given; unknown ones and secrets are None."""
        answer = {
            name: None if isinstance(field, Secret) else _renamed(instance.get(str(field.source)))
            for name, field in self.fields.items()
        }
        return {**answer, "stepTitle": answer["stepTitle"] or self.default_title}


class InitConfig(StepConfig):
    """buildStepConfig of INIT."""

    default_title = "init"


class CodeDownConfig(StepConfig):
    """buildStepConfig of CODE_DOWN."""

    repositoryType = Choice(REPOSITORY_TYPES, example="GIT")
    repositoryUrl = Text("Stored without scheme", example="git.example.com/team/app.git")
    commonType = Choice(COMMON_TYPES, "PRIVATE needs userId and password, or privateKey with ssh")
    protocolType = Choice(PROTOCOLS, example="https")
    userId = Text("User name for the repository")
    password = Secret()
    branchName = Text("Branch, tag or commit", example="main")
    codeSaveDir = Text("Where in the workspace; default: last path part of the URL without .git", example="app")
    httpSslVerifySkip = Flag("True: the certificate is not checked")
    privateKey = Secret("With ssh")
    knownHosts = Text("Lines of known_hosts; with ssh")
    submodules = Flag("Fetch submodules")
    lfs = Flag("Fetch large files (Git LFS)")


class AskedStep(Model):
    """Who asks for a repository, and which stored step it is about."""

    accountSeq = Number("The account that asks; default: the first of yours", min_value=1)
    buildSeq = Number("With buildStepSeq: whose stored secrets stand for blank ones", min_value=1)
    buildStepSeq = Number("A CODE_DOWN step of that build", min_value=1)


class SourceAsk(CodeDownConfig, AskedStep):
    """The config of a CODE_DOWN step, to be tried."""

    body_name = "SourceAsk"


class UserTaskConfig(StepConfig):
    """buildStepConfig of USER_TASK."""

    cmd = Items(Text(), "The container's command")
    workingDir = Text("Relative to /workspace, or absolute")
    imageName = Text(example="library/maven")
    imageTag = Text(example="3.9")
    dockerVolumeMountVOList = VolumeMount(
        many=True,
        source="docker_volume_mount_vo_list",
        help_text="Only host paths that the server's administrator allows",
    )
    envs = Pair(many=True)


class FtpConfig(StepConfig):
    """buildStepConfig of FTP."""

    url = Text(example="ftp://files.example.com")
    ftpType = Choice(FTP_TYPES)
    username = Text()
    password = Secret()
    sourceFiles = Text("Patterns under the workspace, comma-separated", example="target/*.jar")
    remoteDirectory = Text(example="/incoming")
    ftpExecType = Choice(FTP_EXEC_TYPES)


class HttpConfig(StepConfig):
    """buildStepConfig of HTTP."""

    url = Text(example="https://example.com/hook")
    httpMode = Choice(HTTP_MODES)
    customHeaders = Header(many=True)
    ignoreSslErrors = Flag("True: the certificate is not checked")
    username = Text()
    password = Secret()
    timeout = Number("Seconds", min_value=1, max_value=3600, example=30)
    validResponseCodes = Text("Empty: 2xx", example="200:299,404")
    validResponseContent = Text("What the answer has to contain")
    outputFile = Text("File under the workspace that gets the answer")
    consoleLogResponseBody = Flag("True: the answer is written to the log")
    requestBody = Text()


class ShellConfig(StepConfig):
    """buildStepConfig of SHELL."""

    shellType = Choice(SHELL_TYPES)
    command = Text("Executed by `sh -e` in /workspace", example="make dist")


class CreateImageConfig(StepConfig):
    """buildStepConfig of CREATE_IMAGE."""

    default_title = "Build & Push"

    dockerFileType = Choice(DOCKERFILE_TYPES)
    dockerFile = Text("With CONTENTS: the Dockerfile", example="FROM scratch\nCOPY app /app\n")
    dockerFilePath = Text("With FILE_PATH: relative to /workspace", example="app/Dockerfile")
    registryId = Number("Kept as it was given, never used")
    registryName = Text("Filled from the build, ignored in a body")
    imageName = Text("Filled from the build, ignored in a body")
    imageTag = Text("Filled from the run, ignored in a body")
    latestApply = Flag("True: `latest` moves too, forward only")
    registryUrl = Text("Filled from the build, ignored in a body")
    loginId = Secret("Default: the stored registry's login")
    password = Secret()
    privateCertificate = Secret()
    imageUrl = Text("Filled from the build, ignored in a body")
    externalRegistrySeq = Number("Filled from the build, ignored in a body")
    severity = Text("Kept and answered; nothing scans yet")
    exitCode = Number("Kept and answered; nothing scans yet", min_value=-(2**31))
    contextPath = Text("Under the workspace; empty: the Dockerfile's or the code's directory", example="app")
    buildArgs = Pair(many=True)
    secrets = BuildSecret(many=True, help_text="Mounted, never in arguments or layers")
    sshKey = Secret("A private key for `RUN --mount=type=ssh`, held by an agent")
    cacheFrom = Items(
        Text(),
        "Images whose cache is taken where it fits; with any of them the image carries its own cache",
        example=["registry.example/team/app:latest"],
    )
    extraTags = Items(Text(), "Tags beside the run's own that follow it, forward only", example=["stable"])
    target = Text("Stage to build", example="runtime")
    platform = Text(example="linux/amd64")
    labels = Pair(many=True)
    noCache = Flag("True: nothing is taken from the cache")
    pull = Flag("True: base images are pulled even if present")

    def to_representation(self, instance: Mapping[str, Any]) -> Answer:
        """Return the fields; of the secrets a stored config has the ids only."""
        answer = super().to_representation(instance)
        return {**answer, "secrets": answer["secrets"] and [{**one, "value": None} for one in answer["secrets"]]}


class CancelConfig(StepConfig):
    """buildStepConfig of CANCEL."""

    refBuildRunSeq = Number("The run that is cancelled", example=1)


class DeleteConfig(StepConfig):
    """buildStepConfig of DELETE."""

    refBuildRunSeq = Number("The run that is removed; null: the whole build")


CONFIGS: Final[Mapping[StepType, type[StepConfig]]] = {
    StepType.CODE_DOWN: CodeDownConfig,
    StepType.USER_TASK: UserTaskConfig,
    StepType.FTP: FtpConfig,
    StepType.HTTP: HttpConfig,
    StepType.SHELL: ShellConfig,
    StepType.CREATE_IMAGE: CreateImageConfig,
    StepType.CANCEL: CancelConfig,
    StepType.DELETE: DeleteConfig,
    StepType.INIT: InitConfig,
}
FOR_USERS: Final = tuple(KINDS)
SERIALIZERS: Final = {kind: config() for kind, config in CONFIGS.items()}
CONFIG_KEYS: Final = {
    kind: tuple(str(one.source) for one in config.fields.values()) for kind, config in SERIALIZERS.items()
}
# Filled from the build and the run in answers, ignored in a body (docs/contract.md, "Step configurations").
FILLED: Final = ("registry_name", "image_name", "image_tag", "registry_url", "image_url", "external_registry_seq")


def stored_config(kind: StepType, config: Mapping[str, Any]) -> Answer:
    """Return the known fields of a config as they are stored, unchecked: what they have to be is the rules' matter."""
    filled = FILLED if kind is StepType.CREATE_IMAGE else ()
    given = {key: config.get(api_name(key)) for key in CONFIG_KEYS[kind] if key not in filled}
    return {key: _stored(value) for key, value in given.items() if value is not None}


def _stored(value: Any) -> Any:
    """Return a value with the keys of its objects as they are stored; who read it has bounded its depth."""
    if isinstance(value, list):
        return [_stored(item) for item in value]
    if isinstance(value, Mapping):
        return {stored_name(key): _stored(item) for key, item in value.items()}
    return value


def config_answer(kind: StepType, config: Mapping[str, Any]) -> Answer:
    """Return a stored config as its kind tells it."""
    return SERIALIZERS[kind].to_representation(config)


def filled_config(kind: StepType, config: Mapping[str, Any], image: ImageReference, registry_id: int | None) -> Answer:
    """Return a stored config with what the build and the run decide for an image step: where its image goes."""
    if kind is not StepType.CREATE_IMAGE:
        return config_answer(kind, config)
    filled = {
        "registry_name": image.project or None,
        "image_name": image.name,
        "image_tag": image.tag or None,
        "registry_url": image.host or None,
        "image_url": image.image if image.host else None,
        "external_registry_seq": registry_id or 0,
    }
    return config_answer(kind, {**config, **filled})


def _renamed(value: Any) -> Any:
    """Give the entries of a list, such as {container_path, host_path}, the API's names as well."""
    if isinstance(value, list):
        return [_renamed(item) for item in value]
    if isinstance(value, Mapping):
        return {api_name(key): item for key, item in value.items()}
    return value
