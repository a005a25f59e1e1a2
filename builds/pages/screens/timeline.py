"""Steps and build instructions as bars on one time axis; all lengths are percentages for SVG attributes."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from django.template.defaultfilters import pluralize

from builds.domain.progress import CANCELED, was_stopped
from builds.domain.states import WORKING_STEPS, EndReason, StepState, StepType
from builds.domain.steps.kinds import shown_title
from builds.models import BuildRun, RunStep
from builds.pages.words import clock_words, duration_words, size_words

CONTEXT: Final = "[internal] load build context"
INTERNAL: Final = "[internal]"
STAGE: Final = re.compile(r"\[(?P<stage>[^\]]+)\]\s*(?P<code>.*)", re.DOTALL)

LEAST_WIDTH: Final = 0.5
TICKS: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 28_800, 86_400)
MOST_TICKS: Final = 6
WORTH_WAITING: Final = timedelta(seconds=0.5)


@dataclass(frozen=True, slots=True)
class _Shape:
    """How a row looks: its icon, the word that is spoken, its bar, and the class of its colour."""

    icon: str
    spoken: str
    bar: str | None = None
    look: str = ""


SHAPES: Final = {
    StepState.WAIT: _Shape("skip", "not started"),
    StepState.RUNNING: _Shape("running", "running", "running", "running"),
    StepState.DONE: _Shape("check", "done", "done"),
    StepState.ERROR: _Shape("failed", "failed", "failed", "failed"),
}
STOPPED_SHAPE: Final = _Shape("cancelled", "stopped", "stopped", "cancelled")  # ended because something else did
CACHED_SHAPE: Final = _Shape("cached", "cached", "cached")
UNUSED_SHAPE: Final = _Shape("skip", "out of use")


@dataclass(frozen=True, slots=True)
class Bar:
    """Where a bar stands, in percent of the axis; `kind`: done, running, failed, stopped, cached or wait."""

    kind: str
    x: str
    width: str


@dataclass(frozen=True, slots=True)
class Row:
    """One bar: of a step (`step`), of an instruction (`vertex`), or of the wait before them."""

    name: str
    state: StepState
    icon: str
    spoken: str
    time: str
    look: str = ""  # running, failed or cancelled; empty where the eye need not rest
    bar: Bar | None = None
    step: int | None = None
    vertex: str = ""
    stage: str = ""
    cached: bool = False
    line: int | None = None
    begin: datetime | None = None
    progress: str = ""
    error: str = ""
    names_log: bool = False  # heads of the log carry its name
    why: str = ""  # of a step that was never begun


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on the axis."""

    x: str
    label: str
    anchor: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """The axis with its rows; `now` is where the present stands while the run is active."""

    rows: Sequence[Row]
    ticks: Sequence[Tick]
    now: str
    note: str

    @property
    def has_stopped(self) -> bool:
        """True where something did not fail but was stopped."""
        return any(row.look == STOPPED_SHAPE.look for row in self.rows)


@dataclass(frozen=True, slots=True)
class _Axis:
    start: datetime
    end: datetime

    @property
    def seconds(self) -> float:
        return max((self.end - self.start).total_seconds(), 0.1)

    def place(self, moment: datetime) -> float:
        """Return where `moment` stands, in percent; the engine's clock may differ from the database's."""
        return min(max((moment - self.start).total_seconds() / self.seconds * 100, 0.0), 100.0)

    def bar(self, kind: str, begin: datetime, end: datetime) -> Bar:
        """Return the bar between two moments, wide enough to be seen."""
        x = min(self.place(begin), 100 - LEAST_WIDTH)
        return Bar(kind, f"{x:.2f}%", f"{max(self.place(end) - x, LEAST_WIDTH):.2f}%")


