"""`make run` as a story: services, preparation, programs, and after them until somebody asks for the end."""

import http.client
import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path

from supervisor import engine, postgres, registry
from supervisor.children import Child, Children, StopAsked
from supervisor.files import CannotStart, port_is_free, write_json
from supervisor.given_database import wait_until_it_answers
from supervisor.lock import only_one
from supervisor.place import WrongSetting, check_address, close, unusable
from supervisor.plan import Addresses, Plan, fork_server, preparation, programs
from supervisor.signals import Signals

PREPARE_SECONDS = 300.0
SERVE_SECONDS = 60.0
LOST_SECONDS = 10.0


class Supervisor:
    """Starts everything of one plan, looks after it, and takes down what it started, nothing else."""

    def __init__(self, plan: Plan, say: Callable[[str], None]) -> None:
        self.plan = plan
        self._say = say
        self._signals = Signals()
        self._cluster: Path | None = None
        self._engine_seen_at = time.monotonic()

    def run(self) -> None:
        """Run until SIGTERM, SIGINT or SIGHUP. Raises `CannotStart`."""
        plan = self.plan
        if said := unusable(plan.data_dir):
            raise WrongSetting("BUILDHUB_DATA_DIR", said, value=str(plan.data_dir))
        if plan.serves:
            check_address(plan.bind, plan.port)
        plan.data_dir.mkdir(mode=0o711, parents=True, exist_ok=True)
        with only_one(plan.data_dir) as lock:
            if plan.serves and not port_is_free(plan.bind, plan.port):
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
                    if plan.serves:
                        self._replace_lost_engine(children)
            except StopAsked:
                pass
            finally:
                self._stop(children)

    def _start(self, children: Children) -> None:
        """Start services side by side, then our programs."""
        children.clear_leftovers()
        self._close_data_directory()
        if self.plan.database_url:
            wait_until_it_answers(self.plan.database_url, say=self._say, pause=self._pause)
        if not self.plan.serves:
            self._start_workers(children)
            return
        engine_url, engine_ready = self._start_engine(children)
        registry_host, registry_ready = self._start_registry(children, engine_url)
        database_url, database_ready = self._start_database(children)
        addresses = Addresses(database_url=database_url, docker_host=engine_url, registry_host=registry_host)
        write_json(self.plan.data_dir / "run" / "services.json", asdict(addresses))
        children.start(fork_server(self.plan, addresses.environment(self.plan)))  # loads while the others start
        database_ready()
        registry_ready()
        administrator = self._prepare(children)  # which waits for an engine of ours when it needs it
        engine_ready()
        try:
            web, *others = programs(self.plan)
            children.wait_until(self._serves, children.start(web), seconds=SERVE_SECONDS)
            for command in others:
                children.start(command)
            self._say(f"BuildHub is ready at {self.plan.url}")
        finally:
            self._introduce(administrator)  # also when the start fails: the password is told only once

    def _start_workers(self, children: Children) -> None:
        """Start the programs of a worker host: everything else that it needs runs elsewhere, and was given."""
        plan = self.plan
        # One at a tcp:// address may let in builds alone, with the TLS fields that they bring.
        if plan.docker_host.startswith("unix://") and not engine.answers(plan.docker_host):
            self._say(f"No Docker Engine answers at DOCKER_HOST={plan.docker_host}: builds say so until one does.")
        addresses = Addresses(database_url=plan.database_url, docker_host=plan.docker_host, registry_host=plan.registry)
        write_json(plan.data_dir / "run" / "services.json", asdict(addresses))
        children.start(fork_server(plan, addresses.environment(plan)))
        for command in programs(plan):
            children.start(command)
        self._say(f"  data:      {plan.data_dir}")

    def _close_data_directory(self) -> None:
        """Close the data directory to other users; PostgreSQL's own, where we are root, passes through."""
        has_own_user = os.geteuid() == 0 and not self.plan.database_url
        group = postgres.service_user().gid if has_own_user else None
        if said := close(self.plan.data_dir, group=group):
            self._say(said)

    def _start_engine(self, children: Children) -> tuple[str, Callable[[], None]]:
        """Return the address of the engine, and what waits until it is ready; ours only where none answers."""
        given = self.plan.docker_host
        if given and not engine.answers(given):
            self._say(
                f"No Docker Engine answers at DOCKER_HOST={given}: BuildHub starts, and builds say so until one does."
            )
        default = f"unix://{self.plan.engine_socket}"
        if given or engine.answers(default):
            return given or default, _nothing
        return default, self._own_engine(children)

    def _own_engine(self, children: Children) -> Callable[[], None]:
        """Start an engine of ours; return what waits until it is ready."""
        plan = self.plan
        prepared = engine.prepare(plan.data_dir, socket_path=plan.engine_socket, options=plan.engine_options)
        return _waiting(children, children.start(prepared.command), prepared.is_ready, seconds=60)

    def _replace_lost_engine(self, children: Children) -> None:
        """Start an engine of ours when one that was merely found has been away for ten seconds.

        It may be that of another checkout, which was stopped. One that was named in DOCKER_HOST is the operator's.
        """
        if self.plan.docker_host or children.has("engine") or engine.answers(f"unix://{self.plan.engine_socket}"):
            self._engine_seen_at = time.monotonic()
        elif time.monotonic() - self._engine_seen_at > LOST_SECONDS:
            self._engine_seen_at = time.monotonic()
            try:
                self._own_engine(children)()
                self._prepare(children)  # the sample's base image is not on this one
                self._say("The Docker Engine that was found has gone: BuildHub has started its own.")
            except CannotStart as reason:
                self._say(f"The Docker Engine that was found has gone. {reason}")

    def _start_registry(self, children: Children, engine_url: str) -> tuple[str, Callable[[], None]]:
        """Return the default registry, and what waits until it is ready."""
        if self.plan.registry:
            return self.plan.registry, _nothing
        prepared = registry.prepare(self.plan.data_dir, engine_url=engine_url)
        return prepared.host, _waiting(children, children.start(prepared.command), prepared.is_ready, seconds=120)

    def _start_database(self, children: Children) -> tuple[str, Callable[[], None]]:
        """Return the address of the database, and what waits until it answers."""
        if self.plan.database_url:
            return self.plan.database_url, _nothing
        prepared = postgres.prepare(self.plan.data_dir)
        self._cluster = prepared.cluster
        return prepared.url, _waiting(children, children.start(prepared.command), prepared.is_ready, seconds=120)

    def _prepare(self, children: Children) -> dict[str, str | None]:
        """Run `manage.py prepare`; return its answer about the administrator."""
        pid = children.pid_of("engine")
        code, answer = children.run(preparation(engine_pid=pid), seconds=PREPARE_SECONDS)
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

    def _pause(self, seconds: float) -> None:
        """Sleep; raises `StopAsked` when somebody asks for the end."""
        self._signals.wait(seconds)
        if self._signals.asked():
            raise StopAsked

    def _introduce(self, administrator: dict[str, str | None]) -> None:
        """Say where the data is, the user name, and the first time the password."""
        self._say(f"  data:      {self.plan.data_dir}")
        if self._cluster and not self._cluster.is_relative_to(self.plan.data_dir):
            self._say(f"  database:  {self._cluster}  (PostgreSQL's user cannot reach the data directory)")
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
