"""One fault after another, in an order that the seed gives, and how long each takes to heal."""

import os
import random
import signal
import threading
import time
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field

import psutil
import requests

from bench.faults import database
from bench.faults.tree import BACKEND, BUSY, Tree, census, is_stopped, processes
from bench.world import World
from supervisor.plan import CLUSTERS

LOOK_SECONDS = 0.25
PAUSES = (1.0, 5.0)  # between two faults
GIVE_UP_SECONDS = 90.0  # a fault that has not healed by then never does
FROZEN_SECONDS = 30.0  # who is still stopped then is let go on by us, and counted as not healed
KILL, STOP, TERM = signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM
CLUSTERED = tuple(f"cluster {name}" for name in CLUSTERS)
MEMBERS = tuple(f"member {name}" for name in CLUSTERS)
SESSION = "session ended by pg_terminate_backend"

DECK: tuple[tuple[str, signal.Signals | None], ...] = (
    *((kind, KILL) for kind in ("web", "sweeper", "registry", "guardian", "postgres", BACKEND)),
    *((kind, KILL) for kind in (*CLUSTERED, *MEMBERS, "member builds", *[BUSY] * 4)),
    *((kind, STOP) for kind in ("web", "sweeper", "registry", "guardian", "postgres", BACKEND)),
    *((kind, STOP) for kind in (*CLUSTERED, *MEMBERS, *[BUSY] * 2)),
    *((kind, TERM) for kind in ("web", "sweeper", "registry", *CLUSTERED, BUSY)),
    ("postgres", signal.SIGINT),
    ("postgres", signal.SIGQUIT),
    (SESSION, None),
    (SESSION, None),
)


@dataclass
class Fault:
    """One fault. `healed` seconds afterwards all was as before; None: not yet, or never."""

    kind: str
    how: str
    pid: int
    at: float
    clock: float
    healed: float | None = None
    remark: str = ""

    @property
    def is_open(self) -> bool:
        """True while it is not known to have healed and not given up."""
        return self.healed is None and not self.remark


@dataclass
class Injector:
    """Injects faults in a thread of its own from `start` to `stop`; only processes below this supervisor, by pid.

    `only` these kinds, all where it is empty.
    """

    world: World
    seed: int
    only: Collection[str] = ()
    faults: list[Fault] = field(default_factory=list)
    error: BaseException | None = None

    def start(self) -> None:
        """Count what is to be there and begin."""
        self._url = self.world.addresses["database_url"]
        self._wanted = census(processes(self.world.supervisor_pid))
        self._chance = random.Random(f"faults {self.seed}")  # noqa: S311  the same storm again
        self._deck: list[tuple[str, signal.Signals | None]] = []
        self._ended = threading.Event()
        self._calm = threading.Event()
        self._thread = threading.Thread(target=self._run, name="faults", daemon=True)
        self._thread.start()

    def calm(self) -> None:
        """Inject no more; what is open may heal."""
        self._calm.set()

    def stop(self) -> None:
        """End the thread; whoever we stopped goes on."""
        self._ended.set()
        self._thread.join(30)
        for fault in self.faults:
            if fault.is_open:
                fault.remark = "the storm ended first"
            if fault.how == "SIGSTOP":
                _go_on(fault.pid)

    @property
    def healing(self) -> int:
        """How many faults are open."""
        return sum(fault.is_open for fault in self.faults)

    def _run(self) -> None:
        try:
            due = time.monotonic()
            while not self._ended.wait(LOOK_SECONDS):
                tree = processes(self.world.supervisor_pid, busy=self._busy())
                self._look(tree)
                if not self._calm.is_set() and time.monotonic() >= due and self.healing < 3:
                    self._inject(tree)
                    due = time.monotonic() + self._chance.uniform(*PAUSES)
        except Exception as error:  # noqa: BLE001  told by the main thread
            self.error = error

    def _busy(self) -> set[int]:
        return {int(row[0]) for row in database.ask_or_nothing(self._url, database.BUSY_WORKERS) if row[0]}

    def _inject(self, tree: Tree) -> None:
        """Do the next fault of the deck for which there is a process; others keep their place.

        Where what is left has none (no worker is busy, and the next press waits for a fault), a new deck helps.
        """
        for entry in self._deck:
            if self._do(*entry, tree):
                self._deck.remove(entry)
                return
        more = [entry for entry in DECK if not self.only or entry[0] in self.only]
        if len(self._deck) < len(more):
            self._chance.shuffle(more)
            self._deck += more

    def _do(self, kind: str, how: signal.Signals | None, tree: Tree) -> bool:
        """Say whether there was something to do it to."""
        if how is None:
            ended = database.ask_or_nothing(self._url, database.END_ONE, [str(self._chance.random())])
            if ended:
                self._note(kind, "SQL", 0)
            return bool(ended)
        victims = sorted(tree.get(kind, ()))
        if not victims:
            return False
        pid = self._chance.choice(victims)
        with suppress(ProcessLookupError):
            os.kill(pid, how)
            self._note(kind, how.name, pid)
        return True

    def _note(self, kind: str, how: str, pid: int) -> None:
        self.faults.append(Fault(kind, how, pid, time.monotonic(), time.time()))

    def _look(self, tree: Tree) -> None:
        """Close the faults that have healed, and those that will not."""
        now = time.monotonic()
        waiting = [fault for fault in self.faults if fault.is_open]
        if not waiting:
            return
        found = census(tree)
        missing = {kind: f"{found.get(kind, 0)} of {count}" for kind, count in self._wanted.items()
                   if found.get(kind, 0) < count}  # fmt: skip
        state = f"missing {missing}" if missing else self._unready()
        for fault in waiting:
            self._judge(fault, state, now)

    def _judge(self, fault: Fault, state: str, now: float) -> None:
        stopped = fault.how == "SIGSTOP" and is_stopped(fault.pid)
        if not state and not stopped and not (fault.how == "SIGKILL" and psutil.pid_exists(fault.pid)):
            fault.healed = now - fault.at
        elif stopped and now - fault.at > FROZEN_SECONDS:
            _go_on(fault.pid)
            fault.remark = f"{fault.kind} {fault.pid} stayed stopped for {FROZEN_SECONDS:g} s: nobody killed it"
        elif now - fault.at > GIVE_UP_SECONDS:
            fault.remark = f"{fault.kind} {fault.how}: not healed after {GIVE_UP_SECONDS:g} s: {state or 'lives'}"

    def _unready(self) -> str:
        """Say why BuildHub is not ready; empty where it is."""
        try:
            answer = requests.get(f"{self.world.url}/readyz", timeout=3)
        except requests.RequestException as error:
            return f"readyz: {type(error).__name__}"
        return "" if answer.ok else f"readyz: {answer.status_code} {answer.text[:300]}"


def _go_on(pid: int) -> None:
    if is_stopped(pid):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
