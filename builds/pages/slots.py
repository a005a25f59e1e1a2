"""The places of a build server as they are drawn."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

MOST_DRAWN: Final = 16  # one by one
PITCH: Final = 13  # from one to the next


@dataclass(frozen=True, slots=True)
class Slots:
    """How many places a build server has, and how many of them are held."""

    capacity: int
    held: int

    @property
    def drawn(self) -> Sequence[tuple[float, bool]]:
        """Return each place as its offset in the drawing and whether it is held; none where they are too many."""
        if self.capacity > MOST_DRAWN:
            return ()
        return [(n * PITCH + 0.5, n < self.held) for n in range(self.capacity)]

    @property
    def width(self) -> int:
        """Return the width of the drawing."""
        return self.capacity * PITCH
