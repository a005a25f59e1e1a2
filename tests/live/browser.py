"""A client of the sockets, as a page's script is one: it keeps what it was sent."""

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

SECONDS = 20.0  # for anything that the server owes


class Watcher:
    """An open socket and all frames that came."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.frames: list[dict[str, Any]] = []

    def next(self, kind: str | None = None) -> dict[str, Any]:
        """Return the next frame, or the next of one kind."""
        while True:
            frame: dict[str, Any] = json.loads(self.connection.recv(timeout=SECONDS))
            self.frames.append(frame)
            if kind in (None, frame["type"]):
                return frame

    def until(self, is_seen: Callable[[], bool]) -> None:
        """Take frames until something is seen in them."""
        while not is_seen():
            self.next()

    def rest(self) -> int:
        """Take all frames until the server closes; return its close code."""
        try:
            while True:
                self.next()
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else 1006

    def closed_within(self, seconds: float) -> int:
        """Return the code with which the server closes; `TimeoutError` where it does not in so many seconds."""
        deadline = time.monotonic() + seconds
        try:
            while True:
                self.connection.recv(timeout=max(deadline - time.monotonic(), 0))
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else 1006

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [frame for frame in self.frames if frame["type"] == kind]

    @property
    def numbers(self) -> list[int]:
        return [line["n"] for frame in self.of("lines") for line in frame["lines"]]

    @property
    def texts(self) -> list[str]:
        return [line["text"] for frame in self.of("lines") for line in frame["lines"]]

    @property
    def run(self) -> dict[str, Any]:
        """The run as it was sent last."""
        return dict(self.of("run")[-1]["run"])

    def steps(self) -> dict[int, dict[str, Any]]:
        """The steps as they were sent last."""
        return {step["buildStepRunSeq"]: step for frame in self.of("steps") for step in frame["steps"]}


@contextlib.contextmanager
def open_socket(
    url: str, *, token: str = "", cookie: str = "", origin: str | None = None, **options: Any
) -> Iterator[Watcher]:
    """Open a socket; raises `InvalidStatus` where it is refused."""
    headers = {"Cookie": f"sessionid={cookie}"} if cookie else None
    subprotocols = [f"bearer.{token}"] if token else None
    defaults = {"compression": None, "open_timeout": SECONDS, "max_size": None, "proxy": None}
    handshake = {"additional_headers": headers, "subprotocols": subprotocols, "origin": origin}
    with connect(url, **{**defaults, **handshake, **options}) as connection:
        yield Watcher(connection)
