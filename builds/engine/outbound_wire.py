"""Under the outbound client: connections to a given address, a total time that nothing outlasts, words for errors."""

import errno
import logging
import os
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, wait
from contextlib import ExitStack
from typing import Any, Final, Self

import requests
from requests.adapters import HTTPAdapter
from requests_hardened.ip_filter_adapter import IPFilterAdapter  # type: ignore[import-untyped]  # no types
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError
from urllib3.util.ssl_match_hostname import CertificateError
from urllib3.util.wait import wait_for_write

from builds.domain.outbound import Address
from builds.engine.wire import shut_down

LOOK_SECONDS: Final = 0.1  # between two looks whether to stop


class Deadline:
    """Cuts every connection that it watches when the total time is over or `stopping` is set, in whatever it waits.

    Time-outs of a socket begin anew with each byte, so that a receiver of a byte a second would outlast them.
    """

    def __init__(self, seconds: float, stopping: threading.Event | None = None) -> None:
        self.is_connected = False  # to the address that is tried
        self._seconds = seconds
        self._ends_at = time.monotonic() + seconds
        self._stopping = stopping
        self._handles: list[socket.socket] = []
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look, name="outbound-deadline", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()
        for handle in self._handles:
            handle.close()

    @property
    def is_stopped(self) -> bool:
        """True when the caller wants no answer any more."""
        return self._stopping is not None and self._stopping.is_set()

    @property
    def is_over(self) -> bool:
        """True when the time is over, or the caller wants no answer any more."""
        return self.is_stopped or time.monotonic() >= self._ends_at

    @property
    def words(self) -> str:
        """What happened, for people."""
        return f"It took longer than {self._seconds:g} seconds and was broken off."

    def watch(self, opened: socket.socket) -> None:
        """Cut this connection too, even when TLS takes its descriptor over later."""
        self._handles.append(opened.dup())
        if self.is_over:
            self._cut()

    def _look(self) -> None:
        while not self.is_over:
            left = max(0.0, self._ends_at - time.monotonic())
            if self._done.wait(left if self._stopping is None else min(left, LOOK_SECONDS)):
                return
        self._cut()

    def _cut(self) -> None:
        for handle in tuple(self._handles):
            shut_down(handle)


def look_up(host: str, port: int, is_over: Callable[[], bool]) -> list[str] | None:
    """Return the addresses of a name in the resolver's order; None where `is_over` before a name server has answered.

    Raises as `getaddrinfo` does. On a thread of its own, which is left behind: nothing can cut a look-up.
    """
    answer: Future[list[str]] = Future()

    def ask() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            answer.set_result([str(entry[4][0]).partition("%")[0] for entry in found])
        except (OSError, UnicodeError) as error:  # UnicodeError: a label that IDNA cannot write
            answer.set_exception(error)

    threading.Thread(target=ask, name="name-look-up", daemon=True).start()
    while not wait([answer], LOOK_SECONDS).done:
        if is_over():
            return None
    return answer.result()


