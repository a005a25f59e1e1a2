"""The real PostgreSQL, engine and registry of a test run: started when first asked for, in a folder of their own.

They are children of this process (the supervisor's own starters), so nothing is left when pytest is killed: each gets
the kernel's parent-death signal, and the supervisor's guardian takes down what remains. The next run removes folder and
bridge.
"""

import os
import shutil
import signal

from supervisor import engine, postgres, registry
from supervisor.children import Child, Children
from tests.support.bridges import QUIET, make_bridge, remove_bridge
from tests.support.folders import make_folder, remove_abandoned

# Data that lives as long as one test run need not survive a power cut.
QUICK = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


class Services:
    """Starts what the tests need, each once, and stops it all."""

    def __init__(self) -> None:
        remove_abandoned()
        self.home = make_folder()
        self.bridge = ""
        self._children = Children(self.home, cgroup=engine.cgroup_of(self.home), adopt_orphans=False)
        self._owner = os.getpid()

    def postgres(self) -> str:
        """Start PostgreSQL; return its address for DATABASE_URL."""
        prepared = postgres.prepare(self.home, settings=QUICK)
        child = self._children.start(prepared.command)
        self._children.wait_until(prepared.is_ready, child, seconds=60)
        return prepared.url

    def engine(self) -> str:
        """Start an engine with a bridge of its own; return its address."""
        self.bridge = make_bridge()
        options = (f"--bridge={self.bridge}", *QUIET)
        prepared = engine.prepare(self.home, socket_path=self.home / "docker.sock", options=options)
        child = self._children.start(prepared.command)
        self._children.wait_until(prepared.is_ready, child, seconds=60)
        return prepared.url

    def registry(self) -> str:
        """Start a registry; return its `host:port`."""
        prepared = registry.prepare(self.home)
        child: Child = self._children.start(prepared.command)
        self._children.wait_until(prepared.is_ready, child, seconds=30)
        return prepared.host

    def stop_children(self) -> None:
        """Stop everything; the folder and the bridge stay."""
        self._children.stop()

    def stop(self) -> None:
        """Stop everything and remove the folder; does nothing in a process that was forked from ours."""
        if os.getpid() != self._owner or not self.home.exists():
            return
        self._children.stop()
        engine.clean_up(self.home)
        if self.bridge:
            remove_bridge(self.bridge)
        shutil.rmtree(self.home, ignore_errors=True)


def exit_on_sigterm() -> None:
    """Turn SIGTERM into an ordinary exit, so that atexit runs (as root of the processes we must not just vanish)."""

    def leave(number: int, _frame: object) -> None:
        raise SystemExit(128 + number)

    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, leave)
