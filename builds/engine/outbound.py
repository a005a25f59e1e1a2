"""The only HTTP client for addresses that users give: callbacks, HTTP steps, downloads.

A name is resolved once, every answer is checked, and the connection goes to an address that was checked, with the
name kept for Host, SNI and certificate: a second look-up (DNS rebinding) cannot lead elsewhere. No proxy, no netrc; a
redirect is followed by outbound_redirects.py alone. Whatever the other side does, it ends by size and by total time.
What is refused: docs/security.md, "Addresses that users give".
"""

import ipaddress
import socket
import ssl
import threading
import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from io import BytesIO
from typing import Any, BinaryIO, Final

import requests
from requests_hardened import HTTPSession  # type: ignore[import-untyped]  # it ships no types
from requests_hardened.config import Config  # type: ignore[import-untyped]
from urllib3.exceptions import HTTPError, InsecureRequestWarning

from builds.domain.outbound import Address, check_callback_url, is_allowed, is_public, without_query
from builds.engine.errors import EngineError
from builds.engine.outbound_wire import Deadline, PinnedAdapter, broken_words, certificate_words, look_up

USER_AGENT: Final = "BuildHub"
LOOK_SECONDS: Final = 5.0  # for a look at a certificate
PIECE: Final = 64 * 1024
MOST_ADDRESSES: Final = 3  # of one name are tried, where nobody listens at the first


class OutboundRefused(EngineError):  # noqa: N818  says what happened, as its siblings in errors.py do
    """Our own policy forbids this address; nothing was sent. `answered` is the sentence for people."""


class OutboundFailed(EngineError):  # noqa: N818  as above
    """No answer: unknown host, refused, silent, TLS not agreed. `answered` says which; it holds no query."""


class HostUnknown(OutboundFailed):
    """No name server knows the host, or (`again`) none has answered just now."""

    def __init__(self, asked: str, host: str, *, again: bool) -> None:
        super().__init__(asked, f"The name {host} is not known; check the address.")
        self.again = again


class OutboundLate(OutboundFailed):
    """The total time was over before the answer had begun."""


class CertificateRefused(OutboundFailed):
    """The certificate cannot be trusted; `why` says so in the words of TLS."""

    def __init__(self, asked: str, answered: str, why: str) -> None:
        super().__init__(asked, answered)
        self.why = why


class OutboundStopped(EngineError):  # noqa: N818  as above
    """The caller wanted no answer any more, and the connection was cut."""

    def __init__(self, asked: str) -> None:
        super().__init__(asked, "stopped before it was answered")


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds to connect, between two bytes and in all; bytes of the answer's body that are read."""

    connect_seconds: float = 5.0
    read_seconds: float = 10.0
    total_seconds: float = 15.0
    body_bytes: int = 4096


class Cut(Enum):
    """Why not all of an answer's body is there."""

    SIZE = auto()
    TIME = auto()
    BREAK = auto()


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the body's first bytes as they came over the line, where they were not written to a file.

    `cut` is a sentence where that is not all, `cut_by` says why.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    cut: str = ""
    cut_by: Cut | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One request. `allowed`: hosts and networks that may be private (BUILDHUB_OUTBOUND_ALLOW).

    `verify_tls`: False takes any certificate; a text is the path of the authorities to trust instead of the usual ones.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    allowed: Sequence[str] = ()
    limits: Limits = Limits()
    verify_tls: bool | str = True

    @property
    def shown(self) -> str:
        """The request in words, without the query."""
        return f"{self.method} {without_query(self.url)}"


def send(ask: Ask, *, into: BinaryIO | None = None, stopping: threading.Event | None = None) -> Answer:
    """Send a request and return the answer, whatever its status; redirects are answers and not followed.

    The body is written `into` that file, if there is one. When `stopping` is set the connection is cut.
    Raises `OutboundRefused` where the policy forbids the address, `OutboundFailed` where nothing was answered, and
    `OutboundStopped`.
    """
    with Deadline(ask.limits.total_seconds, stopping) as deadline:
        return send_until(deadline, ask, into)


def send_until(deadline: Deadline, ask: Ask, into: BinaryIO | None, *, unread: Collection[int] = ()) -> Answer:
    """Send as `send` does, as long as `deadline` allows; the bodies of the statuses `unread` are left out."""
    nobody: OutboundFailed | None = None
    try:
        addresses = checked_addresses(ask, is_over=lambda: deadline.is_over)
    except OutboundStopped as error:
        if deadline.is_stopped:
            raise
        raise OutboundLate(ask.shown, deadline.words) from error
    for address in addresses:
        try:
            return _send_to(address, ask, deadline, into, unread)
        except _NobodyThere as error:
            nobody = error
            if deadline.is_over:
                break
    said = nobody.answered if nobody else "The host has no address."
    raise (OutboundLate if deadline.is_over else OutboundFailed)(ask.shown, said)


