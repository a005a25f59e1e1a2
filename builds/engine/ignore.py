"""Which files an engine leaves out: the patterns of a `.dockerignore`, as the docker command reads them.

The docker SDK's own matcher is not used: it takes upper for lower case, knows no escapes, reads `[^a]` as a caret or an
`a` and lets a file in that an exception names above it. Where moby's matcher itself is odd, in what nobody writes
(stars within brackets, an escaped letter), this one does what the documentation says.
"""

import posixpath
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from builds.engine.errors import PatternInvalid

SPECIAL: Final = re.compile(r"[*?\[\]\\]")
PART: Final = re.compile(
    r"\*\*/?|\\(?P<escaped>.)|\[(?P<negation>\^?)(?P<class>(?:\\.|[^\]\\])+)\]|.",  # one is read at a time
    re.DOTALL,
)

Matches = tuple[bool, ...]  # of a path, one a pattern: whether it or a folder above it matches


@dataclass(frozen=True)
class Pattern:
    """One pattern, read."""

    is_exception: bool
    literal: str  # what stands before the first special character; all of it where there is none
    is_literal: bool
    expression: re.Pattern[str]

    def may_lie_below(self, folder: str) -> bool:
        """Say whether something in `folder` could match."""
        below = f"{folder}/"
        return self.literal.startswith(below) or (not self.is_literal and below.startswith(self.literal))


class Ignored:
    """Says of each path whether the patterns leave it out: later ones win, `!` takes back in.

    A pattern matches all that lies below what it matches. To be asked from the top down, with what a folder matched
    given for what it holds. Raises `PatternInvalid`.
    """

    def __init__(self, patterns: Iterable[str]) -> None:
        self._patterns = [read for text in patterns if (read := _read(text))]
        self.at_top: Matches = (False,) * len(self._patterns)

    def look(self, path: str, above: Matches) -> tuple[bool, Matches]:
        """Return whether `path` is left out, and what it matches; `above` is what its folder matches."""
        is_out, found = False, []
        for pattern, from_above in zip(self._patterns, above, strict=True):
            # A pattern that would change nothing is not asked, as in moby: it then counts for nothing below.
            could = pattern.is_exception == is_out
            matches = from_above or (could and pattern.expression.fullmatch(path) is not None)
            found.append(matches)
            is_out = not pattern.is_exception if matches else is_out
        return is_out, tuple(found)

    def may_hold_exceptions(self, folder: str) -> bool:
        """Say whether an exception could lie in a folder that is left out."""
        return any(pattern.is_exception and pattern.may_lie_below(folder) for pattern in self._patterns)


def is_plain(name: str) -> bool:
    """Say whether a pattern matches one name only, its own."""
    return not SPECIAL.search(name)


def _read(text: str) -> Pattern | None:
    cleaned = text.strip()
    if not cleaned:
        return None
    if cleaned == "!":
        raise PatternInvalid(text, "An exception needs a name behind the `!`.")
    is_exception = cleaned.startswith("!")
    path = posixpath.normpath(cleaned.removeprefix("!").strip()).lstrip("/")
    special = SPECIAL.search(path)
    try:
        expression = re.compile(_expression(path, text), re.DOTALL)
    except re.error as error:
        raise PatternInvalid(text, f"It cannot be read: {error.msg}.") from None
    return Pattern(
        is_exception=is_exception,
        literal=path[: special.start()] if special else path,
        is_literal=special is None,
        expression=expression,
    )


def _expression(path: str, text: str) -> str:
    """Turn a pattern into a regular expression for the whole of a path."""
    if path.startswith("**") and is_plain(path[2:]):  # moby takes these for an ending: `**.go` is any name with it
        return rf".*{re.escape(path[2:])}" if path[2:3] != "/" else rf"(?:.*/)?{re.escape(path[3:])}"
    return "".join(_part(part, text) for part in PART.finditer(path))


def _part(part: re.Match[str], text: str) -> str:
    """Return the expression of one part of a pattern."""
    match part[0]:
        case "*":
            return "[^/]*"
        case "?":
            return "[^/]"
        case "**" | "**/":
            return ".*" if part.end() == len(part.string) else "(?:.*/)?"
        case "[":
            raise PatternInvalid(text, r"Close the `[` by a `]`, or write `\[` for the character itself.")
        case "\\":
            raise PatternInvalid(text, r"Nothing follows the last `\`; write `\\` for the character itself.")
    if part["class"]:  # of characters; between `a-z` only the dash has a meaning
        characters: Sequence[str] = re.findall(r"\\.|.", part["class"], re.DOTALL)
        escaped = [one if one == "-" else re.escape(one.removeprefix("\\")) for one in characters]
        return f"[{part['negation']}{''.join(escaped)}]"
    return re.escape(part["escaped"] or part[0])