def timeline_of(run: BuildRun, steps: Sequence[RunStep], now: datetime) -> Timeline:
    """Return the bars of a run's latest attempt, the wait first, the failed instruction first inside its step."""
    axis = _Axis(run.created_at, run.end_time or now)
    rows = [*_wait_row(run, axis), *(row for step in steps for row in _step_rows(step, run, axis))]
    failed = next((row.name for row in rows if row.step and row.state is StepState.ERROR), "")
    if run.is_final:
        why = "the run was stopped before" if run.end_reason == EndReason.CANCELLED else f"{failed or 'the run'} failed"
        rows = [replace(row, why=why) if row.step and row.state is StepState.WAIT else row for row in rows]
    counted = [row for row in rows if row.vertex]
    done = sum(row.state is StepState.DONE for row in counted)
    note = f"{done} of {len(counted)} instruction{pluralize(len(counted))}" if counted else ""
    return Timeline(rows, list(_ticks(axis)), "" if run.is_final else "100%", note)


def instruction_names(steps: Sequence[RunStep]) -> dict[str, str]:
    """Return the names of the log's heads, of instructions by digest, of steps with words of their own by "step N".

    BuildKit's own work is one preparation.
    """
    vertices = (vertex for step in steps for vertex in step.vertices)
    working = [step for step in steps if step.step_type in WORKING_STEPS]
    return {f"step {step.pk}": shown_title(StepType(step.step_type), step.config) for step in working} | {
        vertex["vertex"]: "preparation" if vertex["name"].startswith(INTERNAL) else vertex["name"]
        for vertex in vertices
    }


def failed_vertex(steps: Sequence[RunStep]) -> Mapping[str, Any] | None:
    """Return the instruction that failed first; those that were merely stopped do not count."""
    failed = [
        vertex for step in steps for vertex in step.vertices if vertex.get("error") and not was_stopped(vertex["error"])
    ]
    return min(failed, key=lambda vertex: vertex.get("completed") or "~", default=None)


def _wait_row(run: BuildRun, axis: _Axis) -> Iterator[Row]:
    until = run.begin_time or run.end_time or axis.end
    waited = until - run.created_at
    if run.begin_time and waited < WORTH_WAITING:
        return
    waits = run.begin_time is None and run.end_time is None
    server = run.server.name if run.server else "a build server"
    state = StepState.RUNNING if waits else StepState.DONE
    yield Row(
        name=f"{'Waits' if waits else 'Waited'} for {server}",
        state=state,
        icon="waiting" if waits else SHAPES[state].icon,
        spoken=SHAPES[state].spoken,
        look=SHAPES[state].look,
        time=duration_words(waited),
        bar=axis.bar("wait", run.created_at, until),
    )


def _step_rows(step: RunStep, run: BuildRun, axis: _Axis) -> Iterator[Row]:
    state = StepState(step.step_state)
    shape = _shape(state, run)
    shown = shape if step.use else UNUSED_SHAPE
    yield Row(
        name=shown_title(StepType(step.step_type), step.config),
        names_log=step.step_type in WORKING_STEPS,
        state=state,
        icon=shown.icon,
        spoken=shown.spoken,
        look=shown.look,
        time=_time(state, step.begin_time, step.end_time, run, axis),
        step=step.pk,
        line=step.first_line,
        begin=step.begin_time,
        bar=_bar(shape.bar, step.begin_time, step.end_time, axis),
    )
    vertices = [_ended(vertex) if run.is_final else vertex for vertex in step.vertices]
    yield from _preparation([vertex for vertex in vertices if vertex["name"].startswith(INTERNAL)], run, axis)
    own = [vertex for vertex in vertices if not vertex["name"].startswith(INTERNAL)]
    yield from sorted((_vertex_row(vertex, run, axis) for vertex in own), key=lambda row: not row.error)


