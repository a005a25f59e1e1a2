"""Failures of steps that talk to a server of somebody else, beside those of failures.py."""

from builds.domain.failure_kind import FailureKind
from builds.domain.failures import Failure, made
from builds.domain.quoting import one_line


def remote_failed(kind: FailureKind, place: str, **words: object) -> Failure:
    """Return that a step failed at `place`, an address without its query; `words` are those that `kind` asks for."""
    return made(kind, place=place, **{name: one_line(str(word)) for name, word in words.items()})
