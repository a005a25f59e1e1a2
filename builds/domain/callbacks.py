"""When a callback that was not taken is sent again, and when it is given up (docs/contract.md, "Callbacks")."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Final

# Seconds before the second, third … attempt; together more than seven and a half hours.
WAITS: Final = (1.0, 3.0, 10.0, 30.0, 120.0, 600.0, 1800.0, 3600.0, 7200.0, 14400.0)
MOST_ATTEMPTS: Final = len(WAITS) + 1
MOST_REFUSALS: Final = 4  # the first and three more: an operator may be about to add the address to the allow-list
LONGEST_RETRY_AFTER: Final = 3600.0
JITTER: Final = 0.2  # of a wait, so that what failed together does not come back together
GONE: Final = 410


class Told(StrEnum):
    """What a callback tells: of a run, and of a build."""

    ACCEPTED = "accepted"
    RUNNING = "running"
    STEP = "step"
    ENDED = "ended"
    CREATED = "created"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an attempt came to: HTTP `status`, or None; `refused`: our own policy sent nothing; seconds to wait."""

    status: int | None = None
    refused: bool = False
    retry_after: float = 0.0

    @property
    def is_delivered(self) -> bool:
        """True when the receiver has taken it: any 2xx. A redirect is no answer: none is followed."""
        return self.status is not None and 200 <= self.status < 300


def next_wait(outcome: Outcome, *, attempts: int, chance: float, waits: Sequence[float] = WAITS) -> float | None:
    """Return the seconds before the next attempt, or None when this one, the `attempts`th, was the last.

    `chance` from 0 to 1 decides the jitter. 410 Gone ends it at once; a wish by Retry-After is honoured up to an hour.
    """
    if outcome.status == GONE or attempts > len(waits) or (outcome.refused and attempts >= MOST_REFUSALS):
        return None
    wait = waits[attempts - 1] * (1 + JITTER * chance)
    return max(wait, min(outcome.retry_after, LONGEST_RETRY_AFTER))


def retry_after_seconds(word: str | None, *, now: datetime) -> float:
    """Return the seconds that a Retry-After header asks for (RFC 9110, 10.2.3), 0 where it is absent or nonsense."""
    word = (word or "").strip()
    if word.isascii() and word.isdigit():
        return float(word[:9])
    try:
        wished = parsedate_to_datetime(word)
    except ValueError:
        return 0.0
    wished = wished if wished.tzinfo else wished.replace(tzinfo=UTC)
    return max(0.0, (wished - now).total_seconds())
