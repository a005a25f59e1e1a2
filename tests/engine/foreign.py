"""What answers like an engine and cannot build for us, as a stand-in (ADR 7: none of them can run here).

Its answers are files in vectors/foreign, each of which says where it comes from; all other requests get 404, as
Podman's service answers /build/cancel.
"""

import json
import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingUnixStreamServer
from typing import Any

from builds.engine.types import Endpoint
from tests.support.folders import make_folder

VECTORS = Path(__file__).parent / "vectors" / "foreign"
PODMAN, DOCKER_19, WINDOWS = "podman-4.3", "docker-19.03", "windows-24.0"
SENTENCES = {
    PODMAN: "Podman Engine 4.3.1 answers",
    DOCKER_19: "Docker Engine 19.03.12, which is too old, answers",
    WINDOWS: "Docker Engine 24.0.7 for windows containers answers",
}
NEEDED = "BuildHub builds with BuildKit of Docker Engine 20.10 or newer on Linux"


def vector(name: str) -> dict[str, Any]:
    """Return the answers of such an engine: `ping` (headers), `version` and `info`."""
    answers: dict[str, Any] = json.loads((VECTORS / f"{name}.json").read_text(encoding="utf-8"))
    return answers


class ForeignEngine(ThreadingUnixStreamServer):
    """Listens on `path` and keeps what it was asked in `heard`, as "GET /version"."""

    daemon_threads = True

    def __init__(self, path: str, name: str) -> None:
        super().__init__(path, _Answers)
        self.path, self.answers = path, vector(name)
        self.heard: list[str] = []
        self.url = f"unix://{path}"
        self.endpoint = Endpoint(self.url)


class _Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ForeignEngine

    def _serve(self) -> None:
        path = re.sub(r"^/v1\.\d+/|\?.*", "/", self.path)
        self.server.heard.append(f"{self.command} {path}")
        ping, known = self.server.answers["ping"], path.strip("/") in ("version", "info")
        if path == "/_ping":
            self._answer(200, b"OK", ping)
        elif self.command == "GET" and known:
            body = json.dumps(self.server.answers[path.strip("/")]).encode()
            self._answer(200, body, {"Api-Version": ping["Api-Version"], "Content-Type": "application/json"})
        else:
            self._answer(404, b"Not Found\n", {"Content-Type": "text/plain", "Connection": "close"})

    do_GET = do_HEAD = do_POST = do_DELETE = _serve  # noqa: N815  names that http.server looks for

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def foreign_engine(name: str) -> Iterator[ForeignEngine]:
    """Run the stand-in `name` on a unix socket of its own."""
    folder = make_folder()  # sockets may have 107 signs in all, and pytest's own folders are long
    with ForeignEngine(str(folder / "engine.sock"), name) as engine:
        thread = threading.Thread(target=engine.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield engine
        finally:
            engine.shutdown()
            thread.join()
            shutil.rmtree(folder, ignore_errors=True)
