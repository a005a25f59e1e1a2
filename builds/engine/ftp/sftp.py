"""SFTP by paramiko: it knows a password and the server's key, and uses no agent, keys or files of this machine."""

import logging
import posixpath
import socket
import stat
import struct
from base64 import b64encode
from collections.abc import Callable
from contextlib import suppress
from itertools import islice
from threading import Event, Timer
from typing import BinaryIO, Final

from paramiko import AuthenticationException, PKey, SFTPAttributes, SFTPClient, SSHException, Transport
from paramiko.packet import Packetizer

from builds.domain.steps.places import Place
from builds.engine.ftp.session import (
    MOST_ENTRIES,
    Entry,
    EntryKind,
    FileServer,
    HostKeyChanged,
    LoginRefused,
    ServerSilent,
    Session,
    TransferBroken,
)
from builds.engine.wire import Wire, shut_down

READ_BYTES: Final = 255 * 1024  # asked for at once: what OpenSSH gives at most, and others may give less
WRITE_PIECE: Final = 256 * 1024
PACKET_BYTES: Final = 512 * 1024  # OpenSSH sends and takes half of it
Learn = Callable[[str], None]  # takes the line of known_hosts of a server that was not known
# Whatever it logs is raised, too.
logging.getLogger("paramiko").setLevel(logging.CRITICAL)


class _Packets(Packetizer):
    """paramiko's own make room for whatever length a server tells, before anybody has logged in."""

    def read_all(self, n: int, check_rekey: bool = False) -> bytes:  # noqa: FBT001, FBT002  as paramiko calls it
        if n > PACKET_BYTES:
            raise SSHException(f"it sends a packet of {n:,} bytes")
        return bytes(super().read_all(n, check_rekey))


