"""A SOCKS proxy on loopback, through which programs of ours reach addresses that users give, and no others.

git and our LFS program follow redirects, submodules and the addresses that a server answers, and resolve names
themselves. Behind this door each of their connections is looked up, checked and made here, by the rules of outbound.py.
"""

import socket
import struct
import threading
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from typing import Any, BinaryIO, Final, Self

from builds.engine.outbound import OutboundFailed, OutboundRefused, checked_host
from builds.engine.wire import shut_down

CONNECT_SECONDS: Final = 10.0
PIECE: Final = 65536
VERSION: Final = 5
CONNECT: Final = 1
BY_ADDRESS_4, BY_NAME, BY_ADDRESS_6 = 1, 3, 4  # how a client names the target
DONE, NOT_ALLOWED, HOST_UNREACHABLE, REFUSED, NOT_SUPPORTED = 0, 2, 4, 5, 7  # answers of RFC 1928


class SocksDoor:
    """Context manager: listens on a free port of loopback from its beginning to its end, and cuts all at the end.

    `allowed`: hosts and networks that may be private. `problem` is the first connection that was refused or failed.
    """

    def __init__(self, allowed: Sequence[str]) -> None:
        self.problem: OutboundRefused | OutboundFailed | None = None
        self._allowed = allowed
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._is_closed = False

    @property
    def url(self) -> str:
        """The proxy's address, for names to be looked up by the proxy."""
        return f"socks5h://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, name="socks-door", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._is_closed = True
            held = [self._listener, *self._sockets]
        for each in held:
            shut_down(each)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):  # closed: the end
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), name="socks-client", daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            with client, suppress(OSError, struct.error), client.makefile("rb") as asked:
                if self._hold(client) and (target := _target(client, asked)):
                    self._connect(client, *target)
        finally:
            self._release(client)

    def _connect(self, client: socket.socket, host: str, port: int) -> None:
        """Connect a client, and carry bytes both ways until both sides have ended."""
        answer, server = self._open(host, port)
        with server or nullcontext():  # ends too where the client has gone meanwhile
            client.sendall(struct.pack(">BBBBIH", VERSION, answer, 0, BY_ADDRESS_4, 0, 0))
            if server is None or not self._hold(server):
                return
            try:
                server.settimeout(None)
                back = threading.Thread(target=_carry, args=(server, client), name="socks-relay", daemon=True)
                back.start()
                _carry(client, server)
                back.join()
            finally:
                self._release(server)

    def _open(self, host: str, port: int) -> tuple[int, socket.socket | None]:
        """Return the answer for the client, and the connection where there is one."""
        asked = f"connect to {host}:{port}"
        try:
            addresses = checked_host(host, port, allowed=self._allowed, asked=asked)
        except OutboundRefused as error:
            self.problem = self.problem or error
            return NOT_ALLOWED, None
        except OutboundFailed as error:
            self.problem = self.problem or error
            return HOST_UNREACHABLE, None
        said = ""
        for address in addresses:
            try:
                return DONE, socket.create_connection((str(address), port), timeout=CONNECT_SECONDS)
            except OSError as error:
                said = error.strerror or str(error)
        self.problem = self.problem or OutboundFailed(asked, f"{host}:{port} does not answer ({said}).")
        return REFUSED, None

    def _hold(self, connected: socket.socket) -> bool:
        """Keep a connection to be cut at the end; False where the end has come already."""
        with self._lock:
            if not self._is_closed:
                self._sockets.add(connected)
            return not self._is_closed

    def _release(self, connected: socket.socket) -> None:
        with self._lock:
            self._sockets.discard(connected)


def _target(client: socket.socket, asked: BinaryIO) -> tuple[str, int] | None:
    """Read where a client wants to be connected to (RFC 1928); None for what is no such question."""
    version, methods = _unpacked("2B", asked)  # where the client has gone: struct.error, as for all that follows
    asked.read(methods)
    if version != VERSION:
        return None
    client.sendall(bytes((VERSION, 0)))  # no login: the port is open to this machine only
    _, command, _, kind = _unpacked("4B", asked)
    if command != CONNECT or kind not in (BY_ADDRESS_4, BY_NAME, BY_ADDRESS_6):
        client.sendall(struct.pack(">BBBBIH", VERSION, NOT_SUPPORTED, 0, BY_ADDRESS_4, 0, 0))
        return None
    if kind == BY_NAME:
        (length,) = _unpacked("B", asked)
        host = asked.read(length).decode("ascii", "replace")
    else:
        family, length = (socket.AF_INET, 4) if kind == BY_ADDRESS_4 else (socket.AF_INET6, 16)
        host = socket.inet_ntop(family, *_unpacked(f"{length}s", asked))
    (port,) = _unpacked(">H", asked)
    return host, port


def _unpacked(layout: str, asked: BinaryIO) -> tuple[Any, ...]:
    return struct.unpack(layout, asked.read(struct.calcsize(layout)))


def _carry(here: socket.socket, there: socket.socket) -> None:
    with suppress(OSError):  # either side has broken off
        while piece := here.recv(PIECE):
            there.sendall(piece)
    with suppress(OSError):
        there.shutdown(socket.SHUT_WR)
