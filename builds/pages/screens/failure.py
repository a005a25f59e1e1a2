"""What the failure box says, in the order in which people ask: what went wrong, where, what helps."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from builds.domain.dockerfile import instruction_lines
from builds.domain.failures import Failure
from builds.domain.known_errors import explain_exit
from builds.domain.states import WORKING_STEPS, EndReason, RunState, StepState, StepType
from builds.models import BuildRun, RunStep
from builds.pages.screens.log import ShownLine, last_lines_of
from builds.pages.screens.source import typed_dockerfile
from builds.pages.screens.timeline import failed_vertex
from builds.pages.state_look import WHOSE

AROUND: Final = 2  # lines of the Dockerfile shown on both sides of the one that failed
NO_FAILURE: Final = (EndReason.CANCELLED,)


@dataclass(frozen=True, slots=True)
class SourceLine:
    """A line of the Dockerfile."""

    n: int
    text: str
    is_error: bool


@dataclass(frozen=True, slots=True)
class FailureBox:
    """Sentence, whose problem, instruction in its source, exit code in words, what helps, the step's last lines."""

    sentence: str
    whose: str
    remedy: str
    looks_like: str
    exit_code: int | None
    exit_words: str
    instruction: str
    source: Sequence[SourceLine]
    last_lines: Sequence[ShownLine]
    of_step: bool  # the last lines are those of the failed step, not of the whole log
    in_steps: bool  # the failed step is edited on the page of steps
    of_instruction: bool  # the last lines are those of the failed instruction

    @property
    def error_line(self) -> int:
        """Return the number of the log line at which the page opens, 0 for none."""
        return self.last_lines[-1].n if self.last_lines else 0


def failure_of(run: BuildRun, steps: Sequence[RunStep]) -> FailureBox | None:
    """Return what went wrong in a run that ended in ERROR, None for every other one."""
    if run.run_state != RunState.ERROR or run.end_reason in NO_FAILURE:
        return None
    facts = Failure.from_facts(run.failure) if run.failure else None
    vertex = failed_vertex(steps)
    step = next((step for step in steps if step.step_state == StepState.ERROR), None)
    return FailureBox(
        sentence=facts.message if facts else run.end_message or f"The run ended with {run.end_reason}.",
        whose=WHOSE[facts.kind.whose] if facts else "",
        remedy=facts.remedy if facts else "",
        looks_like=(facts.looks_like if facts else None) or "",
        exit_code=facts.exit_code if facts else None,
        exit_words=explain_exit(facts.exit_code) or "" if facts and facts.exit_code is not None else "",
        instruction=(facts.instruction if facts else None) or "",
        source=_source(dockerfile_of(steps), facts),
        last_lines=last_lines_of(run, vertex["vertex"] if vertex else None, step.pk if step else None),
        of_step=step is not None,
        in_steps=step is not None and step.step_type in WORKING_STEPS,
        of_instruction=vertex is not None,
    )


def dockerfile_of(steps: Sequence[RunStep]) -> str:
    """Return the inline Dockerfile of the image step, empty where it comes from the source."""
    for step in steps:
        if step.step_type == StepType.CREATE_IMAGE and step.use:
            return typed_dockerfile(step.config)
    return ""


def _source(dockerfile: str, facts: Failure | None) -> list[SourceLine]:
    """Return the failed instruction with the lines around it, all of its own lines marked."""
    if not facts or not facts.dockerfile_line or not dockerfile:
        return []
    first = facts.dockerfile_line
    last = next((each.line_end for each in instruction_lines(dockerfile) if each.line_start == first), first)
    lines = dockerfile.split("\n")
    shown = range(max(first - AROUND, 1), min(last + AROUND, len(lines)) + 1)
    return [SourceLine(n, lines[n - 1].rstrip("\r"), first <= n <= last) for n in shown]
