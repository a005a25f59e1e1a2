"""Line positions of a Dockerfile's instructions, to show the line that failed. Not a parser of what they mean:
what happened is what BuildKit says (`dockerfile_vertices.py` reads its names).
"""

import re
from dataclasses import dataclass
from typing import Final

DIRECTIVE: Final = re.compile(r"#\s*([A-Za-z]+)\s*=\s*(\S.*?)\s*")
HEREDOC: Final = re.compile(r"(?:^|\s)\d*<<(-?)([\"']?)([A-Za-z0-9_][^\s<\"']*)\2(?=\s|$)")
HEREDOC_KEYWORDS: Final = ("RUN", "COPY", "ADD")


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction; lines from 1, the body of a heredoc included; `text` in one line with single blanks."""

    line_start: int
    line_end: int
    keyword: str
    text: str


def instruction_lines(text: str) -> list[Instruction]:
    """Return where the instructions of a Dockerfile stand.

    Knows continuations (with the escape directive), comments between them, and heredocs (Dockerfile reference).
    """
    lines = text.removeprefix("\ufeff").split("\n")
    continued = re.compile(re.escape(_escape_character(lines)) + r"[ \t]*\r?$")
    found: list[Instruction] = []
    at = 0
    while at < len(lines):
        if _is_blank(lines[at]):
            at += 1
            continue
        logical, end = _logical_line(lines, at, continued)
        keyword = logical.split(maxsplit=1)[0].upper() if logical else ""
        end = _after_heredocs(lines, end, logical) if keyword in HEREDOC_KEYWORDS else end
        if keyword:
            found.append(Instruction(at + 1, end, keyword, logical))
        at = end
    return found


def syntax_line(text: str) -> Instruction | None:
    """Return the `# syntax=` line, which stands before everything else but other directives, or None."""
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        directive = DIRECTIVE.fullmatch(line.strip())
        if directive is None:
            return None
        if directive[1].lower() == "syntax":
            return Instruction(number, number, "#", line.strip())
    return None


def _escape_character(lines: list[str]) -> str:
    """Return the character that continues a line; directives stand before everything else, comments included."""
    for line in lines:
        directive = DIRECTIVE.fullmatch(line.strip())
        if directive is None:
            break
        if directive[1].lower() == "escape" and directive[2] in ("\\", "`"):
            return directive[2]
    return "\\"


def _is_blank(line: str) -> bool:
    stripped = line.strip()
    return not stripped or stripped.startswith("#")


def _logical_line(lines: list[str], at: int, continued: re.Pattern[str]) -> tuple[str, int]:
    """Return the instruction that begins at index `at` in one line, and the index after its last line."""
    parts: list[str] = []
    end = at
    while end < len(lines):
        line = lines[end]
        end += 1
        if _is_blank(line):
            continue  # comments and blank lines within a continued instruction belong to nothing
        parts.append(continued.sub("", line))
        if not continued.search(line):
            break
    return " ".join(" ".join(parts).split()), end


def _after_heredocs(lines: list[str], at: int, logical: str) -> int:
    """Return the index after the bodies of all heredocs that `logical` opens."""
    for dash, _, name in HEREDOC.findall(logical):
        inside = (line.rstrip("\r") for line in lines[at:])
        ends = ((line.lstrip("\t") if dash else line) == name for line in inside)
        closing = next((end for end, closes in enumerate(ends, at) if closes), None)
        if closing is None:
            return at  # not closed, so not a heredoc: a shell's own operator, or an error that the engine tells
        at = closing + 1
    return at
