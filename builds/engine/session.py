"""The session of one build: the connection over which the engine fetches the Dockerfile and the files of the build.

`docker build` takes the same way. An upload with the build itself would have to hold the Dockerfile among the files,
and `COPY .` would take it into the image (docs/engine-notes.md, "How a build gets its files").
"""

import socket
import threading
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Final, Self

import h11
from h2.exceptions import ProtocolError

from builds.engine.buildkit.session_pb2 import HealthCheckResponse
from builds.engine.client import EngineClient, asking
from builds.engine.errors import EngineRefused
from builds.engine.session_calls import Calls, Methods, Unary
from builds.engine.session_files import DIFF_COPY, Directory, Transfer
from builds.engine.session_secrets import secret_methods
from builds.engine.types import NO_SECRETS, BuildSecrets
from builds.engine.wire import shut_down

ASKED: Final = "open the session of a build"
HEALTH: Final = "/grpc.health.v1.Health/Check"
HEADERS: Final = "X-Docker-Expose-Session-"
JOIN_SECONDS: Final = 5.0
READ: Final = 65536
LONGEST_REFUSAL: Final = 4096


class Session:
    """Context manager: serves `directories`, by their names in BuildKit, and `secrets`, from `open` to the block's end.

    The socket is held on the client's wire, so that what cuts the build cuts its session. `error` is what reading a
    file raised. `odd_names` are the paths that the engine was told of and that are no UTF-8. `is_broken` says that the
    engine or the network has ended the session before we did.

    The engine keeps the files of a `shared_key`, and asks for none again that has the same path, mode, length and time:
    with the same key these must mean the same content. Without one nothing is kept for another build.
    """

    def __init__(
        self, directories: Mapping[str, Directory], secrets: BuildSecrets = NO_SECRETS, *, shared_key: str = ""
    ) -> None:
        self.id = uuid.uuid4().hex
        self.is_broken = False
        self.odd_names: list[str] = []
        self._shared_key = shared_key or self.id
        self._methods = methods(directories, secrets, self.odd_names.append)
        self._calls = Calls(self._methods)
        self._closing = threading.Event()
        self._socket: socket.socket | None = None
        self._thread: threading.Thread | None = None

    @property
    def error(self) -> Exception | None:
        """What a file raised when it was read, if any."""
        return self._calls.error

    def open(self, client: EngineClient) -> None:
        """Connect and begin to serve. Raises `EngineUnreachable` and `EngineRefused`."""
        with asking(ASKED):
            sock = client.connect()
        self._socket = sock
        with asking(ASKED):
            begun = self._upgrade(sock, client)
        sock.settimeout(None)
        self._thread = threading.Thread(target=self._serve, args=(sock, begun), name="build-session", daemon=True)
        self._thread.start()

    def breaks_off(self, seconds: float) -> bool:
        """Wait up to `seconds` for the other side to end the session; say whether it has."""
        if self._thread:
            self._thread.join(seconds)
        return self.is_broken

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        if self._socket:
            shut_down(self._socket)
        if self._thread:
            self._thread.join(JOIN_SECONDS)
        if self._socket:
            self._socket.close()

    def _upgrade(self, sock: socket.socket, client: EngineClient) -> bytes:
        """Ask for HTTP/2 on this connection; return what the engine has sent of it already."""
        headers = [
            ("Host", "localhost"),
            ("User-Agent", "BuildHub"),
            ("Connection", "Upgrade"),
            ("Upgrade", "h2c"),
            (f"{HEADERS}Uuid", self.id),
            (f"{HEADERS}Name", "BuildHub"),
            (f"{HEADERS}Sharedkey", self._shared_key),
            *((f"{HEADERS}Grpc-Method", method) for method in self._methods),  # engines look before they ask
        ]
        request = h11.Request(method="POST", target=f"/v{client.spoken}/session", headers=headers)
        http = h11.Connection(our_role=h11.CLIENT)
        sock.sendall(http.send(request) or b"")
        sock.sendall(http.send(h11.EndOfMessage()) or b"")
        try:
            while (event := http.next_event()) is h11.NEED_DATA:
                http.receive_data(sock.recv(READ))
            if isinstance(event, h11.InformationalResponse) and event.status_code == 101:
                return http.trailing_data[0]
            status = event.status_code if isinstance(event, h11.Response) else 500
            raise EngineRefused(ASKED, _said(http, sock), status=status)
        except h11.RemoteProtocolError as error:
            raise OSError(str(error)) from None

    def _serve(self, sock: socket.socket, begun: bytes) -> None:
        """Answer until the connection ends; runs on the session's own thread."""
        try:
            with suppress(OSError):
                self._answer(sock, begun)
        finally:
            self.is_broken = not self._closing.is_set()
            shut_down(sock)

    def _answer(self, sock: socket.socket, data: bytes) -> None:
        is_spoken = True
        while is_spoken:
            try:
                self._calls.take(data)
            except ProtocolError:
                is_spoken = False  # what is sent now says so
            sock.sendall(self._calls.to_send())
            is_spoken = is_spoken and bool(data := sock.recv(READ))


def methods(
    directories: Mapping[str, Directory],
    secrets: BuildSecrets = NO_SECRETS,
    on_odd_name: Callable[[str], object] = lambda path: None,
) -> Methods:
    """Return what an engine may call: the files of `directories`, the `secrets`, and whether the session lives."""
    healthy = HealthCheckResponse(status=HealthCheckResponse.SERVING).SerializeToString()
    return {
        DIFF_COPY: lambda asked: Transfer(directories, asked, on_odd_name),
        HEALTH: lambda asked: Unary(lambda message: healthy),
        **secret_methods(secrets),
    }


def _said(http: h11.Connection, sock: socket.socket) -> str:
    """Return the engine's own words of a refusal, or that there were none."""
    said = b""
    while not isinstance(event := http.next_event(), h11.EndOfMessage) and len(said) < LONGEST_REFUSAL:
        if isinstance(event, h11.Data):
            said += event.data
        elif event is h11.NEED_DATA:
            http.receive_data(sock.recv(READ))
        else:
            break
    return said.decode(errors="replace").strip() or "no reason given"
