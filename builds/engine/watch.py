"""Watch over one streaming call: stop it when asked, notice when the engine has gone silent.

The call itself blocks in a read without a time limit, because an instruction may print nothing for hours. So a second
thread looks after it, with a second client.
"""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from builds.engine.errors import EngineError
from builds.engine.wire import Wire

LOOK_SECONDS: Final = 0.05  # how soon a stop is noticed


@dataclass(frozen=True)
class Patience:
    """Times of a watch, in seconds.

    A stream that is quiet for `quiet` makes the watch ping the engine, which has `answer` to reply; a ping without
    an answer is repeated after `pause`, and after `failures` of them the engine counts as gone. A stop is asked for
    again every `ask_again` (a cancel that arrives before the engine knows the build is lost, yet answers 200), and
    after `give_up` the socket is shut down.
    """

    quiet: float = 10
    answer: float = 3
    pause: float = 5
    failures: int = 3
    ask_again: float = 1
    give_up: float = 10


PATIENCE: Final = Patience()


class Watch:
    """Context manager around one streaming call on `wire`.

    `stop` asks the engine to end the work, `ping` asks for a sign of life; both run on the watch's own thread, must
    return in bounded time and may raise `EngineError`. `stop` is called from the moment `stopping` is set.
    """

    def __init__(
        self,
        wire: Wire,
        stopping: threading.Event,
        *,
        stop: Callable[[], None],
        ping: Callable[[], None],
        patience: Patience = PATIENCE,
    ) -> None:
        self.stop_asked = False
        self.engine_gone = False
        self._wire, self._stopping, self._stop, self._ping = wire, stopping, stop, ping
        self._patience = patience
        self._done = threading.Event()
        self._heard_at = time.monotonic()
        self._next_ping_at = 0.0
        self._failures = 0
        self._thread = threading.Thread(target=self._look, name="engine-watch", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        if error is not None:
            self._wire.cut()  # the engine kills what belongs to the connection
        self._thread.join()

    def heard(self) -> None:
        """Note that the stream has delivered something just now."""
        self._heard_at = time.monotonic()

    def _look(self) -> None:
        while not self._done.wait(LOOK_SECONDS):
            if self._stopping.is_set():
                self._end_work()
                return
            if self._has_gone_silent():
                self.engine_gone = True
                self._wire.cut()
                return

    def _has_gone_silent(self) -> bool:
        """Ping when it is time to, and say whether the last pings were all in vain."""
        now = time.monotonic()
        if now - self._heard_at < self._patience.quiet:
            self._failures = 0
        elif now >= self._next_ping_at:
            try:
                self._ping()
                self.heard()
            except EngineError:
                self._failures += 1
            self._next_ping_at = time.monotonic() + self._patience.pause
        return self._failures >= self._patience.failures

    def _end_work(self) -> None:
        """Ask for the end until the stream has ended; shut the socket down when patience is over."""
        self.stop_asked = True
        give_up_at = time.monotonic() + self._patience.give_up
        while not self._done.is_set() and time.monotonic() < give_up_at:
            with suppress(EngineError):  # asked again in a moment, and the socket goes down in the end
                self._stop()
            self._done.wait(self._patience.ask_again)
        if not self._done.is_set():
            self._wire.cut()
