"""Give the engine the files of a build: the side of fsutil's protocol that has them.

One call of the engine is one transfer. We tell of all files in fsutil's order; the engine asks for the contents that it
lacks, by number, and says when it has all.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from os import fsencode
from typing import Final, NamedTuple, Protocol

from google.protobuf.message import DecodeError

from builds.engine.buildkit.session_pb2 import Packet, Stat
from builds.engine.session_calls import CallFailed, Code

DIFF_COPY: Final = "/moby.filesync.v1.FileSync/DiffCopy"
DIRECTORY: Final = "dir-name"  # in the metadata of a call
FILE: Final = 0o644  # modes, as Go's os.FileMode writes them
FOLDER_BIT: Final = 1 << 31
FOLDER: Final = FOLDER_BIT | 0o755
LINK: Final = 1 << 27 | 0o777
PIECE: Final = 32 * 1024  # bytes of a file in one message, as the command line sends them


class Entry(NamedTuple):
    """A file, folder or symbolic link, to be root's.

    `path` is relative, with slashes, its bytes those of `os.fsencode`; `mode` that of Go's os.FileMode; `read` gives
    the content; `target` is what a link holds.
    """

    path: str
    size: int = 0
    read: Callable[[], Iterable[bytes]] = tuple
    mode: int = FILE
    modified: int = 0  # nanoseconds
    target: str = ""


class Directory(Protocol):
    """What an engine may ask for under one name."""

    def entries(self, asked: Mapping[str, Sequence[str]]) -> Iterable[Entry]:
        """Return the files, and each folder that holds some, in any order.

        `asked` is the metadata of the call: `followpaths`, `include-patterns` and `exclude-patterns` narrow the
        choice. To give more than follow and include ask for costs time only; to give what exclude names is wrong.
        """


@dataclass(frozen=True)
class TypedFiles:
    """A directory without folders, of contents in memory: all of them are given, whatever is asked.

    Their times tell contents of the same length apart, for an engine that has kept those of an earlier build.
    """

    contents: Mapping[str, bytes] = field(default_factory=dict)

    def entries(self, asked: Mapping[str, Sequence[str]]) -> Iterator[Entry]:
        """Return the files."""
        del asked
        for name, content in self.contents.items():
            time = int.from_bytes(sha256(content).digest()[:7])  # one that every file system can keep
            yield Entry(name, len(content), partial(pieces, content), modified=time)


def pieces(content: bytes) -> Iterator[bytes]:
    """Cut `content` into what one message holds."""
    return (content[start : start + PIECE] for start in range(0, len(content), PIECE))


class Transfer:
    """One call of DiffCopy: takes the engine's messages and answers them.

    `on_odd_name` hears of each path told that is no UTF-8, or is a link to such: not every engine takes it.
    """

    def __init__(
        self,
        directories: Mapping[str, Directory],
        asked: Mapping[str, Sequence[str]],
        on_odd_name: Callable[[str], object],
    ) -> None:
        self.ended = False
        self._on_odd_name = on_odd_name
        self._asked = asked
        self._directory = _directory(directories, asked)
        self._entries: list[Entry] = []

    def begin(self) -> Iterator[bytes]:
        """Tell of all files, siblings by the bytes of their names, a folder before what it holds."""
        self._entries = sorted(self._directory.entries(self._asked), key=lambda entry: fsencode(entry.path).split(b"/"))
        for entry in self._entries:
            names = entry.path + entry.target
            if not names.isascii() and any("\ud800" <= sign <= "\udfff" for sign in names):
                self._on_odd_name(entry.path)
            stat = Stat(
                path=fsencode(entry.path),
                mode=entry.mode,
                size=entry.size,
                modTime=entry.modified,
                linkname=fsencode(entry.target),
            )
            yield Packet(type=Packet.STAT, stat=stat).SerializeToString()
        yield Packet(type=Packet.STAT).SerializeToString()

    def take(self, message: bytes) -> Iterator[bytes]:
        """Answer one message of the engine. Raises `CallFailed` for what is no message of this protocol."""
        try:
            packet = Packet.FromString(message)
        except DecodeError as error:
            raise CallFailed(Code.INVALID_ARGUMENT, "no packet of fsutil") from error
        if packet.type == Packet.REQ:
            if len(self._entries) <= packet.ID:
                raise CallFailed(Code.INVALID_ARGUMENT, f"invalid file id {packet.ID}")
            for piece in self._entries[packet.ID].read():
                yield Packet(type=Packet.DATA, ID=packet.ID, data=piece).SerializeToString()
            yield Packet(type=Packet.DATA, ID=packet.ID).SerializeToString()
        elif packet.type == Packet.FIN:
            self.ended = True
            yield Packet(type=Packet.FIN).SerializeToString()
        elif packet.type == Packet.ERR:
            raise CallFailed(Code.UNKNOWN, "the engine has ended the transfer")


def _directory(directories: Mapping[str, Directory], asked: Mapping[str, Sequence[str]]) -> Directory:
    name = next(iter(asked.get(DIRECTORY, ())), "")
    if name not in directories:
        raise CallFailed(Code.NOT_FOUND, "no such directory in this build")
    return directories[name]
