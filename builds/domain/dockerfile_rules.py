"""What no engine could read in a Dockerfile, told when it is saved: no FROM, or a line that begins with no instruction.

Everything else is for the engine to say. A `# syntax=` line of somebody else's frontend may bring other instructions.
"""

import re
from difflib import get_close_matches
from typing import Final

from builds.domain.dockerfile import instruction_lines, syntax_line

KEYWORDS: Final = (
    "ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "MAINTAINER",
    "ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR",
)  # fmt: skip
BEFORE_FROM: Final = ("ARG",)
OWN_FRONTEND: Final = re.compile(r"(?:docker\.io/)?docker/dockerfile(?:-upstream)?(?:[:@]\S*)?\s*$")
LONGEST_WORD: Final = 40


def problem(text: str) -> str | None:
    """Return what is wrong with the Dockerfile `text` and on which line, or None."""
    syntax = syntax_line(text)
    if syntax and not OWN_FRONTEND.search(syntax.text.partition("=")[2].strip()):
        return None
    instructions = instruction_lines(text)
    unknown = next((each for each in instructions if each.keyword not in KEYWORDS), None)
    first = next((each for each in instructions if each.keyword not in BEFORE_FROM), None)
    if unknown:
        word = unknown.text.split(maxsplit=1)[0][:LONGEST_WORD]
        near = get_close_matches(unknown.keyword, KEYWORDS, n=1)
        begin = "begin the line with an instruction such as RUN, or a comment with #."
        remedy = f"did you mean {near[0]}?" if near else begin
        return f"Line {unknown.line_start}: {word} is no instruction of a Dockerfile; {remedy}"
    if first is None:
        return "The Dockerfile has no FROM; begin with FROM and the base image, or FROM scratch."
    if first.keyword != "FROM":
        return (
            f"Line {first.line_start}: {first.keyword} stands before the first FROM; begin with FROM and a base image."
        )
    return None
