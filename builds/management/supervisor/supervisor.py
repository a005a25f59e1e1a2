"""`make run` as a story: services, preparation, programs, and after them until somebody asks for the end."""

import http.client
import json
from collections.abc import Callable
from dataclasses import asdict
from functools import partial

from builds.management.supervisor import engine, postgres, registry
from builds.management.supervisor.children import Child, Children, StopAsked
from builds.management.supervisor.files import CannotStart, port_is_free, write_json
from builds.management.supervisor.lock import only_one
from builds.management.supervisor.plan import Addresses, Plan, preparation, programs
from builds.management.supervisor.signals import Signals

PREPARE_SECONDS = 300.0
SERVE_SECONDS = 60.0


class Supervisor:
    """Starts everything of one plan, looks after it, and takes down what it started, nothing else."""

    def __init__(self, plan: Plan, say: Callable[[str], None]) -> None:
        self.plan = plan
        self._say = say
        self._signals = Signals()

    def run(self) -> None:
        """Run until SIGTERM, SIGINT or SIGHUP. Raises `CannotStart`."""
        plan = self.plan
        plan.data_dir.mkdir(parents=True, exist_ok=True)
        with only_one(plan.data_dir) as lock:
            if not port_is_free(plan.bind, plan.port):
                raise CannotStart(
                    f"Port {plan.port} on {plan.bind} is taken: stop the program that listens there, "
                    "or choose another with PORT=8001."
                )
            children = Children(
                plan.data_dir,
                cgroup=engine.cgroup_of(plan.data_dir),
                say=self._say,
                asked_to_stop=self._signals.asked,
                held=lock,
            )
            try:
                self._start(children)
                while not self._signals.asked():
                    self._signals.wait(children.tend())
            except StopAsked:
                pass
            finally:
                self._stop(children)

    def _start(self, children: Children) -> None:
        """Start services side by side, then our programs; the preparation needs only the database."""
        children.clear_leftovers()
        engine_url, engine_ready = self._start_engine(children)
        registry_host, registry_ready = self._start_registry(children)
        addresses = Addresses(
            database_url=self._start_database(children), docker_host=engine_url, registry_host=registry_host
        )
        write_json(self.plan.data_dir / "run" / "services.json", asdict(addresses))
        environment = addresses.environment(self.plan)
        administrator = self._prepare(children, environment)
        try:
            engine_ready()
            registry_ready()
            started = {command.key: children.start(command) for command in programs(self.plan, environment)}
            children.wait_until(self._serves, started["web"], seconds=SERVE_SECONDS)
            self._say(f"BuildHub is ready at {self.plan.url}")
        finally:
            self._introduce(administrator)  # also when the start fails: the password is told only once

    def _start_engine(self, children: Children) -> tuple[str, Callable[[], None]]:
        """Return the address of the engine, and what waits until it is ready; ours only where none answers."""
        given = self.plan.docker_host
        if given and not engine.answers(given):
            self._say(
                f"No Docker Engine answers at DOCKER_HOST={given}: BuildHub starts, and builds say so until one does."
            )
        default = f"unix://{engine.DEFAULT_SOCKET}"
        if given or engine.answers(default):
            return given or default, _nothing
        prepared = engine.prepare(self.plan.data_dir)
        return prepared.url, _waiting(children, children.start(prepared.command), prepared.is_ready, seconds=60)

    def _start_registry(self, children: Children) -> tuple[str, Callable[[], None]]:
        """Return the default registry, and what waits until it is ready."""
        if self.plan.registry:
            return self.plan.registry, _nothing
        prepared = registry.prepare(self.plan.data_dir)
        return prepared.host, _waiting(children, children.start(prepared.command), prepared.is_ready, seconds=30)

    def _start_database(self, children: Children) -> str:
        """Return the address of a database that answers."""
        if self.plan.database_url:
            return self.plan.database_url
        prepared = postgres.prepare(self.plan.data_dir)
        children.wait_until(prepared.is_ready, children.start(prepared.command), seconds=120)
        return prepared.url

    def _prepare(self, children: Children, environment: dict[str, str]) -> dict[str, str | None]:
        """Run `manage.py prepare`; return its answer about the administrator."""
        code, answer = children.run(preparation(self.plan, environment), seconds=PREPARE_SECONDS)
        if code != 0:
            raise CannotStart("The database could not be prepared: the reason stands above.")
        administrator: dict[str, str | None] = json.loads(answer.strip().splitlines()[-1])
        return administrator

    def _serves(self) -> bool:
        """Say whether the web process answers at /healthz."""
        connection = http.client.HTTPConnection(self.plan.local_host, self.plan.port, timeout=5)
        try:
            connection.request("GET", "/healthz", headers={"Host": "127.0.0.1"})
            return connection.getresponse().status < 500
        except OSError:
            return False
        finally:
            connection.close()

    def _introduce(self, administrator: dict[str, str | None]) -> None:
        """Say the user name, and the first time the password."""
        self._say(f"  user name: {administrator['username']}")
        if administrator["password"]:
            self._say(f"  password:  {administrator['password']}  (shown this once)")

    def _stop(self, children: Children) -> None:
        """Take down all that was started; an engine of ours leaves mounts and control groups when it was killed."""
        had_engine = children.has("engine")
        children.stop()
        if had_engine:
            engine.clean_up(self.plan.data_dir)


def _nothing() -> None:
    """Wait for nothing: the service is not ours."""


def _waiting(children: Children, child: Child, is_ready: Callable[[], bool], *, seconds: float) -> Callable[[], None]:
    """Return a function that waits until `is_ready`."""
    return partial(children.wait_until, is_ready, child, seconds=seconds)
