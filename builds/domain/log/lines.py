"""What a line of a log is: as printed (`LogLine`) and as numbered and read back (`NumberedLine`)."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import IntEnum


class Stream(IntEnum):
    """Who said a line: BuildHub itself, or the build on stdout or stderr (docs/contract.md, "Lines of the log")."""

    BUILDHUB = 0
    STDOUT = 1
    STDERR = 2


@dataclass(frozen=True, slots=True)
class LogLine:
    r"""A line, or a piece of a long one, after masking.

    `raw`: the bytes with their line end if it was printed, and of BuildHub's own lines with the line end before them
    that ends an open line of the output; `vertex`: digest of the BuildKit instruction, None
    outside the image build; `t`: milliseconds since the run's begin; `ink`: SGR parameters of the ink in which what
    the same instruction printed before on the same stream has left the terminal (ink.py).
    """

    raw: bytes
    vertex: str | None
    stream: int
    t: int = 0
    ink: str = ""

    @property
    def ends(self) -> bool:
        """True when the line end was printed; False for a piece that continues and for an unterminated rest."""
        return self.raw.endswith(b"\n")

    @property
    def text(self) -> str:
        """The line for people: UTF-8 with replacement characters, without its line end, NUL as U+2400."""
        return shown_text(self.own.removesuffix(b"\n").decode("utf-8", "replace"))

    @property
    def own(self) -> bytes:
        """The bytes of this line itself, without a line end that ends the one before."""
        return own_bytes(self.raw, self.stream)

    def after_an_open_line(self) -> "LogLine":
        """Return it as a line of its own behind output without line end; output itself stays as it was printed."""
        return replace(self, raw=b"\n" + self.raw) if self.stream == Stream.BUILDHUB else self


@dataclass(frozen=True, slots=True)
class OpenLine:
    """What a stream has printed since its last line end, masked, as it looks now; `t`: when it was printed last."""

    vertex: str | None
    stream: int
    t: int
    text: str
    ink: str = ""  # SGR parameters of the ink in which the text begins


def shown_text(text: str) -> str:
    """Return text as it is stored and shown: PostgreSQL takes no NUL, so its picture stands for it."""
    return text.replace("\0", "\u2400")


def own_bytes(raw: bytes, stream: int) -> bytes:
    """Return the bytes of a line without the line end that BuildHub has put before a line of its own."""
    return raw[1:] if stream == Stream.BUILDHUB and len(raw) > 1 and raw.startswith(b"\n") else raw


@dataclass(frozen=True, slots=True)
class NumberedLine:
    """A stored line: `n` from 1, `t` in milliseconds since the run's begin, `continues` when no line end follows.

    `ink`: SGR parameters of the ink in which it begins, empty for the default.
    """

    n: int
    t: int
    vertex: str | None
    stream: int
    text: str
    continues: bool
    ink: str = ""


def inks_of(lines: Iterable[NumberedLine]) -> dict[str, str]:
    """Return the inks of those lines that do not begin in the default one, by number as JSON has it."""
    return {str(line.n): line.ink for line in lines if line.ink}
