"""The real web server of a test run, in a process group of its own."""

import http.client
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from tests.support.measuring import measuring
from tests.support.waiting import free_port, wait_until
from tests.support.workers import ROOT, database_url


def collect_static(environment: Mapping[str, str]) -> None:
    """Collect static files for programs with this environment, unless an earlier one of this run has."""
    if not Path(environment["BUILDHUB_DATA_DIR"], "static", "staticfiles.json").exists():
        manage = [sys.executable, str(ROOT / "manage.py"), "collectstatic", "--noinput", "-v0"]
        subprocess.run(manage, env=environment, cwd=ROOT, check=True, timeout=120)


class Web:
    """The web program, on a free port; `settings` go into its environment."""

    def __init__(self, *, log: Path, **settings: str) -> None:
        self.port = free_port()
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._environment = {
            **os.environ,
            "DATABASE_URL": database_url(),
            "PORT": str(self.port),
            **settings,
        }

    @property
    def url(self) -> str:
        """Where the pages are."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def peak_memory_mib(self) -> int:
        """How much memory it has held at most since its start."""
        assert self._process is not None
        status = Path(f"/proc/{self._process.pid}/status").read_text(encoding="ascii")
        return int(status.partition("VmHWM:")[2].split()[0]) // 1024

    def start(self) -> None:
        """Start, and wait until it answers."""
        collect_static(self._environment)
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "buildhub.programs", "web", "127.0.0.1", str(self.port)],
                env=self._environment,
                cwd=ROOT,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        wait_until(self._answers, timeout=30, message="the web server does not answer")

    def stop(self) -> None:
        """Kill it; where coverage is measured it is asked before, by Ctrl-C."""
        if self._process is not None and measuring():
            self._process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(5)
        self.kill()

    def kill(self) -> None:
        """Kill it."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(10)

    def freeze(self) -> None:
        """Stop it where it stands: its connections stay open and say nothing."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGCONT)

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status < 400  # https leads on
        except OSError:
            return False
        finally:
            connection.close()
