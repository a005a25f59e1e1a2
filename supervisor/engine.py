"""The Docker Engine of the default build server: one that answers is used as it is, else root starts its own."""

import ctypes
import hashlib
import http.client
import os
import shutil
import signal
import socket
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from supervisor.files import CannotStart
from supervisor.processes import Command

_MNT_DETACH = 2  # umount2(2)
DEFAULT_SOCKET = Path("/var/run/docker.sock")
# BuildKit cuts a step's output at 2 MiB and 200 KiB/s unless the daemon's environment lifts it. 1 GiB:
# -1 cuts everything on 20.10, and larger numbers may not parse as 32 bits.
LOG_LIMITS = {"BUILDKIT_STEP_LOG_MAX_SIZE": "1073741824", "BUILDKIT_STEP_LOG_MAX_SPEED": "1073741824"}


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: str, *, timeout: float) -> None:
        super().__init__("docker", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        """Connect to the socket's file."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


@dataclass(frozen=True)
class OwnEngine:
    """An engine that is ready to be started."""

    command: Command
    socket_path: Path

    @property
    def url(self) -> str:
        """The engine's DOCKER_HOST."""
        return f"unix://{self.socket_path}"

    def is_ready(self) -> bool:
        """Say whether the engine answers."""
        return answers(self.url)


def answers(url: str, *, seconds: float = 3.0) -> bool:
    """Say whether a Docker Engine answers `/_ping` at `url` (unix:// or plain tcp://) within `seconds`.

    Of a tcp:// address that speaks TLS only the connection is tried: the certificates are the engine client's matter.
    """
    parts = urlsplit(url)
    try:
        if parts.scheme == "unix":
            return _ping(_UnixConnection(parts.path, timeout=seconds))
        if os.environ.get("DOCKER_TLS_VERIFY"):
            with socket.create_connection((parts.hostname or "", parts.port or 2376), timeout=seconds):
                return True
        return _ping(http.client.HTTPConnection(parts.hostname or "", parts.port or 2375, timeout=seconds))
    except (OSError, http.client.HTTPException):
        return False


def _ping(connection: http.client.HTTPConnection) -> bool:
    """Say whether `/_ping` is answered well."""
    try:
        connection.request("GET", "/_ping")
        return connection.getresponse().status == 200
    finally:
        connection.close()


def cgroup_of(data_dir: Path) -> str:
    """Return the control group of the engine of `data_dir`: what its builds are found by when it was killed."""
    return f"/buildhub-{_short(data_dir)}"


def prepare(data_dir: Path, *, socket_path: Path = DEFAULT_SOCKET, options: tuple[str, ...] = ()) -> OwnEngine:
    """Return how to start an own engine with its data in `data_dir`; `options` go to dockerd. Raises `CannotStart`.

    Only root can. Two of them run side by side when each has folders, pid file, socket and bridge of its own (measured
    on 20.10: `--bridge=none` makes every RUN fail with "network bridge not found"; a second daemon on docker0 works).
    """
    if os.geteuid() != 0:
        raise CannotStart(
            "No Docker Engine answers and only root can start one: run `sudo make run`, "
            "or start an engine and name it in DOCKER_HOST=unix:///… or DOCKER_HOST=tcp://…"
        )
    if shutil.which("dockerd") is None:
        raise CannotStart(
            "dockerd is not installed: run `apt-get install docker.io`, or name an engine in DOCKER_HOST."
        )
    home = data_dir / "engine"
    home.mkdir(parents=True, exist_ok=True)
    state = Path("/run") / f"buildhub-{_short(data_dir)}"  # short: sockets below it may have 107 characters in all
    state.mkdir(mode=0o700, exist_ok=True)
    pid_file = state / "docker.pid"
    settings = state / "daemon.json"
    settings.write_text("{}", encoding="utf-8")  # empty: the machine's own one (other data-root, hosts) is not mixed in
    cgroup = cgroup_of(data_dir)
    command = Command(
        key="engine",
        name="engine",
        argv=(
            *("dockerd", "--data-root", str(home), "--exec-root", str(state / "exec"), "--pidfile", str(pid_file)),
            *("--host", f"unix://{socket_path}", "--config-file", str(settings)),
            *("--exec-opt", "native.cgroupdriver=cgroupfs", "--cgroup-parent", cgroup),
            *("--shutdown-timeout", "3", "--log-level", "warn", *options),
        ),
        env=LOG_LIMITS,
        log=data_dir / "logs" / "engine.log",
        # Their numbers may be a zombie's or somebody else's by now, and dockerd would wait for 15 s and then refuse.
        stale=(pid_file, state / "exec" / "containerd" / "containerd.pid"),
        phase=2,
        stop_signal=signal.SIGTERM,
        patience_seconds=5.0,
        cgroup=cgroup,
    )
    return OwnEngine(command=command, socket_path=socket_path)


def clean_up(data_dir: Path) -> None:
    """Undo what a killed dockerd leaves in the kernel: mounts below its folders and its control groups."""
    roots = (data_dir / "engine", Path("/run") / f"buildhub-{_short(data_dir)}")
    for line in reversed(Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()):
        target = Path(line.split()[4].replace("\\040", " "))
        if any(target.is_relative_to(root) for root in roots):
            # lazily; what cannot be unmounted is left to the next dockerd
            ctypes.CDLL(None, use_errno=True).umount2(os.fsencode(target), _MNT_DETACH)
    shutil.rmtree(roots[1], ignore_errors=True)
    for base in (Path("/sys/fs/cgroup"), *Path("/sys/fs/cgroup").glob("*/")):
        group = base / cgroup_of(data_dir).lstrip("/")
        for below in sorted((path for path in group.rglob("*") if path.is_dir()), reverse=True):
            with suppress(OSError):
                below.rmdir()
        with suppress(OSError):  # not empty, or never there
            group.rmdir()


def _short(data_dir: Path) -> str:
    """Return a short name for `data_dir`."""
    return hashlib.sha256(os.fsencode(data_dir.resolve())).hexdigest()[:10]
