"""What the page of one build shows: definition, last good image, history."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.db.models import Q, QuerySet
from django.utils import timezone

from builds.domain import tags
from builds.domain.access import Permission, refused
from builds.domain.actions import Action, build_possible_actions, possible_actions
from builds.domain.definition import Step
from builds.domain.states import ACTIVE, EndReason, RunState, RunType
from builds.models import Build, BuildRun, Caller, Registry, UploadedContext
from builds.pages.screens.image_options import Option, image_options
from builds.pages.screens.source import Source, SourceFacts, image_step, source_facts, source_steps, typed_dockerfile
from builds.pages.screens.sparkline import Sparkline, sparklines
from builds.pages.screens.steps import StepWords, step_words
from builds.pages.state_look import Look, look_of
from builds.queries.builds import find_build, image_of
from builds.queries.facts import build_facts, run_facts, with_facts
from builds.queries.runs import runs_of_build

PAGE: Final = 20
RECENT_UPLOADS: Final = 5
IN_A_ROW: Final = {Action.VIEW, Action.LOG, Action.CANCEL}
STATES: Final[Mapping[str, Q]] = {
    "active": Q(run_state__in=ACTIVE),
    "done": Q(run_state=RunState.DONE),
    "failed": Q(run_state=RunState.ERROR),
}


WITHOUT_CONTEXT: Final[Mapping[Source, str]] = {
    Source.HERE: "Nothing uploaded; runs build from the Dockerfile alone.",
    Source.REPOSITORY: "Nothing uploaded; runs build from the repository.",
    Source.BOTH: "Nothing uploaded; runs build from the Dockerfile and the repository.",
    Source.UPLOAD: "Nothing uploaded yet; runs need the Dockerfile and its files.",
}
WITH_STEPS: Final = "Nothing uploaded; runs build from what their other steps bring."


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One run of the build."""

    run: Any
    look: Look
    actions: frozenset[str]

    @property
    def took(self) -> timedelta | None:
        """Return how long the run took, None while it is active or when it never began."""
        return self.run.end_time - self.run.begin_time if self.run.end_time and self.run.begin_time else None


@dataclass(frozen=True, slots=True)
class BuildScreen:
    """One build for one reader."""

    build: Any
    image: str
    actions: frozenset[str]
    may_edit: bool
    next_tag: str
    last_good: BuildRun | None
    history: Sequence[HistoryRow]
    next_after: int | None
    state: str
    spark: Sparkline | None
    dockerfile: str
    steps: Sequence[Step]
    uploads: Sequence[UploadedContext]

    @property
    def takes_files(self) -> bool:
        """Say whether there is an image to be built from uploaded files."""
        return image_step(self.steps) is not None

    @property
    def context(self) -> UploadedContext | None:
        """Return the upload that the next runs use."""
        return next((upload for upload in self.uploads if upload.pk == self.build.context_id), None)

    @property
    def without_context(self) -> str:
        """Say what runs are built from while nothing is uploaded."""
        told = source_steps(self.steps)
        return WITH_STEPS if any(step.use for step in told.others) else WITHOUT_CONTEXT[told.source]

    @property
    def source(self) -> SourceFacts | None:
        """Return where the files and the Dockerfile come from, None where there is only a Dockerfile that was typed."""
        return source_facts(source_steps(self.steps))

    @property
    def image_options(self) -> Sequence[Option]:
        """Return what the image step says beside its Dockerfile."""
        return image_options(image_step(self.steps))

    @property
    def other_steps(self) -> Sequence[StepWords]:
        """Return the steps that are told neither as the source nor as the Dockerfile, in words."""
        told = source_steps(self.steps)
        unused = (told.code,) if told.code and not told.code.use else ()
        return [step_words(step) for step in (*told.others, *unused)]


def build_screen(build_id: int, caller: Caller, *, state: str = "", after: int | None = None) -> BuildScreen | None:
    """Read what the page of a build shows, None where the caller may not know of it."""
    build = find_build(build_id, caller)
    if build is None:
        return None
    possible = build_possible_actions(build_facts(build, caller))
    history = _history(build, caller, state, after)
    good = runs_of_build(build.pk, caller).filter(run_type=RunType.BUILD, run_state=RunState.DONE)
    steps = [row.step for row in build.steps.order_by("order", "pk")]
    image = image_step(steps)
    return BuildScreen(
        build=build,
        image=image_of(build, build.registry or Registry.objects.default()).image,
        actions=frozenset(action.value for action in possible if action is not Action.VIEW),  # the reader is there
        may_edit=refused(Permission.EDIT_BUILD, caller.role_in(build.account_id), caller.scopes) is None,
        next_tag=next_tag_of(build),
        last_good=good.filter(end_reason=EndReason.DONE).first(),
        history=history[:PAGE],
        next_after=history[PAGE - 1].run.pk if len(history) > PAGE else None,
        state=state if state in STATES else "",
        spark=sparklines([build.pk], timezone.now()).get(build.pk),
        dockerfile=typed_dockerfile(image.config) if image else "",
        steps=steps,
        uploads=list(recent_uploads(build)),
    )


def recent_uploads(build: Build) -> "QuerySet[UploadedContext]":
    """Return the newest uploads of a build that are still stored."""
    return build.contexts.select_related("uploaded_by").order_by("-pk")[:RECENT_UPLOADS]


def next_tag_of(build: Build) -> str:
    """Return the tag that the next press gets, empty where it is to be given with the press.

    Of a DATETIME tag it is the one of now; a second run in the same second gets another.
    """
    now = timezone.now().astimezone(ZoneInfo(build.account.time_zone))
    try:
        return tags.next_tag(
            build.definition.tag_rule, build_no=build.last_build_no + 1, now=now, taken=lambda _: False
        )
    except tags.TagMissing:
        return ""


def _history(build: Build, caller: Caller, state: str, after: int | None) -> list[HistoryRow]:
    runs = runs_of_build(build.pk, caller).filter(STATES.get(state, Q()), run_type=RunType.BUILD)
    if after is not None:
        runs = runs.filter(pk__lt=after)
    rows = []
    for run in with_facts(runs)[: PAGE + 1]:
        possible = possible_actions(run_facts(run, caller))
        actions = frozenset(action.value for action in possible if action in IN_A_ROW)
        rows.append(HistoryRow(run, look_of(run), actions))
    return rows
