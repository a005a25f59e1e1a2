"""A door to the real registry that gives chosen requests the answer of another registry: limits, rules, faults.

What it answers are the bodies that those registries are known to send; all other requests reach the real registry.
"""

import http.client
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

HOP: Final = {"connection", "transfer-encoding", "content-length", "host", "keep-alive"}


@dataclass(frozen=True)
class Refusal:
    """Requests whose method is one of `method` and whose path matches `path` get `status`, `body` and `headers`."""

    method: str
    path: str
    status: int
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def coded(cls, method: str, path: str, status: int, code: str, message: str) -> "Refusal":
        """Return one in the form of the distribution specification: a list of errors with code and message."""
        body = json.dumps({"errors": [{"code": code, "message": message}]})
        return cls(method, path, status, body, {"Content-Type": "application/json"})


MANIFEST: Final = ("PUT", r"/manifests/")
UPLOAD: Final = ("POST", r"/blobs/uploads/")
PAGE: Final = "<html><head><title>{0}</title></head><body><center><h1>{0}</h1></center><hr>nginx</body></html>"
# By the name under which a push against it is captured.
REFUSALS: Final[dict[str, Refusal]] = {
    "push_immutable_as_ecr": Refusal.coded(
        *MANIFEST,
        400,
        "TAG_INVALID",
        "The image tag '1' already exists in the 'tests/whole' repository and cannot be overwritten because the"
        " repository is immutable.",
    ),
    "push_immutable_as_harbor": Refusal.coded(
        *MANIFEST, 412, "PRECONDITION", "Failed to process request due to 'whole:1' configured as immutable."
    ),
    "push_immutable_as_quay": Refusal.coded(*MANIFEST, 409, "TAG_IMMUTABLE", "Tag 1 is immutable"),
    "push_quota": Refusal.coded(
        *UPLOAD,
        403,
        "DENIED",
        "adding 1.0 MiB of storage resource, which when updated to current usage of 10.0 GiB will exceed the configured"
        " upper limit of 10.0 GiB.",
    ),
    "push_denied": Refusal.coded(*UPLOAD, 403, "DENIED", "requested access to the resource is denied"),
    "push_project_missing": Refusal.coded(*UPLOAD, 404, "NAME_UNKNOWN", "repository name not known to registry"),
    "push_read_only": Refusal.coded(*UPLOAD, 405, "UNSUPPORTED", "The operation is unsupported."),
    "push_name_invalid": Refusal.coded(*UPLOAD, 400, "NAME_INVALID", "invalid repository name"),
    "push_manifest_invalid": Refusal.coded(*MANIFEST, 400, "MANIFEST_INVALID", "manifest invalid"),
    "push_too_large": Refusal(
        "PATCH|PUT", r"/blobs/uploads/", 413, PAGE.format("413 Request Entity Too Large"), {"Content-Type": "text/html"}
    ),
    "push_too_many": Refusal.coded(*UPLOAD, 429, "TOOMANYREQUESTS", "Too Many Requests"),
    "push_bad_gateway": Refusal(*UPLOAD, 502, PAGE.format("502 Bad Gateway"), {"Content-Type": "text/html"}),
    "push_internal": Refusal.coded(*UPLOAD, 500, "UNKNOWN", "unknown error"),
    "push_manifest_internal": Refusal.coded(*MANIFEST, 500, "UNKNOWN", "unknown error"),
}


@contextmanager
def refusing(registry: str, refusal: Refusal) -> Iterator[str]:
    """Serve `registry` with `refusal` on a free port of 127.0.0.1; yields `host:port`."""
    server = _Door(("127.0.0.1", 0), registry, refusal)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Door(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], registry: str, refusal: Refusal) -> None:
        super().__init__(address, _Request)
        self.registry, self.refusal, self.refused = registry, refusal, 0


class _Request(BaseHTTPRequestHandler):
    protocol_version = default_request_version = "HTTP/1.1"  # the latter for a TLS greeting, answered by a status line
    server: _Door

    def log_message(self, *_: object) -> None:
        pass

    def _answer(self) -> None:
        body = self._body()
        refusal = self.server.refusal
        if re.fullmatch(refusal.method, self.command) and re.search(refusal.path, self.path.partition("?")[0]):
            self.server.refused += 1
            return self._send(refusal.status, refusal.headers, refusal.body.encode())
        connection = http.client.HTTPConnection(self.server.registry)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP - {"host"}}
        connection.request(self.command, self.path, body, headers)
        answer = connection.getresponse()
        kept = {name: value for name, value in answer.getheaders() if name.lower() not in HOP}
        length = {"Content-Length": answer.getheader("Content-Length", "0")} if self.command == "HEAD" else {}
        self._send(answer.status, kept | length, answer.read())
        connection.close()
        return None

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815  names of http.server

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if "Content-Length" not in headers:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
