"""What somebody else's text about a failure means: a table of signs, read from the top."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from builds.domain.failure_kind import FailureKind


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a text means: `kind`, and whether to try the same `again`."""

    kind: FailureKind
    again: bool = False


Sign = tuple[re.Pattern[str], Refusal]


def sign(words: str, kind: FailureKind, *, again: bool = False, flags: re.RegexFlag = re.NOFLAG) -> Sign:
    """Return a row of a table: `words` is a pattern that takes letters of either case, `flags` what else it obeys."""
    return re.compile(words, re.IGNORECASE | flags), Refusal(kind, again)


def first_of(signs: Iterable[Sign], text: str, unknown: Refusal) -> Refusal:
    """Return the meaning of the first sign that `text` has, else `unknown`."""
    return next((refusal for pattern, refusal in signs if pattern.search(text)), unknown)
