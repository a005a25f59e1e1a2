"""Processes and process groups, looked at through /proc: start, find, signal, take down. Standard library only.

Every process that BuildHub starts is a session and process group of its own, and carries a mark in its environment
(`BUILDHUB_SUPERVISED=<data directory>:<key>`), so that even what has left its group (containerd) is found again.
"""

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

MARK = "BUILDHUB_SUPERVISED"
# What /proc shows of a process stays there for its life, so secrets are inherited by nobody: a command that needs one
# gets it by name (plan.py), and the database's address stands in run/services.json, which only this user may read.
KEYS = ("BUILDHUB_SECRET_KEY", "BUILDHUB_CREDENTIAL_KEYS")
FIRST_ROWS = ("BUILDHUB_ADMIN_PASSWORD", "BUILDHUB_REGISTRY_USER", "BUILDHUB_REGISTRY_PASSWORD")
NOT_INHERITED = frozenset({"DATABASE_URL", *KEYS, *FIRST_ROWS, *(f"{name}_FILE" for name in (*KEYS, *FIRST_ROWS))})
LONGEST_LOG = 16 * 1024 * 1024  # bytes; a longer one becomes `<name>.1`
LAST_WAIT_SECONDS = 2.0  # for the kernel, after SIGKILL
_PR_SET_PDEATHSIG, _PR_SET_NAME = 1, 15  # prctl(2)
_LIBC = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, kw_only=True)
class Owner:
    """The system user that a child runs as."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True, kw_only=True)
class Command:
    """How a child is started and stopped.

    `key` is unique in one family, `name` is what processes.json calls it. `phase` orders the stop (lowest first),
    `patience_seconds` is the time between `stop_signal` and SIGKILL. Output goes to the file `log`, else to ours;
    `captured`: standard output is a pipe to us (for short answers only: nobody reads before the end).
    `stale`: pid files of the process before, removed before each start.
    `forked`: `argv` are words for the fork server, which runs them; `is_fork_server`: this is the one.
    `cgroup` is where the child puts processes that are not in its group (an engine's builds).
    """

    key: str
    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path = Path("/")
    owner: Owner | None = None
    log: Path | None = None
    captured: bool = False
    stale: tuple[Path, ...] = ()
    phase: int = 0
    stop_signal: int = signal.SIGTERM
    patience_seconds: float = 3.0
    cgroup: str = ""
    forked: bool = False
    is_fork_server: bool = False


@dataclass(frozen=True)
class Group:
    """A running process group and how it is stopped; what the guardian is told."""

    pgid: int
    phase: int
    stop_signal: int
    patience_seconds: float


def mark_of(data_dir: Path, key: str = "") -> str:
    """Return the mark of the child `key` of `data_dir`; without a key what all its marks begin with."""
    return f"{data_dir}:{key}"


def inherited() -> dict[str, str]:
    """Return what every child gets of our environment: all of it but secrets and the mark of a process above us."""
    return {name: value for name, value in os.environ.items() if name not in NOT_INHERITED and name != MARK}


def given(names: Sequence[str]) -> dict[str, str]:
    """Return the secrets `names` of our environment, each as a value or as the name of a file, where they are set."""
    both = (*names, *(f"{name}_FILE" for name in names))
    return {name: os.environ[name] for name in both if name in os.environ}


def spawn(command: Command, *, mark: str, stdin: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
    """Start `command` in a session of its own, to be signalled when this thread ends (so call from the main one)."""
    owner = command.owner
    for path in command.stale:
        path.unlink(missing_ok=True)
    log = None
    if command.log:
        command.log.parent.mkdir(parents=True, exist_ok=True)
        if command.log.exists() and command.log.stat().st_size > LONGEST_LOG:
            command.log.replace(command.log.with_name(f"{command.log.name}.1"))
        log = os.open(command.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)
    try:
        return subprocess.Popen(
            command.argv,
            env={**inherited(), **command.env, MARK: mark},
            cwd=command.cwd,
            stdin=stdin,
            stdout=subprocess.PIPE if command.captured else log,
            stderr=subprocess.STDOUT if log else None,
            start_new_session=True,
            user=owner.uid if owner else None,
            group=owner.gid if owner else None,
            extra_groups=[] if owner else None,
            preexec_fn=partial(die_with, os.getpid(), command.stop_signal),  # noqa: PLW1509  the supervisor has one thread
        )
    finally:
        if log is not None:
            os.close(log)


def die_with(parent: int, stop_signal: int) -> None:
    """In the child, after the change of user (which would clear it): be signalled when the parent dies."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, stop_signal)
    if os.getppid() != parent:  # it died before the line above
        os.kill(os.getpid(), signal.SIGKILL)


def rename(name: str) -> None:
    """Give this process another name for `ps` and `/proc/PID/comm` (15 characters at most); inherited by forks."""
    _LIBC.prctl(_PR_SET_NAME, name.encode())


def name_of(pid: int) -> str:
    """Return the name of a process, empty where there is none."""
    return _read(pid, "comm").decode(errors="replace").rstrip("\n")


def process_ids() -> Iterator[int]:
    """Yield the ids of all processes that are to be seen."""
    return (int(name) for name in os.listdir("/proc") if name.isdigit())  # noqa: PTH208  a Path each is 10 times slower


def _read(pid: int, name: str) -> bytes:
    """Return a file of /proc/<pid>, empty when the process has gone or is another user's."""
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""


def is_running(pid: int) -> bool:
    """Say whether process `pid` exists and is not a zombie."""
    fields = _read(pid, "stat").rpartition(b") ")[2].split()
    return bool(fields) and fields[0] not in (b"Z", b"X")


def group_is_running(pgid: int) -> bool:
    """Say whether a process of the group runs. A zombie that nobody reaps (a container without init) does not count."""
    try:
        os.killpg(pgid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    wanted = str(pgid).encode()
    for pid in process_ids():
        fields = _read(pid, "stat").rpartition(b") ")[2].split()  # state, ppid, pgrp: proc(5)
        if len(fields) > 2 and fields[2] == wanted and fields[0] not in (b"Z", b"X"):
            return True
    return False


def signal_group(pgid: int, number: int) -> None:
    """Send signal `number` to a group; a group that has gone is no error."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pgid, number)


def stop_groups(groups: Sequence[Group], *, tick: Callable[[], None] = lambda: None) -> None:
    """Signal the groups, wait for each as long as its patience, then SIGKILL. `tick` is called while waiting."""
    begun = time.monotonic()
    for group in groups:
        signal_group(group.pgid, group.stop_signal)
    waiting = list(groups)
    while waiting:
        tick()
        waited = time.monotonic() - begun
        waiting = [group for group in waiting if group_is_running(group.pgid)]
        for group in waiting:
            if waited > group.patience_seconds:
                signal_group(group.pgid, signal.SIGKILL)
        waiting = [group for group in waiting if waited < group.patience_seconds + LAST_WAIT_SECONDS]
        if waiting:
            time.sleep(0.02)


def take_down(groups: Sequence[Group], *, tick: Callable[[], None] = lambda: None) -> None:
    """Stop all groups, phase by phase."""
    for phase in sorted({group.phase for group in groups}):
        stop_groups([group for group in groups if group.phase == phase], tick=tick)


def stragglers(mark: str, cgroup: str = "") -> list[int]:
    """Return running processes that carry `mark` (or begin with it), or live below the control group `cgroup`.

    The second is how an engine's builds are found: BuildKit's processes outlive a dockerd that was killed (measured
    on 20.10: its RUN goes on), carry no environment of ours, and stand in `<cgroup>/buildkit/…`.
    """
    needle = f"\0{MARK}={mark}".encode()
    below = f":{cgroup}/".encode()
    return [
        pid
        for pid in process_ids()
        if pid != os.getpid()
        and (needle in b"\0" + _read(pid, "environ") or (cgroup and below in _read(pid, "cgroup")))
        and is_running(pid)
    ]


def is_frozen(pid: int) -> bool:
    """Say whether a process was stopped by a signal; one that a debugger holds is not meant."""
    return _read(pid, "stat").rpartition(b") ")[2][:1] == b"T"


def frozen(mark: str) -> set[int]:
    """Return the processes that carry `mark`, or whose parent does, and were stopped by a signal.

    PostgreSQL's children write their titles over their environment, so that only their parent shows the mark.
    """
    needle = f"\0{MARK}={mark}".encode()

    def carries(pid: int) -> bool:
        return needle in b"\0" + _read(pid, "environ")

    return {pid for pid in process_ids() if is_frozen(pid) and (carries(pid) or carries(_parent(pid)))}


def _parent(pid: int) -> int:
    """Return the parent of a process, 0 where there is none any more."""
    fields = _read(pid, "stat").rpartition(b") ")[2].split()
    return int(fields[1]) if len(fields) > 1 else 0


def kill_stragglers(mark: str, cgroup: str = "") -> int:
    """SIGKILL what `stragglers` finds until nothing is left (at most 2 s); return how many there were at first."""
    deadline = time.monotonic() + LAST_WAIT_SECONDS
    found = left = stragglers(mark, cgroup)
    while left and time.monotonic() < deadline:
        for pid in left:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)
        left = stragglers(mark, cgroup)
    return len(found)
