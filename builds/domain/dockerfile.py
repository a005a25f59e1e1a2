"""Line positions of a Dockerfile's instructions, to show the line that failed. Not a parser of what they mean:
what happened is what BuildKit says (libraries.md, "Dockerfile").
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final

DIRECTIVE: Final = re.compile(r"#\s*([A-Za-z]+)\s*=\s*(\S+)\s*")
HEREDOC: Final = re.compile(r"(?:^|\s)\d*<<(-?)([\"']?)([A-Za-z0-9_][^\s<\"']*)\2(?=\s|$)")
HEREDOC_KEYWORDS: Final = ("RUN", "COPY", "ADD")
NUMBERED: Final = ("FROM", "RUN", "COPY", "ADD", "WORKDIR")  # those that BuildKit counts in [2/3]
FETCHING: Final = ("FROM", "COPY", "ADD", "RUN")  # those that can name an image or an address
VERTEX_MARK: Final = re.compile(r"\[(?:(?P<stage>\S+)\s+)?(?P<number>\d+)/\d+\]\s*")
FETCHED: Final = re.compile(r"(?:\[internal\] load metadata for |FROM |(?=https?://))(\S+)")
PARSE_ERROR: Final = re.compile(r"dockerfile parse error (?:on )?line (\d+)", re.IGNORECASE)
# What BuildKit adds to the name of an image in FROM, and what it leaves out: alias and platform.
RESOLVED: Final = re.compile(r"\bdocker\.io/(?:library/)?|@sha256:[0-9a-f]+|:latest\b| --platform=\S+| AS \S+$", re.I)
LEAST_LIKENESS: Final = 0.4
BY_SIGN: Final = 200  # characters up to which texts are compared sign by sign, longer ones word by word
WORDS: Final = 200  # compared words: enough to tell instructions apart, and bounded


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
    continued = re.compile(re.escape(_escape_sign(lines)) + r"[ \t]*\r?$")
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


def find_instruction(dockerfile: str, vertex_name: str) -> Instruction | None:
    """Return the instruction that BuildKit calls `vertex_name`, such as `[2/3] RUN exit 7`, or None.

    Variables may stand resolved in the name: the nearest text with the same keyword is taken, and among equals
    the one at the place that the name tells. What is fetched for an instruction (an image, an address) leads to
    the instruction that names it.
    """
    instructions = instruction_lines(dockerfile)
    if fetched := FETCHED.fullmatch(vertex_name):
        return _that_names(fetched[1], instructions)
    wanted, number, stage = _read_vertex_name(vertex_name)
    keyword = wanted.split(maxsplit=1)[0] if wanted else ""
    best: tuple[float, int] = (0.0, 0)
    nearest: Instruction | None = None
    for instruction, (its_stage, its_number) in zip(instructions, _places(instructions), strict=True):
        if instruction.keyword != keyword:
            continue
        place = (its_number == number) + (stage != "" and stage.lower() in its_stage)
        score = (_likeness(_resolved(instruction.text), wanted), place)
        if (score[0] >= LEAST_LIKENESS or place) and score > best:
            best, nearest = score, instruction
    return nearest


def parse_error_line(message: str) -> int | None:
    """Return the line that BuildKit names in a parse error, or None.

    20.10 writes `dockerfile parse error line 1:`, newer engines `dockerfile parse error on line 2:`.
    """
    found = PARSE_ERROR.search(message)
    return int(found[1]) if found else None


def _escape_sign(lines: list[str]) -> str:
    """Return the sign that continues a line; directives stand before everything else, comments included."""
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
        closing = next((end for end in range(at, len(lines)) if _closes(lines[end], name, dash)), None)
        if closing is None:
            return at  # not closed, so not a heredoc: a shell's own operator, or an error that the engine tells
        at = closing + 1
    return at


def _closes(line: str, name: str, dash: str) -> bool:
    line = line.rstrip("\r")
    return (line.lstrip("\t") if dash else line) == name


def _read_vertex_name(name: str) -> tuple[str, int | None, str]:
    """Return the instruction's text, its number within the stage (None when not told) and the stage's name."""
    mark = VERTEX_MARK.match(name)
    text = _resolved(" ".join(name[mark.end() if mark else 0 :].split()))
    return text, int(mark["number"]) if mark else None, (mark["stage"] or "") if mark else ""


def _that_names(fetched: str, instructions: list[Instruction]) -> Instruction | None:
    """Return the first instruction that names the image or address `fetched`, else the first FROM of a variable."""
    name = RESOLVED.sub("", fetched)
    for instruction in instructions:
        if instruction.keyword in FETCHING and name in re.split(r"[ =,]", RESOLVED.sub("", instruction.text)):
            return instruction
    variables = (each for each in instructions if each.keyword == "FROM" and "$" in each.text)
    return next(variables, None)


def _resolved(text: str) -> str:
    """Return a FROM in the form in which file and vertex name can be compared; other instructions as they are."""
    return RESOLVED.sub("", text) if text[:5].upper() == "FROM " else text


def _places(instructions: list[Instruction]) -> Iterator[tuple[tuple[str, ...], int]]:
    """Yield for each instruction the names of its stage and its number there, as BuildKit counts.

    Measured on 20.10.24: FROM scratch and FROM an earlier stage have no number, WORKDIR has one.
    """
    stage: tuple[str, ...] = ()
    known, number, stages = {"scratch"}, 0, 0
    for instruction in instructions:
        counted = instruction.keyword in NUMBERED
        if instruction.keyword == "FROM":
            base, alias = _from_names(instruction.text)
            stage, number, counted = (f"stage-{stages}", alias), 0, base not in known
            known |= {alias, str(stages)}
            stages += 1
        number += counted
        yield stage, number


def _from_names(text: str) -> tuple[str, str]:
    """Return base and alias of a FROM instruction, in lower case as stages are compared; alias empty when absent."""
    words = [word.lower() for word in text.split() if not word.startswith("--")]
    alias = words[-1] if len(words) > 3 and words[-2] == "as" else ""
    return (words[1] if len(words) > 1 else ""), alias


def _likeness(text: str, wanted: str) -> float:
    if text == wanted:
        return 1.0
    if max(len(text), len(wanted)) <= BY_SIGN:
        return SequenceMatcher(None, text, wanted, autojunk=False).ratio()
    return SequenceMatcher(None, text.split()[:WORDS], wanted.split()[:WORDS], autojunk=False).ratio()
