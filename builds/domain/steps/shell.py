"""SHELL: a command line or a script."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Final

from builds.domain.steps.checks import Check, Kind, StepFacts, Values, text, word

SHELL_TYPES: Final = ("COMMAND", "SCRIPT")
SCRIPT_BYTES: Final = 256 * 1024

CHECKS: Final[Mapping[str, Check]] = {
    "shell_type": partial(word, words=SHELL_TYPES),
    "command": partial(text, most=SCRIPT_BYTES),
}


def problems(values: Values, facts: StepFacts) -> Iterator[tuple[str, str]]:
    """Yield (key, sentence) for what is wrong with the fields together, each of which is sound."""
    if not str(values.get("command") or "").strip():
        yield "command", "The command is empty; write at least one line for sh."


def fact(config: Values) -> str:
    """Return the first line of the command."""
    return (str(config.get("command") or "").strip().splitlines() or [""])[0]


KIND: Final = Kind("Shell", CHECKS, problems, fact)
