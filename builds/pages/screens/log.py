"""The part of a log that a page is rendered with: never all of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Final

from builds.domain.log.lines import NumberedLine, OpenLine
from builds.domain.log.packing import unpack
from builds.models import BuildRun, LogChunk
from builds.pages.ansi import Part, parts_of
from builds.pages.words import line_time_words
from builds.queries.log import LineWindow, OpenStepLine, StepLine, iterate_lines, open_lines, read_window
from builds.queries.log_search import HitQuery, read_hits

WINDOW_LINES: Final = 500
WINDOW_CHARACTERS: Final = 512 * 1024  # a page stays small although a line may hold 64 KiB
LINE_CHARACTERS: Final = 4000
TAIL_LINES: Final = 10
TAIL_CHUNKS: Final = 4
FOUND_CONTEXT: Final = 2  # lines before and behind each that is found
BY_BUILDHUB: Final = "BuildHub"


@dataclass(frozen=True, slots=True)
class ShownLine:
    """A line as the page shows it; `head` names the step or instruction that begins here, `cut` what is left out.

    A line that is not finished has the number 0.
    """

    n: int
    time: str
    parts: tuple[Part, ...]
    vertex: str = ""  # or "step N"
    head: str = ""
    cut: int = 0
    by_buildhub: bool = False
    is_error: bool = False


@dataclass(frozen=True, slots=True)
class LogWindow:
    """Consecutive lines; `before` and `after` are how many there are on both sides of them.

    `open`: what is not finished behind the last line; nothing where later lines stand between.
    """

    lines: Sequence[ShownLine]
    total: int
    open: Sequence[ShownLine] = ()
    search: str = ""  # the lines are those that hold this, and those around them
    hits: int = 0  # lines of the whole log that hold it

    @property
    def sections(self) -> Sequence[Sequence[ShownLine]]:
        """Return the lines under the names of what they belong to, which each section's first one has."""
        lines = [*self.lines, *self.open]
        begins = [index for index, line in enumerate(lines) if line.head]
        return [lines[begin:end] for begin, end in pairwise([*begins, len(lines)])]

    @property
    def first(self) -> int:
        """Return the number of the first line shown, 0 when there is none."""
        return self.lines[0].n if self.lines else 0

    @property
    def last(self) -> int:
        """Return the number of the last line shown, 0 when there is none."""
        return self.lines[-1].n if self.lines else 0

    @property
    def before(self) -> int:
        """Return how many lines stand before the window."""
        return max(self.first - 1, 0)

    @property
    def previous(self) -> int:
        """Return the line after which the page before this one begins."""
        return max(self.before - WINDOW_LINES, 0)

    @property
    def after(self) -> int:
        """Return how many lines stand after the window."""
        return max(self.total - self.last, 0)


def log_window(run: BuildRun, names: Mapping[str, str], *, error_line: int = 0, after: int | None = None) -> LogWindow:
    """Return up to 500 lines: those after `after`, else the region of the first error, else the end of the log.

    `names` are the instructions by their digest, and the steps that have words of their own by "step N".
    A window is cut shorter where its lines are long.
    """
    tail = max(run.line_count - WINDOW_LINES, 0)
    start = tail if not error_line or error_line > tail else max(error_line - WINDOW_LINES // 2, 0)
    found = list(islice(iterate_lines(run.pk, after=start if after is None else after), WINDOW_LINES))
    kept = _bounded(found, from_start=bool(error_line) or after is not None)
    last = kept[-1].line.n if kept else 0
    total = max(run.line_count, last)
    shown = [*kept, *(open_lines(run) if last == total else ())]
    lines = _headed(shown, names, error_line=error_line)
    return LogWindow(lines[: len(kept)], total, lines[len(kept) :])


def found_window(run: BuildRun, names: Mapping[str, str], search: str, *, after: int) -> LogWindow:
    """Return up to 500 lines after `after` that hold `search` in any case, or stand at most two lines from one."""
    asked = LineWindow(after=after, limit=WINDOW_LINES, search=search, context=FOUND_CONTEXT)
    found = _bounded(list(read_window(run, asked).lines), from_start=True)
    lines = _headed(found, names)
    return LogWindow(lines, run.line_count, search=search, hits=read_hits(run, HitQuery(search)).count)


def last_lines_of(run: BuildRun, vertex: str | None, step: int | None) -> list[ShownLine]:
    """Return the last 10 lines of an instruction, else of a step, else of all; the last one marked as the error."""
    chunks = LogChunk.objects.filter(run_id=run.pk)
    if step is not None:
        chunks = chunks.filter(step=step)
    if vertex is not None:
        chunks = chunks.filter(layout__vertices__contains=[vertex])
    found: list[NumberedLine] = []
    for chunk in chunks.order_by("-first_line")[:TAIL_CHUNKS]:
        found = [
            *(line for line in unpack(chunk.packed, first_line=chunk.first_line) if vertex in (None, line.vertex)),
            *found,
        ]
        if len(found) >= TAIL_LINES:
            break
    tail = found[-TAIL_LINES:]
    return [_shown(line, "", error_line=tail[-1].n) for line in tail]


Found = list[StepLine]


def _bounded(found: Found, *, from_start: bool) -> Found:
    """Keep what fits in a page, counted from the start or from the end."""
    kept: Found = []
    room = WINDOW_CHARACTERS
    for one in found if from_start else reversed(found):
        room -= min(len(one.line.text), LINE_CHARACTERS)
        if room < 0:
            break
        kept.append(one)
    return kept if from_start else kept[::-1]


def _headed(
    found: Sequence[StepLine | OpenStepLine], names: Mapping[str, str], *, error_line: int = 0
) -> list[ShownLine]:
    """Return lines with the name of what begins with each, empty where the same goes on with the next line."""
    lines: list[ShownLine] = []
    before: tuple[str, int] | None = None  # the name, and the number that follows
    for step, line in found:
        of_step = f"step {step}"
        # What it belongs to, as `names` and the page's script call it; empty: BuildHub's own work.
        key = line.vertex or (of_step if of_step in names else "")
        name = names.get(key, "preparation" if line.vertex else BY_BUILDHUB)
        n = line.n if isinstance(line, NumberedLine) else before[1] if before else 0
        lines.append(_shown(line, "" if (name, n) == before else name, error_line=error_line, key=key))
        before = (name, n + 1)
    return lines


def _shown(line: NumberedLine | OpenLine, head: str, *, error_line: int, key: str = "") -> ShownLine:
    n = line.n if isinstance(line, NumberedLine) else 0
    return ShownLine(
        n=n,
        time=line_time_words(line.t),
        parts=tuple(parts_of(line.text[:LINE_CHARACTERS], line.ink)),
        vertex=key,
        head=head,
        cut=max(len(line.text) - LINE_CHARACTERS, 0),
        by_buildhub=line.stream == 0,
        is_error=0 < n == error_line,
    )
