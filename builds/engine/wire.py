"""The socket under an HTTP client, held so that another thread can cut it.

A reader that waits for a silent engine cannot be freed by closing its response: `response.close()` from another
thread hangs on the buffered reader's lock and does not stop the build. Shutting the socket
down does both: the reader wakes with an error and the engine kills what belongs to the connection.
"""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Lock, Thread
from typing import Any, Final

from docker.transport.basehttpadapter import BaseHTTPAdapter
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

LOOK_SECONDS: Final = 0.1  # between two looks whether to stop


class Wire:
    """Remembers the sockets of one client. A wire that was cut stays cut: later connections die at once."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._sockets: list[socket.socket] = []
        self._is_cut = False

    @property
    def is_cut(self) -> bool:
        """True once `cut` was called."""
        return self._is_cut

    def hold(self, sock: socket.socket) -> None:
        """Remember an open socket."""
        with self._lock:
            self._sockets = [held for held in self._sockets if held.fileno() >= 0]
            self._sockets.append(sock)
            is_cut = self._is_cut
        if is_cut:
            shut_down(sock)

    def cut(self) -> None:
        """Shut every held socket down, for both directions; may be called again and from any thread."""
        with self._lock:
            self._is_cut = True
            sockets = list(self._sockets)
        for sock in sockets:
            shut_down(sock)


@contextmanager
def cut_when(stopping: Event) -> Iterator[Wire]:
    """Give a wire that is cut as soon as `stopping` is set, for the length of a block."""
    wire, done = Wire(), Event()

    def look() -> None:
        while not done.wait(LOOK_SECONDS):
            if stopping.is_set():
                wire.cut()
                return

    thread = Thread(target=look, name="wire-cutter", daemon=True)
    thread.start()
    try:
        yield wire
    finally:
        done.set()
        thread.join()


def shut_down(sock: socket.socket) -> None:
    """End both directions of a socket, from any thread; a reader wakes. A closed one stays as it is."""
    # The plain socket's shutdown: SSLSocket's own takes the TLS object away under the reader's hands.
    with suppress(OSError):
        socket.socket.shutdown(sock, socket.SHUT_RDWR)


class UnixAdapter(BaseHTTPAdapter):
    """Carries HTTP over the unix socket at `path` and holds each connection on `wire`."""

    def __init__(self, path: str, wire: Wire) -> None:
        self._pool = _UnixPool(path, wire)
        super().__init__()

    def get_connection_with_tls_context(self, request: Any, verify: Any, proxies: Any = None, cert: Any = None) -> Any:
        """Return the one pool that there is (the hook of requests 2.32 and later)."""
        return self._pool

    def request_url(self, request: Any, proxies: Any) -> str:
        """Return path and query: a unix socket has neither host nor proxy."""
        return str(request.path_url)

    def close(self) -> None:
        """Close the pooled connections."""
        self._pool.close()


class TcpAdapter(HTTPAdapter):
    """Carries HTTP over TCP, or TLS with exactly `context`, and holds each connection on `wire`."""

    def __init__(self, wire: Wire, context: ssl.SSLContext | None = None) -> None:
        self._wire = wire
        self._context = context
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pools use our context and our connections (the hook of requests)."""
        if self._context:
            kwargs["ssl_context"] = self._context
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _pools_on(self._wire)

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """Leave the context as it is: requests would add the public authorities of certifi to it."""


class _UnixConnection(HTTPConnection):
    def __init__(self, path: str, wire: Wire) -> None:
        super().__init__("localhost")
        self._path, self._wire = path, wire

    def connect(self) -> None:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.settimeout(self.timeout if isinstance(self.timeout, int | float) else None)
        try:
            sock.connect(self._path)
        except OSError:
            sock.close()
            raise
        self.sock = sock
        self._wire.hold(sock)


class _UnixPool(HTTPConnectionPool):
    def __init__(self, path: str, wire: Wire) -> None:
        super().__init__("localhost", maxsize=4)
        self._path, self._wire = path, wire

    def _new_conn(self) -> Any:
        return _UnixConnection(self._path, self._wire)


def _pools_on(wire: Wire) -> dict[str, type[HTTPConnectionPool]]:
    """Return pool classes whose connections are held on `wire`: urllib3 is told classes, not instances."""

    class Plain(HTTPConnection):
        def connect(self) -> None:
            super().connect()
            wire.hold(self.sock)

    class Secured(HTTPSConnection):
        def connect(self) -> None:
            super().connect()
            wire.hold(self.sock)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecuredPool(HTTPSConnectionPool):
        ConnectionCls = Secured

    return {"http": PlainPool, "https": SecuredPool}
