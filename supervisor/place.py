"""Where BuildHub may live: in a data directory of its own, at an address of this machine.

What is found wrong is said as `what is wrong: what to write`, as for every setting (buildhub/env.py).
"""

import errno
import os
import pwd
import socket
import stat
from pathlib import Path
from typing import Final

from supervisor.files import CannotStart

# What BuildHub makes in its data directory; one of the marks says that it has been there.
MARKS: Final = ("secret-key", "credential-keys", "run/services.json", "registry-port", "postgres-port")
MADE: Final = frozenset(
    {"credential-keys", "engine", "id", "logs", "postgres", "postgres-password", "postgres-port"}
    | {"registry", "registry-port", "run", "secret-key", "static"}
)
NO_MATTER: Final = frozenset({".env", "lost+found"})
OTHER: Final = "name another directory in BUILDHUB_DATA_DIR."


class WrongSetting(CannotStart):
    """A setting that turns out to be wrong at the start; `said` is `what is wrong: what to write`."""

    def __init__(self, name: str, said: str, *, value: str = "") -> None:
        self.name, self.said, self.value = name, said, value
        super().__init__(self.told())

    def told(self, file: Path | None = None) -> str:
        """Return the sentence; `file` is where the setting came from, None where that was the environment."""
        shown = f"={self.value!r}" if self.value else ""
        return f"{self.name}{shown}{f' in {file}' if file else ''}: {self.said}"


def reached_at(bind: str) -> str:
    """Return the address at which this machine reaches a server that listens at `bind`."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(bind, bind)  # noqa: S104  compared, not bound


def url_of(bind: str, port: int) -> str:
    """Return the address for people where no other is given."""
    host = reached_at(bind)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def foreign(path: Path, *, named: frozenset[Path] = frozenset()) -> str | None:
    """Say why what stands at `path` can be no data directory, or None.

    Nothing, an empty directory and data of ours can; so can one with only `.env` and the files `named` in settings.
    """
    try:
        entries = sorted(path.iterdir())
        if any((path / mark).is_file() for mark in MARKS):
            return None
    except FileNotFoundError:
        return None
    except NotADirectoryError:
        return f"there is a file, no directory: {OTHER}"
    except OSError as error:
        return f"user {_user(os.geteuid())} cannot read it ({error.strerror}): give that user the right, or {OTHER}"
    # by the part before a dot: `secret-key.4711` is one that is just being made
    others = [entry for entry in entries if entry.name not in NO_MATTER and entry.name.partition(".")[0] not in MADE]
    strange = [entry.name for entry in others if entry.resolve() not in named]
    if not strange:
        return None
    few = ", ".join(strange[:3]) + (" …" if len(strange) > 3 else "")
    return f"it holds what is not BuildHub's ({few}): name a new or an empty directory in BUILDHUB_DATA_DIR."


def unusable(path: Path) -> str | None:
    """Say why this user cannot keep data at `path`, or None."""
    me = os.geteuid()
    for mark in MARKS:
        try:
            owner = (path / mark).stat().st_uid
        except OSError:
            continue
        if owner != me:
            return f"the data in it is user {_user(owner)}'s: start BuildHub as that user, or {OTHER}"
    nearest = next(folder for folder in (path, *path.parents) if _exists(folder))
    if not os.access(nearest, os.W_OK | os.X_OK, effective_ids=True):
        return f"user {_user(me)} may not write in {nearest}: give that user the right, or {OTHER}"
    return None


def close(path: Path, *, group: int | None = None) -> str | None:
    """Take everybody else's rights away from the data directory; return what is to be said where that cannot be done.

    `group` is that of PostgreSQL's user where it is another one than ours: it still passes through to its cluster, if
    it could before. A directory that was closed already stays so (postgres.py says where the cluster is then).
    """
    found = path.stat()
    mode = stat.S_IMODE(found.st_mode)
    closed = 0o710 if group is not None and may_pass(found, group) else 0o700
    if not mode & 0o077 or (mode == closed and found.st_gid == group):
        return None
    if found.st_uid != os.geteuid():
        return (
            f"Others may look into {path}, which is user {_user(found.st_uid)}'s: run `chmod 700 {path}` as that user."
        )
    try:
        if closed == 0o710 and group is not None:
            os.chown(path, -1, group)
        path.chmod(closed)
    except OSError as error:
        return (
            f"Others may look into {path}, and it cannot be closed to them ({error.strerror}): run `chmod 700 {path}`."
        )
    return None


def may_pass(folder: os.stat_result, group: int) -> bool:
    """Say whether a user of `group`, who does not own the folder, may pass through it."""
    return bool(folder.st_mode & (stat.S_IXGRP if folder.st_gid == group else stat.S_IXOTH))


def check_address(bind: str, port: int) -> None:
    """Raise `WrongSetting` where a server could never listen at `bind`:`port`; one that is only taken passes."""
    try:
        with socket.socket(socket.AF_INET6 if ":" in bind else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((bind, port))
    except PermissionError:
        said = f"user {_user(os.geteuid())} may not listen there: write one from {_first_free()} on, such as PORT=8000."
        raise WrongSetting("PORT", said, value=str(port)) from None
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            said = "no address of this machine: write 127.0.0.1, one that `ip address` shows, or 0.0.0.0 for all."
            raise WrongSetting("BUILDHUB_BIND", said, value=bind) from None


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return False


def _first_free() -> int:
    """Return the first port on which every user may listen."""
    try:
        return int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text(encoding="utf-8"))
    except OSError:
        return 1024


def _user(uid: int) -> str:
    """Return the name of a user, or the number where it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
