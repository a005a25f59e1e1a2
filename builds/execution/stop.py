"""Why a run must stop, and the one object through which everybody says and hears it."""

import threading
from enum import Enum, auto


class StopReason(Enum):
    """Who wants the attempt to end; an end of the lease is stronger than all others."""

    CANCEL = auto()
    TIME_LIMIT = auto()
    LOG_FAILED = auto()  # the log could not be stored, for a reason that nobody foresaw
    LEASE_LOST = auto()  # the row says that it is not ours any more
    DATABASE_AWAY = auto()  # given up by our own clock: the lease could not be renewed


LEASE_OVER = (StopReason.LEASE_LOST, StopReason.DATABASE_AWAY)


class StopRequested(Exception):  # noqa: N818  names what happened
    """The attempt must end now for `reason`."""

    def __init__(self, reason: StopReason) -> None:
        super().__init__(reason.name)
        self.reason = reason


class Stop:
    """Set once by the heartbeat or the recorder, looked at by every step; `event` is what engine calls wait for."""

    def __init__(self) -> None:
        self.event = threading.Event()
        self.reason: StopReason | None = None
        self._lock = threading.Lock()

    def ask(self, reason: StopReason) -> None:
        """Ask for the end; the first reason stays, unless the lease is over."""
        with self._lock:
            if self.reason is None or (reason in LEASE_OVER and self.reason not in LEASE_OVER):
                self.reason = reason
            self.event.set()

    def check(self) -> None:
        """Raise `StopRequested` when the attempt must end."""
        if self.reason is not None:
            raise StopRequested(self.reason)

    def lease_is_over(self) -> bool:
        """Say whether the attempt may write no more."""
        return self.reason in LEASE_OVER
