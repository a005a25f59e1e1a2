"""Builds: as lists and details tell them, as bodies give them, and their images."""

from collections.abc import Iterable
from typing import Any, Final

from builds.contract.fields import (
    LONGEST_PEM,
    Answer,
    Choice,
    IsoTime,
    Items,
    Model,
    Number,
    PlainTime,
    Secret,
    Text,
    Word,
    YesOrNo,
    Zero,
)
from builds.contract.runs import BuildRun, image_url
from builds.contract.steps import BuildStep
from builds.domain.actions import LISTED, Action, build_possible_actions
from builds.domain.states import WhenRunning
from builds.domain.steps.kinds import MOST_STEPS
from builds.domain.tags import AutoTagSeqType
from builds.models import Build as BuildRow
from builds.models import Caller
from builds.queries.builds import with_extras
from builds.queries.facts import build_facts

EDIT_TYPES: Final = ("N", "U")
EDIT_TYPE: Final = 'Give editType "{words}": N is for POST (create), U for PUT (edit).'


def _text(column: str, meaning: str = "", **options: Any) -> Text:
    """Return a text that is kept in a column of the build, with the column's length."""
    return Text(meaning, source=column, max_length=BuildRow.longest(column), **options)


class BuildHead(Model):
    """What lists, details and bodies have of a build."""

    buildSeq = Number("Number of the build", source="pk", example=1, read_only=True)
    buildNo = Number("Number of its newest run; 0 before the first", source="last_build_no", example=1, read_only=True)
    buildName = _text("name", "Default: imageName", example="build-test")
    buildDesc = _text("description", example="build-test", null=True)
    accountSeq = Number("Number of the account; default: the caller's", source="account_id", min_value=1, example=1)
    registryProjectId = Number("Kept as it was given, never used", example=27)
    registryName = _text("project", "The project: the first path part in the registry", example="dev", null=True)
    imageName = _text("image_name", "Lower-case parts joined by /", example="build-api-test-gradle")
    autotagUseYn = YesOrNo(
        "Whether tags are made automatically: Y needs autotagPrefix and autotagSeqType, N needs tagName (here or at "
        "the press)",
        source="auto_tag",
        example="N",
    )
    autotagPrefix = _text("auto_tag_prefix", "What an automatic tag begins with", example="test", null=True)
    autotagSeqType = Word(
        AutoTagSeqType,
        "What follows the prefix",
        source="auto_tag_sequence",
        given=(*AutoTagSeqType, ""),
        example="DATETIME",
        null=True,
    )
    tagName = _text("tag_name", "Tag of the images", example="8u292-rmsoft", null=True)
    externalRegistrySeq = Number(
        "Number of the registry; 0 is the default one", source="registry_id", unknown=0, example=0
    )
    buildServerHost = _text(
        "server_host",
        "Where the steps are executed: null or empty is the default server, `topic:NAME` a named one, "
        "`tcp://host:port` a Docker Engine (account admins)",
        example="topic:build-20230623-ws-namespace-thingcluster",
        null=True,
    )
    buildServerTlsVerify = YesOrNo(
        "Whether TLS is used on the build server: Y needs CA, client certificate and client key",
        source="server_tls_verify",
        example="N",
    )
    buildServerCacrt = Text(
        "CA of the build server (PEM); null for those who may not edit the build",
        source="server_ca_cert",
        max_length=LONGEST_PEM,
        for_editors=True,
        null=True,
    )
    buildServerClientCert = Text(
        "Client certificate for the build server (PEM); null likewise",
        source="server_client_cert",
        max_length=LONGEST_PEM,
        for_editors=True,
        null=True,
    )
    buildServerClientKey = Secret(
        "Client key for the build server (PEM): write-only; blank keeps the stored one unless the host changed",
        source="server_client_key",
        max_length=LONGEST_PEM,
    )
    useYn = YesOrNo("Whether it is in use; only such a build can be pressed", source="in_use", read_only=True)
    created = PlainTime("When it was created", source="created_at")
    updated = PlainTime("When it changed last", source="updated_at")


class BuildSteps(Model):
    """The steps of a build, under their name and its alias in bodies."""

    aliases = {"buildStepRuns": "buildSteps"}

    buildSteps = BuildStep(
        many=True,
        source="ordered_steps",
        required=True,
        min_length=1,
        max_length=MOST_STEPS,
        help_text="By stepOrder; exactly one used CREATE_IMAGE",
    )
    buildStepRuns = BuildStep(
        many=True,
        source="ordered_steps",
        write_only=True,
        help_text="Alias of buildSteps, so that an answer can be sent back",
    )

    def to_internal_value(self, data: Any) -> Answer:
        """Return what a body gives; the steps stand under one of their names."""
        if data.get("buildStepRuns") is not None:
            self.fields["buildSteps"].required = False
        return super().to_internal_value(data)


