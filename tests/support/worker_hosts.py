"""`manage.py worker_host` as on another machine: a data directory, a name and an engine of its own."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

from builds.models import WorkerHost
from supervisor.processes import is_running, mark_of, stragglers
from tests.support.plugin import SERVICES
from tests.support.waiting import wait_until
from tests.support.workers import ROOT, database_url


class Host:
    """One worker host; what it says goes to `said`."""

    def __init__(self, name: str, *, topics: str, engine: str, **extra: str) -> None:
        self.name = name
        self.data_dir = SERVICES.home / f"host-{name}"
        self.said = SERVICES.home / f"host-{name}.log"
        given = {
            "BUILDHUB_DATA_DIR": str(self.data_dir),
            "BUILDHUB_WORKER_HOST": name,
            "BUILDHUB_TOPICS": topics,
            "BUILDHUB_WORKERS": "1",
            "BUILDHUB_CREDENTIAL_KEYS": settings.CREDENTIAL_KEYS,
            "DATABASE_URL": database_url(),
            "DOCKER_HOST": engine,
        }
        self._environment = {**os.environ, **given, **extra}

    def start(self) -> None:
        """Start it."""
        with self.said.open("ab") as said:
            self.process = subprocess.Popen(
                [sys.executable, str(ROOT / "manage.py"), "worker_host"],
                env=self._environment,
                cwd=ROOT,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def run_to_its_end(self) -> tuple[int, str]:
        """Start it where it cannot go on; return exit code and what it said."""
        self.start()
        code = self.process.wait(60)
        return code, self.said.read_text()

    @property
    def processes(self) -> list[int]:
        """Return all live processes of this host."""
        own = [self.process.pid] if is_running(self.process.pid) else []
        return [*own, *stragglers(mark_of(self.data_dir))]

    def pull_away(self) -> None:
        """Kill everything of it at once, as a machine that loses its power."""
        while pids := self.processes:
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
        self.process.wait(20)  # one that is dead and not waited for is no live process

    def stop(self) -> None:
        """Ask it to end, as an operator does, and wait until nothing of it is left."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(20)
        wait_until(lambda: not self.processes, timeout=10, message=lambda: f"left: {self.processes}")


@contextmanager
def hosts_of_topics(*hosts: Host) -> Iterator[None]:
    """Run worker hosts until the block ends."""
    for host in hosts:
        host.start()
    try:
        yield
    finally:
        for host in hosts:
            host.stop()


def until_announced(*hosts: Host) -> None:
    """Wait until these hosts have told the database of themselves."""
    names = [host.name for host in hosts]

    def look() -> bool:
        return set(names) <= set(WorkerHost.objects.values_list("name", flat=True))

    def said() -> str:
        return "\n".join(Path(host.said).read_text() for host in hosts)

    wait_until(look, timeout=40, message=said)
