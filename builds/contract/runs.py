"""Runs, their steps and attempts, their logs, and the queue."""

from collections.abc import Iterable
from typing import Any

from builds.contract.fields import (
    Answer,
    Choice,
    Flag,
    IsoTime,
    Items,
    Model,
    Number,
    PlainTime,
    Secret,
    Text,
    Texts,
    Word,
    YesOrNo,
    Zero,
    name_of,
    seconds,
)
from builds.contract.steps import BuildStepRun
from builds.domain.actions import LISTED, Action, possible_actions
from builds.domain.log.lines import Stream
from builds.domain.states import EndReason, RunState, RunType, StepState
from builds.domain.tags import AutoTagSeqType
from builds.models import BuildRun as RunRow
from builds.models import Caller
from builds.queries.facts import run_facts
from builds.queries.runs import with_attempts
from builds.queries.waiting import with_waiting


def image_url(run: RunRow) -> str | None:
    """Return where the image of a run goes, without its tag."""
    return run.image.image if run.registry_host else None


def _image_ref(run: RunRow) -> str | None:
    """Return what to pull for exactly the image that was built."""
    has_image = run.run_type == RunType.BUILD and run.image_digest
    return run.image.pinned(run.image_digest) if has_image else None


class BuildRun(Model):
    """One execution of a build: the platform's 34 fields in its order, then BuildHub's additions."""

    useYn = YesOrNo("Whether it is in use; N once it was removed", reads=lambda run: run.removed_at is None)
    created = PlainTime("When it was created", source="created_at")
    updated = PlainTime("When it changed last", source="updated_at")
    buildName = Text(source="definition.name", example="build-test")
    buildDesc = Text(source="definition.description", example="build-test", null=True)
    registryName = Text(
        "The project: the first path part in the registry", source="definition.project", example="dev", null=True
    )
    imageName = Text(source="definition.image_name", example="build-api-test-gradle")
    accountSeq = Number("Number of the account", source="account_id", example=1)
    registryProjectId = Number("Kept as it was given, never used", source="definition.registry_project_id", example=27)
    externalRegistrySeq = Number(
        "Number of the registry; 0 is the default one", source="registry_id", unknown=0, example=0
    )
    buildServerHost = Text(
        "Where the steps are executed: null is the default server, `topic:NAME` a named one, `tcp://host:port` a "
        "Docker Engine",
        source="definition.server_host",
        example="topic:build-20230623-ws-namespace-thingcluster",
        null=True,
    )
    buildServerTlsVerify = YesOrNo(
        "Whether TLS is used on the build server", source="definition.server_tls_verify", example="N"
    )
    buildServerCacrt = Text(
        "CA of the build server (PEM); null for those who may not edit the build",
        source="definition.server_ca_cert",
        for_editors=True,
        null=True,
    )
    buildServerClientCert = Text(
        "Client certificate for the build server (PEM); null likewise",
        source="definition.server_client_cert",
        for_editors=True,
        null=True,
    )
    buildServerClientKey = Secret("Client key for the build server: write-only")
    buildRunSeq = Number("Number of the run", source="pk", example=1)
    buildSeq = Number("Number of the build", source="build_id", example=1)
    buildNo = Number("Counts the runs of the build; CANCEL runs carry the original's", example=1)
    runType = Word(RunType, "What the run does", example="BUILD")
    runDesc = Text("The `description` of the press", source="description", example="Build run test", null=True)
    runState = Word(RunState, "Where the run stands", example="DONE")
    autotagUseYn = YesOrNo("Whether tags are made automatically", source="definition.auto_tag", example="N")
    autotagPrefix = Text(
        "What an automatic tag begins with", source="definition.auto_tag_prefix", example="test", null=True
    )
    autotagSeqType = Word(
        AutoTagSeqType, "What follows the prefix", source="definition.auto_tag_sequence", example="DATETIME", null=True
    )
    tagName = Text("Tag of the image", example="8u292-rmsoft", null=True)
    callbackUrl = Text("As it was given", example="http://dashboard:3000/callback", null=True)
    imageUrl = Text(
        "Where the image goes: without tag under /v1, with `:tag` under /api",
        example="dev.cocktailcloud.io/ops/build-api-test-gradle",
        reads=image_url,
        null=True,
    )
    imageSize = Number(
        "Bytes, compressed; 0 until the registry has confirmed the push", max_value=None, example=133745493
    )
    imageDigest = Text(
        "Set once the registry has confirmed the push",
        example="sha256:30c1930cbee0c55a2ab23708866b8b9c6f555b17382df716d1e675eefbf5083b",
        null=True,
    )
    pipelineSeq = Zero()
    beginTime = IsoTime("When it began to run; null while it waits", example="2022-12-02T08:42:43.000+00:00", null=True)
    endTime = IsoTime("When it ended", null=True)
    runTimeBySec = Number(
        "Whole seconds from beginTime to endTime; null until then", reads=seconds, example=57, null=True
    )
    possibleActions = Items(Word(LISTED), "What may be done now, by this caller, always in this order")
    endReason = Word(EndReason, "What ended the run; null until then", example="DONE", null=True)
    endMessage = Text("One sentence: the step, what was wrong, the remedy", null=True)
    cancelRequestedAt = IsoTime("When cancelling was asked for", null=True)
    requestedBy = Text(
        "User name of who asked for it", reads=lambda run: name_of(run.requested_by), example="operator", null=True
    )
    commitId = Text("The commit that was built", example="4b825dc642cb6eb9a060e54bf8d69288fbee4904", null=True)
    attempt = Number("Counts the attempts; 0 while it waits", example=1)
    imageRef = Text("What to pull: `host/name:tag@digest`", reads=_image_ref, null=True)
    queuePosition = Number(
        "Place among the waiting runs, 1 is next; null when it does not wait",
        source="waits.position",
        min_value=1,
        null=True,
    )
    waitingFor = Text("Why it does not start yet, in words", source="waits.reason", null=True)
    lineCount = Number("Lines of the log so far", max_value=None, example=120)

    @staticmethod
    def tell_possible_actions(run: Any, caller: Caller) -> list[Action]:
        """Return what the caller may do with the run."""
        return list(possible_actions(run_facts(run, caller)))


