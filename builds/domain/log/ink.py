"""The ink of terminal output: what its SGR sequences (ECMA-48, section 8.3.117) set, and what stays set behind it."""

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from builds.domain.log.colours import BACKGROUND, FOREGROUND, NAMED, UNDERLINE, colour_parameters, extended_colour

STYLES: Final = {1: "bold", 2: "dim", 3: "italic", 4: "underline", 7: "inverse", 8: "conceal", 9: "strike"}
OFF: Final = {code + 20: {style} for code, style in STYLES.items()} | {22: {"bold", "dim"}}
DOUBLE_UNDERLINE: Final = 21
MOST_PARAMETERS: Final = 32
SEQUENCE: Final = (
    r"\x1b\[(?P<sgr>[0-9;:]*)m"
    r"|(?P<other>\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\)?|\x1b[ -/]*[0-~]?)"
)  # none goes on behind its line
_SEQUENCES: Final = re.compile(SEQUENCE)
_UNFINISHED: Final = re.compile(r"\x1b(?:\[[0-?]*[ -/]*|(?P<string>[\]PX^_])[^\x07\x1b]*\x1b?|[ -/]*)\Z")
_LONGEST_CUT: Final = 1024


@dataclass(frozen=True, slots=True)
class Ink:
    """Colours (None: the default) and styles, as they are when something is printed."""

    foreground: int | None = None
    background: int | None = None
    styles: frozenset[str] = frozenset()

    @property
    def parameters(self) -> str:
        """The shortest SGR parameters that set this ink on a default one, empty for the default."""
        styles = [str(code) for code, style in STYLES.items() if style in self.styles]
        foreground = colour_parameters(FOREGROUND, self.foreground)
        return ";".join([*styles, *foreground, *colour_parameters(BACKGROUND, self.background)])

    def after(self, text: str) -> "Ink":
        """Return the ink behind `text`; what a terminal has overwritten of it counts as well."""
        if "\x1b" not in text:
            return self
        ink = self
        for found in _SEQUENCES.finditer(text):
            if found["sgr"] is not None:
                ink = ink.changed_by(found["sgr"])
        return ink

    @lru_cache(maxsize=1024)  # noqa: B019  inks are values: a program changes between few of them, line by line
    def changed_by(self, parameters: str) -> "Ink":
        r"""Return the ink once `parameters`, what stands between `\x1b[` and `m`, are obeyed; unknown ones are not."""
        ink = self
        words = parameters.split(";", MOST_PARAMETERS)[:MOST_PARAMETERS]
        groups = ([int(number[:6] or 0) for number in word.split(":")] for word in words)
        for code, *rest in groups:
            if code in (FOREGROUND, BACKGROUND, UNDERLINE):
                colour = extended_colour(rest, groups)
                ink = ink if colour is None else ink._coloured(code, colour)
            else:
                ink = ink._changed_by(code, rest)
        return ink

    def _changed_by(self, code: int, rest: list[int]) -> "Ink":
        if code == 0:
            return DEFAULT
        if (code in STYLES and rest[:1] != [0]) or code == DOUBLE_UNDERLINE:
            return replace(self, styles=self.styles | {STYLES.get(code, "underline")})
        if code in STYLES or code in OFF:
            return replace(self, styles=self.styles - (OFF[code] if code in OFF else {STYLES[code]}))
        if code in (FOREGROUND + 1, BACKGROUND + 1):
            return self._coloured(code - 1, None)
        return self._coloured(*NAMED[code]) if code in NAMED else self

    def _coloured(self, which: int, colour: int | None) -> "Ink":
        if which == FOREGROUND:
            return replace(self, foreground=colour)
        return replace(self, background=colour) if which == BACKGROUND else self


DEFAULT: Final = Ink()


class InkTrail:
    """The ink with which each piece of one stream of output begins, wherever a sequence is cut."""

    __slots__ = ("_begins", "_cut", "_ink")

    def __init__(self) -> None:
        self._ink = DEFAULT
        self._begins = ""
        self._cut = ""  # the beginning of a sequence that the next piece goes on with

    @property
    def is_default(self) -> bool:
        """True where what follows begins in the default ink, unless it changes that itself."""
        return not (self._cut or self._begins)

    def behind(self, raw: bytes) -> str:
        """Return the SGR parameters of the ink behind `raw`, which is not taken in."""
        return self._ink.after(self._cut + raw.decode("utf-8", "replace")).parameters

    def pass_over(self, raw: bytes) -> str:
        """Return the SGR parameters of the ink in which `raw`, a line or a piece of one, begins, and take it in."""
        begins = self._begins
        if self._cut or b"\x1b" in raw:
            text = self._cut + raw.decode("utf-8", "replace")
            ink = self._ink.after(text)
            if ink is not self._ink:
                self._ink, self._begins = ink, ink.parameters
            found = None if text.endswith("\n") else _UNFINISHED.search(text)
            self._cut = found[0][:_LONGEST_CUT] if found else ""
            if found and found["string"]:  # only its kind matters, and it may be as long as the output
                self._cut = self._cut[:2] + ("\x1b" if text.endswith("\x1b") else "")
        return begins
