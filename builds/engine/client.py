"""One HTTP client to one Docker Engine, and the translation of its failures into ours."""

import re
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import urlsplit

import requests
import urllib3
from docker import APIClient
from docker.auth import AuthConfig
from docker.errors import APIError, DockerException, create_api_error_from_http_exception
from docker.utils.proxy import ProxyConfig

from builds.engine.errors import EndpointInvalid, EngineRefused, EngineUnreachable
from builds.engine.tls import tls_context
from builds.engine.types import Endpoint
from builds.engine.wire import TcpAdapter, UnixAdapter, Wire

# TLS alerts by which the other side refuses the certificate that we show; which one, depends on its Go release.
CERTIFICATE_ALERTS: Final = re.compile(r"_ALERT_(?:UNKNOWN_CA|\w*CERTIFICATE\w*)")
UNKNOWN_ISSUER: Final = "The other side's certificate is not of the CA that is given"
CERTIFICATE_FAULTS: Final = {  # X509_V_ERR_… of <openssl/x509_vfy.h>
    10: "The other side's certificate has expired",
    **dict.fromkeys((18, 19, 20, 21), UNKNOWN_ISSUER),
    62: "The other side's certificate is for another host",
    64: "The other side's certificate is for another address",
}
OLDEST_API: Final = "1.41"  # the API of 20.10, the oldest engine that was measured


class EngineClient(APIClient):
    """The docker SDK's client, without what it reads from its surroundings.

    `APIClient.__init__` reads ~/.docker/config.json (an empty DOCKER_CONFIG folder does not keep it from that: the
    search falls through) and may start credential helpers; proxies and certificate bundles of the environment would
    apply too. So its attributes are set here one by one. `timeout` in seconds is for connecting and for each answer.
    """

    def __init__(self, endpoint: Endpoint, *, timeout: float, version: str = OLDEST_API) -> None:
        requests.Session.__init__(self)
        self.wire = Wire()
        self.timeout = timeout  # type: ignore[assignment]  # the stubs know whole seconds only
        self.trust_env = False
        self.credstore_env = None
        self._version = version
        self._general_configs: dict[str, Any] = {}
        self._auth_configs = AuthConfig({})
        self._proxy_configs = ProxyConfig()
        self.headers["User-Agent"] = "BuildHub"
        self.base_url = self._mount(endpoint)

    @property
    def spoken(self) -> str:
        """The API version of this client's requests."""
        return str(self._version)

    def speak(self, version: str) -> None:
        """Use API `version` from now on."""
        self._version = version

    def ask(self, method: str, path: str, *, version: str = "", **options: Any) -> requests.Response:
        """Send a request that the SDK has no fitting verb for, in API `version` (none: the one that is spoken).

        `options` are those of requests.

        Raises `APIError` for an answer of 4xx or 5xx, to be translated by `asking`.
        """
        options.setdefault("timeout", self.timeout)
        response = self.request(
            method, f"{self.base_url}/v{version or self._version}{path}", allow_redirects=False, **options
        )
        try:
            response.raise_for_status()
        except requests.HTTPError as error:
            raise create_api_error_from_http_exception(error) from error
        return response

    def connect(self) -> socket.socket:
        """Return a new connection with this client's time limit, held on the wire; the caller closes it.

        Raises what urllib3 raises, to be translated by `asking`.
        """
        anything = self.prepare_request(requests.Request("GET", self.base_url))
        adapter: Any = self.get_adapter(self.base_url)
        pool = adapter.get_connection_with_tls_context(anything, verify=True)
        connection = pool._new_conn()
        connection.timeout = self.timeout
        connection.connect()
        opened: socket.socket = connection.sock
        return opened

    def sign_of_life(self) -> None:
        """Ask for an answer, any answer. Raises `EngineUnreachable` or `EngineRefused`."""
        with asking("reach the engine"):
            self.ask("GET", "/_ping").close()

    def cancel_build(self, build_id: str) -> None:
        """Ask for the end of build `build_id`; an id that the engine does not know is answered alike."""
        with asking("cancel the build"):
            self.ask("POST", "/build/cancel", params={"id": build_id}).close()

    def _mount(self, endpoint: Endpoint) -> str:
        """Mount the adapter for `endpoint`; return the base URL that leads to it. Raises `EndpointInvalid`."""
        self.adapters.clear()
        try:
            parts = urlsplit(endpoint.url)
            port = parts.port
        except ValueError as error:
            raise EndpointInvalid("url", f"This is no address: {error}.") from None
        if parts.scheme == "unix" and parts.path and not parts.netloc:
            self.mount("http://", UnixAdapter(parts.path, self.wire))
            return "http://localhost"
        names_host = parts.hostname and port and "@" not in parts.netloc and not parts.path.strip("/")
        if parts.scheme != "tcp" or not names_host:
            raise EndpointInvalid("url", "Use unix:///path/to/docker.sock or tcp://host:port.")
        if not endpoint.secured:
            self.mount("http://", TcpAdapter(self.wire))
            return f"http://{parts.netloc}"
        context = tls_context(ca=endpoint.ca, certificate=endpoint.certificate, key=endpoint.key)
        self.mount("https://", TcpAdapter(self.wire, context))
        return f"https://{parts.netloc}"


@contextmanager
def asking(asked: str) -> Iterator[None]:
    """Translate failures of the block, which asks the engine for `asked`, into `EngineError`s.

    The causes are left out of the chain on purpose: their texts hold whole URLs, and those hold build arguments.
    """
    try:
        yield
    except APIError as error:
        status = error.response.status_code if error.response is not None else 500
        raise EngineRefused(asked, refusal_text(error), status=status) from None
    except (requests.RequestException, urllib3.exceptions.HTTPError, DockerException, OSError) as error:
        raise EngineUnreachable(asked, reason_text(error)) from None


def refusal_text(error: APIError) -> str:
    """Return what the engine itself said, without the URL that the SDK puts around it."""
    answered: object = error.explanation or getattr(error.response, "reason", "") or "no reason given"
    return answered.decode(errors="replace") if isinstance(answered, bytes) else str(answered)


def reason_text(error: BaseException) -> str:
    """Return the innermost cause in words ("Connection refused"), not the layers of libraries around it."""
    inner: BaseException | None = error
    while inner is not None:
        error = inner
        candidates = (*error.args, getattr(error, "reason", None), error.__cause__)
        inner = next((part for part in candidates if isinstance(part, BaseException)), None)
    if isinstance(error, ssl.SSLCertVerificationError) and (fault := CERTIFICATE_FAULTS.get(error.verify_code)):
        return f"{fault} ({error.verify_message})"
    text = str(getattr(error, "verify_message", None) or getattr(error, "strerror", None) or error)
    if CERTIFICATE_ALERTS.search(text):
        return f"The other side does not accept the client certificate: {text}"
    return text or type(error).__name__
