"""Who asks, settled once, before Django or a socket looks: the one place that believes forwarded headers, or does not.

Everything after it reads the address from the connection (`scope["client"]`, Django's REMOTE_ADDR), the scheme from
`scope["scheme"]` and the host from the Host header, and none of them a forwarded header.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from builds.domain.address_ranges import plain_address

if TYPE_CHECKING:
    from uvicorn._types import ASGI3Application


class TrustedProxies:
    """Takes client, scheme and host over from X-Forwarded-For, -Proto and -Host of the peers in `trusted`, CIDRs.

    The client is the last address of X-Forwarded-For that is no trusted proxy's. Of several X-Forwarded-Host the last
    counts, as the peer itself has written it; Django holds it against ALLOWED_HOSTS like any other.
    """

    def __init__(self, application: "ASGI3Application", trusted: Sequence[str]) -> None:
        self._application = application
        self._believing = ProxyHeadersMiddleware(self._told, trusted_hosts=list(trusted))

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request or a socket under what is believed of it."""
        settled = _with_plain_client(scope)
        peer = (settled.get("client") or ("",))[0]
        if peer in self._believing.trusted_hosts:
            settled["headers"] = _with_forwarded_host(settled["headers"])
        await self._believing(settled, receive, send)

    async def _told(self, scope: Any, receive: Any, send: Any) -> None:
        await self._application(_with_plain_client(scope), receive, send)


def _with_plain_client(scope: Any) -> Any:
    """Return a copy of `scope` whose client is an address: without zone, and IPv4 also where it came over IPv6."""
    client = scope.get("client")
    return {**scope, "client": (plain_address(client[0]) or "", client[1]) if client else client}


def _with_forwarded_host(headers: Sequence[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Return the headers with the last X-Forwarded-Host as Host, unchanged where there is none."""
    hosts = [host.strip() for name, value in headers if name == b"x-forwarded-host" for host in value.split(b",")]
    if not hosts or not hosts[-1]:
        return list(headers)
    return [(name, value) for name, value in headers if name != b"host"] + [(b"host", hosts[-1])]
