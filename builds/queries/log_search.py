"""Search of a whole log. What was searched is kept for a while, so that the next hit is not searched for anew."""

from array import array
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from threading import Lock
from typing import Final

from django.db.models import Q

from builds.domain.log.packing import CHUNK_LINES
from builds.domain.log.searching import lines_with, ranges_around
from builds.models import BuildRun, LogChunk

KEPT_SEARCHES: Final = 16  # of all runs and readers; one holds at most 8 bytes for each line of its log
PAGE_CHUNKS: Final = 100  # of about 64 KiB
MOST_RANGES: Final = 20_000  # in one answer


@dataclass(frozen=True, slots=True)
class HitQuery:
    """What is searched for, and which hit is wanted: the first from line `start` on, or the last up to there.

    Behind the last hit the first one follows, and the other way round. With `context` the places to show are told as
    well, each with so many lines before and behind.
    """

    search: str
    start: int = 1
    backwards: bool = False
    context: int | None = None


@dataclass(frozen=True, slots=True)
class Hits:
    """Lines that hold what was searched for: how many of `total`, the wanted one `n` and its place from 1 among them.

    `n` and `position` are None where there is none; `ranges` are (first, last), the first 20,000, or None.
    """

    count: int
    total: int
    n: int | None
    position: int | None
    ranges: Sequence[tuple[int, int]] | None


@dataclass(slots=True)
class _Search:
    """One search so far: the hits up to line `upto`."""

    numbers: "array[int]" = field(default_factory=lambda: array("q"))
    upto: int = 0
    lock: Lock = field(default_factory=Lock)

    def go_on(self, run: BuildRun, search: str, step_id: int | None) -> None:
        """Search what was printed since: stored lines never change, and the log only grows."""
        may_hold = Q(text__icontains=search) | Q(text__contains="\x1b")  # colours may stand within what is searched for
        chunks = LogChunk.objects.filter(may_hold, run_id=run.pk, first_line__lte=run.line_count)
        chunks = chunks if step_id is None else chunks.filter(step_id=step_id)
        rows = chunks.order_by("first_line").values_list("first_line", "line_count", "text")
        begin = self.upto - CHUNK_LINES + 2
        while page := list(rows.filter(first_line__gte=begin)[:PAGE_CHUNKS]):
            for first, _, text in page:
                found = (first + index for index in lines_with(search, text))
                self.numbers.extend(n for n in found if self.upto < n <= run.line_count)
            if len(page) < PAGE_CHUNKS:
                break
            begin = page[-1][0] + page[-1][1]
        self.upto = run.line_count


_kept: "OrderedDict[tuple[int, int | None, str], _Search]" = OrderedDict()
_kept_lock = Lock()


def read_hits(run: BuildRun, query: HitQuery) -> Hits:
    """Return how many lines of a run's log hold a text, and which one is wanted."""
    numbers = hit_numbers(run, query.search)
    at = bisect_right(numbers, query.start) - 1 if query.backwards else bisect_left(numbers, query.start)
    place = at % len(numbers) if numbers else None
    ranges = None
    if query.context is not None:
        ranges = list(islice(ranges_around(numbers, query.context, run.line_count), MOST_RANGES))
    n, position = (None, None) if place is None else (numbers[place], place + 1)
    return Hits(len(numbers), run.line_count, n, position, ranges)


def hit_numbers(run: BuildRun, search: str, step_id: int | None = None) -> Sequence[int]:
    """Return the numbers of all lines, of one step where one is named, that hold `search` in any case."""
    with _kept_lock:
        kept = _kept.setdefault((run.pk, step_id, search), _Search())
        _kept.move_to_end((run.pk, step_id, search))
        while len(_kept) > KEPT_SEARCHES:
            _kept.popitem(last=False)
    with kept.lock:
        if kept.upto < run.line_count:
            kept.go_on(run, search, step_id)
        return kept.numbers[: bisect_right(kept.numbers, run.line_count)]


def iterate_numbers(numbers: Sequence[int], *, context: int, total: int, after: int) -> Iterator[int]:
    """Yield the numbers of the lines to show for these hits that come after line `after`."""
    for first, last in ranges_around(numbers[bisect_left(numbers, after - context) :], context, total):
        yield from range(max(first, after + 1), last + 1)
