"""HTTP to one registry: addresses, sign-in by challenge, bounded answers. What is asked for stands in registry.py."""

import base64
import hashlib
import ipaddress
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote, urljoin, urlsplit

import requests
import urllib3

from builds.engine.client import reason_text
from builds.engine.errors import RegistryRefused, RegistryUnreachable
from builds.engine.tls import tls_context
from builds.engine.types import RegistryLogin
from builds.engine.wire import TcpAdapter, Wire

MANIFEST_V2: Final = "application/vnd.docker.distribution.manifest.v2+json"
INDEXES: Final = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
# Without this list registry 2.8 answers a schema 1 manifest that has another digest.
ACCEPT: Final = {"Accept": ", ".join((MANIFEST_V2, "application/vnd.oci.image.manifest.v1+json", *INDEXES))}
ANSWER_LIMIT_BYTES: Final = 8 * 1024 * 1024  # a manifest may have 4 MiB by the distribution specification
ELSEWHERE: Final = "The registry leads to another address; none is followed."
CHALLENGE: Final = re.compile(r'(\w+)="([^"]*)"')


@dataclass(frozen=True)
class Answer:
    """A registry's whole answer, body within `ANSWER_LIMIT_BYTES`."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def error(self) -> str:
        """What the registry says went wrong, in its own words; empty when it says nothing."""
        try:
            first = json.loads(self.body)["errors"][0]
            return f"{first.get('code', '')}: {first.get('message', '')}"
        except (ValueError, LookupError, TypeError, AttributeError):
            return self.body[:300].decode(errors="replace").strip()

    def json(self, asked: str) -> dict[str, Any]:
        """Return the body as a JSON object. Raises `RegistryRefused` when it is none."""
        try:
            value = json.loads(self.body)
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise RegistryRefused(asked, "The answer is no JSON object: is this a registry?", status=self.status)
        return value


def is_local(host: str) -> bool:
    """Say whether `host` (with or without port) is of this machine: docker speaks plain HTTP to such registries."""
    name = urlsplit(f"//{host}").hostname or ""
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"


class RegistrySession:
    """Requests to the registry at `host`, signed in as the registry challenges us: Basic or Bearer.

    Redirects are never followed, so a login or a token goes to nobody else; the one exception is the token service
    that a Bearer challenge names, as far as `may_lead_to` says so of its host. `timeout` in seconds is for connecting
    and for each read.
    """

    def __init__(
        self,
        host: str,
        *,
        plain_http: bool,
        login: RegistryLogin | None,
        ca: str,
        timeout: float,
        may_lead_to: Callable[[str], bool],
    ) -> None:
        self._root = f"{'http' if plain_http or is_local(host) else 'https'}://{host}"
        self._login = login
        self._timeout = timeout
        self._may_lead_to = may_lead_to
        self._authorization = ""  # the last one that was asked for; another scope challenges again
        self._http = requests.Session()
        self._http.trust_env = False  # no proxies, no .netrc, no certificate bundle of the environment
        self._ca = ca
        self._trusts = False

    def ask(self, method: str, path: str, *, asked: str, **options: Any) -> Answer:
        """Send one request to `path` (or to a whole URL on this registry); signs in when told to.

        Raises `RegistryUnreachable`, and `RegistryRefused` when signing in fails or the answer leads elsewhere.
        """
        answer = self._send(method, path, asked=asked, **options)
        if answer.status == 401:
            self._authorization = self._sign_in(answer, asked)
            answer = self._send(method, path, asked=asked, **options)
        if answer.status == 401:
            raise RegistryRefused(asked, answer.error or "The registry asks for other credentials.", status=401)
        if 300 <= answer.status < 400:
            raise RegistryRefused(asked, ELSEWHERE, status=answer.status)
        return answer

    def _trust(self, url: str) -> None:
        """Make ready for TLS where it is needed: the system's authorities take 20 ms to load."""
        if url.startswith("https://") and not self._trusts:
            self._http.mount("https://", TcpAdapter(Wire(), tls_context(ca=self._ca)))
            self._trusts = True

    def close(self) -> None:
        """Close kept connections."""
        self._http.close()

    def _send(self, method: str, path: str, *, asked: str, **options: Any) -> Answer:
        url = urljoin(self._root, path)
        if not url.startswith(f"{self._root}/"):
            raise RegistryRefused(asked, ELSEWHERE, status=302)
        headers = {
            **options.pop("headers", {}),
            **({"Authorization": self._authorization} if self._authorization else {}),
        }
        return self._exchange(method, url, asked=asked, headers=headers, **options)

    def _exchange(self, method: str, url: str, *, asked: str, **options: Any) -> Answer:
        """Send one request and read its answer, which is bounded. Raises `RegistryUnreachable`, `RegistryRefused`."""
        limits: dict[str, Any] = {"timeout": self._timeout, "allow_redirects": False, "stream": True}
        body = b""
        try:
            self._trust(url)
            with self._http.request(method, url, **limits, **options) as response:
                for chunk in response.iter_content(65536):
                    body += chunk
                    if len(body) > ANSWER_LIMIT_BYTES:
                        too_large = "The registry's answer is larger than any manifest."
                        raise RegistryRefused(asked, too_large, status=response.status_code)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            # Causes are left out: their texts may hold URLs with tokens.
            raise RegistryUnreachable(asked, reason_text(error)) from None
        return Answer(response.status_code, response.headers, body)

    def _sign_in(self, refused: Answer, asked: str) -> str:
        """Return the Authorization header that answers the challenge of a 401."""
        challenge = refused.headers.get("WWW-Authenticate", "")
        scheme, _, rest = challenge.partition(" ")
        if scheme.lower() == "bearer":
            return self._bearer(dict(CHALLENGE.findall(rest)), asked)
        if self._login is None:
            raise RegistryRefused(asked, "The registry asks for a user and a password.", status=401)
        return _basic(self._login)

    def _bearer(self, challenge: Mapping[str, str], asked: str) -> str:
        """Fetch a token from the service that the registry names (distribution specification, token authentication)."""
        realm = challenge.get("realm", "")
        if not realm.startswith("https://" if self._root.startswith("https://") else "http"):
            raise RegistryRefused(asked, "The registry names no token service that can be trusted.", status=401)
        if not realm.startswith(f"{self._root}/") and not self._may_lead_to(urlsplit(realm).hostname or ""):
            raise RegistryRefused(asked, "The registry names a token service at a private address.", status=401)
        query = {name: challenge[name] for name in ("service", "scope") if name in challenge}
        headers = {"Authorization": _basic(self._login)} if self._login else {}
        answer = self._exchange("GET", realm, asked=asked, params=query, headers=headers)
        given = answer.json(asked) if answer.status == 200 else {}
        if not (token := given.get("token") or given.get("access_token")):
            raise RegistryRefused(asked, answer.error or "The token service gave no token.", status=401)
        return f"Bearer {token}"


def manifest_path(name: str, reference: str) -> str:
    """Return the path of a manifest; `reference` is a tag or a digest."""
    return f"/v2/{quote(name)}/manifests/{quote(reference, safe=':')}"


def digest_of(content: bytes) -> str:
    """Return the digest by which registries name `content`."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def expect(answer: Answer, asked: str, *statuses: int) -> None:
    """Raise `RegistryRefused` unless the answer has one of `statuses`."""
    if answer.status not in statuses:
        raise RegistryRefused(asked, answer.error or f"HTTP status {answer.status}", status=answer.status)


def put_manifest(session: RegistrySession, name: str, tag: str, manifest: Answer, *, asked: str) -> None:
    """Store a manifest that the registry has answered under `tag`, byte for byte."""
    headers = {"Content-Type": manifest.headers.get("Content-Type", MANIFEST_V2)}
    answer = session.ask("PUT", manifest_path(name, tag), asked=asked, data=manifest.body, headers=headers)
    expect(answer, asked, 201)


def _basic(login: RegistryLogin) -> str:
    pair = f"{login.username}:{login.password}".encode()
    return f"Basic {base64.b64encode(pair).decode()}"
