"""Which instruction of a Dockerfile BuildKit means by the name of a vertex.

Names as captured from 20.10.24, 26.1.5 and 28.5.2 (tests/engine/vectors). The number in `[one  3/11]` counts FROM of an
image, RUN, COPY, ADD and WORKDIR of the stage; variables may stand resolved in the text. What an ONBUILD of the base
image asks for comes between FROM and the stage's own instructions, on 20.10 without being counted in the total.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from builds.domain.dockerfile import Instruction, instruction_lines, syntax_line

NUMBERED: Final = ("RUN", "COPY", "ADD", "WORKDIR")  # those that BuildKit counts, beside FROM
REWRITTEN: Final = ("WORKDIR",)  # those whose text may be another in the vertex: made absolute
FETCHING: Final = ("FROM", "COPY", "ADD", "RUN")  # those that can name an image or an address
MARK: Final = re.compile(r"\[(?:[^\]]*?(?P<stage>\S+)\s+)?\s*(?P<number>\d+)/(?P<total>\d+)\]\s*")
# What is fetched: an image for FROM, COPY --from or a mount, the frontend of `# syntax=`, an address of ADD.
FETCHED: Final = re.compile(
    r"(?:\[internal\] load metadata for |FROM |resolve image config for (?:docker-image://)?"
    r"|docker-image://|(?=https?://))(?P<name>\S+)"
)
ADDRESS: Final = re.compile(r"https?://")
FRONTEND: Final = re.compile(r"resolve image config for |docker-image://")
# What BuildKit adds to the name of an image, and what it leaves out: the alias.
RESOLVED: Final = re.compile(r"\bdocker\.io/(?:library/)?|@sha256:[0-9a-f]+|:latest\b| AS \S+$", re.I)
VARIABLE: Final = re.compile(r"\$(?:\w+|\{[^}]*\})")
UNLIKE: Final = re.compile(r"[\s\"'\\\[\],]+")  # what BuildKit writes in a form of its own
HERE_DOCUMENT: Final = re.compile(r"<<-?[\"']?(\w+)[\"']?.*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Found:
    """The instruction that a vertex is of; `by_onbuild`: it is the FROM whose base image asked for the vertex."""

    instruction: Instruction
    by_onbuild: bool = False


@dataclass(slots=True)
class Stage:
    """A stage: the names BuildKit may give it, and its counted instructions in order, FROM of an image included."""

    names: tuple[str, ...]
    start: Instruction
    counted: list[Instruction] = field(default_factory=list)


def find_instruction(dockerfile: str, vertex_name: str) -> Found | None:
    """Return the instruction that BuildKit calls `vertex_name`, such as `[2/3] RUN exit 7`, or None.

    What is fetched for an instruction (an image, an address) leads to the instruction that names it.
    """
    mark = MARK.match(vertex_name)
    text = text_of(vertex_name)
    stages = _stages(instruction_lines(dockerfile))
    if mark is None or not stages:
        fetched = FETCHED.fullmatch(text)
        return (
            _that_names(fetched["name"], dockerfile, is_frontend=FRONTEND.match(text) is not None) if fetched else None
        )
    wanted = (mark["stage"] or "").lower()
    stage = next((stage for stage in stages if wanted in stage.names), stages[0])
    return _in_stage(stage, text, int(mark["number"]), int(mark["total"]))


def text_of(vertex_name: str) -> str:
    """Return the text of a vertex without its place."""
    return MARK.sub("", vertex_name, count=1).strip()


def keyword_of(vertex_name: str) -> str:
    """Return the keyword of the instruction that a vertex is of, in capitals; nothing for what is no instruction."""
    words = text_of(vertex_name).upper().split(maxsplit=2) if MARK.match(vertex_name) else []
    return next((word for word in words if word != "ONBUILD"), "")


def _in_stage(stage: Stage, text: str, number: int, total: int) -> Found | None:
    """Return the counted instruction of this text and place; FROM where its base image asked for it by ONBUILD."""
    keyword = text.split(maxsplit=1)[0].upper() if text else ""
    if keyword in ("FROM", "ONBUILD"):
        return Found(stage.start, by_onbuild=keyword == "ONBUILD")
    base = int(stage.counted[:1] == [stage.start])
    added = max(total - len(stage.counted), 0)
    if base < number <= base + added:
        return Found(stage.start, by_onbuild=True)
    alike = [at for at, each in enumerate(stage.counted, 1) if _is_alike(each.text, text)]
    if alike:
        return Found(stage.counted[min(alike, key=lambda at: abs(at + added - number)) - 1])
    there = stage.counted[number - added - 1 : number - added]
    if there and there[0].keyword == keyword and keyword in REWRITTEN:
        return Found(there[0])
    return Found(stage.start, by_onbuild=True) if base else None


def _that_names(fetched: str, dockerfile: str, *, is_frontend: bool) -> Found | None:
    """Return the first instruction that names the image or address `fetched`, else the first FROM of a variable."""
    if is_frontend and (line := syntax_line(dockerfile)):
        return Found(line)
    name, instructions = RESOLVED.sub("", fetched), instruction_lines(dockerfile)
    named = (
        each
        for each in instructions
        if each.keyword in FETCHING and name in re.split(r"[ =,]", RESOLVED.sub("", each.text))
    )
    variables = (each for each in instructions if each.keyword == "FROM" and "$" in each.text)
    found = next(named, None) or next(variables, None)
    return Found(found) if found else None


def _stages(instructions: Sequence[Instruction]) -> list[Stage]:
    """Return the stages; FROM scratch and FROM an earlier stage are not counted (measured on 20.10.24 and 28.5.2)."""
    stages: list[Stage] = []
    known = {"scratch"}
    for each in instructions:
        if each.keyword == "FROM":
            # in lower case, as stages are compared; flags such as --platform name nothing
            words = [word.lower() for word in each.text.split() if not word.startswith("--")]
            base = words[1] if len(words) > 1 else ""
            alias = words[-1] if len(words) > 3 and words[-2] == "as" else ""
            stages.append(Stage((f"stage-{len(stages)}", alias, ""), each))
            if base not in known:
                stages[-1].counted.append(each)
            known |= {alias, str(len(stages) - 1)} - {""}
        elif stages and each.keyword in NUMBERED:
            stages[-1].counted.append(each)
    return stages


def _is_alike(text: str, wanted: str) -> bool:
    """Say whether `wanted`, a vertex's text, can be the instruction `text` with its variables resolved.

    The parts between the variables are looked for one after the other, so the work stays in proportion to the length.
    """
    text, wanted = HERE_DOCUMENT.sub(r"<<\1", text), HERE_DOCUMENT.sub(r"<<\1", wanted)
    parts = [UNLIKE.sub("", part) for part in VARIABLE.split(text)]
    rest = UNLIKE.sub("", wanted)
    first, *others = parts
    if not others:
        return first.lower() == rest.lower()
    if not rest.lower().startswith(first.lower()):
        return False
    at = len(first)
    for part in others[:-1]:
        found = rest.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return len(rest) - len(others[-1]) >= at and rest.endswith(others[-1])
