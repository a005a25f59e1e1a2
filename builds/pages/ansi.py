"""Terminal output for the eye: colours become classes, every other control sequence becomes a visible mark.

The same rules as static/js/ansi.js: tests/vectors/ansi.json runs through both. Nothing is executed, and nothing is
silently lost but what was drawn over on the terminal as well (ECMA-48, section 8.3).
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import Final

from builds.domain.log.ink import SEQUENCE, Ink
from builds.pages.palette import classes_of

DIRECTIONS: Final = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
BREAKS: Final = "\u2028\u2029"
INVISIBLE: Final = "\u200b\ufeff"
TOKEN: Final = re.compile(
    rf"{SEQUENCE}|(?P<control>[\x00-\x08\x0a-\x1f\x7f-\x9f])"
    rf"|(?P<direction>[{DIRECTIONS}])|(?P<break>[{BREAKS}])|(?P<invisible>[{INVISIBLE}])"
)
KINDS: Final = {"direction": "Direction mark", "break": "Line break", "invisible": "Invisible character"}
TO_START: Final = ("\r", "\x1b[G", "\x1b[1G")
TO_END_ERASED: Final = ("\x1b[K", "\x1b[0K")
LINE_ERASED: Final = "\x1b[2K"
LINK: Final = re.compile(r"\x1b\]8;[^;]*;(?P<address>.*)(?:\x07|\x1b\\)", re.DOTALL)
MARK: Final = "ansi-mark"
LONGEST_TITLE: Final = 80


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a line in one look; `classes` are names of CSS classes, `title` says what a mark stands for."""

    text: str
    classes: str = ""
    title: str = ""


def parts_of(text: str, ink: str = "") -> Iterator[Part]:
    """Yield the pieces of one line, in order; `ink`: SGR parameters of the ink in which it begins."""
    drawing = _Drawing(Ink().changed_by(ink) if ink else Ink())
    at = 0
    for token in TOKEN.finditer(text):
        drawing.write(text[at : token.start()])
        at = token.end()
        drawing.obey(token)
    drawing.write(text[at:])
    drawing.link_to("", "")
    for look, parts in groupby(drawing.parts, key=lambda part: (part.classes, part.title)):
        if look[0] == MARK:
            yield from parts
        elif text := "".join(part.text for part in parts):
            yield Part(text, *look)


class _Drawing:
    """A line while it is drawn: a return to its start begins it anew once something is drawn again."""

    def __init__(self, ink: Ink) -> None:
        self.parts: list[Part] = []
        self._written: list[int] = []  # the places of parts that a backspace takes characters from
        self._is_at_start = False
        self._ink = ink
        self._link = self._link_sequence = ""
        self._is_link_shown = False
        self._look = self._look_now()

    def write(self, text: str) -> None:
        """Draw `text`, which has nothing in it to obey."""
        if text:
            self._begin_anew_at_start()
            self._written.append(len(self.parts))
            self.parts.append(Part(text, *self._look))
            self._is_link_shown = True

    def obey(self, token: "re.Match[str]") -> None:
        """Do what a sequence or a control character asks for, or draw a mark for it."""
        sequence = token[0]
        if token["sgr"] is not None:
            self._ink = self._ink.changed_by(token["sgr"])
            self._look = self._look_now()
        elif sequence in TO_START:
            self._is_at_start = True
        elif sequence == LINE_ERASED or (sequence in TO_END_ERASED and self._is_at_start):
            self._erase()
        elif sequence == "\b":
            self._take_back()
        elif sequence.startswith("\x1b]8;") and (link := LINK.fullmatch(sequence)):
            self.link_to(link["address"], sequence)
        elif sequence not in TO_END_ERASED:
            self._mark(token)

    def link_to(self, address: str, sequence: str) -> None:
        """Let what follows be a link, none where `address` is empty. A link that has shown no text gets a mark."""
        if self._link and not self._is_link_shown:
            self._put_mark(*_control_mark(self._link_sequence))
        self._link, self._link_sequence, self._is_link_shown = address, sequence, False
        self._look = self._look_now()

    def _mark(self, token: "re.Match[str]") -> None:
        character = token[0]
        if kind := KINDS.get(token.lastgroup or ""):
            code = f"U+{ord(character):04X}"
            self._put_mark(code, f"{kind} {code} {unicodedata.name(character).lower()}")
        else:
            self._put_mark(*_control_mark(character))

    def _put_mark(self, text: str, title: str) -> None:
        self._begin_anew_at_start()
        self.parts.append(Part(text, MARK, title))

    def _begin_anew_at_start(self) -> None:
        if self._is_at_start:
            self._erase()
        self._is_at_start = False

    def _erase(self) -> None:
        self.parts.clear()
        self._written.clear()

    def _take_back(self) -> None:
        if self._written and not self._is_at_start:
            place = self._written[-1]
            part = self.parts[place]
            self.parts[place] = Part(part.text[:-1], part.classes, part.title)
            if not self.parts[place].text:
                self._written.pop()

    def _look_now(self) -> tuple[str, str]:
        """Return classes and title of what is written now."""
        names, titles = [classes_of(self._ink)], []
        if self._link:
            names.append("ansi-link")
            titles.append(f"Link {_escaped(self._link)}")
        if "conceal" in self._ink.styles:
            titles.append("Concealed text")
        return " ".join(name for name in names if name), "; ".join(titles)


@lru_cache(maxsize=256)
def _control_mark(sequence: str) -> tuple[str, str]:
    """Return the picture of a sequence's first character, of Unicode's block U+2400, and what it stands for."""
    code = ord(sequence[0])
    picture = chr(0x2400 + code) if code < 0x20 else "\u2421" if code == 0x7F else "\ufffd"
    return picture, f"Control sequence {_escaped(sequence[:LONGEST_TITLE])}"


def _escaped(text: str) -> str:
    return text.encode("unicode_escape").decode("ascii")
