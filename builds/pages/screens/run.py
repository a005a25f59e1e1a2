"""Everything that the page of one run shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.utils import timezone

from builds.domain.actions import Action, possible_actions, refusal
from builds.domain.estimates import range_of
from builds.domain.forges import commit_url
from builds.domain.states import RunState, RunType, StepState, StepType
from builds.models import BuildRun, Caller, RunStep
from builds.pages.screens.callbacks import CallbackCounts, callback_counts
from builds.pages.screens.failure import FailureBox, dockerfile_of, failure_of
from builds.pages.screens.image_options import Option, image_options
from builds.pages.screens.log import LogWindow, found_window, log_window
from builds.pages.screens.source import image_step, repository_address
from builds.pages.screens.timeline import Timeline, instruction_names, timeline_of
from builds.pages.state_look import KINDS, Look, look_of
from builds.pages.words import duration_words
from builds.queries.facts import run_facts
from builds.queries.runs import find_run, steps_by_attempt
from builds.queries.waiting import Waiting, waiting_of

SAMPLES: Final = 20


@dataclass(frozen=True, slots=True)
class Image:
    """What a run pushed, as the registry confirmed it."""

    reference: str
    digest: str
    size: int
    change: int | None  # bytes more than the good run before
    before: int | None  # number of that run


@dataclass(frozen=True, slots=True)
class Estimate:
    """How long runs like this usually take, and how far this one is (percent of the bar)."""

    usual: str
    left: str
    passed: str
    range_start: str
    range_width: str


@dataclass(frozen=True, slots=True)
class RunScreen:
    """One run for one reader."""

    run: Any
    look: Look
    actions: frozenset[str]
    title: str
    kind: str
    steps: Sequence[RunStep]
    attempts: int
    waiting: Waiting | None
    failure: FailureBox | None
    image: Image | None
    estimate: Estimate | None
    timeline: Timeline
    dockerfile: str
    callbacks: CallbackCounts | None
    may_push: bool

    @property
    def is_active(self) -> bool:
        """True while the run waits or runs."""
        return not self.run.is_final

    @property
    def parameters(self) -> Sequence[tuple[str, str]]:
        """Return what this run alone was given, in words."""
        given = self.run.definition.parameters
        rows = [("Branch", given.branch_name)] if given.branch_name else []
        rows += [("Cache", "not used")] if given.no_cache else []
        return [*rows, *((f"Argument {name}", value) for name, value in given.build_args)]

    @property
    def image_options(self) -> Sequence[Option]:
        """Return what its image step said beside the Dockerfile."""
        return image_options(image_step([row.step for row in self.steps]))

    @property
    def commit_page(self) -> str | None:
        """Return the address of the page that the forge has of the commit, None where the forge is not known.

        The commit of a run is that of its first code download.
        """
        codes = [step.config for step in self.steps if step.step_type == StepType.CODE_DOWN and step.use]
        return commit_url(repository_address(codes[0]), self.run.commit_id) if codes else None

    @property
    def is_push(self) -> bool:
        """True where the run builds nothing and pushes the image of another one again."""
        return self.run.definition.push_of is not None

    @property
    def error_line(self) -> int:
        """Return the line of the log at which a failed run opens, 0 for none."""
        return self.failure.error_line if self.failure else 0

    @property
    def took(self) -> timedelta | None:
        """Return how long the run took, None while it runs or when it never began."""
        return self.run.end_time - self.run.begin_time if self.run.end_time and self.run.begin_time else None

    @property
    def waited(self) -> timedelta | None:
        """Return how long it waited before it began."""
        return self.run.begin_time - self.run.created_at if self.run.begin_time else None

    @property
    def doing(self) -> str:
        """Say what runs now: the instructions, else the step."""
        running = [row for row in self.timeline.rows if row.state is StepState.RUNNING and (row.step or row.vertex)]
        instructions = [row.name for row in running if row.vertex]
        return ", ".join(instructions or [row.name for row in running]) or "starting"

    def log(self, *, after: int | None = None, search: str = "") -> LogWindow:
        """Return the window of the log that the page is rendered with; of a `search` the lines that hold it."""
        if search:
            return found_window(self.run, instruction_names(self.steps), search, after=after or 0)
        return log_window(self.run, instruction_names(self.steps), error_line=self.error_line, after=after)


def run_screen(run_id: int, caller: Caller) -> RunScreen | None:
    """Read what the page of a run shows, None where the caller may not know of it."""
    run = find_run(run_id, caller)
    if run is None:
        return None
    earlier, steps = steps_by_attempt(run)
    if run.run_state == RunState.RUNNING and all(step.step_state != StepState.RUNNING for step in steps):
        # It is between two steps, or it ended after it was read: no running run is shown with steps of an ended one.
        run = find_run(run_id, caller) or run
        earlier, steps = steps_by_attempt(run)
    now = timezone.now()
    possible = possible_actions(run_facts(run, caller))
    before = BuildRun.objects.filter(build_id=run.build_id, run_type=RunType.BUILD, pk__lt=run.pk, removed_at=None)
    done = before.filter(run_state=RunState.DONE).order_by("-pk")
    good = list(done.only("build_no", "begin_time", "end_time", "image_size", "work_digest")[:SAMPLES])
    # those that have done the same steps: what others took says nothing about this one
    alike = [one for one in good if run.work_digest and one.work_digest == run.work_digest]
    return RunScreen(
        run=run,
        look=look_of(run),
        actions=frozenset(action.value for action in possible if action is not Action.VIEW),  # the reader is there
        title=run.definition.name or run.build.name,
        kind=KINDS.get(RunType(run.run_type), ""),
        steps=steps,
        attempts=len(earlier) + 1,
        waiting=waiting_of(run),
        failure=failure_of(run, steps),
        image=_image(run, good),
        estimate=_estimate(run, alike, now),
        timeline=timeline_of(run, steps, now),
        dockerfile=dockerfile_of(steps),
        callbacks=callback_counts(run),
        may_push=refusal(Action.PUSH, run_facts(run, caller)) is None,
    )


def _image(run: BuildRun, good: Sequence[BuildRun]) -> Image | None:
    if run.run_type != RunType.BUILD or run.run_state != RunState.DONE or not run.image_digest:
        return None
    before = good[0] if good else None
    return Image(
        reference=run.image.tagged,
        digest=run.image_digest,
        size=run.image_size,
        change=run.image_size - before.image_size if before else None,
        before=before.build_no if before else None,
    )


def _estimate(run: BuildRun, good: Sequence[BuildRun], now: datetime) -> Estimate | None:
    """Return the usual range as words and as a bar; nothing where there is no history to tell from."""
    took = [(one.end_time - one.begin_time).total_seconds() for one in good if one.begin_time and one.end_time]
    usual = range_of(took)
    if usual is None or run.run_state != RunState.RUNNING or run.begin_time is None:
        return None
    low, high = usual
    passed = (now - run.begin_time).total_seconds()
    whole = max(high, passed, 0.1)
    left = (max(low - passed, 0), max(high - passed, 0))
    return Estimate(
        usual=_range_words(low, high),
        left=f"{_range_words(*left)} left" if high > passed else "longer than usual",
        passed=f"{min(passed / whole * 100, 100):.2f}%",
        range_start=f"{low / whole * 100:.2f}%",
        range_width=f"{max((high - low) / whole * 100, 0.5):.2f}%",
    )


def _range_words(low: float, high: float) -> str:
    first, second = duration_words(low), duration_words(high)
    return first if first == second else f"{first} – {second}"