class RunAttempt(Model):
    """An earlier attempt of a run whose worker or engine was lost."""

    attempt = Number(source="number", min_value=1, example=1)
    beginTime = IsoTime("When it began", null=True)
    endTime = IsoTime("When it ended", null=True)
    endMessage = Text("Why it was not the last one", null=True)
    buildStepRuns = BuildStepRun(many=True, source="steps")


class BuildRunDetail(BuildRun):
    """One execution of a build with its steps."""

    buildStepRuns = BuildStepRun(many=True, source="latest", help_text="Steps of the latest attempt")
    attempts = RunAttempt(many=True, source="earlier", help_text="Earlier attempts, else empty")


class BuildRunLog(Model):
    """The log of a run in one piece; texts over 4 MiB are cut here only."""

    buildRunSeq = Number(source="run.pk", example=1)
    runState = Word(RunState, "Where the run stands", source="run.run_state", example="DONE")
    buildSeq = Number(source="run.build_id", example=1)
    registryProjectId = Number(source="run.definition.registry_project_id", example=27)
    externalRegistrySeq = Number(source="run.registry_id", unknown=0, example=0)
    buildServerHost = Text(
        "Where the steps are executed",
        source="run.definition.server_host",
        example="topic:build-20230623-ws-namespace-thingcluster",
        null=True,
    )
    dbLog = Flag("True once the log is complete", source="run.is_final")
    buildStepRuns = BuildStepRun(many=True, source="steps", help_text="Steps with their texts in `log`")
    buildRunLogs = BuildStepRun(many=True, source="steps", help_text="The same list under its other name")


