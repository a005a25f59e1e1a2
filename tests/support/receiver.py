"""A receiver of callbacks on loopback that does as a test tells it: answers, hangs, drips, cuts."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Self

from tests.support.waiting import wait_until

Act = Callable[["Receiver", socket.socket], None]


@dataclass(frozen=True)
class Heard:
    """A request as it came over the line."""

    line: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """Listens on 127.0.0.1; `acts` are done in turn, the last one again and again."""

    acts: list[Act] = field(default_factory=lambda: [answering(200)])
    heard: list[Heard] = field(default_factory=list)
    connections: int = 0
    tls: ssl.SSLContext | None = None
    ended: threading.Event = field(default_factory=threading.Event)
    _listening: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))

    @property
    def port(self) -> int:
        return self._port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def __post_init__(self) -> None:
        self._port = int(self._listening.getsockname()[1])

    def __enter__(self) -> Self:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def until_heard(self, count: int, *, timeout: float = 20) -> list[Heard]:
        """Return what was heard, once that is `count` requests."""
        wait_until(lambda: len(self.heard) >= count, timeout=timeout, message=lambda: f"{len(self.heard)} were heard")
        return self.heard

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                line, _ = self._listening.accept()
                self.connections += 1
                act = self.acts[min(self.connections, len(self.acts)) - 1]
                threading.Thread(target=self._do, args=(line, act), daemon=True).start()

    def _do(self, line: socket.socket, act: Act) -> None:
        line.settimeout(60)
        with suppress(OSError), self.tls.wrap_socket(line, server_side=True) if self.tls else line as opened:
            request = _read(opened)
            if request is not None:
                self.heard.append(request)
                act(self, opened)


@contextmanager
def receiving(*acts: Act, tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """Give a receiver that does these acts."""
    with Receiver(list(acts) or [answering(200)], tls=tls) as receiver:
        yield receiver


def answering(status: int, body: bytes = b"ok", **headers: str) -> Act:
    """Answer with a status; `_` in a header's name stands for `-`."""
    given = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())

    def act(_receiver: Receiver, line: socket.socket) -> None:
        line.sendall(f"HTTP/1.1 {status} Said\r\n{given}Content-Length: {len(body)}\r\n\r\n".encode() + body)

    return act


def hanging(receiver: Receiver, line: socket.socket) -> None:
    """Say nothing until the test is over."""
    receiver.ended.wait(60)


def closing(_receiver: Receiver, _line: socket.socket) -> None:
    """Cut the line."""


def dripping(head: bytes, piece: bytes = b"x") -> Act:
    """Send `head`, then a piece every 50 ms without end."""

    def act(receiver: Receiver, line: socket.socket) -> None:
        line.sendall(head)
        while not receiver.ended.wait(0.05):
            line.sendall(piece)

    return act


def flooding(head: bytes, piece: bytes) -> Act:
    """Send `head`, then the piece again and again as fast as it is taken."""

    def act(receiver: Receiver, line: socket.socket) -> None:
        line.sendall(head)
        while not receiver.ended.is_set():
            line.sendall(piece)

    return act


def _read(line: socket.socket) -> Heard | None:
    """Read one request with its body."""
    data = b""
    while b"\r\n\r\n" not in data:
        got = line.recv(65536)
        if not got:
            return None
        data += got
    head, _, body = data.partition(b"\r\n\r\n")
    first, *rest = head.decode("latin-1").split("\r\n")
    headers = {name.strip().lower(): value.strip() for name, _, value in (row.partition(":") for row in rest)}
    while len(body) < int(headers.get("content-length", 0)):
        body += line.recv(65536)
    return Heard(first, headers, body)
