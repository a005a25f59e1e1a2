"""Lines packed for storage: readable text, a compact layout beside it, and bytes only where text cannot hold them.

Layout (JSON-able): `n` lines; `t` as [delta, lines, …]; `vertices` and `runs` as [vertex index or -1, stream,
lines, …]; `open` the indexes of lines without line end; `odd` as [index, bytes, …], the lines whose text does not
encode back to what was printed: their bytes stand in `raw`, one after the other; `inks` as [index, SGR parameters, …],
the lines that do not begin in the default ink. `open`, `odd` and `inks` are left out where there are none.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Any, Final, TypeVar

from builds.domain.log.lines import LogLine, NumberedLine

T = TypeVar("T")
CHUNK_LINES: Final = 500  # packed together at most, so that a line's chunk begins within this range of the index


@dataclass(frozen=True, slots=True)
class PackedLines:
    r"""Lines as they are stored: their texts joined by `\n`, `raw` bytes of odd lines, and the layout."""

    text: str
    raw: bytes | None
    layout: dict[str, Any]


def pack(lines: Sequence[LogLine]) -> PackedLines:
    """Pack `lines` so that `unpack` and `raw_bytes` give back all of them.

    The text never contains what PostgreSQL's text refuses (NUL, lone surrogates). Raises `ValueError` when a
    line has a line end within it.
    """
    texts = [line.text for line in lines]
    if any("\n" in text for text in texts):
        raise ValueError("a line end within a line; split output with LineSplitter before packing it")
    odd = [index for index, line in enumerate(lines) if texts[index].encode() != line.raw.removesuffix(b"\n")]
    vertices: dict[str, int] = {}
    runs: list[int] = []
    for line, count in _run_lengths(lines, key=lambda line: (line.vertex, line.stream)):
        vertex = -1 if line.vertex is None else vertices.setdefault(line.vertex, len(vertices))
        runs += (vertex, int(line.stream), count)
    # how much later each line is than the one before it (the first: than 0)
    deltas = [later - earlier for earlier, later in pairwise([0, *(line.t for line in lines)])]
    layout: dict[str, Any] = {
        "n": len(lines),
        "t": [number for run in _run_lengths(deltas) for number in run],
        "vertices": list(vertices),
        "runs": runs,
    }
    if unended := [index for index, line in enumerate(lines) if not line.ends]:
        layout["open"] = unended
    if odd:
        layout["odd"] = [number for index in odd for number in (index, len(lines[index].raw))]
    if inks := [word for index, line in enumerate(lines) if line.ink for word in (index, line.ink)]:
        layout["inks"] = inks
    return PackedLines("\n".join(texts), b"".join(lines[index].raw for index in odd) if odd else None, layout)


def unpack(packed: PackedLines, *, first_line: int) -> list[NumberedLine]:
    """Return the lines of `packed`, numbered from `first_line`."""
    layout = packed.layout
    unended = frozenset(layout.get("open", ()))
    sources = _unpack_sources(layout)
    times = _unpack_times(layout["t"])
    words = iter(layout.get("inks", ()))
    inks = dict(zip(words, words, strict=True))
    return [
        NumberedLine(first_line + index, t, vertex, stream, text, index in unended, inks.get(index, ""))
        for index, (text, t, (vertex, stream)) in enumerate(zip(_texts(packed), times, sources, strict=True))
    ]


def raw_bytes(packed: PackedLines) -> bytes:
    """Return exactly the bytes of all lines, line ends as printed."""
    if not packed.layout.get("open") and not packed.layout.get("odd"):
        return f"{packed.text}\n".encode() if packed.layout["n"] else b""
    return b"".join(line_bytes(packed))


def line_bytes(packed: PackedLines) -> list[bytes]:
    """Return exactly the bytes of each line."""
    unended = frozenset(packed.layout.get("open", ()))
    numbers = iter(packed.layout.get("odd", ()))
    odd: dict[int, bytes] = {}
    at = 0
    for index, length in zip(numbers, numbers, strict=True):
        odd[index] = (packed.raw or b"")[at : at + length]
        at += length
    return [
        odd[index] if index in odd else text.encode() + (b"" if index in unended else b"\n")
        for index, text in enumerate(_texts(packed))
    ]


def _texts(packed: PackedLines) -> list[str]:
    return packed.text.split("\n") if packed.layout["n"] else []


def _unpack_times(numbers: Sequence[int]) -> Iterator[int]:
    t = 0
    pairs = iter(numbers)
    for delta, count in zip(pairs, pairs, strict=True):
        for _ in range(count):
            t += delta
            yield t


def _unpack_sources(layout: Mapping[str, Any]) -> Iterator[tuple[str | None, int]]:
    numbers = iter(layout["runs"])
    for index, stream, count in zip(numbers, numbers, numbers, strict=True):
        source = (None if index < 0 else layout["vertices"][index], stream)
        for _ in range(count):
            yield source


def _run_lengths(items: Iterable[T], key: Callable[[T], Any] | None = None) -> Iterator[tuple[T, int]]:
    for _, group in groupby(items, key):
        same = list(group)
        yield same[0], len(same)
