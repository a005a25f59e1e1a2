"""Steps and their configs, one serializer a kind: what an answer tells of it and what a body may give."""

from collections.abc import Mapping
from typing import Any, Final

from builds.contract.fields import (
    Answer,
    Choice,
    Field,
    Flag,
    IsoTime,
    Items,
    Loose,
    Model,
    Number,
    Secret,
    Text,
    Word,
    seconds,
)
from builds.domain.references import ImageReference
from builds.domain.states import StepState, StepType
from builds.domain.steps.code_down import COMMON_TYPES, PROTOCOLS, REPOSITORY_TYPES
from builds.domain.steps.create_image import DOCKERFILE_TYPES
from builds.domain.steps.ftp import FTP_EXEC_TYPES, FTP_TYPES
from builds.domain.steps.http import HTTP_MODES
from builds.domain.steps.kinds import KINDS, api_name
from builds.domain.steps.shell import SHELL_TYPES
from builds.models import RunStep
from builds.models.build import USER_STEPS
from builds.queries.builds import image_of
from builds.queries.installation import installation_id


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

    id = Text()
    credential = Text()


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


class SourceAsk(CodeDownConfig):
    """The config of a CODE_DOWN step, to be tried."""

    body_name = "SourceAsk"

    accountSeq = Number("The account that asks; default: the first of yours", min_value=1)
    buildSeq = Number("With buildStepSeq: whose stored secrets stand for blank ones", min_value=1)
    buildStepSeq = Number("A CODE_DOWN step of that build", min_value=1)


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
    target = Text("Stage to build", example="runtime")
    platform = Text(example="linux/amd64")
    labels = Pair(many=True)
    noCache = Flag("True: nothing is taken from the cache")
    pull = Flag("True: base images are pulled even if present")


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


class StepConfigField(Field):
    """The config of a step, by its stepType."""


def _config_of_build(step: Any) -> Answer:
    """Return the config of a step whose build has its extras (queries/builds.py)."""
    build = step.build
    image = image_of(build, build.extras.registry)
    return filled_config(StepType(step.step_type), step.config, image, build.registry_id)


def _config_of_run(step: RunStep) -> Answer:
    return filled_config(StepType(step.step_type), step.config, step.run.image, step.run.registry_id)


def _log_id(step: RunStep) -> str:
    return f"{installation_id()}-{step.run.build_id}.{step.run_id}.{step.pk}-{step.step_type.lower()}"


class BuildStep(Model):
    """A step of a build."""

    buildStepSeq = Number("Number of the step; send it back to change this step", source="pk", example=3)
    stepType = Word(StepType, "INIT is ignored in a body", given=USER_STEPS, required=True, example="CREATE_IMAGE")
    stepOrder = Number("Order within the build, from 1", source="order", example=1)
    useFlag = Flag("False takes the step out of use; default true", source="use")
    buildStepConfig = StepConfigField(reads=_config_of_build)


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
