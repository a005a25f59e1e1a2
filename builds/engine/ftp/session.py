"""What a session with a file server can do, whichever protocol it speaks, and what can go wrong in one."""

# ruff: noqa: N818  the names say what happened, as their siblings in errors.py do

import errno
import os
import posixpath
import socket
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from secrets import token_hex
from typing import BinaryIO, ClassVar, Final

from builds.engine.errors import EngineError
from builds.engine.wire import Wire

SILENCE_SECONDS: Final = 60.0
MOST_ENTRIES: Final = 100_000  # of all folders together
LONGEST_PATH: Final = 2048  # bytes below the first folder
LONGEST_NAME: Final = 255  # bytes
DISK_FULL: Final = (errno.ENOSPC, errno.EDQUOT)


class FtpError(EngineError):
    """Base of what goes wrong with a file server once it was reached. `answered` holds its own words."""


class LoginRefused(FtpError):
    """The server does not let this user in."""


class HostKeyChanged(FtpError):
    """The server's ssh key is not the one that is known; `answered` is its fingerprint."""


class RequestRefused(FtpError):
    """The server does not do what is asked: no such file, no right, no room."""


class ServerSilent(FtpError):
    """The server has said nothing for too long."""


class TransferBroken(FtpError):
    """The connection ended in the middle of something."""


class NameRefused(FtpError):
    """A name that the server gave would lead elsewhere, or cannot be kept."""


class TooMuch(FtpError):
    """There is more than may be fetched; `answered` is what is allowed."""


class SessionStopped(FtpError):
    """The caller wanted no more, and the connections were cut."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileServer:
    """Where files are and who asks for them. `allowed`: hosts and networks that may be private.

    `known_hosts` are the lines of an SFTP server's keys, empty where it is not known yet.
    """

    is_sftp: bool
    host: str
    port: int
    username: str = ""
    password: str = field(default="", repr=False)
    allowed: Sequence[str] = ()
    known_hosts: str = ""
    silence_seconds: float = SILENCE_SECONDS

    @property
    def shown(self) -> str:
        """Protocol, host and port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'sftp' if self.is_sftp else 'ftp'}://{host}:{self.port}"


class EntryKind(Enum):
    """What an entry of a server's folder is."""

    FILE = auto()
    FOLDER = auto()
    OTHER = auto()  # a link, a device


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a server's folder."""

    name: str
    kind: EntryKind


class Session(ABC):
    """A server that has let us in; paths are absolute, `home` is the folder where it lets this user begin.

    All methods raise `FtpError`s.
    """

    home: str
    RAISED: ClassVar[tuple[type[Exception], ...]]  # by the protocol's library

    def __init__(self, server: FileServer, wire: Wire, connection: socket.socket) -> None:
        self._server, self._wire, self._connection = server, wire, connection

    @abstractmethod
    def log_in(self) -> None:
        """Greet the server and log in. Raises `LoginRefused`."""

    @abstractmethod
    def close(self) -> None:
        """Say good-bye, without waiting for an answer."""

    @abstractmethod
    def entries(self, folder: str) -> list[Entry]:
        """Return what is in a folder."""

    @abstractmethod
    def make_folder(self, path: str) -> None:
        """Make a folder with those above it, where they are not there."""

    @abstractmethod
    def store(self, file: BinaryIO, path: str) -> None:
        """Write a file of the server from `file`."""

    @abstractmethod
    def fetch(self, path: str, take: Callable[[bytes], object]) -> None:
        """Read a file of the server in pieces."""

    @abstractmethod
    def rename(self, path: str, new_path: str) -> None:
        """Give a file another name, in the place of what has that name."""

    @abstractmethod
    def remove(self, path: str) -> None:
        """Remove a file."""

    @abstractmethod
    def _refusal(self, error: Exception) -> str | None:
        """Return the words of an answer that refuses something, None for an error of the connection."""

    def send(self, file: BinaryIO, path: str) -> bool:
        """Write a file so that it has its name once it is whole; False where the server cannot rename.

        Then it was written under its own name, and what breaks off leaves half of it.
        """
        temporary = posixpath.join(posixpath.dirname(path), f".buildhub-{token_hex(8)}")
        try:
            self.store(file, temporary)
            self.rename(temporary, path)
        except RequestRefused:
            with suppress(RequestRefused):
                self.remove(temporary)
            file.seek(0)
            self.store(file, path)
            return False
        return True

    def walk(self, top: str, is_wanted: Callable[[str], bool]) -> Iterator[tuple[str, Entry]]:
        """Yield what is below `top`, with paths relative to it; of folders only those that are wanted are entered.

        Raises `NameRefused` for a name that would lead elsewhere, `TooMuch` for more than can be meant.
        """
        count, waiting = 0, [""]
        while waiting:
            above = waiting.pop()
            names: set[str] = set()
            for entry in self.entries(posixpath.join(top, above)):
                count += 1
                path = posixpath.join(above, checked_name(entry.name))
                if entry.name in names:
                    raise NameRefused("list the files", f"{entry.name} twice")
                names.add(entry.name)
                if count > MOST_ENTRIES or len(os.fsencode(path)) > LONGEST_PATH:
                    words = f"{MOST_ENTRIES:,} entries with paths of up to {LONGEST_PATH:,} bytes"
                    raise TooMuch("list the files", words)
                yield path, entry
                if entry.kind is EntryKind.FOLDER and is_wanted(path):
                    waiting.append(path)

    @contextmanager
    def asking(self, asked: str) -> Iterator[None]:
        """Turn what a protocol's library raises into what it means."""
        try:
            yield
        except self.RAISED as error:
            if self._wire.is_cut:
                raise SessionStopped(asked, "stopped before it had finished") from error
            if (words := self._refusal(error)) is not None:
                raise RequestRefused(asked, words or "it gives no reason") from error
            if isinstance(error, TimeoutError):
                raise ServerSilent(asked, "it has said nothing for too long") from error
            if isinstance(error, OSError) and error.errno in DISK_FULL:  # of our own disk
                raise
            raise TransferBroken(asked, str(error) or "the connection was closed") from error


def checked_name(name: str) -> str:
    """Return the name of one entry. Raises `NameRefused` for one that is none, or cannot be shown."""
    is_text = not any(sign < " " or sign == "\x7f" or "\ud800" <= sign <= "\udfff" for sign in name)
    if name in ("", ".", "..") or "/" in name or not is_text or len(name.encode()) > LONGEST_NAME:
        raise NameRefused("read the names of its files", ascii(name)[:200])
    return name
