"""Which lines of a text hold what is searched for: as they are read, without colours and what was drawn over."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from builds.domain.log.ink import SEQUENCE

SEQUENCES: Final = re.compile(SEQUENCE)
ERASED: Final = re.compile(r"(?m)^[^\n]*(?:\x1b\[2K|\r\x1b\[0?K)")
BEGUN_ANEW: Final = re.compile(r"\x1b\[1?G")  # as a carriage return does
DRAWN_OVER: Final = re.compile(r"(?m)^[^\n]*\r(?=[^\r\n])")
TAKEN_BACK: Final = re.compile(r"[^\x08\n\r]\x08|(?m:^)\x08+|(?<=\r)\x08+")
MOST_TAKEN_BACK: Final = 100  # characters on end


def readable(text: str) -> str:
    """Return lines without control sequences, each in its last state (builds/pages/ansi.py draws it)."""
    plain = text
    if "\x1b" in plain:
        if "\x1b[2K" in plain or "\r\x1b[" in plain:
            plain = ERASED.sub("", plain)
        plain = SEQUENCES.sub("", BEGUN_ANEW.sub("\r", plain))
    if "\r" in plain:
        plain = DRAWN_OVER.sub("", plain)
    for _ in range(MOST_TAKEN_BACK):
        if "\b" not in plain:
            break
        plain = TAKEN_BACK.sub("", plain)
    return plain


def lines_with(wanted: str, text: str) -> Iterator[int]:
    r"""Yield the indexes of the lines of `text`, joined by `\n`, that hold `wanted` in any case."""
    folded, wanted = readable(text).casefold(), wanted.casefold()
    index, begin = 0, 0
    while (at := folded.find(wanted, begin)) >= 0:
        index += folded.count("\n", begin, at)
        yield index
        end = folded.find("\n", at)
        if end < 0:
            return
        index, begin = index + 1, end + 1


def ranges_around(numbers: Sequence[int], context: int, total: int) -> Iterator[tuple[int, int]]:
    """Yield the ranges (first, last) of lines that are in `numbers`, or at most `context` before or behind one.

    `numbers` ascend, `total` is the last line that there is; ranges that touch are one.
    """
    first = last = 0
    for n in numbers:
        begin, end = max(n - context, 1), min(n + context, total)
        if first and begin > last + 1:
            yield first, last
            first = 0
        first, last = first or begin, end
    if first:
        yield first, last
