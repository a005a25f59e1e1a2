"""Real workers of a test run: django-q2's clusters and the sweeper, as the supervisor starts them."""

import os
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from urllib.parse import quote

import psycopg
from django.db import connection

from supervisor.forks import Forked
from supervisor.plan import CLUSTERS
from tests.support.measuring import measuring
from tests.support.programs import fork_server

ROOT = Path(__file__).resolve().parents[2]
HOST = "test-host"
PATIENCE_SECONDS = 4.0  # for workers that are busy or frozen


def database_url() -> str:
    """Return the address of the test database, for processes beside pytest."""
    settings = connection.settings_dict
    user, password = quote(settings["USER"]), quote(settings["PASSWORD"])
    return f"postgresql://{user}:{password}@{settings['HOST']}:{settings['PORT']}/{settings['NAME']}"


@dataclass
class Workers:
    """A worker host made of process groups of its own."""

    engine_url: str
    _: KW_ONLY
    log: Path
    workers: int = 2
    host: str = HOST
    extra: dict[str, str] = field(default_factory=dict)
    processes: dict[str, Forked] = field(default_factory=dict)

    def start(self) -> None:
        """Start the clusters and the sweeper."""
        for cluster in CLUSTERS:
            self.start_cluster(cluster)
        self.start_one("sweeper", "sweep")

    def start_cluster(self, word: str) -> None:
        """Start one cluster of workers."""
        self.start_one(word, "qcluster", word)

    def start_one(self, name: str, *words: str) -> None:
        """Start one of them in a process group of its own."""
        server = fork_server(frozenset({**self._environment(), **self.extra}.items()), self.log)
        self.processes[name] = server.fork(name, *words)

    def kill(self, name: str) -> None:
        """Kill one of them with all that it started."""
        process = self.processes.pop(name)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)

    def stop(self) -> None:
        """Kill all of them; where coverage is measured they are asked before, as the supervisor does."""
        if measuring():
            self._ask()
        for name in list(self.processes):
            self.kill(name)

    def _ask(self) -> None:
        for process in self.processes.values():
            os.kill(process.pid, signal.SIGTERM)
        until = time.monotonic() + PATIENCE_SECONDS
        for process in self.processes.values():
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, until - time.monotonic()))

    def leave(self) -> None:
        """Kill all of them for good: a row that the sweeper wrote at its last moment were a host for others."""
        self.stop()
        with psycopg.connect(database_url(), autocommit=True) as session:
            session.execute("DELETE FROM builds_workercluster")
            session.execute("DELETE FROM builds_workerhost")

    def _environment(self) -> dict[str, str]:
        return {
            "DATABASE_URL": database_url(),
            "DOCKER_HOST": self.engine_url,
            "BUILDHUB_WORKERS": str(self.workers),
            "BUILDHUB_WORKER_HOST": self.host,
        }
