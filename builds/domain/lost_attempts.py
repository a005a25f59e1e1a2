"""Why an attempt of a run ended although the run did not: one form for who writes it down and for who tells it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

ATTEMPT_LOST: Final = "attempt lost"  # RunEvent.what of such a fact
GIVEN_BACK: Final = "given back"  # RunEvent.what of an attempt's own last word: `because` is why, `counted` whether


@dataclass(frozen=True, slots=True)
class LostAttempt:
    """An attempt that another one follows. `why` goes on after "is over: ", without a full stop."""

    attempt: int
    why: str

    @classmethod
    def silent(cls, attempt: int, last_heard: datetime) -> "LostAttempt":
        """Return an attempt whose worker went silent: dead, hanging, or cut off."""
        return cls(attempt, f"its worker was lost, last heard of at {last_heard:%H:%M:%S} UTC")

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> "LostAttempt":
        """Read back what `as_facts` gave."""
        return cls(int(facts["attempt"]), str(facts.get("why") or "its worker was lost"))

    def as_facts(self) -> dict[str, object]:
        """Return it as JSON-able facts, as stored in the history of the run."""
        return {"attempt": self.attempt, "why": self.why}

    @property
    def sentence(self) -> str:
        """Return it in one sentence, for the log and for `attempts[].endMessage`."""
        return f"Attempt {self.attempt} is over: {self.why.rstrip('.')}."
