"""The baseline: the docker command of Debian on the same engine and registry."""

import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE, STDOUT

from bench.world import World

DOCKER = "/usr/bin/docker"


class RawKilledError(Exception):
    """The command did not end within its limit (20.10 can spin on a long log) or failed."""


@dataclass(frozen=True)
class Raw:
    """Builds and pushes by the command line."""

    world: World
    name: str

    def build_and_push(self, dockerfile: str, *, tag: str, limit_seconds: float) -> float:
        """Return the seconds that build and push took together. Raises `RawKilledError`."""
        began = time.perf_counter()
        self._build_and_push("-", tag=tag, given=dockerfile, limit_seconds=limit_seconds)
        return time.perf_counter() - began

    def build_lines(self, dockerfile: str, *, limit_seconds: float) -> Iterator[tuple[float, str]]:
        """Build; yield each line of output as it comes, with the time of its arrival. Raises `RawKilledError`."""
        command = [DOCKER, "build", "--progress=plain", "-"]
        environment = self.world.docker_environment()
        with subprocess.Popen(command, stdin=PIPE, stdout=PIPE, stderr=STDOUT, env=environment) as building:
            assert building.stdin
            assert building.stdout
            killer = threading.Timer(limit_seconds, building.kill)
            killer.start()
            building.stdin.write(dockerfile.encode())
            building.stdin.close()
            for line in building.stdout:
                yield time.time(), line.decode(errors="replace").rstrip()
            killer.cancel()
        if building.returncode != 0:
            raise RawKilledError(f"docker build: exit code {building.returncode}")

    def clone_build_and_push(self, url: str, folder: Path, *, tag: str, limit_seconds: float) -> float:
        """Return the seconds for that, with the clone's own Dockerfile. Raises `RawKilledError`."""
        began = time.perf_counter()
        subprocess.run(["git", "clone", "--quiet", "--depth=1", url, str(folder)], check=True, timeout=limit_seconds)
        self._build_and_push(str(folder), tag=tag, limit_seconds=limit_seconds)
        return time.perf_counter() - began

    def run(self, image: str, *command: str, limit_seconds: float) -> None:
        """Run a command in a container with a volume of its own as /workspace, and remove both."""
        self._run("run", "--rm", "--volume", "/workspace", image, *command, limit_seconds=limit_seconds)

    def _build_and_push(self, context: str, *, tag: str, given: str = "", limit_seconds: float) -> None:
        image = f"{self.world.addresses['registry_host']}/bench/{self.name}:{tag}"
        self._run("build", "--progress=plain", "-t", image, context, given=given, limit_seconds=limit_seconds)
        self._run("push", image, limit_seconds=limit_seconds)

    def _run(self, *words: str, given: str = "", limit_seconds: float) -> None:
        """Run one command, its output into a file; killed after `limit_seconds`."""
        log = Path(self.world.home) / f"docker-{words[0]}.log"
        with log.open("wb") as output:
            try:
                subprocess.run(
                    [DOCKER, *words],
                    input=given.encode(), stdout=output, stderr=output, check=True, timeout=limit_seconds,
                    env=self.world.docker_environment(),
                )  # fmt: skip
            except subprocess.TimeoutExpired:  # subprocess.run has killed it by SIGKILL
                raise RawKilledError(f"docker {words[0]} was killed after {limit_seconds:g} s") from None
            except subprocess.CalledProcessError as error:
                raise RawKilledError(
                    f"docker {words[0]}: exit code {error.returncode}: {log.read_text()[-500:]}"
                ) from None
