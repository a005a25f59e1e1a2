"""Whichever process of a running BuildHub is killed or stopped while nothing is built, the next press is done."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from builds.domain.worker_queues import process_name
from supervisor.processes import MARK, mark_of, name_of, stragglers
from tests.support.folders import make_folder
from tests.support.runs import children_of
from tests.support.waiting import free_port, wait_until
from tests.support.workers import ROOT

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(os.geteuid() != 0, reason="as another user the kill of root's processes is not shown"),
]
WITHIN_SECONDS = 45  # after the death of any process, from the kill to the end of a small build


class Installation:
    """`make run` as it is, in a data directory and on a port of its own, on the engine of the tests."""

    def __init__(self, home: Path, engine_url: str) -> None:
        self.data_dir, self.port = home / "var", free_port()
        kept = {name: value for name, value in os.environ.items() if name not in {MARK, "DATABASE_URL"}}
        self.environment = {
            **kept, "PORT": str(self.port), "DOCKER_HOST": engine_url, "BUILDHUB_DATA_DIR": str(self.data_dir),
            "BUILDHUB_WORKERS": "2",
        }  # fmt: skip
        self.log = home / "supervise.log"
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, str(ROOT / "manage.py"), "supervise"],
                env=self.environment, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT,
            )  # fmt: skip
        wait_until(lambda: "BuildHub is ready" in self.log.read_text(), timeout=90, message=self.log.read_text)
        made = subprocess.run(
            [sys.executable, str(ROOT / "manage.py"), "create_token", "admin"],
            env=self.environment, cwd=ROOT, capture_output=True, text=True, check=True,
        )  # fmt: skip
        self.token = made.stdout.split()[-1]

    def stop(self) -> None:
        """End it, and show that it leaves nothing."""
        self.process.terminate()
        assert self.process.wait(20) == 0
        assert stragglers(mark_of(self.data_dir)) == []

    def ask(self, method: str, path: str, **headers: str) -> dict | None:
        """Return the answer, None while the web process is away."""
        url, headers = f"http://127.0.0.1:{self.port}{path}", {"Authorization": f"Bearer {self.token}", **headers}
        try:
            answer = requests.request(method, url, headers=headers, timeout=10)
        except requests.ConnectionError:
            return None
        return answer.json() if answer.ok else None

    def program(self, name: str) -> int:
        """Return the process of a program of processes.json."""
        listed = json.loads((self.data_dir / "run" / "processes.json").read_text())
        return next(entry["pid"] for entry in listed if entry["name"] == name)

    def cluster(self, word: str) -> int:
        """Return the first process of a cluster of workers."""
        listed = json.loads((self.data_dir / "run" / "processes.json").read_text())
        mains = [entry["pid"] for entry in listed if entry["name"] == "worker"]
        return next(pid for pid in mains if name_of(pid) == process_name(word))

    def of_cluster(self, place: int) -> int:
        """Return a process of the builds cluster: -1 its pusher, -2 its monitor, before them its workers."""
        return children_of(self.cluster("builds"))[place]

    def fork_server(self) -> int:
        """Return the process that the programs were forked from."""
        named = b"buildhub.programs\0"
        ours = [
            pid for pid in children_of(self.process.pid) if Path(f"/proc/{pid}/cmdline").read_bytes().endswith(named)
        ]
        return next(pid for pid in ours if name_of(pid).startswith("python"))

    def guardian(self) -> int:
        """Return the process that takes all down when the supervisor is killed."""
        named = b"supervisor.guardian\0" + str(self.data_dir).encode()
        return next(pid for pid in children_of(self.process.pid) if named in Path(f"/proc/{pid}/cmdline").read_bytes())


ROLES = {
    "web": lambda found: found.program("web"),
    "sweeper": lambda found: found.program("sweeper"),
    "registry": lambda found: found.program("registry"),
    "postgres": lambda found: found.program("postgres"),
    "a session of postgres": lambda found: children_of(found.program("postgres"))[-1],
    "guardian": Installation.guardian,
    "fork server": Installation.fork_server,
    "pusher": lambda found: found.of_cluster(-1),
    "monitor": lambda found: found.of_cluster(-2),
    "worker": lambda found: found.of_cluster(0),
    "the other worker": lambda found: found.of_cluster(1),
    "cluster of builds": lambda found: found.cluster("builds"),
    "cluster of removals and callbacks": lambda found: found.cluster("service"),
}


@pytest.fixture(scope="module")
def installation(engine_url: str) -> Iterator[Installation]:
    installation = Installation(make_folder(), engine_url)
    yield installation
    installation.stop()


@pytest.mark.parametrize(
    ("role", "number"),
    [
        *((role, signal.SIGKILL) for role in ROLES),
        *((role, signal.SIGSTOP) for role in ("pusher", "worker", "a session of postgres")),
    ],
)
def test_the_next_press_is_carried_out(installation, role, number):
    victim = wait_until(lambda: found(installation, role), timeout=30, message=f"no {role}")
    os.kill(victim, number)
    deadline = time.monotonic() + WITHIN_SECONDS
    key = {"Idempotency-Key": f"after-{victim}"}
    run = wait_until(lambda: installation.ask("POST", "/v1/build/run/1", **key), timeout=WITHIN_SECONDS)

    def ended() -> dict | None:
        answer = installation.ask("GET", f"/v1/build/run/{run['buildRunSeq']}")
        return answer if answer and answer["runState"] in {"DONE", "ERROR"} else None

    answer = wait_until(
        ended, timeout=deadline - time.monotonic(), message=lambda: installation.log.read_text()[-2000:]
    )
    assert (answer["runState"], answer["endReason"]) == ("DONE", "DONE"), answer["endMessage"]
    wait_until(lambda: (installation.ask("GET", "/readyz") or {}).get("status") == "ready", timeout=30)


def found(installation: Installation, role: str) -> int | None:
    """Return the process of a role; None while it is just being started anew."""
    try:
        return ROLES[role](installation)
    except (StopIteration, IndexError, ValueError, OSError):
        return None
