"""A stand-in checkout, so that the supervisor is tried without the product: its programs only live and listen.

Its `qcluster` starts a second process of its group that does not heed SIGTERM, as a busy worker would, and a
third one that leaves the group, as an engine's containerd does.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from supervisor.plan import CHECKOUT
from supervisor.processes import MARK, mark_of, stragglers
from tests.support.waiting import free_port, wait_until

PROGRAMS = """
import json, os, subprocess, sys, time
sys.path.append({root!r})
import uvicorn
from supervisor.fork_server import serve
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
if "STANDIN_LISTENS" in os.environ:
    DEAF = "import time; time.sleep(600)"
match serve():
    case ["prepare"]:
        print(json.dumps({{"username": "ada", "password": os.environ.get("BUILDHUB_ADMIN_PASSWORD", "first-time")}}))
        sys.exit(int(os.environ.get("STANDIN_PREPARE_CODE", "0")))
    case ["web", address, port]:
        uvicorn.run("buildhub.asgi:application", host=address, port=int(port), log_level="warning")
    case ["qcluster", _]:
        subprocess.Popen([sys.executable, "-c", DEAF])
        subprocess.Popen([sys.executable, "-c", DEAF], start_new_session=True)
time.sleep(600)
"""
ASGI = """
async def application(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"ok"})
"""
RUN = """
import json, sys
from pathlib import Path
from supervisor import given_database
from supervisor.files import CannotStart
from supervisor.plan import Plan
from supervisor.supervisor import Supervisor
facts = json.loads(sys.argv[1])
given_database.PATIENCE_SECONDS = facts.pop("patience")
facts["engine_options"] = tuple(facts["engine_options"])
paths = {name: Path(facts.pop(name)) for name in ("data_dir", "checkout", "engine_socket")}
try:
    Supervisor(Plan(**facts, **paths), lambda text: print(text, flush=True)).run()
except CannotStart as reason:
    sys.exit(str(reason))
"""


class Standin:
    """A supervisor in a process of its own, over a stand-in checkout, without an engine."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.data_dir = home / "var"
        self.port = free_port()
        self.docker_host = f"unix://{home}/no-engine.sock"
        self.engine_options: tuple[str, ...] = ()
        self.processes: list[subprocess.Popen[str]] = []
        (home / "buildhub").mkdir(parents=True, exist_ok=True)
        (home / "buildhub" / "__init__.py").touch()
        (home / "buildhub" / "programs.py").write_text(PROGRAMS.format(root=str(CHECKOUT)), encoding="utf-8")
        (home / "buildhub" / "asgi.py").write_text(ASGI, encoding="utf-8")

    def start(self, *, database_url: str = "", patience: float = 30, **environment: str) -> subprocess.Popen[str]:
        """Start the supervisor; does not wait for it. `patience`: seconds to wait for the database that is given."""
        facts = {
            "data_dir": str(self.data_dir),
            "checkout": str(self.home),
            "bind": "127.0.0.1",
            "port": self.port,
            "docker_host": self.docker_host,
            "engine_socket": str(self.home / "docker.sock"),
            "engine_options": self.engine_options,
            "database_url": database_url,
            "patience": patience,
        }
        process = subprocess.Popen(
            [sys.executable, "-c", RUN, json.dumps(facts)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**{name: value for name, value in os.environ.items() if name != MARK}, **environment},
        )
        self.processes.append(process)
        return process

    def started(self, *, deaf: bool = False, **environment: str) -> subprocess.Popen[str]:
        """Start the supervisor and wait until it serves; `deaf`: the workers' second processes ignore SIGTERM."""
        process = self.start(**environment) if deaf else self.start(STANDIN_LISTENS="1", **environment)
        lines = self._lines_until_ready(process)
        assert any("BuildHub is ready at" in line for line in lines), "".join(lines)
        wait_until(lambda: len(self.running()) >= 9, message=lambda: f"only {self.listed()}")
        return process

    def _lines_until_ready(self, process: subprocess.Popen[str]) -> list[str]:
        """Return what it says up to the user's password."""
        assert process.stdout is not None
        return list(_up_to(process.stdout, "password"))

    def listed(self) -> list[dict[str, object]]:
        """Return what processes.json says."""
        path = self.data_dir / "run" / "processes.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else []

    def names(self) -> list[str]:
        """Return the names in processes.json, sorted."""
        return sorted(str(entry["name"]) for entry in self.listed())

    def pids(self) -> set[int]:
        """Return the process ids in processes.json."""
        return {int(str(entry["pid"])) for entry in self.listed()}

    def pid_of(self, name: str) -> int:
        """Return the process id of the first program called `name`."""
        return next((int(str(entry["pid"])) for entry in self.listed() if entry["name"] == name), 0)

    def running(self) -> list[int]:
        """Return all living processes that carry the mark of this data directory."""
        return stragglers(mark_of(self.data_dir))

    def stop(self) -> None:
        """End what a test left running."""
        for process in self.processes:
            process.terminate()
            process.wait(timeout=20)
            if process.stdout is not None:
                process.stdout.close()


def _up_to(lines: Iterator[str], word: str) -> Iterator[str]:
    """Yield lines up to the first one with `word`."""
    for line in lines:
        yield line
        if word in line:
            return
