"""A TCP (or TLS) door to an engine's unix socket, which can be cut, or made to swallow all that comes."""

import select
import socket
import ssl
import threading
from contextlib import suppress
from typing import Self

from builds.engine.types import Endpoint

LONGEST_WAIT = 30.0  # seconds


class Relay:
    """Forwards each connection on a free port of 127.0.0.1 to the unix socket at `path`, byte for byte.

    `cut_before`: a connection ends just before the engine's answer would bring these bytes. With `told_by` the engine
    sees that at once, and the client only after the engine has said these bytes on another connection.
    """

    def __init__(
        self, path: str, context: ssl.SSLContext | None = None, *, cut_before: bytes = b"", told_by: bytes = b""
    ) -> None:
        self._path, self._context, self._cut_before = path, context, cut_before
        self._told_by, self._told = told_by, threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.endpoint = Endpoint(f"tcp://127.0.0.1:{self.port}")
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._swallows = threading.Event()
        self._threads = [threading.Thread(target=self._accept)]

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._threads[0].join()
        self.cut()
        for thread in self._threads[1:]:
            thread.join()

    def cut(self) -> None:
        """Shut every connection down, on both sides."""
        self._told.set()
        for pair in self._pairs:
            for sock in pair:
                with suppress(OSError):
                    socket.socket.shutdown(sock, socket.SHUT_RDWR)

    def swallow(self) -> None:
        """From now on nothing gets through in either direction, and no connection breaks."""
        self._swallows.set()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(near,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, near: socket.socket) -> None:
        with near, socket.socket(socket.AF_UNIX) as far:
            far.connect(self._path)
            with suppress(OSError):
                door = self._context.wrap_socket(near, server_side=True) if self._context else near
                with door:
                    self._pairs.append((door, far))
                    self._forward(door, far)
                    if self._told_by:
                        far.shutdown(socket.SHUT_RDWR)
                        self._told.wait(LONGEST_WAIT)

    def _forward(self, near: socket.socket, far: socket.socket) -> None:
        while True:
            pending = isinstance(near, ssl.SSLSocket) and near.pending()
            ready = [near] if pending else select.select([near, far], [], [])[0]
            for source in ready:
                data = source.recv(65536)
                if not data or (source is far and self._cut_before and self._cut_before in data):
                    return
                if not self._swallows.is_set():
                    (far if source is near else near).sendall(data)
                if self._told_by and self._told_by in data:
                    self._told.set()