class SftpSession(Session):
    """An SFTP server; `learn` takes the line of known_hosts of one that is not known yet."""

    RAISED = (SSHException, OSError, EOFError, ValueError, struct.error)

    def __init__(self, server: FileServer, wire: Wire, connection: socket.socket, learn: Learn) -> None:
        super().__init__(server, wire, connection)
        self._learn = learn
        with self.asking("begin with ssh"):
            self._transport = Transport(connection, packetizer_class=_Packets)
        self._client: SFTPClient

    def log_in(self) -> None:
        """Agree on a key, hold the server's own against the known one, and log in.

        Raises `HostKeyChanged` before anything is told to such a server, and `LoginRefused`.
        """
        late = Event()

        def end() -> None:
            late.set()
            shut_down(self._connection)

        timer = Timer(self._server.silence_seconds, end)
        timer.daemon = True
        timer.start()
        try:
            self._log_in()
        except TransferBroken as error:
            if late.is_set():
                raise ServerSilent(error.asked, "it has said nothing for too long") from error
            raise
        finally:
            timer.cancel()

    def _log_in(self) -> None:
        server = self._server
        with self.asking("agree on a key"):
            known = known_keys(server.known_hosts)
            options = self._transport.get_security_options()
            options.key_types = sorted(options.key_types, key=lambda word: key_type(word) not in known)
            agreed = Event()
            self._transport.start_client(event=agreed)
            agreed.wait()
            if not self._transport.is_active():
                raise self._transport.get_exception() or EOFError
        check_host_key(self._transport.get_remote_server_key(), server, self._learn)
        with self.asking("log in"):
            try:
                further = self._transport.auth_password(server.username, server.password)
            except AuthenticationException as error:
                if not self._transport.is_active():
                    raise EOFError("the connection was closed") from error
                raise LoginRefused("log in", str(error)) from error
            if further:
                raise LoginRefused("log in", f"it asks for {', '.join(further)} besides the password")
            channel = self._transport.open_session(timeout=server.silence_seconds)
            channel.settimeout(server.silence_seconds)
            channel.invoke_subsystem("sftp")
            self._client = SFTPClient(channel)
            self.home = self._client.normalize(".")

    def close(self) -> None:
        """Close the connection."""
        self._transport.close()

    def entries(self, folder: str) -> list[Entry]:
        """Return what is in a folder."""
        with self.asking(f"list {folder}"):
            # Up to one too many, which `walk` refuses. No other request may come between.
            listed = islice(self._client.listdir_iter(folder), MOST_ENTRIES + 1)
            return [Entry(each.filename, kind_of(each)) for each in listed]

    def make_folder(self, path: str) -> None:
        """Make a folder with those above it, where they are not there."""
        with self.asking(f"make the folder {path}"):
            missing: list[str] = []
            while path not in ("", "/") and not self._is_there(path):
                missing.append(path)
                path = posixpath.dirname(path)
            for each in reversed(missing):
                self._client.mkdir(each)

    def store(self, file: BinaryIO, path: str) -> None:
        """Write a file of the server from `file`."""
        with self.asking(f"write {path}"):
            with self._client.open(path, "wb") as written:
                written.set_pipelined(True)
                size = 0
                while piece := file.read(WRITE_PIECE):
                    written.write(piece)
                    size += len(piece)
            found = self._client.stat(path).st_size
            if found != size:  # it need not have said that it could not write
                raise OSError(f"it has taken {found:,} of {size:,} bytes")

    def fetch(self, path: str, take: Callable[[bytes], object]) -> None:
        """Read a file of the server in pieces."""
        with self.asking(f"read {path}"), self._client.open(path, "rb") as read:
            read.MAX_REQUEST_SIZE = READ_BYTES
            while piece := read.read(READ_BYTES):
                take(piece)

    def rename(self, path: str, new_path: str) -> None:
        """Give a file another name, in the place of what has that name."""
        with self.asking(f"rename {path} to {new_path}"):
            try:
                self._client.posix_rename(path, new_path)
            except OSError:  # an extension that not all have
                if self._is_there(new_path):
                    self._client.remove(new_path)
                self._client.rename(path, new_path)

    def remove(self, path: str) -> None:
        """Remove a file."""
        with self.asking(f"remove {path}"):
            self._client.remove(path)

    def _is_there(self, path: str) -> bool:
        with suppress(FileNotFoundError):
            self._client.stat(path)
            return True
        return False

    def _refusal(self, error: Exception) -> str | None:
        """Return the words of a status: an error without a number, or with one of the two that have an errno."""
        if not isinstance(error, OSError) or isinstance(error, TimeoutError) or not self._transport.is_active():
            return None
        return (error.strerror or str(error)) if isinstance(error, FileNotFoundError | PermissionError) else str(error)


def known_keys(lines: str) -> dict[str, set[str]]:
    """Return the keys in lines of known_hosts, in base64, by their type; marked lines are no keys of a host."""
    known: dict[str, set[str]] = {}
    for line in lines.splitlines():
        fields = line.split()
        if len(fields) >= 3 and not line.startswith(("#", "@")):
            known.setdefault(fields[1], set()).add(fields[2])
    return known


def key_type(algorithm: str) -> str:
    """Return the type of the keys that a signature algorithm works with."""
    return "ssh-rsa" if algorithm.startswith("rsa-sha2-") else algorithm


def check_host_key(key: PKey, server: FileServer, learn: Learn) -> None:
    """Hold a server's key against the known ones, or have it learnt. Raises `HostKeyChanged`."""
    text = b64encode(key.asbytes()).decode()
    if not server.known_hosts.strip():
        learn(f"{Place('ssh', '', server.host, server.port).alias} {key.get_name()} {text}")
    elif text not in known_keys(server.known_hosts).get(key.get_name(), ()):
        raise HostKeyChanged("hold its key against the known one", key.fingerprint)


def kind_of(entry: SFTPAttributes) -> EntryKind:
    """Return what an entry is by its own mode; links are not followed."""
    mode = entry.st_mode or 0
    if stat.S_ISDIR(mode):
        return EntryKind.FOLDER
    return EntryKind.FILE if stat.S_ISREG(mode) else EntryKind.OTHER
