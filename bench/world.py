"""A BuildHub of its own, as `make run` starts it, on an engine of its own: a throw-away database and data directory."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress
from json import loads
from pathlib import Path
from typing import Any

import requests

from supervisor.files import free_port
from tests.live.browser import Watcher, open_socket
from tests.support.services import Services

ROOT = Path(__file__).resolve().parents[1]
START_SECONDS = 180
STOP_SECONDS = 20
BASE = "buildhub-base:1"  # the sample's base image, made on the engine by the first start
SLOTS = 2  # the same on every machine
OURS = ("web", "worker", "sweeper")  # the groups of BuildHub's own processes
ADMIN_PASSWORD = "only-this-bench-knows-it"  # noqa: S105  of a BuildHub that lives for the bench


class World:
    """Engine, database, registry, web, workers and sweeper; knows where they are and stops all that it started.

    `settings` are environment variables for BuildHub beside those that say where things are.
    """

    def __init__(self, settings: Mapping[str, str] | None = None) -> None:
        self._services = Services()
        self._settings = {"BUILDHUB_ADMIN_PASSWORD": ADMIN_PASSWORD, **(settings or {})}
        self.home = self._services.home
        self._data = self.home / "var"
        self._data.mkdir(mode=0o755)
        self._supervisor: subprocess.Popen[bytes] | None = None
        self.url = f"http://127.0.0.1:{free_port()}"
        self.engine_url = ""
        self.token = ""
        self.http = requests.Session()
        self.http.trust_env = False  # proxies and .netrc of this machine are not for us

    def start(self) -> None:
        """Start everything and sign in with a token."""
        self.engine_url = self._services.engine()
        self._start_buildhub()
        made = subprocess.run(
            self._manage("create_token", "admin"),
            env=self._environment(), cwd=ROOT, check=True, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        self.token = made.stdout.splitlines()[-1]
        self.http.headers["Authorization"] = f"Bearer {self.token}"

    def restart(self, **settings: str) -> float:
        """Stop BuildHub with its database and start it again with other settings; return the seconds of the start.

        The engine stays. Whoever is connected to the database has to connect again.
        """
        self._stop_buildhub()
        self._settings |= settings
        began = time.perf_counter()
        self._start_buildhub()
        return time.perf_counter() - began

    def signed_in(self) -> requests.Session:
        """Return the session of a browser that has signed in."""
        browser = requests.Session()
        browser.trust_env = False
        address = f"{self.url}/accounts/login/"
        browser.get(address, timeout=30).raise_for_status()
        sent = {"username": "admin", "password": ADMIN_PASSWORD, "csrfmiddlewaretoken": browser.cookies["csrftoken"]}
        answer = browser.post(address, sent, timeout=30, headers={"Referer": address}, allow_redirects=False)
        if answer.status_code != 302:
            raise RuntimeError(f"signing in answered {answer.status_code}")
        return browser

    def manage(self, *words: str) -> None:
        """Run a command beside this BuildHub, whatever its exit code."""
        subprocess.run(self._manage(*words), env=self._environment(), cwd=ROOT, check=False, capture_output=True)

    def stop(self) -> None:
        """Stop everything that was started here and remove its folder."""
        self._stop_buildhub()
        self._services.stop()

    def _start_buildhub(self) -> None:
        with (self.home / "supervise.log").open("ab") as log:
            self._supervisor = subprocess.Popen(
                self._manage("supervise"), env=self._environment(), cwd=ROOT, stdout=log, stderr=log
            )
        wait_until(self._serves, seconds=START_SECONDS, what="BuildHub serves")

    def _stop_buildhub(self) -> None:
        if self._supervisor is not None:
            self._supervisor.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self._supervisor.wait(STOP_SECONDS)
            self._supervisor.kill()  # its guardian takes down the rest
            self._supervisor.wait()

    def keep_log(self, path: Path) -> Path:
        """Copy what BuildHub has said to `path`, and return that."""
        shutil.copyfile(self.home / "supervise.log", path)
        return path

    def call(self, method: str, path: str, **options: Any) -> Any:
        """Return the answer of the API; raises `requests.HTTPError` for a refusal."""
        answer = self.http.request(method, f"{self.url}/v1{path}", timeout=30, **options)
        answer.raise_for_status()
        return answer.json()

    @property
    def supervisor_pid(self) -> int:
        """The process id of `manage.py supervise`."""
        assert self._supervisor is not None
        return self._supervisor.pid

    @property
    def addresses(self) -> dict[str, str]:
        """`database_url`, `docker_host` and `registry_host`."""
        addresses: dict[str, str] = loads((self._data / "run" / "services.json").read_text())
        return addresses

    @property
    def database_log(self) -> Path:
        """What the database has said."""
        return self._data / "logs" / "postgres.log"

    def watch(self, run: int) -> AbstractContextManager[Watcher]:
        """Open a socket at which the lines of a run arrive."""
        return open_socket(self.socket_url(run), token=self.token)

    def socket_url(self, run: int) -> str:
        """Return where a run is watched."""
        return f"{self.url.replace('http', 'ws', 1)}/ws/runs/{run}"

    @property
    def groups(self) -> dict[int, str]:
        """The name of each running process group."""
        entries = loads((self._data / "run" / "processes.json").read_text())
        return {entry["pgid"]: entry["name"] for entry in entries}

    def docker_environment(self) -> dict[str, str]:
        """Return the environment of the raw docker command: BuildKit, this engine, nobody's logins."""
        config = self.home / "docker-config"
        config.mkdir(exist_ok=True)
        return {
            "PATH": os.environ["PATH"], "HOME": str(self.home), "DOCKER_CONFIG": str(config),
            "DOCKER_HOST": self.engine_url, "DOCKER_BUILDKIT": "1",
        }  # fmt: skip

    def _serves(self) -> bool:
        if self._supervisor is not None and self._supervisor.poll() is not None:
            raise RuntimeError(f"supervise ended: {(self.home / 'supervise.log').read_text()[-2000:]}")
        try:
            return self.http.get(f"{self.url}/readyz", timeout=5).status_code == 200
        except requests.ConnectionError:
            return False

    def _manage(self, *words: str) -> list[str]:
        return [sys.executable, str(ROOT / "manage.py"), *words]

    def _environment(self) -> dict[str, str]:
        """Return an environment in which nothing of this shell's BuildHub is left."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("BUILDHUB_")}
        for name in ("DATABASE_URL", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"):
            kept.pop(name, None)
        port = self.url.rpartition(":")[2]
        ours = {"BUILDHUB_DATA_DIR": str(self._data), "DOCKER_HOST": self.engine_url, "PORT": port}
        return {**kept, **self._settings, **ours}


def wait_until(is_so: Callable[[], bool], *, seconds: float, what: str, pause: float = 0.02) -> None:
    """Wait until `is_so`; raises `TimeoutError` after `seconds`."""
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds:g} s: {what}")
        time.sleep(pause)
