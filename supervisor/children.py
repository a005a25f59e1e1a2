"""The family of processes of one data directory: started, counted, started again when they die, taken down."""

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from supervisor.files import CannotStart, write_json
from supervisor.forks import Forks, Process
from supervisor.guard import Guard
from supervisor.processes import (
    LAST_WAIT_SECONDS,
    Command,
    Group,
    frozen,
    is_frozen,
    kill_stragglers,
    mark_of,
    signal_group,
    spawn,
    take_down,
)

FIRST_PAUSE_SECONDS = 0.5  # before a child that died is started again; doubled each time
LONGEST_PAUSE_SECONDS = 10.0
LOOK_SECONDS = 5.0  # between two looks for what has stopped
STEADY_SECONDS = 60.0  # a child that ran this long begins again with the first pause
_PR_SET_CHILD_SUBREAPER = 36  # prctl(2)


class StopAsked(Exception):  # noqa: N818  names a fact, not a fault
    """A signal asked for the end while something was being waited for."""


class Child:
    """One command and the process that runs it now."""

    def __init__(self, command: Command) -> None:
        self.command = command
        self.process: Process | None = None
        self.started_at = 0.0
        self.due_at = 0.0
        self.pause_seconds = FIRST_PAUSE_SECONDS

    @property
    def pid(self) -> int:
        """Process id, which is the id of its group and session too; 0 while it does not run."""
        return self.process.pid if self.process else 0

    def running(self) -> Process:
        """Return the process. Raises `RuntimeError` between death and restart."""
        if self.process is None:
            raise RuntimeError(f"{self.command.key} does not run")
        return self.process

    @property
    def group(self) -> Group:
        """The group as the guardian is told about it."""
        command = self.command
        return Group(self.pid, command.phase, int(command.stop_signal), command.patience_seconds)


def _nothing(_text: str) -> None:
    """Say nothing."""


