"""Registries of a test's own: with a login, with a token service, without deletion, over TLS, or to be killed."""

import base64
import hashlib
import json
import os
import signal
import subprocess
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

from tests.engine.certificates import Pair
from tests.support.waiting import free_port

HTPASSWD = "tester:$2b$05$abcdefghijklmnopqrstuu4uoW5CdSDmY8cLkib7pLDRBlvRVo8Pe\n"


class OwnRegistry:
    """A docker-registry process with settings of its own, stopped by its id at the end of the block."""

    def __init__(self, folder: Path, *, address: str = "127.0.0.1", delete: bool = True, **settings) -> None:
        self.host = f"{address}:{free_port()}"
        http = {"addr": self.host, **settings.pop("http", {})}
        storage = {"filesystem": {"rootdirectory": str(folder / "data")}, "delete": {"enabled": delete}}
        self._config = folder / "registry.json"  # JSON is YAML
        self._config.write_text(
            json.dumps({"version": "0.1", "log": {"level": "info"}, "storage": storage, "http": http, **settings})
        )

    def __enter__(self) -> "OwnRegistry":
        self._process = subprocess.Popen(
            ["docker-registry", "serve", self._config], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
        )
        for line in self._process.stderr:
            if b"listening on" in line:
                break
        self._drain = threading.Thread(target=self._process.stderr.read)
        self._drain.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def kill(self) -> None:
        """Kill the registry and wait for its end."""
        self._process.kill()
        self._process.wait()
        self._drain.join()
        self._process.stderr.close()

    def freeze(self) -> None:
        """Stop the registry in the middle of what it does."""
        os.kill(self._process.pid, signal.SIGSTOP)


def htpasswd_settings(folder: Path) -> dict:
    """Return the settings of a registry that lets `tester` in with the password `hush-hush`."""
    (folder / "htpasswd").write_text(HTPASSWD)
    return {"auth": {"htpasswd": {"realm": "test", "path": str(folder / "htpasswd")}}}


class TokenService(ThreadingHTTPServer):
    """A token service after the distribution's token specification; counts what it was asked."""

    def __init__(self, pair: Pair, login: str) -> None:
        super().__init__(("127.0.0.1", 0), _TokenRequest)
        self.pair, self.login = pair, login
        self.scopes: list[str] = []
        self.realm = f"http://127.0.0.1:{self.server_port}/token"

    def settings(self, folder: Path) -> dict:
        """Return the settings of a registry that trusts this service."""
        (folder / "issuer.pem").write_text(self.pair.certificate)
        token = {
            "realm": self.realm,
            "service": "registry",
            "issuer": "tests",
            "rootcertbundle": str(folder / "issuer.pem"),
        }
        return {"auth": {"token": token}}

    def token(self, scope: str) -> str:
        """Return a signed token that allows what `scope` (`repository:name:actions`) asks for."""
        kind, _, rest = scope.partition(":")
        name, _, actions = rest.rpartition(":")
        access = [{"type": kind, "name": name, "actions": actions.split(",")}] if scope else []
        now = int(time.time())
        claims = {"iss": "tests", "sub": "tester", "aud": "registry", "exp": now + 60, "nbf": now - 60, "iat": now}
        certificate = x509.load_pem_x509_certificate(self.pair.certificate.encode())
        der = base64.b64encode(certificate.public_bytes(serialization.Encoding.DER)).decode()
        head = {"typ": "JWT", "alg": "ES256", "x5c": [der]}
        signed = (
            f"{_b64(json.dumps(head).encode())}.{_b64(json.dumps({**claims, 'jti': '1', 'access': access}).encode())}"
        )
        key = serialization.load_pem_private_key(self.pair.key.encode(), None)
        r, s = utils.decode_dss_signature(key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{signed}.{_b64(r.to_bytes(32) + s.to_bytes(32))}"


@contextmanager
def token_service(pair: Pair, *, user: str, password: str):
    """Run a token service that knows one user."""
    login = base64.b64encode(f"{user}:{password}".encode()).decode()
    with TokenService(pair, f"Basic {login}") as service:
        thread = threading.Thread(target=service.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield service
        finally:
            service.shutdown()
            thread.join()


class _TokenRequest(BaseHTTPRequestHandler):
    server: TokenService

    def do_GET(self) -> None:
        scope = parse_qs(urlsplit(self.path).query).get("scope", [""])[0]
        self._answer(scope, self.headers.get("Authorization", ""))

    def do_POST(self) -> None:
        """Answer by OAuth 2, which engines try first."""
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        name, password, scope = (form.get(field, [""])[0] for field in ("username", "password", "scope"))
        self._answer(scope, f"Basic {base64.b64encode(f'{name}:{password}'.encode()).decode()}")

    def _answer(self, scope: str, login: str) -> None:
        self.server.scopes.append(scope)
        token = self.server.token(scope)
        allowed = login == self.server.login
        body = json.dumps({"token": token, "access_token": token} if allowed else {"details": "incorrect"}).encode()
        self.send_response(200 if allowed else 401)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def put_image(registry, name: str, tag: str, *, layers: tuple[bytes, ...] = (), content: str = "") -> str:
    """Store a small image by hand through the registry client's own session; return its digest."""
    session = registry._session
    config = json.dumps({"content": content}).encode()
    for blob in (config, *layers):
        start = session.ask("POST", f"/v2/{name}/blobs/uploads/", asked="upload")
        place = f"{start.headers['Location']}&digest={_sha(blob)}"
        assert session.ask("PUT", place, asked="upload", data=blob).status == 201
    kind = "application/vnd.docker.distribution.manifest.v2+json"
    manifest = {
        "schemaVersion": 2,
        "mediaType": kind,
        "config": {"mediaType": "application/json", "size": len(config), "digest": _sha(config)},
        "layers": [{"mediaType": "application/octet-stream", "size": len(one), "digest": _sha(one)} for one in layers],
    }
    body = json.dumps(manifest).encode()
    path = f"/v2/{name}/manifests/{tag}"
    assert session.ask("PUT", path, asked="put", data=body, headers={"Content-Type": kind}).status == 201
    return _sha(body)


def _sha(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"
