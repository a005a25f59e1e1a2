"""The long sections of a log: consecutive lines of one instruction, or of one step outside of instructions."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from builds.domain.states import StepState
from builds.models import BuildRun, LogChunk, RunStep

LONG: Final = 200  # lines
MOST_SECTIONS: Final = 10_000
PAGE_CHUNKS: Final = 1000


@dataclass(frozen=True, slots=True)
class Section:
    """Lines `first` to `last`, what they belong to, and the state of that."""

    first: int
    last: int
    step: int | None
    vertex: str | None
    state: StepState


def long_sections(run: BuildRun) -> list[Section]:
    """Return the sections of more than 200 lines that are stored so far, the first 10,000 in order."""
    steps: dict[int, RunStep] = {step.pk: step for step in RunStep.objects.filter(run_id=run.pk)}
    vertices = {one["vertex"]: one.get("state") for step in steps.values() for one in step.vertices}
    found: list[Section] = []
    for first, last, step_id, vertex in _sections(run.pk):
        if last - first < LONG:
            continue
        step_state = steps[step_id].step_state if step_id in steps else None
        state = vertices.get(vertex) if vertex else step_state
        found.append(Section(first, last, step_id, vertex, StepState(state or StepState.WAIT)))
    return found[:MOST_SECTIONS]


def _sections(run_id: int) -> Iterator[tuple[int, int, int | None, str | None]]:
    """Yield (first line, last line, step, instruction) of all sections; only the layouts of the lines are read."""
    begin, last = 1, 0
    before: tuple[int | None, str | None] | None = None
    chunks = LogChunk.objects.filter(run_id=run_id).order_by("first_line")
    rows = chunks.values_list("first_line", "line_count", "step_id", "layout__vertices", "layout__runs")
    while page := list(rows.filter(first_line__gt=last)[:PAGE_CHUNKS]):
        for first_line, line_count, step_id, vertices, runs in page:
            n = first_line
            for place in range(0, len(runs), 3):
                vertex = None if runs[place] < 0 else vertices[runs[place]]
                if before is not None and before != (step_id, vertex):
                    yield begin, n - 1, *before
                    begin = n
                before = (step_id, vertex)
                n += runs[place + 2]
            last = first_line + line_count - 1
    if before is not None:
        yield begin, last, *before