class Children:
    """Starts, tends and stops the children of `data_dir`. To be used from the main thread only.

    `say` is told in a sentence what happened; `asked_to_stop` is looked at while waiting and breaks the wait with
    `StopAsked`. `cgroup`: below which an engine puts its builds, empty when there is none of ours. `adopt_orphans`:
    orphans of children become ours instead of PID 1's, which in a container may never reap them; not where others
    start processes in this one too (pytest), because we would take their exit codes. `held`: a descriptor
    that the guardian keeps open (guard.py).
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        cgroup: str = "",
        say: Callable[[str], None] = _nothing,
        asked_to_stop: Callable[[], bool] = lambda: False,
        adopt_orphans: bool = True,
        held: int | None = None,
    ) -> None:
        self.data_dir = data_dir
        self._cgroup = cgroup
        self._say = say
        self._asked_to_stop = asked_to_stop
        self._children: dict[str, Child] = {}
        self._frozen: set[int] = set()
        self._looked_at = 0.0
        self._guard = Guard(data_dir, cgroup, held=held)
        self._forks = Forks(tick=self._while_forking)
        self._adopts = adopt_orphans
        if adopt_orphans:
            ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)

    @property
    def guardian_pid(self) -> int | None:
        """Process id of the guardian."""
        return self._guard.pid

    def clear_leftovers(self) -> int:
        """Kill what an earlier supervisor of this data directory left behind; return how many processes."""
        return kill_stragglers(mark_of(self.data_dir), self._cgroup)

    def start(self, command: Command) -> Child:
        """Start `command`; it counts as one of the family until `stop` or `forget`.

        Raises `CannotStart` where it is to be forked and the fork server is away.
        """
        child = self._children.setdefault(command.key, Child(command))
        mark = mark_of(self.data_dir, command.key)
        if command.forked:
            child.process = self._forks.fork(command, mark=mark)
        elif command.is_fork_server:
            with self._forks.open() as requests:
                child.process = spawn(command, mark=mark, stdin=requests.fileno())
        else:
            child.process = spawn(command, mark=mark)
        child.started_at = time.monotonic()
        self._tell()
        return child

    def wait_until(self, is_ready: Callable[[], bool], child: Child, *, seconds: float) -> None:
        """Wait until `is_ready`; raises `CannotStart` when the child ends before, or after `seconds`."""
        process = child.running()
        while not is_ready():
            self._check(child, seconds=seconds)
            if (code := process.poll()) is not None and not is_ready():
                raise CannotStart(f"{child.command.key} ended while starting ({ending(code)}).{_last_words(child)}")
            time.sleep(0.02)

    def _check(self, child: Child, *, seconds: float) -> None:
        """Raise when there is no more waiting for `child`, which was started up to `seconds` ago."""
        self._heed()
        if time.monotonic() - child.started_at > seconds:
            raise CannotStart(f"{child.command.key} was not ready within {seconds:.0f} s.{_last_words(child)}")

    def _heed(self) -> None:
        if self._asked_to_stop():
            raise StopAsked

    def _while_forking(self) -> None:
        """Heed a stop, and end a fork server that a signal has stopped: it would keep us waiting."""
        self._heed()
        self._kill_frozen(time.monotonic())

    def run(self, command: Command, *, seconds: float) -> tuple[int, str]:
        """Run a command that ends by itself, as one of the family; return its exit code and captured output."""
        child = self.start(command)
        process = child.running()
        try:
            while (code := process.poll()) is None:
                self._check(child, seconds=seconds)
                time.sleep(0.02)
            return code, process.stdout.read().decode() if process.stdout else ""
        finally:
            if process.stdout is not None:
                process.stdout.close()
            self._clear(child)
            self.forget(command.key)

    def has(self, key: str) -> bool:
        """Say whether the child `key` is of this family."""
        return key in self._children

    def pid_of(self, key: str) -> int | None:
        """Return the process id of the child `key`, None where there is none."""
        child = self._children.get(key)
        return child.process.pid if child and child.process else None

    def forget(self, key: str) -> None:
        """Let go of a child: it is not started again."""
        self._children.pop(key, None)
        self._tell()

    def tend(self) -> float:
        """Reap, start again what died and whose pause is over; return the seconds until there is something to do."""
        self.reap()
        self._guard.keep()
        now = time.monotonic()
        self._kill_frozen(now)
        waits = [LOOK_SECONDS]
        for child in tuple(self._children.values()):
            if child.process is not None and child.process.poll() is not None:
                self._bury(child, now)
            if child.process is None and now >= child.due_at:
                self._start_again(child, now)
            if child.process is None:
                waits.append(child.due_at - now)
        return max(min(waits), 0.0)

    def _start_again(self, child: Child, now: float) -> None:
        try:
            self.start(child.command)
        except CannotStart as reason:  # the fork server comes back before it
            self._say(str(reason))
            self._put_off(child, now)

    def _kill_frozen(self, now: float) -> None:
        """Kill what was stopped by a signal at the last look too: nobody else misses it, and the others wait for it."""
        if now - self._looked_at < LOOK_SECONDS:
            return
        guardian = {pid for pid in (self._guard.pid,) if pid and is_frozen(pid)}
        found = frozen(mark_of(self.data_dir)) | guardian
        for pid in found & self._frozen:
            self._say(f"Process {pid} was stopped by a signal and did not go on: killed, to be started again.")
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._frozen, self._looked_at = found, now

    def _bury(self, child: Child, now: float) -> None:
        """Kill what is left of a child that died and decide when it is started again."""
        code = (child.process.returncode if child.process else None) or 0
        if now - child.started_at > STEADY_SECONDS:
            child.pause_seconds = FIRST_PAUSE_SECONDS
        self._say(f"{child.command.key} ended ({ending(code)}); it starts again in {child.pause_seconds:g} s.")
        self._clear(child)
        child.process = None
        self._put_off(child, now)
        self._tell()

    @staticmethod
    def _put_off(child: Child, now: float) -> None:
        child.due_at = now + child.pause_seconds
        child.pause_seconds = min(child.pause_seconds * 2, LONGEST_PAUSE_SECONDS)

    def _clear(self, child: Child) -> None:
        """Kill all that is left of a child: its group (django-q2's processes survive each other), then what left it."""
        signal_group(child.pid, signal.SIGKILL)
        if not child.command.is_fork_server:  # whose mark is also that of all that it has forked
            kill_stragglers(mark_of(self.data_dir, child.command.key), child.command.cgroup)
        _collect(child)

    def reap(self) -> None:
        """Take the exit codes of orphans that have become ours, and let each Popen take its own."""
        if not self._adopts:
            return
        known = {child.pid: child for child in self._children.values() if child.process is not None}
        with suppress(ChildProcessError):
            while (info := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)) is not None:
                child = known.get(info.si_pid)
                if child is not None and child.process is not None:
                    child.process.poll()
                elif info.si_pid == self._guard.pid:
                    self._guard.keep()
                else:
                    os.waitpid(info.si_pid, 0)

    def stop(self) -> None:
        """Stop every child in order, then whatever has left its group, then the guardian."""
        groups = [child.group for child in self._children.values() if child.process is not None]
        take_down(groups, tick=self.reap)
        kill_stragglers(mark_of(self.data_dir), self._cgroup)
        for child in self._children.values():
            _collect(child)
        self._children.clear()
        self._forks.close()
        self.reap()
        self._write()
        self._guard.dismiss()

    def _tell(self) -> None:
        """Tell the guardian and those who read processes.json what runs now."""
        self._guard.tell([child.group for child in self._children.values() if child.process is not None])
        self._write()

    def _write(self) -> None:
        """Write processes.json (docs/contract.md, "Commands")."""
        running = [child for child in self._children.values() if child.process is not None and child.command.name]
        entries = [{"name": child.command.name, "pid": child.pid, "pgid": child.pid} for child in running]
        write_json(self.data_dir / "run" / "processes.json", entries, mode=0o644)


def ending(code: int) -> str:
    """Say in words how a process ended; a negative code is a signal."""
    return f"exit code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"


def _collect(child: Child) -> None:
    """Take the exit code of a child that was killed; one that the kernel does not let go is left to it."""
    if child.process is not None:
        with suppress(subprocess.TimeoutExpired):
            child.process.wait(timeout=LAST_WAIT_SECONDS)


def _last_words(child: Child) -> str:
    """Return the end of the child's log, for a message; empty where it writes to our own output."""
    path = child.command.log
    if path is None:
        return ""
    with suppress(OSError), path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 8192))
        lines = file.read().decode(errors="replace").splitlines()[-8:]
        return "".join(["\nThe end of ", str(path), ":", *(f"\n  {line}" for line in lines)])
    return ""