def _ended(vertex: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an instruction of an ended run: nobody told the end of what ran when its worker was lost."""
    if _state(vertex) is not StepState.RUNNING:
        return vertex
    return {**vertex, "state": StepState.ERROR, "error": CANCELED}


def _preparation(vertices: Sequence[Mapping[str, Any]], run: BuildRun, axis: _Axis) -> Iterator[Row]:
    """Fold BuildKit's own work into one row without hooks: these are no instructions of the Dockerfile."""
    begun = [moment for vertex in vertices if (moment := _moment(vertex.get("started")))]
    if not begun:
        return
    ended = [moment for vertex in vertices if (moment := _moment(vertex.get("completed")))]
    state = max((_state(vertex) for vertex in vertices), key=[*StepState].index)
    if state is StepState.WAIT or (len(ended) < len(begun) and state is StepState.DONE):
        state = StepState.RUNNING
    begin, end = min(begun), max(ended, default=None) if state is not StepState.RUNNING else None
    shape = _shape(state, run, *(str(vertex.get("error") or "") for vertex in vertices))
    yield Row(
        name="preparation",
        state=state,
        icon=shape.icon,
        spoken=shape.spoken,
        look=shape.look,
        time=_time(state, begin, end, run, axis),
        progress=_sent(vertices),
        bar=_bar(shape.bar, begin, end, axis),
    )


def _sent(vertices: Sequence[Mapping[str, Any]]) -> str:
    """Say how much of the build context the engine has got, while it gets it."""
    transfers = (vertex for vertex in vertices if vertex["name"] == CONTEXT and _state(vertex) is StepState.RUNNING)
    return next((f"{size_words(int(vertex['current']))} sent" for vertex in transfers if vertex.get("current")), "")


def _vertex_row(vertex: Mapping[str, Any], run: BuildRun, axis: _Axis) -> Row:
    state, cached = _state(vertex), bool(vertex.get("cached"))
    named = STAGE.fullmatch(vertex["name"])
    begin, end = _moment(vertex.get("started")), _moment(vertex.get("completed"))
    error = str(vertex.get("error") or "")
    shape = CACHED_SHAPE if cached else _shape(state, run, error)
    progress = ""
    if state is StepState.RUNNING:  # how far it is, where the engine tells it
        current, total = int(vertex.get("current") or 0), int(vertex.get("total") or 0)
        progress = size_words(current) if current > 1024 else ""
        if total > current > 0:
            progress = f"{current * 100 // total} %"
    return Row(
        name=named["code"] if named else vertex["name"],
        stage=named["stage"] if named else "",
        state=state,
        icon=shape.icon,
        spoken=shape.spoken,
        look=shape.look,
        time="cached" if cached else _time(state, begin, end, run, axis),
        vertex=str(vertex["vertex"]),
        cached=cached,
        begin=begin,
        progress=progress,
        error="" if _is_stopped(run, error) else error,
        bar=_bar(shape.bar, begin, end, axis),
    )


def _shape(state: StepState, run: BuildRun, *errors: str) -> _Shape:
    """Return how a state looks; what a cancel stopped, or the failure of something else, has not failed."""
    told = [error for error in errors if error]
    is_stopped = run.end_reason == EndReason.CANCELLED or (told and all(_is_stopped(run, error) for error in told))
    return STOPPED_SHAPE if state is StepState.ERROR and is_stopped else SHAPES[state]


def _is_stopped(run: BuildRun, error: str) -> bool:
    return run.end_reason == EndReason.CANCELLED or was_stopped(error)


def _bar(kind: str | None, begin: datetime | None, end: datetime | None, axis: _Axis) -> Bar | None:
    """Return the bar of what has begun; what still runs reaches to the end of the axis."""
    return axis.bar(kind, begin, end or axis.end) if kind and begin else None


def _time(state: StepState, begin: datetime | None, end: datetime | None, run: BuildRun, axis: _Axis) -> str:
    if begin is None or state is StepState.WAIT:
        return "not reached" if run.is_final else "–"
    return duration_words((end or axis.end) - begin)


def _state(vertex: Mapping[str, Any]) -> StepState:
    return StepState(vertex.get("state") or StepState.WAIT)


def _moment(text: Any) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _ticks(axis: _Axis) -> Iterator[Tick]:
    apart = next((tick for tick in TICKS if axis.seconds / tick <= MOST_TICKS), TICKS[-1])
    for number in range(int(axis.seconds // apart) + 1):
        share = number * apart / axis.seconds * 100
        anchor = "start" if number == 0 else "end" if share > 95 else "middle"
        yield Tick(f"{share:.2f}%", clock_words(number * apart), anchor)
