"""Terminal output for the eye: colours become classes, every other control sequence becomes a visible mark.

The same rules as static/js/ansi.js. Nothing is executed, nothing is silently lost but what a carriage return had
overwritten on the terminal as well (ECMA-48, section 8.3).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

COLOURS: Final = ("grey", "red", "green", "yellow", "blue", "magenta", "cyan", "")  # 7 is the normal ink
STYLES: Final = {1: "bold", 2: "dim", 3: "italic", 4: "underline"}
OFF: Final = {22: ("bold", "dim"), 23: ("italic",), 24: ("underline",)}
TOKEN: Final = re.compile(
    r"\x1b\[(?P<sgr>[0-9;:]*)m"
    r"|(?P<other>\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[ -/]*[0-~]?)"
    r"|(?P<control>[\x00-\x08\x0a-\x1f\x7f-\x9f])"
)
MARK: Final = "mark"


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a line in one look; `classes` are names of CSS classes, `title` says what a mark stands for."""

    text: str
    classes: str = ""
    title: str = ""


@dataclass(slots=True)
class _Ink:
    colour: str = ""
    styles: set[str] = field(default_factory=set)

    @property
    def classes(self) -> str:
        names = [*sorted(self.styles), self.colour]
        return " ".join(f"ansi-{name}" for name in names if name)


def parts_of(text: str) -> Iterator[Part]:
    """Yield the pieces of one line, in order."""
    ink = _Ink()
    at = 0
    shown = last_drawn(text)
    for token in TOKEN.finditer(shown):
        if token.start() > at:
            yield Part(shown[at : token.start()], ink.classes)
        at = token.end()
        if token["sgr"] is not None:
            _apply(ink, token["sgr"])
        else:
            escaped = token[0][:80].encode("unicode_escape").decode("ascii")
            code = ord(token[0][0])  # shown as its picture of Unicode's block U+2400
            picture = chr(0x2400 + code) if code < 0x20 else "\u2421" if code == 0x7F else "\ufffd"
            yield Part(picture, f"ansi-{MARK}", f"Control sequence {escaped}")
    if at < len(shown):
        yield Part(shown[at:], ink.classes)


def last_drawn(text: str) -> str:
    """Return what a terminal would show at the end of a line that was redrawn with carriage returns."""
    return text.rstrip("\r").rsplit("\r", 1)[-1]


def _apply(ink: _Ink, codes: str) -> None:
    numbers = iter([int(word[:6]) if word else 0 for word in codes.replace(":", ";").split(";")][:32])
    for number in numbers:
        if number == 0:
            ink.colour = ""
            ink.styles.clear()
        elif number in STYLES:
            ink.styles.add(STYLES[number])
        elif number in OFF:
            ink.styles.difference_update(OFF[number])
        elif number in (38, 48, 58):
            _extended(ink, number, numbers)
        else:
            _colour(ink, number)


def _colour(ink: _Ink, number: int) -> None:
    if 30 <= number <= 37:
        ink.colour = COLOURS[number - 30]
    elif 90 <= number <= 97:
        ink.colour = COLOURS[number - 90]
    elif number == 39:
        ink.colour = ""


def _extended(ink: _Ink, which: int, numbers: Iterator[int]) -> None:
    """Read `5;n` or `2;r;g;b` behind 38, 48 or 58; of these only the 16 named inks are shown."""
    kind = next(numbers, 0)
    if kind == 5:
        number = next(numbers, 0)
        if which == 38:
            ink.colour = COLOURS[number % 8] if number < 16 else ""
    elif kind == 2:
        for _ in range(3):
            next(numbers, 0)
