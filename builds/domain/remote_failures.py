"""Failures of steps that talk to a server of somebody else, beside those of failures.py."""

from builds.domain.failure_kind import FailureKind
from builds.domain.failures import Failure, made


def remote_failed(kind: FailureKind, place: str, **words: object) -> Failure:
    """Return that a step failed at `place`, an address without its query; `words` are those that `kind` asks for."""
    said = {name: " ".join(str(word).replace("\0", "\u2400").split()).rstrip(".") for name, word in words.items()}
    return made(kind, place=place, **said)
