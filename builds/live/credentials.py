"""Who opens a socket: from which page (Origin), with which session or token, and with which rights now."""

from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpRequest
from django.http.request import validate_host

from builds.domain.address_ranges import plain_address
from builds.models import Caller
from builds.services.accounts.access import caller_for
from builds.services.accounts.tokens import address_refused, count_wrong_token, find_token

BEARER: Final = "bearer."
DEFAULT_PORTS: Final = {"http": 80, "https": 443, "ws": 80, "wss": 443}


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a socket was opened with; a token goes before a session. Never printed."""

    token: str = field(default="", repr=False)
    session_key: str = field(default="", repr=False)
    address: str = ""  # where the connection comes from

    @property
    def subprotocol(self) -> str | None:
        """Return the subprotocol to answer: the one that carried the token."""
        return f"{BEARER}{self.token}" if self.token else None


def credentials_of(scope: dict[str, Any]) -> Credentials | None:
    """Return the credentials of a handshake, or None where it has none or comes from a foreign page.

    A browser sends the cookie with every page's handshakes, so its Origin must be ours; a program with a token need
    not send one. Without this look any page could open our sockets as its visitor (Jenkins: CVE-2024-23898).
    """
    token = next((word.removeprefix(BEARER) for word in scope["subprotocols"] if word.startswith(BEARER)), "")
    origins = _headers(scope, b"origin")
    if (origins and not _is_own(origins, scope)) or not (origins or token):
        return None
    session_key = scope["cookies"].get(settings.SESSION_COOKIE_NAME, "")
    address = (scope.get("client") or ("",))[0] or ""
    return Credentials(token, session_key, address) if token or session_key else None


def caller_of(credentials: Credentials) -> Caller | None:
    """Return the rights that the credentials give at this moment; None where they are no longer good."""
    if credentials.token:
        token = find_token(credentials.token)
        if token is None or address_refused(token, credentials.address):
            return None
        return caller_for(token.owner, token)
    request = HttpRequest()
    request.session = SessionStore(credentials.session_key)
    user = get_user(request)  # looks at the password's hash too: a new password ends old sessions
    return caller_for(user) if user.is_authenticated else None


def count_if_wrong(credentials: Credentials) -> int | None:
    """Count a wrong token of a refused handshake as over HTTP; return in how many seconds to come again, or None."""
    if not credentials.token or find_token(credentials.token) is not None:
        return None
    return count_wrong_token(plain_address(credentials.address) or "")


def _is_own(origins: list[str], scope: dict[str, Any]) -> bool:
    """Say whether the page is ours: BUILDHUB_PUBLIC_URL, or the very address that this socket was asked under."""
    origin = _split(origins[0]) if len(origins) == 1 else None
    if origin is None:
        return False
    if origin in [_split(url) for url in settings.CSRF_TRUSTED_ORIGINS]:
        return True
    scheme, host, port = origin
    if settings.SESSION_COOKIE_SECURE and scheme != "https":
        return False
    asked = [_split(f"{scheme}://{value}") for value in _headers(scope, b"host")]
    name = f"[{host}]" if ":" in host else host
    return asked == [(scheme, host, port)] and validate_host(name, settings.ALLOWED_HOSTS)


def _split(url: str) -> tuple[str, str, int] | None:
    """Return scheme, host and port of an origin; None where it is anything else (`null`, a path, a user)."""
    try:
        parts: SplitResult = urlsplit(url.lower())
        port = parts.port or DEFAULT_PORTS.get(parts.scheme, 0)
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path or parts.query or "@" in parts.netloc:
        return None
    return parts.scheme, parts.hostname, port


def _headers(scope: dict[str, Any], name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in scope["headers"] if key == name]
