"""What the queue's page shows: what runs where, what waits and why."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

from django.utils import timezone

from builds.domain.actions import Action, possible_actions, refusal
from builds.domain.states import StepState, StepType
from builds.domain.steps.kinds import shown_title
from builds.models import Caller, RunStep
from builds.pages.slots import Slots
from builds.pages.state_look import Look, look_of
from builds.queries.facts import run_facts
from builds.queries.queue import run_queue

MOST: Final = 200  # of each list; the API has them all


@dataclass(frozen=True, slots=True)
class QueueRow:
    """A run in the queue; `doing` is the step under way, `percent` how much of its usual time has passed."""

    run: Any
    look: Look
    actions: frozenset[str]
    may_move: bool = False
    doing: str = ""
    percent: str = ""

    @property
    def name(self) -> str:
        """Return what the run is called."""
        return str(self.run)

    @property
    def left(self) -> timedelta | None:
        """Return how long it will probably still take."""
        return None if self.run.seconds_left is None else timedelta(seconds=self.run.seconds_left)


@dataclass(frozen=True, slots=True)
class ServerCard:
    """A build server: its visible runs, and how many places others' runs hold."""

    server: Any
    rows: Sequence[QueueRow]

    @property
    def others(self) -> int:
        """Return how many runs hold a place that the reader may not know of, or that are about to begin."""
        return max(0, int(self.server.running) - len(self.rows))

    @property
    def slots(self) -> Slots:
        """Return its places."""
        return Slots(self.server.capacity, self.server.running)

    @property
    def trouble(self) -> str:
        """Say why nothing starts here although places are free; empty where something may."""
        return str(self.server.load.facts.why_closed)


@dataclass(frozen=True, slots=True)
class QueueScreen:
    """The queue for one reader."""

    cards: Sequence[ServerCard]
    waiting: Sequence[QueueRow]
    running_count: int
    waiting_count: int
    longest: timedelta | None

    @property
    def may_choose(self) -> bool:
        """Say whether the reader may do anything to a run that waits."""
        return any(row.actions or row.may_move for row in self.waiting)


def queue_screen(caller: Caller) -> QueueScreen:
    """Read the queue; other accounts' runs count and are not shown."""
    queue = run_queue(caller, most=MOST)
    doing = _steps_under_way([run.pk for run in queue.running])
    by_server: dict[int | None, list[QueueRow]] = defaultdict(list)
    now = timezone.now()
    for run in queue.running:
        percent = ""
        if run.seconds_left is not None and run.begin_time:
            passed = (now - run.begin_time).total_seconds()
            percent = f"{passed / (passed + run.seconds_left) * 100:.1f}%"
        by_server[run.server_id].append(_row(run, caller, doing=doing.get(run.pk, ""), percent=percent))
    waited = [now - run.created_at for run in queue.waiting]
    return QueueScreen(
        cards=[ServerCard(server, by_server[server.pk]) for server in queue.servers],
        waiting=[_row(run, caller) for run in queue.waiting],
        running_count=queue.running_count,
        waiting_count=queue.waiting_count,
        longest=max(waited, default=None),
    )


def _row(run: Any, caller: Caller, **more: str) -> QueueRow:
    facts = run_facts(run, caller)
    can_move = refusal(Action.FRONT, replace(facts, elder=run.elder)) is None
    actions = frozenset(action.value for action in possible_actions(facts) if action is Action.CANCEL)
    return QueueRow(run, look_of(run), actions, can_move, **more)


def _steps_under_way(run_ids: Sequence[int]) -> dict[int, str]:
    """Return the title of the step that each run is at."""
    steps = RunStep.objects.filter(run__in=run_ids, step_state=StepState.RUNNING).order_by("attempt", "order")
    return {step.run_id: shown_title(StepType(step.step_type), step.config) for step in steps}