class Line(Model):
    """A line of the log."""

    n = Number("Number of the line, from 1", source="line.n", min_value=1, max_value=None, example=1)
    t = Number("Milliseconds since beginTime", source="line.t", max_value=None, example=12)
    step = Number("buildStepRunSeq", example=11, null=True)
    vertex = Text(
        "The build instruction, null outside the image build", source="line.vertex", example="[2/3] RUN make", null=True
    )
    stream = Choice(
        [stream.value for stream in Stream], "1 stdout, 2 stderr, 0 said by BuildHub itself", source="line.stream"
    )
    text = Text(source="line.text", example="hello")


class OpenLine(Line):
    """A line that is not finished: what is printed since the last line end, and of a redrawn line its last state."""

    n = None  # type: ignore[assignment]  # it gets its number when it is stored
    ink = Text("SGR parameters of the ink in which it begins", source="line.ink", example="1;31")


class Lines(Model):
    """A window of the log; ask again with `after` = `last`."""

    lines = Line(many=True)
    last = Number("Number of the last line of this answer: the next `after`", max_value=None, example=120)
    total = Number("Lines stored so far", max_value=None, example=120)
    complete = Flag("True when the run has ended and no line follows")
    inks = Texts(
        "Of lines that do not begin in the default ink: SGR parameters of the ink, by number of the line",
        example={"2": "1;31"},
    )
    open = OpenLine(many=True, help_text="What is printed behind all lines and not finished, else empty")


class Hits(Model):
    """Which lines of the log hold a text."""

    count = Number("How many lines hold it", max_value=None, example=3)
    total = Number("Lines that were searched", max_value=None, example=120)
    n = Number(
        "Number of the line asked for; behind the last one comes the first", max_value=None, example=17, null=True
    )
    position = Number("Its place among those lines, from 1", max_value=None, example=1, null=True)
    ranges = Items(
        Items(Number(max_value=None)),
        "With `context`: [first, last] line of each place, the first 20,000",
        null=True,
        example=[[15, 19]],
    )


class Section(Model):
    """Consecutive lines of one build instruction, or of one step outside of instructions."""

    first = Number("Number of its first line", min_value=1, max_value=None, example=20)
    last = Number("Number of its last line", min_value=1, max_value=None, example=480)
    step = Number("buildStepRunSeq", example=11, null=True)
    vertex = Text("The build instruction, null outside the image build", example="[2/3] RUN make", null=True)
    state = Word(StepState, "State of the instruction, or of the step")


class WaitingRun(BuildRun):
    """A run that waits, and when it will probably start."""

    likelyStart = IsoTime(
        "When it will probably start, by what its elders took before; null where that is not known", null=True
    )


class QueueServer(Model):
    """What happens on a build server, whoever's runs these are."""

    buildServerSeq = Number("Number of the build server", source="pk", example=1)
    capacity = Number("Builds at the same time", example=2)
    running = Number("Runs that hold a place", example=1)
    waiting = Number("Runs that wait for a place", example=0)


class Queue(Model):
    """What runs and what waits."""

    running = BuildRun(many=True, help_text="Runs under way")
    waiting = WaitingRun(many=True, help_text="The next that wait, in order")
    runningCount = Number(example=1)
    waitingCount = Number(example=0)
    servers = QueueServer(many=True, help_text="The build servers that the caller's accounts may use")


def run_answer(run: Any, caller: Caller) -> Answer:
    """Return a run (through `queries.facts.with_facts`) as a BuildRun, with place and reason where it waits."""
    return run_answers([run], caller)[0]


def run_answers(runs: Iterable[Any], caller: Caller) -> list[Answer]:
    """Return many runs (through `with_facts`) as BuildRuns, with a fixed number of queries."""
    return [BuildRun.tell(run, caller) for run in with_waiting(runs)]


def run_detail(run: Any, caller: Caller) -> Answer:
    """Return a BuildRun with `buildStepRuns` of its latest attempt and the earlier `attempts`."""
    (waiting,) = with_waiting([run])
    return BuildRunDetail.tell(with_attempts(waiting), caller)
