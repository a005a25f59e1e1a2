"""Buildbot as a peer: master, web pages and one worker, installed into a virtual environment of its own."""

import os
import subprocess
import sys
import time
from pathlib import Path

import requests

from bench.raw import DOCKER
from bench.world import World, wait_until
from supervisor.files import free_port

VERSION = "4.3.0"
PACKAGES = (f"buildbot=={VERSION}", f"buildbot-worker=={VERSION}", f"buildbot-www=={VERSION}")
INSTALL_SECONDS, START_SECONDS, STOP_SECONDS = 600, 120, 20
SUCCESS = 0
LOOK_SECONDS = 0.01
MASTER = """
from buildbot.plugins import schedulers, steps, util, worker

def commands(folder, image):
    build = steps.ShellCommand(command=[{docker!r}, "build", "--progress=plain", "-t", image, folder])
    return util.BuildFactory([build, steps.ShellCommand(command=[{docker!r}, "push", image])])

c = BuildmasterConfig = {{
    "workers": [worker.Worker("bench", "bench")],
    "protocols": {{"pb": {{"port": "tcp:{port}:interface=127.0.0.1"}}}},
    "builders": [
        util.BuilderConfig(name=name, workernames=["bench"], factory=commands(*place))
        for name, place in {works!r}.items()
    ],
    "schedulers": [schedulers.ForceScheduler(name="force", builderNames={names!r})],
    "db": {{"db_url": "sqlite:///state.sqlite"}},
    "buildbotNetUsageData": None,
    "buildbotURL": "{url}/",
    "www": {{"port": "tcp:{www}:interface=127.0.0.1"}},
}}
"""


class Buildbot:
    """A Buildbot on the engine and registry of a world; `works` are its builders, each with a folder of its own."""

    def __init__(self, world: World, *works: str) -> None:
        self._world = world
        self.home = world.home / "buildbot"
        self._works = works
        self._url = f"http://127.0.0.1:{free_port()}"
        self._port = free_port()
        self._http = requests.Session()
        self._http.trust_env = False
        self._processes: list[subprocess.Popen[bytes]] = []

    def install(self) -> None:
        """Make environment, master and worker. Raises `CalledProcessError` where the packages cannot be had."""
        self._call(sys.executable, "-m", "venv", self.home / "venv")
        self._call(self._program("pip"), "install", "--quiet", "--disable-pip-version-check", *PACKAGES)
        self._call(self._program("buildbot"), "create-master", self.home / "master")
        self._call(
            self._program("buildbot-worker"),
            *("create-worker", self.home / "worker", f"127.0.0.1:{self._port}", "bench", "bench"),
        )
        registry = self._world.addresses["registry_host"]
        works = {}
        for work in self._works:
            (self.home / work).mkdir()
            works[work] = (str(self.home / work), f"{registry}/bench/buildbot-{work}:1")
        (self.home / "master" / "master.cfg").write_text(
            MASTER.format(
                docker=DOCKER,
                port=self._port,
                www=self._url.rpartition(":")[2],
                url=self._url,
                works=works,
                names=list(works),
            )
        )

    def start(self) -> float:
        """Start master and worker; return the seconds until the pages answer and the worker is connected."""
        began = time.perf_counter()
        for program in ("buildbot", "buildbot-worker"):
            folder = self.home / program.replace("buildbot-", "").replace("buildbot", "master")
            with (self.home / f"{program}.log").open("ab") as log:
                command = [self._program(program), "start", "--nodaemon", folder]
                self._processes.append(
                    subprocess.Popen(command, env=self._environment(), cwd=folder, stdout=log, stderr=log)
                )
        wait_until(self._serves, seconds=START_SECONDS, what="Buildbot serves")
        return time.perf_counter() - began

    def stop(self) -> None:
        """Stop both."""
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._processes.clear()

    @property
    def pids(self) -> list[int]:
        """The process ids of master and worker."""
        return [process.pid for process in self._processes]

    def press(self, work: str, dockerfile: str, *, limit_seconds: float) -> float:
        """Force a build; return the seconds until it is complete. Raises `RuntimeError` where it has failed."""
        (self.home / work / "Dockerfile").write_text(dockerfile)
        builder = self._get(f"builders/{work}")["builders"][0]["builderid"]
        asked = {"id": 1, "jsonrpc": "2.0", "method": "force", "params": {"builderid": builder}}
        began = time.perf_counter()
        answer = self._http.post(f"{self._url}/api/v2/forceschedulers/force", json=asked, timeout=30)
        answer.raise_for_status()
        path = f"buildsets/{answer.json()['result'][0]}"
        wait_until(
            lambda: bool(self._get(path)["buildsets"][0]["complete"]),
            seconds=limit_seconds, what=f"Buildbot has built {work}", pause=LOOK_SECONDS,
        )  # fmt: skip
        seconds = time.perf_counter() - began
        if self._get(path)["buildsets"][0]["results"] != SUCCESS:
            raise RuntimeError(f"Buildbot's build {work} failed")
        return seconds

    def _serves(self) -> bool:
        try:
            return any(worker["connected_to"] for worker in self._get("workers")["workers"])
        except requests.RequestException:
            return False

    def _get(self, path: str) -> dict[str, list[dict[str, object]]]:
        answer = self._http.get(f"{self._url}/api/v2/{path}", timeout=30)
        answer.raise_for_status()
        found: dict[str, list[dict[str, object]]] = answer.json()
        return found

    def _program(self, name: str) -> Path:
        return self.home / "venv" / "bin" / name

    def _environment(self) -> dict[str, str]:
        return {**os.environ, **self._world.docker_environment(), "PATH": os.environ["PATH"]}

    def _call(self, *words: str | Path) -> None:
        subprocess.run(words, check=True, capture_output=True, timeout=INSTALL_SECONDS, cwd=self._world.home)