def checked_addresses(ask: Ask, *, is_over: Callable[[], bool] = lambda: False) -> list[Address]:
    """Return where the request may go, the resolver's order kept; raises as `send` and `checked_host` do.

    All answers of the resolver have to pass: one private address among public ones refuses the name.
    """
    if sentence := check_callback_url(ask.url, allowed=ask.allowed):
        raise OutboundRefused(ask.shown, sentence)
    parts = requests.compat.urlsplit(ask.url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    found = checked_host(str(parts.hostname), port, allowed=ask.allowed, asked=ask.shown, is_over=is_over)
    return found[:MOST_ADDRESSES]


def checked_host(
    host: str, port: int, *, allowed: Sequence[str], asked: str, is_over: Callable[[], bool] = lambda: False
) -> list[Address]:
    """Return all addresses of `host`; `asked` says in words what is wanted there.

    Raises `OutboundRefused` where one of them is private and not `allowed`, `HostUnknown` where there is none,
    `OutboundStopped` where `is_over` before that is known.
    """
    try:
        found = look_up(host, port, is_over)
    except (OSError, UnicodeError) as error:
        again = isinstance(error, socket.gaierror) and error.errno == socket.EAI_AGAIN
        raise HostUnknown(asked, host, again=again) from error
    if found is None:
        raise OutboundStopped(asked)
    addresses = [ipaddress.ip_address(text) for text in dict.fromkeys(found)]
    for address in addresses:
        if not is_public(address) and not is_allowed(host, address, allowed):
            raise OutboundRefused(
                asked,
                f"{host} leads to the private address {address}; ask the operator to add it to"
                " BUILDHUB_OUTBOUND_ALLOW, or use a public one.",
            )
    return addresses


def certificate_problem(host: str, port: int, *, allowed: Sequence[str]) -> str:
    """Say why the certificate of a server cannot be trusted; empty where it can, or where nobody tells."""
    try:
        addresses = checked_host(host, port, allowed=allowed, asked="look at its certificate")
        context = ssl.create_default_context()
        with (
            socket.create_connection((str(addresses[0]), port), timeout=LOOK_SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=host),
        ):
            return ""
    except ssl.SSLCertVerificationError as error:
        return str(error.verify_message)
    except (OSError, EngineError):
        return ""


class _NobodyThere(OutboundFailed):
    """No connection came about, so nothing was sent: another address of the same name may be tried."""


class _Session(HTTPSession):  # type: ignore[misc]  # requests-hardened has no types
    def get_redirect_target(self, resp: requests.Response) -> None:
        """Return where to go on: requests would read the whole body into memory to tell where a redirect leads."""


def _send_to(address: Address, ask: Ask, deadline: Deadline, into: BinaryIO | None, unread: Collection[int]) -> Answer:
    """Send to one checked address."""
    config = Config(
        ip_filter_enable=False,  # its filter looks at one answer and knows no allow-list; PinnedAdapter replaces it
        ip_filter_allow_loopback_ips=False,
        never_redirect=True,
        default_timeout=(ask.limits.connect_seconds, ask.limits.read_seconds),
        user_agent_override=ask.headers.get("user-agent", USER_AGENT),
    )
    deadline.is_connected = False
    failed: OutboundFailed | OutboundStopped
    with _Session(config) as session:
        session.trust_env = False  # neither proxies nor netrc nor certificates of the environment
        session.mount("http://", PinnedAdapter(address, deadline, is_https_proto=False))
        session.mount("https://", PinnedAdapter(address, deadline, is_https_proto=True))
        try:
            headers = {"Accept-Encoding": "identity", "Connection": "close", **ask.headers}
            options: dict[str, Any] = {"stream": True, "verify": ask.verify_tls, "allow_redirects": False}
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", InsecureRequestWarning)  # whoever turned verification off knows it
                response = session.request(ask.method, ask.url, headers=headers, data=ask.body, **options)
        except (requests.RequestException, HTTPError, OSError, ValueError) as error:
            failed = _failed(ask, deadline, error)
        else:
            with response:
                if not deadline.is_over:  # else the cut has ended the head, and what looks like an answer is none
                    limits = ask.limits
                    return _read(response, limits, deadline, into, is_read=response.status_code not in unread)
            failed = _failed(ask, deadline, None)
    # Raised outside of the handler: the library's error, whose text holds the query, is no part of ours.
    raise failed


def _failed(ask: Ask, deadline: Deadline, error: Exception | None) -> OutboundFailed | OutboundStopped:
    """Return why nothing was answered."""
    if deadline.is_stopped:
        return OutboundStopped(ask.shown)
    if deadline.is_over or error is None:
        return (OutboundLate if deadline.is_connected else _NobodyThere)(ask.shown, deadline.words)
    if why := certificate_words(error):
        return CertificateRefused(ask.shown, broken_words(error), why)
    return (OutboundFailed if deadline.is_connected else _NobodyThere)(ask.shown, broken_words(error))


def _read(
    response: requests.Response, limits: Limits, deadline: Deadline, into: BinaryIO | None, *, is_read: bool
) -> Answer:
    """Read the body's first bytes, never decompressed; a body that breaks off or never ends is cut."""
    own = BytesIO()
    kept = into or own
    left, broken = limits.body_bytes, ""
    while is_read and left >= 0:
        try:
            piece = response.raw.read1(min(left + 1, PIECE), decode_content=False)
        except (HTTPError, OSError, ValueError) as error:
            broken = broken_words(error)
            break
        if not piece:
            break
        kept.write(piece[:left])
        left -= len(piece)
    if deadline.is_stopped:
        raise OutboundStopped("read the answer")
    cut, cut_by = "", None
    if left < 0:
        cut, cut_by = f"Only the first {limits.body_bytes} bytes of the answer were read.", Cut.SIZE
    elif deadline.is_over:
        cut, cut_by = f"The answer broke off: {deadline.words}", Cut.TIME
    elif broken:
        cut, cut_by = f"The answer broke off: {broken}", Cut.BREAK
    return Answer(response.status_code, dict(response.headers), own.getvalue(), cut, cut_by)
