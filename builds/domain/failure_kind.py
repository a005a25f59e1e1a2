"""What a kind of failure is: stable id, whose problem it is, how the run ends, what people read."""

from dataclasses import dataclass
from enum import StrEnum

from builds.domain.states import EndReason


class Whose(StrEnum):
    """Who can mend it."""

    DEFINITION = "definition"
    SOURCE = "source"
    REGISTRY = "registry"
    SERVER = "server"
    REMOTE = "remote"  # the server that a step talks to
    BUILDHUB = "buildhub"


@dataclass(frozen=True, slots=True)
class FailureKind:
    """A kind of failure; `message` and `remedy` may hold words in braces that a constructor of failures.py fills."""

    id: str
    whose: Whose
    end_reason: EndReason
    message: str
    remedy: str