class BuildCounters(Model):
    """What lists count."""

    hostUrl = Text("Host of its registry", source="extras.host", example="dev.cocktailcloud.io", null=True)
    buildCount = Number("BUILD runs", source="extras.counts.runs", example=12)
    runningCount = Number("of those, waiting or running", source="extras.counts.running", example=1)
    doneCount = Number("of those, DONE", source="extras.counts.done", example=10)
    errorCount = Number("of those, ERROR", source="extras.counts.error", example=1)
    pipelineCount = Zero()
    tagCount = Number("Different tags of DONE runs", source="extras.counts.tags", example=10)
    buildTimeAvg = Number("Seconds on average, of DONE runs", source="extras.counts.seconds", example=57, null=True)
    latestBuildTime = Number("Seconds of the latest DONE run", source="extras.latest_seconds", example=57, null=True)
    imgSizeAvg = Number(
        "Bytes on average, of DONE runs", source="extras.counts.size", max_value=None, example=133745493, null=True
    )
    latestImgSize = Number(
        "Bytes of the latest DONE run", source="extras.latest_size", max_value=None, example=133745493, null=True
    )


class BuildActions(Model):
    """What may be done with a build."""

    possibleActions = Items(Word(LISTED), "What may be done now, by this caller, always in this order")

    @staticmethod
    def tell_possible_actions(build: Any, caller: Caller) -> list[Action]:
        """Return what the caller may do with the build."""
        return list(build_possible_actions(build_facts(build, caller)))


class BuildLimits(Model):
    """How its runs wait, end and are tried again."""

    whenRunning = Word(WhenRunning, "What a press does while another run is active", example="REFUSE")
    timeLimitSec = Number(
        "A run that takes longer ends in ERROR; default 3600",
        source="time_limit_seconds",
        min_value=60,
        max_value=86_400,
        example=3600,
    )
    queueLimitSec = Number(
        "A run that waits longer ends in ERROR; default 86400",
        source="queue_limit_seconds",
        min_value=60,
        max_value=30 * 86_400,
        example=86_400,
    )
    maxAttempts = Number(
        "Attempts in all when worker or engine are lost; default 3", min_value=1, max_value=10, example=3
    )


class BuildLast(Model):
    """What a build made last."""

    lastRun = BuildRun(source="extras.last_run", help_text="Newest run of runType BUILD", allow_null=True)


class Build(BuildHead, BuildCounters, BuildActions, BuildLimits, BuildLast):
    """What is to be built, as lists have it."""


class BuildDetail(BuildHead, BuildSteps, BuildCounters, BuildActions, BuildLimits, BuildLast):
    """What is to be built, with its steps."""


class BuildAdd(BuildHead, BuildLimits, BuildSteps):
    """A build to be stored."""

    aliases = {**BuildSteps.aliases, "description": "buildDesc"}
    body_name = "BuildAdd"

    editType = Choice(
        EDIT_TYPES,
        "N with POST, U with PUT",
        error_messages=dict.fromkeys(("required", "invalid_choice"), EDIT_TYPE),
        example="N",
        required=True,
    )
    description = Text("Alias of buildDesc, which wins", max_length=BuildRow.longest("description"))

    def get_fields(self) -> dict[str, Any]:
        """Return the fields; `is_new` of the context says which editType fits."""
        fields: dict[str, Any] = super().get_fields()
        if "is_new" in self.context:
            fields["editType"].choices = ["N" if self.context["is_new"] else "U"]
        return fields


class RunSteps(BuildSteps):
    """Steps for one run; further fields of a BuildAdd are ignored. Without steps: those of the run again."""

    body_name = "RunSteps"

    def get_fields(self) -> dict[str, Any]:
        """Return the fields; none has to be given."""
        fields = super().get_fields()
        fields["buildSteps"].required = False
        return fields


class BuildName(Model):
    """Number and name of a build."""

    buildSeq = Number(source="pk", example=1)
    buildName = Text(source="name", example="build-test")


class BuildCount(Model):
    """How many builds an account has."""

    accountSeq = Number(source="pk", example=1)
    buildCount = Number(example=12)


class BuildImageTag(Model):
    """One image of a build."""

    buildRunSeq = Number(source="pk", example=1)
    tag = Text(source="tag_name", example="test-00001", null=True)
    runDesc = Text(source="description", null=True)
    imageUrl = Text("Without tag under /v1, with `:tag` under /api", reads=image_url, null=True)
    imageSize = Number("Bytes, compressed", max_value=None, example=133745493)
    imageDigest = Text(null=True)
    beginTime = IsoTime("When the run began", null=True)
    endTime = IsoTime("When the run ended", null=True)


class BuildImage(Model):
    """The images of a build."""

    buildSeq = Number(source="build.pk", example=1)
    registryImagePath = Text(
        "Where the images are, without tag",
        reads=lambda images: images.image.image if images.image.host else None,
        example="dev.cocktailcloud.io/ops/app",
        null=True,
    )
    registryProjectId = Number(source="build.registry_project_id", example=27)
    registryName = Text(source="build.project", example="ops", null=True)
    imageName = Text(source="build.image_name", example="app")
    externalRegistrySeq = Number(source="build.registry_id", unknown=0, example=0)
    tags = BuildImageTag(many=True, source="runs")


def build_answers(builds: Iterable[Any], caller: Caller) -> list[Answer]:
    """Return builds (through `with_build_facts`) with counters and last runs, with a fixed number of queries."""
    return [Build.tell(build, caller) for build in with_extras(builds, caller)]


def build_detail(build: Any, caller: Caller) -> Answer:
    """Return one build (through `with_build_facts`) with its steps in order."""
    (found,) = with_extras([build], caller)
    found.ordered_steps = list(found.steps.order_by("order", "pk"))
    for step in found.ordered_steps:
        step.build = found
    return BuildDetail.tell(found, caller)
