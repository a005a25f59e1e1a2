"""From bytes to numbered lines: splitting and masking that do not depend on how the output is cut."""

import codecs
from collections.abc import Sequence
from typing import Final

from builds.domain.log.ink import InkTrail
from builds.domain.log.lines import LogLine, OpenLine, shown_text
from builds.domain.log.masking import Masker

PIECE_BYTES: Final = 65536
OPEN_CHARACTERS: Final = 4000  # of a line that is not finished, its end is shown
Key = tuple[str | None, int]


class _Pending:
    """What one (vertex, stream) has printed since its last line or piece that was handed out."""

    __slots__ = ("covered", "masked", "raw", "t", "trail")

    def __init__(self) -> None:
        self.raw = bytearray()  # not masked yet
        self.covered = 0  # bytes of raw that belong to a secret already masked
        self.masked = bytearray()  # masked, but not enough for a piece
        self.t = 0
        self.trail = InkTrail()


class LineSplitter:
    r"""Splits output into lines, for each (vertex, stream) by itself, and masks secrets on the way.

    Only `\n` ends a line. A line of more than `piece_bytes` (after masking) comes in pieces, of which only the
    last one has the line end; a piece ends at a UTF-8 character's border if one is near. However the input is
    cut into feeds, the lines are the same; work and memory are linear in the input.
    """

    def __init__(self, masker: Masker | None = None, piece_bytes: int = PIECE_BYTES) -> None:
        if piece_bytes < 4:
            raise ValueError("piece_bytes must be at least 4, the length of a UTF-8 character")
        self._masker = masker or Masker()
        self._piece_bytes = piece_bytes
        self._pending: dict[Key, _Pending] = {}
        self._open: dict[Key, OpenLine] = {}  # as they were asked for last
        self._changed: set[Key] = set()  # since then

    @property
    def open_changed(self) -> bool:
        """True where what is open may look different from what `open_lines` returned last."""
        return bool(self._changed)

    def feed(self, vertex: str | None, stream: int, data: bytes, *, t: int = 0) -> list[LogLine]:
        """Take `data` printed at `t` (milliseconds since the run's begin); return the lines it completes."""
        pending = self._pending.setdefault((vertex, stream), _Pending())
        pending.t = t
        border = data.rfind(b"\n") + 1
        lines = self._ended(vertex, stream, pending, data[:border]) if border else []
        pending.raw += data[border:]
        if len(pending.raw) >= self._piece_bytes + self._masker.reach:
            lines += self._long(vertex, stream, pending)
        if pending.raw or pending.masked or (vertex, stream) in self._open:
            self._changed.add((vertex, stream))
        return lines

    def close(self, vertex: str | None, stream: int | None = None) -> list[LogLine]:
        """Return the unterminated rest of `vertex` (of all its streams when None): it will print no more."""
        keys = [key for key in self._pending if key[0] == vertex and stream in (None, key[1])]
        return [line for key in keys for line in self._rest(key)]

    def finish(self) -> list[LogLine]:
        """Return all unterminated rests, in the order in which their streams first printed."""
        return [line for key in list(self._pending) for line in self._rest(key)]

    def open_lines(self) -> list[OpenLine]:
        r"""Return what is printed since the last line ends, masked, in the order in which the streams first printed.

        Of a line that was redrawn with `\r` its last state, of a long one the end. Nothing is shown of an end that may
        be the beginning of a secret. Only what has changed since the last call is looked at.
        """
        for key in self._changed:
            self._open.pop(key, None)
            if (pending := self._pending.get(key)) and (line := self._open_line(key, pending)).text:
                self._open[key] = line
        self._changed.clear()
        return [self._open[key] for key in self._pending if key in self._open] if self._open else []

    def _open_line(self, key: Key, pending: _Pending) -> OpenLine:
        masked = bytes(pending.masked) + self._masker.mask_so_far(bytes(pending.raw), covered=pending.covered)
        masked = masked.rstrip(b"\r")
        state = masked.rpartition(b"\r")[2][-4 * OPEN_CHARACTERS - 3 :]
        # the decoder keeps a character to itself whose last bytes have not come
        text = codecs.getincrementaldecoder("utf-8")("replace").decode(state)
        is_plain = pending.trail.is_default and b"\x1b" not in masked
        ink = "" if is_plain else pending.trail.behind(masked[: len(masked) - len(state)])
        return OpenLine(*key, pending.t, shown_text(text[-OPEN_CHARACTERS:]), ink)

    def _ended(self, vertex: str | None, stream: int, pending: _Pending, data: bytes) -> list[LogLine]:
        """Hand out the lines that `data`, which ends with a line end, completes."""
        text = b"".join((pending.masked, self._decided(pending, data, final=True)))
        pending.masked.clear()
        found: list[bytes] = []
        for line in text.split(b"\n")[:-1]:
            content = line
            if len(line) > self._piece_bytes:
                pieces, rest = self._pieces(line)
                found += pieces
                content = line[rest:]
            found.append(content + b"\n")
        return _lines((vertex, stream), pending, text, found)

    def _long(self, vertex: str | None, stream: int, pending: _Pending) -> list[LogLine]:
        """Hand out the full pieces of a line that has not ended yet."""
        pending.masked += self._decided(pending, b"", final=False)
        text = bytes(pending.masked)
        pieces, rest = self._pieces(text)
        del pending.masked[:rest]
        return _lines((vertex, stream), pending, text, pieces)

    def _rest(self, key: Key) -> list[LogLine]:
        pending = self._pending.pop(key)
        if key in self._open:
            self._changed.add(key)
        text = b"".join((pending.masked, self._decided(pending, b"", final=True)))
        pieces, rest = self._pieces(text)
        if rest < len(text):
            pieces.append(text[rest:])
        return _lines(key, pending, text, pieces)

    def _decided(self, pending: _Pending, data: bytes, *, final: bool) -> bytes:
        """Take what is decided of the raw bytes and `data`, masked, out of `pending`."""
        raw = b"".join((pending.raw, data))
        masked, used, pending.covered = self._masker.mask_part(raw, covered=pending.covered, final=final)
        pending.raw = bytearray(raw[used:])
        return masked

    def _pieces(self, line: bytes) -> tuple[list[bytes], int]:
        """Cut the full pieces off `line` (no line end in it); return them and where the rest begins.

        A piece is cut only when more follows, else the same line would differ by when its end arrives.
        """
        pieces: list[bytes] = []
        start = 0
        while len(line) - start > self._piece_bytes:
            most = start + self._piece_bytes
            # the last border of a UTF-8 character in the 4 positions up to there, or just there where there is none
            end = next((at for at in range(most, most - 4, -1) if line[at] & 0xC0 != 0x80), most)
            pieces.append(line[start:end])
            start = end
        return pieces, start


def _lines(key: Key, pending: _Pending, text: bytes, pieces: Sequence[bytes]) -> list[LogLine]:
    """Return `pieces` of `text` as lines with the ink in which each begins; nearly all output changes none."""
    (vertex, stream), t, trail = key, pending.t, pending.trail
    if trail.is_default and b"\x1b" not in text:
        return [LogLine(piece, vertex, stream, t) for piece in pieces]
    return [LogLine(piece, vertex, stream, t, trail.pass_over(piece)) for piece in pieces]
