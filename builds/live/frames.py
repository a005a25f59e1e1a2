"""The texts that sockets send: each made once and handed to every reader (docs/contract.md, "Socket")."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from builds.contract.runs import Line, OpenLine
from builds.domain.log.lines import inks_of
from builds.queries.log import OpenStepLine, StepLine

FRAME_LINES: Final = 500  # at most in one frame
FRAME_CHARS: Final = 262_144  # a frame is closed when it has as many characters; one line alone may have more


@dataclass(frozen=True, slots=True)
class LineFrame:
    """A `lines` frame, ready to be sent; it holds the lines `first` to `last` without a gap."""

    first: int
    last: int
    text: str


def is_last_page(frames: Sequence[LineFrame]) -> bool:
    """Say whether nothing followed when these were read: the page had room for more lines."""
    return not frames or frames[-1].last - frames[0].first + 1 < FRAME_LINES


def frame(kind: str, **fields: object) -> str:
    """Return the JSON text of one frame."""
    return dumps({"type": kind, **fields})


def dumps(value: Any) -> str:
    """Return compact JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def joined(kind: str, field: str, texts: Iterable[str]) -> str:
    """Return a frame whose `field` lists values that are JSON texts already."""
    return f'{{"type":"{kind}","{field}":[{",".join(texts)}]}}'


def open_frame(lines: Iterable[OpenStepLine], *, last: int) -> str:
    """Return the frame that tells all lines which are not finished, as it is behind line `last`."""
    return frame("open", lines=[OpenLine.tell(one) for one in lines], last=last)


def line_frames(lines: Iterable[StepLine]) -> Iterator[LineFrame]:
    """Cut consecutive lines, each with its step, into frames."""
    held: list[StepLine] = []
    texts: list[str] = []
    chars = 0
    for one in lines:
        text = dumps(Line.tell(one))
        held.append(one)
        texts.append(text)
        chars += len(text)
        if len(texts) >= FRAME_LINES or chars >= FRAME_CHARS:
            yield _line_frame(held, texts)
            held, texts, chars = [], [], 0
    if texts:
        yield _line_frame(held, texts)


def _line_frame(lines: Sequence[StepLine], texts: Iterable[str]) -> LineFrame:
    inks = dumps(inks_of(one.line for one in lines))
    text = f'{{"type":"lines","lines":[{",".join(texts)}],"inks":{inks}}}'
    return LineFrame(lines[0].line.n, lines[-1].line.n, text)
