"""Helpers of the engine's tests: what a build told, and which processes carry a mark."""

import os
import select
import socket
import struct
import threading
import uuid
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from builds.domain.progress import TraceRecord
from builds.engine.context import DOCKERFILE_NAME, inline_context
from builds.engine.docker import Engine
from builds.engine.types import BuildRequest

SOON = 30  # seconds: the bound of every wait in these tests


def mark() -> str:
    """Return a word that is on no other command line, and that no cached instruction carries."""
    return f"mark{uuid.uuid4().hex}"


def request(dockerfile: str, **options) -> BuildRequest:
    """Return a request for an inline Dockerfile."""
    return BuildRequest(
        build_id=uuid.uuid4().hex, dockerfile=DOCKERFILE_NAME, context=inline_context(dockerfile), **options
    )


class Told:
    """An `on_record` that keeps all, and lets others wait for a word in the output."""

    def __init__(self, word: str = "", then: Callable[[], None] = lambda: None) -> None:
        self.records: list[TraceRecord] = []
        self._word, self._then = word.encode(), then
        self._seen = threading.Event()

    def __call__(self, record: TraceRecord) -> None:
        self.records.append(record)
        if self._word and not self._seen.is_set() and any(self._word in data for data in self.output().values()):
            self._seen.set()
            self._then()

    def output(self) -> dict[tuple[str, int], bytes]:
        """Return all bytes by vertex name and stream."""
        parts: dict[tuple[str, int], list[bytes]] = defaultdict(list)
        names = {vertex.digest: vertex.name for record in self.records for vertex in record.vertexes}
        for record in self.records:
            for log in record.logs:
                parts[names[log.vertex], log.stream].append(log.data)
        return {key: b"".join(data) for key, data in parts.items()}

    def stdout(self) -> bytes:
        """Return what all instructions printed on standard output."""
        return b"".join(data for (_, stream), data in self.output().items() if stream == 1)

    def last(self, word: str):
        """Return the last update of the vertex whose name holds `word`."""
        return [vertex for record in self.records for vertex in record.vertexes if word in vertex.name][-1]


class Running:
    """A build in a thread of its own."""

    def __init__(self, engine: Engine, asked: BuildRequest, on_record: Callable[[TraceRecord], None]) -> None:
        self.stopping = threading.Event()
        self.image_id: str | None = None
        self.error: BaseException | None = None
        self.left_over: list[int] | None = None
        self._thread = threading.Thread(target=self._run, args=(engine, asked, on_record))
        self._thread.start()

    def _run(self, engine, asked, on_record) -> None:
        try:
            self.image_id = engine.build(asked, on_record, self.stopping)
        except Exception as error:  # noqa: BLE001 - handed to the test, which looks at it
            self.error = error

    def ended(self) -> "Running":
        """Wait for the end of the build."""
        self._thread.join(SOON)
        assert not self._thread.is_alive(), "The build has not ended."
        return self


def processes_with(word: str) -> list[int]:
    """Return the ids of the live processes of this machine that have `word` on their command line."""
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit() and _has(entry, word)]


def _has(entry: Path, word: str) -> bool:
    with suppress(OSError):
        return word.encode() in (entry / "cmdline").read_bytes()
    return False


def pid_behind(engine_socket: str) -> int:
    """Return the id of the process that listens at a unix socket."""
    with socket.socket(socket.AF_UNIX) as peer:
        peer.connect(engine_socket)
        pid: int = struct.unpack("3i", peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]
    return pid


def wait_gone(pids: list[int]) -> None:
    """Wait until the kernel says that each of `pids` has ended."""
    for pid in pids:
        try:
            descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        try:
            assert select.select([descriptor], [], [], SOON)[0], f"Process {pid} is still there."
        finally:
            os.close(descriptor)
