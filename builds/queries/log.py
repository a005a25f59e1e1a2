"""Reads of a run's log: windows of lines, and the exact bytes, in pages by line number (no OFFSET, no open cursor)."""

import sys
from bisect import bisect_right
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import Any, Final, NamedTuple

from asgiref.sync import sync_to_async
from django.db.models import QuerySet

from builds.domain.log.lines import NumberedLine, OpenLine, Stream, inks_of, own_bytes, shown_text
from builds.domain.log.packing import CHUNK_LINES, line_bytes, raw_bytes, unpack
from builds.domain.times import iso_time
from builds.models import BuildRun, LogChunk, RunStep
from builds.queries.log_search import hit_numbers, iterate_numbers

PAGE_CHUNKS: Final = 20  # chunks read at once; one holds at most about 64 KiB, or one long line more
WINDOW_LINES: Final = 1000  # a window's size where none is asked for
STEP_TEXT_BYTES: Final = 4 * 1024 * 1024  # more of a step is cut in this answer, and stands in log.txt


@dataclass(frozen=True, slots=True)
class LineWindow:
    """Which lines are asked for: those after number `after`, at most `limit`, of one step, in and around `search`."""

    after: int = 0
    limit: int = WINDOW_LINES
    step_id: int | None = None
    search: str = ""  # any case
    context: int = 0  # lines before and behind each that holds it


@dataclass(frozen=True, slots=True)
class TextView:
    """How `log.txt` is asked for: lines `first` to `last` (both included), with times, of some streams only."""

    first: int = 1
    last: int | None = None
    timestamps: bool = False
    streams: frozenset[int] | None = None

    @property
    def is_plain(self) -> bool:
        """True where the stored bytes are asked for as they are."""
        return self == TextView()


class StepLine(NamedTuple):
    """A line and the number of the step that said it, None outside of steps."""

    step: int | None
    line: NumberedLine


class OpenStepLine(NamedTuple):
    """A line that is not finished, and the number of the step that prints it."""

    step: int | None
    line: OpenLine