class PinnedAdapter(IPFilterAdapter):  # type: ignore[misc]  # requests-hardened has no types
    """Connects to one address that was checked, and speaks to the name of the URL there.

    requests-hardened's own adapter resolves the name by itself, looks at the first answer only and cannot let an
    operator's private receiver pass; what it does with Host, SNI and certificate is kept.
    """

    def __init__(self, address: Address, deadline: Deadline, *, is_https_proto: bool) -> None:
        self._address, self._deadline = address, deadline
        super().__init__(is_https_proto=is_https_proto)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make pools whose connections the deadline watches."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _watched_pools(self._address, self._deadline)

    def build_connection_pool_key_attributes(
        self,
        request: requests.PreparedRequest,
        verify: bool | str,  # noqa: FBT001  as requests calls it
        cert: Any = None,
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return where to connect and how, as requests asks for it."""
        # Not that of IPFilterAdapter, which looks the name up itself. Any: its stubs know too few keys.
        plain: Any = HTTPAdapter.build_connection_pool_key_attributes
        host_params, pool_kwargs = plain(self, request, verify, cert)
        name, port = host_params["host"].strip("[]"), host_params["port"]
        shown = f"[{name}]" if ":" in name else name
        request.headers["Host"] = f"{shown}:{port}" if port else shown
        if self._is_https_proto:
            pool_kwargs |= {"assert_hostname": name, "server_hostname": name}
        host_params["host"] = f"[{self._address}]" if self._address.version == 6 else str(self._address)
        return host_params, pool_kwargs


def _watched_pools(address: Address, deadline: Deadline) -> dict[str, type]:
    """Return urllib3's pools with connections to `address` that hand themselves to the deadline."""

    class Http(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return _connected(self, address, deadline)

    class Https(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return _connected(self, address, deadline)

    http = type("WatchedHttp", (HTTPConnectionPool,), {"ConnectionCls": Http})
    return {"http": http, "https": type("WatchedHttps", (HTTPSConnectionPool,), {"ConnectionCls": Https})}


def connect(
    address: Address,
    port: int,
    *,
    timeout: float | None,
    watch: Callable[[socket.socket], None],
    options: Iterable[tuple[int, int, int | bytes]] = (),
) -> socket.socket:
    """Connect a socket that `watch` may cut from its first packet on. Raises `OSError`."""
    made = socket.socket(socket.AF_INET6 if address.version == 6 else socket.AF_INET, socket.SOCK_STREAM)
    with ExitStack() as undone:
        undone.callback(made.close)
        for option in options:
            made.setsockopt(*option)
        made.settimeout(0)
        code = made.connect_ex((str(address), port))
        watch(made)  # not before: a socket that does not connect yet cannot be shut down
        if code == errno.EINPROGRESS:
            is_ready = wait_for_write(made, timeout)
            code = made.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) if is_ready else errno.ETIMEDOUT
        if code:
            raise OSError(code, os.strerror(code))
        undone.pop_all()
    made.settimeout(timeout)
    return made


def _connected(asked: HTTPConnection, address: Address, deadline: Deadline) -> socket.socket:
    """Connect a socket that the deadline watches; raises as urllib3's own way to it does."""
    timeout = asked.timeout if isinstance(asked.timeout, int | float) else None
    options = asked.socket_options or ()
    try:
        made = connect(address, asked.port, timeout=timeout, watch=deadline.watch, options=options)
    except TimeoutError as error:
        raise ConnectTimeoutError(asked, "no answer to the connection") from error
    except OSError as error:
        raise NewConnectionError(asked, "no connection") from error
    deadline.is_connected = True
    return made


KNOWN: Final = (
    ("CertificateError", "The certificate does not fit the name of the address."),
    ("SSLCertVerificationError", "The certificate could not be verified; use one that a known authority has signed."),
    ("SSL", "TLS could not be agreed with the receiver."),
    ("ConnectionRefusedError", "Nobody listens there; check host and port."),
    ("NewConnectionError", "The host cannot be reached; check host, port and routes."),
    ("ConnectTimeout", "Nobody answered the connection in time; check host, port and firewall."),
    ("ReadTimeout", "The receiver took the request and said nothing in time."),
    ("RemoteDisconnected", "The receiver closed the connection without an answer."),
    ("IncompleteRead", "The connection was closed in the middle of the answer."),
    ("ConnectionResetError", "The receiver cut the connection."),
    ("BrokenPipeError", "The receiver cut the connection."),
    ("HTTPException", "The receiver answered something that is not HTTP."),
    ("LineTooLong", "The receiver answered something that is not HTTP."),
    ("BadStatusLine", "The receiver answered something that is not HTTP."),
    ("Invalid", "The address cannot be used."),
)


def broken_words(error: BaseException) -> str:
    """Say in one sentence what went wrong. Never by the error's own text: that holds the query of the address."""
    kinds = {kind.__name__ for link in _chain(error) for kind in type(link).__mro__}
    for word, sentence in KNOWN:
        if any(kind.startswith(word) for kind in kinds):
            return sentence
    return "The connection broke off."


def certificate_words(error: BaseException) -> str:
    """Say why a certificate was not trusted; empty where `error` is about something else."""
    for link in _chain(error):
        if isinstance(link, CertificateError):
            return "it does not fit the name of the address"
        if isinstance(link, ssl.SSLCertVerificationError):
            return str(link.verify_message)
    return ""


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Return an error and what lies behind it: causes, contexts, and errors kept as arguments or `reason`."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        link = waiting.pop()
        if not isinstance(link, BaseException) or id(link) in seen:
            continue
        seen.add(id(link))
        yield link
        waiting += [link.__cause__, link.__context__, getattr(link, "reason", None), *link.args]


QUERY: Final = re.compile(r"\?[^\s\"'<>)]*")


def _drop_queries(record: logging.LogRecord) -> bool:
    """Take the query of every address out of a log line, and the traceback, whose text may hold it too."""
    record.msg, record.args, record.exc_info = QUERY.sub("?…", record.getMessage()), (), None
    return True


# At whatever level urllib3 is told to speak: queries carry other people's secrets.
for speaker in ("urllib3.connection", "urllib3.connectionpool", "urllib3.util.retry", "urllib3.poolmanager"):
    logging.getLogger(speaker).addFilter(_drop_queries)
