"""The only HTTP client for addresses that users give: callbacks, HTTP steps, downloads.

A name is resolved once, every answer is checked, and the connection goes to an address that was checked, with the
name kept for Host, SNI and certificate: a second look-up (DNS rebinding) cannot lead elsewhere. No proxy, no netrc, no
redirect. Whatever the other side does, it ends by size and by total time. What is refused: docs/security.md,
"Addresses that users give".
"""

import ipaddress
import socket
import ssl
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import requests
from requests_hardened import HTTPSession  # type: ignore[import-untyped]  # it ships no types
from requests_hardened.config import Config  # type: ignore[import-untyped]
from urllib3.exceptions import HTTPError, InsecureRequestWarning

from builds.domain.outbound import Address, check_callback_url, is_allowed, is_public, without_query
from builds.engine.errors import EngineError
from builds.engine.outbound_wire import Deadline, PinnedAdapter, broken_words

USER_AGENT: Final = "BuildHub"
LOOK_SECONDS: Final = 5.0  # for a look at a certificate
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


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds to connect, between two bytes and in all; bytes of the answer's body that are read."""

    connect_seconds: float = 5.0
    read_seconds: float = 10.0
    total_seconds: float = 15.0
    body_bytes: int = 4096


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the body's first bytes as they came over the line; `cut` is a sentence where it is not all."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    cut: str = ""


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


def send(ask: Ask) -> Answer:
    """Send a request and return the answer, whatever its status; redirects are answers and not followed.

    Raises `OutboundRefused` where the policy forbids the address and `OutboundFailed` where nothing was answered.
    """
    with Deadline(ask.limits.total_seconds) as deadline:
        addresses = checked_addresses(ask)
        for address in addresses[:-1]:
            try:
                return _send_to(address, ask, deadline)
            except _NobodyThere:
                continue
        try:
            return _send_to(addresses[-1], ask, deadline)
        except _NobodyThere as nobody:
            said = nobody.answered
    raise OutboundFailed(ask.shown, said)


def checked_addresses(ask: Ask) -> list[Address]:
    """Return where the request may go, the resolver's order kept; raises as `send` does.

    All answers of the resolver have to pass: one private address among public ones refuses the name.
    """
    if sentence := check_callback_url(ask.url, allowed=ask.allowed):
        raise OutboundRefused(ask.shown, sentence)
    parts = requests.compat.urlsplit(ask.url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return checked_host(str(parts.hostname), port, allowed=ask.allowed, asked=ask.shown)[:MOST_ADDRESSES]


def checked_host(host: str, port: int, *, allowed: Sequence[str], asked: str) -> list[Address]:
    """Return all addresses of `host`; `asked` says in words what is wanted there.

    Raises `OutboundRefused` where one of them is private and not `allowed`, `HostUnknown` where there is none.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:  # UnicodeError: a label that IDNA cannot write
        again = isinstance(error, socket.gaierror) and error.errno == socket.EAI_AGAIN
        raise HostUnknown(asked, host, again=again) from error
    texts = dict.fromkeys(str(entry[4][0]).partition("%")[0] for entry in found)
    addresses = [ipaddress.ip_address(text) for text in texts]
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


def _send_to(address: Address, ask: Ask, deadline: Deadline) -> Answer:
    """Send to one checked address."""
    config = Config(
        ip_filter_enable=False,  # its filter looks at one answer and knows no allow-list; PinnedAdapter replaces it
        ip_filter_allow_loopback_ips=False,
        never_redirect=True,
        default_timeout=(ask.limits.connect_seconds, ask.limits.read_seconds),
        user_agent_override=ask.headers.get("user-agent", USER_AGENT),
    )
    said, connected = "", False
    with HTTPSession(config) as session:
        session.trust_env = False  # neither proxies nor netrc nor certificates of the environment
        session.mount("http://", PinnedAdapter(address, deadline, is_https_proto=False))
        session.mount("https://", PinnedAdapter(address, deadline, is_https_proto=True))
        try:
            headers = {"Accept-Encoding": "identity", "Connection": "close", **ask.headers}
            options: dict[str, Any] = {"stream": True, "verify": ask.verify_tls, "allow_redirects": False}
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", InsecureRequestWarning)  # whoever turned verification off knows it
                response = session.request(ask.method, ask.url, headers=headers, data=ask.body, **options)
            with response:
                if not deadline.is_over:  # else the cut has ended the head, and what looks like an answer is none
                    return _read(response, ask.limits, deadline)
                connected, said = True, deadline.words
        except (requests.RequestException, HTTPError, OSError, ValueError) as error:
            connected = deadline.is_connected
            said = deadline.words if deadline.is_over else broken_words(error)
    # Raised outside of the handler: the library's error, whose text holds the query, is no part of ours.
    raise (OutboundFailed if connected else _NobodyThere)(ask.shown, said)


def _read(response: requests.Response, limits: Limits, deadline: Deadline) -> Answer:
    """Read the body's first bytes, never decompressed; a body that breaks off or never ends is cut."""
    body, cut = bytearray(), ""
    try:
        while len(body) <= limits.body_bytes:
            piece = response.raw.read1(limits.body_bytes + 1 - len(body), decode_content=False)
            if not piece:
                break
            body += piece
    except (HTTPError, OSError, ValueError) as error:
        cut = f"The answer broke off: {deadline.words if deadline.is_over else broken_words(error)}"
    if len(body) > limits.body_bytes:
        cut = f"Only the first {limits.body_bytes} bytes of the answer were read."
    elif deadline.is_over and not cut:
        cut = f"The answer broke off: {deadline.words}"
    return Answer(response.status_code, dict(response.headers), bytes(body[: limits.body_bytes]), cut)
