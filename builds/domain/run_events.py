"""The history of a run: the kinds of its events, and the facts that each kind carries.

What is decided later by an event is read from these facts alone; `because` beside them is for people.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Self


class EventKind(StrEnum):
    """What happened; the words are stored, and shown in the admin."""

    ACCEPTED = "accepted"
    MOVED_TO_FRONT = "moved to front"
    CLAIMED = "claimed"
    RUNNING = "running"
    STEP = "step"
    PUSHED = "pushed"
    TAGS_MOVED = "tags moved"
    UNCONFIRMED = "unconfirmed"
    GIVEN_BACK = "given back"
    NO_WORKER = "no worker"
    ATTEMPT_LOST = "attempt lost"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Event:
    """An event of `kind`; its fields are the facts, JSON-able as they are."""

    kind: ClassVar[EventKind]

    def as_facts(self) -> dict[str, Any]:
        """Return the facts as the history keeps them."""
        return asdict(self)

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> Self:
        """Read back what `as_facts` gave, also that of an earlier version."""
        return cls(**{field.name: facts[field.name] for field in fields(cls) if field.name in facts})


class Accepted(Event):
    """The run was asked for, by whom `because` says."""

    kind = EventKind.ACCEPTED


class MovedToFront(Event):
    """Somebody put the run before the others that wait."""

    kind = EventKind.MOVED_TO_FRONT


@dataclass(frozen=True, slots=True)
class Claimed(Event):
    """The run was handed to the workers of a host; `claim` counts these hand-overs."""

    kind = EventKind.CLAIMED
    claim: int


class Running(Event):
    """An attempt has begun."""

    kind = EventKind.RUNNING


@dataclass(frozen=True, slots=True)
class StepBegun(Event):
    """A step has begun; `step` is the number of its row."""

    kind = EventKind.STEP
    step: int


@dataclass(frozen=True, slots=True)
class OfAttempt(Event):
    """An event that an attempt has once, however often it is noted."""

    attempt: int


@dataclass(frozen=True, slots=True)
class Pushed(OfAttempt):
    """The registry has taken `image` (host/repository:tag); `because` is its digest."""

    kind = EventKind.PUSHED
    image: str


@dataclass(frozen=True, slots=True)
class TagsMoved(OfAttempt):
    """The `tags` of `image` (host/repository) lead to this run, the build's `number`."""

    kind = EventKind.TAGS_MOVED
    image: str
    number: int
    tags: Sequence[str] = ("latest",)


@dataclass(frozen=True, slots=True)
class Unconfirmed(OfAttempt):
    """Nobody can say whether something of the attempt is left; `because` is why."""

    kind = EventKind.UNCONFIRMED


@dataclass(frozen=True, slots=True)
class GivenBack(OfAttempt):
    """The attempt's own last word, `because` is why. `counted`: whether it counts against the run's attempts."""

    kind = EventKind.GIVEN_BACK
    counted: bool


@dataclass(frozen=True, slots=True)
class NoWorker(OfAttempt):
    """The attempt's worker was lost, and no other one can take the run over yet."""

    kind = EventKind.NO_WORKER


@dataclass(frozen=True, slots=True)
class AttemptLost(OfAttempt):
    """An attempt that another one follows. `why` goes on after "is over: ", without a full stop."""

    kind = EventKind.ATTEMPT_LOST
    why: str = "its worker was lost"

    @classmethod
    def silent(cls, attempt: int, last_heard: datetime) -> "AttemptLost":
        """Return an attempt whose worker went silent: dead, hanging, or cut off."""
        return cls(attempt, f"its worker was lost, last heard of at {last_heard:%H:%M:%S} UTC")

    @property
    def sentence(self) -> str:
        """Return it in one sentence, for the log and for `attempts[].endMessage`."""
        return f"Attempt {self.attempt} is over: {self.why.rstrip('.')}."


@dataclass(frozen=True, slots=True)
class Ended(Event):
    """The run has ended; `because` is its sentence."""

    kind = EventKind.ENDED
    end_reason: str