class OpenNow(NamedTuple):
    """The lines that were open when `line_count` lines were stored: read together, so that none is both."""

    line_count: int
    lines: list[OpenStepLine]


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines of a log; `last`: ask again after this number; `complete`: the run has ended and no line follows.

    `open`: what is printed behind all lines and not finished.
    """

    lines: Sequence[StepLine]
    open: Sequence[OpenStepLine]
    last: int
    total: int
    complete: bool

    @property
    def inks(self) -> dict[str, str]:
        """Return the inks of those lines that do not begin in the default one, by number."""
        return inks_of(one.line for one in self.lines)


@dataclass(frozen=True, slots=True)
class RunLog:
    """A log in one piece: its run, and steps with their texts (`text`)."""

    run: BuildRun
    steps: Sequence[RunStep]


def read_log(run: BuildRun, steps: Iterable[Any]) -> RunLog:
    """Return the log of those steps of a run."""
    told = list(steps)
    for step in told:
        step.text = step_text(run.pk, step.pk)
    return RunLog(run, told)


def read_window(run: BuildRun, window: LineWindow) -> Lines:
    """Return the lines that are asked for; ask again with `after=last`.

    `run` is read before the lines, so `complete` is never said too early: the run has ended and no line follows.
    """
    if window.search:
        lines = iterate_hits(run, window)
    else:
        lines = iterate_lines(run.pk, after=window.after, step_id=window.step_id)
    found = list(islice(lines, window.limit))
    reached = found[-1].line.n if found else window.after
    last = reached if len(found) >= window.limit else max(reached, run.line_count)
    total = max(run.line_count, found[-1].line.n if found else 0)
    return Lines(found, open_lines(run), last, total, complete=run.is_final and last >= total)


def iterate_lines(run_id: int, *, after: int = 0, step_id: int | None = None) -> Iterator[StepLine]:
    """Yield the lines after number `after`, in order; chunks are read in small pages as they are needed."""
    chunks = LogChunk.objects.filter(run_id=run_id)
    if step_id is not None:
        chunks = chunks.filter(step_id=step_id)
    for chunk in _pages(chunks, from_line=after - CHUNK_LINES + 1):
        for line in unpack(chunk.packed, first_line=chunk.first_line):
            if line.n > after:
                yield StepLine(chunk.step_id, line)


def iterate_hits(run: BuildRun, window: LineWindow) -> Iterator[StepLine]:
    """Yield the lines that hold what is searched for, and those around them; only their chunks are read."""
    hits = hit_numbers(run, window.search, window.step_id)
    numbers = iterate_numbers(hits, context=window.context, total=run.line_count, after=window.after)
    while wanted := frozenset(islice(numbers, window.limit)):
        chunks = LogChunk.objects.filter(run_id=run.pk, first_line__lte=max(wanted))
        near = chunks.filter(first_line__gt=min(wanted) - CHUNK_LINES).order_by("first_line")
        begins = list(near.values_list("first_line", flat=True))
        holding = {begins[bisect_right(begins, n) - 1] for n in wanted}
        for chunk in _pages(LogChunk.objects.filter(run_id=run.pk, first_line__in=holding)):
            if window.step_id in (None, chunk.step_id):
                lines = unpack(chunk.packed, first_line=chunk.first_line)
                yield from (StepLine(chunk.step_id, line) for line in lines if line.n in wanted)


def open_lines(run: BuildRun) -> list[OpenStepLine]:
    """Return the lines of a run that are not finished; nothing is asked where it has not begun, or has ended."""
    return [] if run.is_final or run.begin_time is None else open_now(run.pk).lines


def open_now(run_id: int) -> OpenNow:
    """Return what is open in a run, and behind which line; a run that is gone has neither."""
    asked = BuildRun.objects.filter(pk=run_id).values_list("line_count", "open_lines__lines")
    line_count, lines = asked.first() or (0, None)
    return OpenNow(line_count, [OpenStepLine(line.pop("step"), OpenLine(**line)) for line in lines or ()])


def first_line_of(run_id: int, vertex: str) -> int | None:
    """Return the number of the first line that an instruction printed, None where it has printed nothing."""
    chunks = LogChunk.objects.filter(run_id=run_id, layout__vertices__contains=[vertex])
    chunk = chunks.order_by("first_line").first()
    lines = unpack(chunk.packed, first_line=chunk.first_line) if chunk else []
    return next((line.n for line in lines if line.vertex == vertex), None)


def iterate_bytes(run_id: int, *, start: int = 0, stop: int = sys.maxsize) -> Iterator[bytes]:
    """Yield the stored bytes from `start` to before `stop`: of these bytes byte count and SHA-256 are."""
    at = 0
    for chunk in _pages(LogChunk.objects.filter(run_id=run_id)):
        data = raw_bytes(chunk.packed)
        if part := data[max(start - at, 0) : stop - at]:
            yield part
        at += len(data)
        if at >= stop:
            return


def iterate_text(run: BuildRun, view: TextView) -> Iterator[bytes]:
    """Yield the bytes of the lines that `view` asks for, each behind its time where wanted."""
    before: NumberedLine | None = None
    for chunk in _pages(LogChunk.objects.filter(run_id=run.pk), from_line=view.first - CHUNK_LINES + 1):
        if view.last is not None and chunk.first_line > view.last:
            return
        out: list[bytes] = []
        for line, raw in zip(unpack(chunk.packed, first_line=chunk.first_line), line_bytes(chunk.packed), strict=True):
            if line.n < view.first or (view.last is not None and line.n > view.last):
                continue
            if view.streams is not None and line.stream not in view.streams:
                continue
            goes_on = before is not None and before.continues
            is_rest = goes_on and before is not None and (before.vertex, before.stream) == (line.vertex, line.stream)
            if goes_on and not is_rest and (view.timestamps or line.stream == Stream.BUILDHUB):
                out.append(b"\n")
            if view.timestamps and not is_rest:
                time = iso_time(run.begin_time + timedelta(milliseconds=line.t)) if run.begin_time else None
                out.append(f"{time or line.t} ".encode())
            out.append(own_bytes(raw, line.stream))
            before = line
        yield b"".join(out)


def ends_open(run_id: int) -> bool:
    """Say whether the last line that is stored has no line end."""
    last = LogChunk.objects.filter(run_id=run_id).order_by("-first_line").first()
    return last is not None and last.line_count - 1 in last.layout.get("open", ())


def step_text(run_id: int, step_id: int) -> str:
    """Return the text of a step; of more than 4 MiB the end, behind a line that says so and names `log.txt`."""
    kept: list[str] = []
    size = 0
    for chunk in _pages_backwards(LogChunk.objects.filter(run_id=run_id, step_id=step_id)):
        text = shown_text(raw_bytes(chunk.packed).decode("utf-8", "replace"))
        size += len(text.encode())
        if size > STEP_TEXT_BYTES:
            mark = f"The text of this step is longer than {STEP_TEXT_BYTES:,} bytes; only its end is in this answer. "
            return f"{mark}All of it: GET /v1/build/run/{run_id}/log.txt\n" + "".join(reversed(kept))
        kept.append(text)
    return "".join(reversed(kept))


async def asynchronous(parts: Iterable[bytes]) -> AsyncIterator[bytes]:
    """Yield `parts` from async code, each made in the request's own thread: Django would else collect all of them."""
    iterator = iter(parts)

    def following() -> bytes | None:  # StopIteration cannot cross to async code
        return next(iterator, None)

    while (part := await sync_to_async(following)()) is not None:
        yield part


def _pages(chunks: "QuerySet[LogChunk]", *, from_line: int = 1) -> Iterator[LogChunk]:
    while page := list(chunks.filter(first_line__gte=from_line).order_by("first_line")[:PAGE_CHUNKS]):
        yield from page
        if len(page) < PAGE_CHUNKS:
            return
        from_line = page[-1].last_line + 1


def _pages_backwards(chunks: "QuerySet[LogChunk]") -> Iterator[LogChunk]:
    newest_first = chunks.order_by("-first_line")
    page = list(newest_first[:PAGE_CHUNKS])
    while page:
        yield from page
        page = list(newest_first.filter(first_line__lt=page[-1].first_line)[:PAGE_CHUNKS])
