"""Words of others as sentences for people quote them: in one line, and never without end."""

import re
from typing import Final

from builds.domain.log.lines import shown_text

# Where the engine mounts the context and keeps its layers, of no use to people.
SERVER_PATH: Final = re.compile(
    r"/\S*/(?:buildkit-mount\d+|cachemounts/buildkit\d+|overlay2/\w+/merged|snapshots/\d+/fs)(?=/)"
)
LONGEST: Final = 2000  # characters of a server's own text that are kept
LONGEST_IN_A_SENTENCE: Final = 80  # characters of an instruction; in full it is shown beside


def clean(text: str) -> str:
    """Return an engine's or registry's own words in one line that a text column can hold."""
    return one_line(SERVER_PATH.sub("", text[:LONGEST])) or "no reason was given"


def one_line(text: str) -> str:
    """Return the first characters of a text in one line that a text column can hold, without a last full stop."""
    return " ".join(shown_text(text[:LONGEST]).split()).rstrip(".")


def short(instruction: str) -> str:
    """Return a text as it fits into a sentence."""
    return cut(instruction, LONGEST_IN_A_SENTENCE)


def cut(text: str, longest: int) -> str:
    """Return the first `longest` characters of a text, with a sign that there are more."""
    return text if len(text) <= longest else f"{text[:longest]} …"
