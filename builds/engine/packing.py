"""Files between the worker's disk and a workspace on a build server, as tar in both directions."""

import io
import itertools
import os
import posixpath
import shutil
import tarfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, Protocol

from builds.engine.archive_folder import UnpackedFolder, time_of
from builds.engine.archive_names import Names
from builds.engine.errors import ContextTooLarge
from builds.engine.folder import GIT, IGNORE_FILE, LARGEST_NAMED, PERMISSIONS
from builds.engine.ignore import Ignored, Matches

OPEN: Final = 0o777
PIECE: Final = 256 * 1024
BLOCK: Final = tarfile.BLOCKSIZE
UNBOUNDED: Final = 1 << 62  # what is written is bounded by `Room`, with names of what is large
Wanted = Callable[[str, bool], bool]  # of a path below the folder, and whether it is a folder


class Readable(Protocol):
    """What a tar is read from, to its end."""

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes."""


def pack(source: Path, name: str) -> Iterator[bytes]:
    """Give the tar of a file, or of a folder with all that is in it, under the path `name`; empty: what is in it alone.

    Links are given as links. All belongs to root; times and permissions of files stay. Folders, those above `name`
    with them, are open to all: a program may run as any user.
    """
    is_folder = source.is_dir() and not source.is_symlink()
    below = (Path(at) / name for at, folders, files in os.walk(source) for name in sorted((*folders, *files)))
    with tarfile.open(fileobj=io.BytesIO(), mode="w", format=tarfile.PAX_FORMAT) as tar:
        yield from _folders(posixpath.dirname(name))
        for path in (source, *below) if is_folder else (source,):
            entry = tar.gettarinfo(path, arcname=posixpath.normpath(f"{name}/{path.relative_to(source)}"))
            if entry is None or entry.name in ("", "/", "."):  # a socket, or the folder itself
                continue
            entry.name = entry.name.lstrip("/")
            entry.uid = entry.gid = 0
            entry.uname = entry.gname = ""
            if entry.isdir():
                entry.mode = OPEN
            yield entry.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")
            if entry.isreg():
                with path.open("rb") as file:
                    while piece := file.read(PIECE):
                        yield piece
                yield bytes(-entry.size % BLOCK)
    yield bytes(2 * BLOCK)


def pack_folder(name: str) -> Iterator[bytes]:
    """Give the tar of an empty folder, and of those above it, as `pack` gives folders."""
    yield from _folders(name)
    yield bytes(2 * BLOCK)


def _folders(name: str) -> Iterator[bytes]:
    parts = [part for part in name.split("/") if part not in ("", ".")]
    for path in itertools.accumulate(parts, posixpath.join):
        entry = tarfile.TarInfo(path)
        entry.type, entry.mode = tarfile.DIRTYPE, OPEN
        yield entry.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")


class Room:
    """How many bytes the files of one or more tars may have together (None: no limit), and what they have so far."""

    def __init__(self, limit_bytes: int | None) -> None:
        self._limit_bytes = limit_bytes
        self._sizes: Counter[str] = Counter()

    def take(self, path: str, size: int) -> None:
        """Count one file. Raises `ContextTooLarge`, with what is large, before it is written."""
        self._sizes[path.partition("/")[0]] += size
        if self._limit_bytes is not None and self._sizes.total() > self._limit_bytes:
            raise ContextTooLarge(self._sizes.total(), self._limit_bytes, self._sizes.most_common(LARGEST_NAMED))


def unpack_wanted(
    file: Readable, root: Path, wanted: Wanted, *, room: Room | None, look: Callable[[], None]
) -> list[str]:
    """Unpack what is `wanted` of an engine's tar into the new folder `root`; return what could not be had by it.

    That are further names of files whose first name was not wanted: the tar holds their content under that alone.
    Links are written as links, and nothing is written below one. Without `room` all files are written empty, for their
    names. `look` is called for each piece that is read, to raise what ends it. Raises `ArchiveRefused` for a name that
    must not be, `ContextTooLarge` for more than there is room for, `tarfile.TarError` for a tar that breaks off.
    """
    root.mkdir(parents=True, exist_ok=True)
    unpacking = _Unpacking(root, room)
    pieces: Any = _Looking(file, look)
    with tarfile.open(fileobj=pieces, mode="r|", bufsize=PIECE, encoding="utf-8", errors="surrogateescape") as tar:
        for entry in tar:
            path = unpacking.names.path(entry.name)
            if path and wanted(path, entry.isdir()):
                unpacking.take(entry, path, tar)
    unpacking.into.finish()
    return unpacking.missing


class _Looking:
    """A file that is looked up from before each piece: one large entry may be all that there is."""

    def __init__(self, file: Readable, look: Callable[[], None]) -> None:
        self._file, self._look = file, look

    def read(self, size: int) -> bytes:
        self._look()
        return self._file.read(size)


class _Unpacking:
    """What has been written so far of one tar."""

    def __init__(self, root: Path, room: Room | None) -> None:
        self.names, self.into = Names(UNBOUNDED, has_backslashes=True), UnpackedFolder(root)
        self.missing: list[str] = []
        self._room = room

    def take(self, entry: tarfile.TarInfo, path: str, tar: tarfile.TarFile) -> None:
        """Write one entry; what is neither folder, file nor link is left out."""
        modified = time_of(entry.mtime)
        if entry.isdir():
            self.into.make(self.names.folder(entry.name), modified)
        elif entry.issym():
            # Nothing follows it here, so that it may lead anywhere: the image's own files may be meant.
            place = self.into.place(self.names.unfollowed_link(entry.name))
            place.symlink_to(entry.linkname)
            self.into.stamp(place, modified)
        elif self._room is None:
            if entry.isreg() or entry.islnk():
                self.into.place(self.names.file(entry.name, 0)).touch()
        elif entry.islnk():
            first = self.into.root / self.names.path(entry.linkname)
            if self.names.has_file(entry.linkname):
                self.into.place(self.names.file(entry.name, 0)).hardlink_to(first)
            else:
                self.missing.append(path)
        elif entry.isreg() and (content := tar.extractfile(entry)) is not None:
            self._room.take(path, entry.size)
            place = self.into.place(self.names.file(entry.name, entry.size))
            with place.open("xb") as written:
                shutil.copyfileobj(content, written, PIECE)
            place.chmod(entry.mode & PERMISSIONS)
            self.into.stamp(place, modified)


def file_named(name: str) -> Wanted:
    """Want this one file at the top, and no folder of its name."""
    return lambda path, is_folder: path == name and not is_folder


class NotIgnored:
    """What an engine may ask for of a folder: all but `.git`, and what the text of its ignore file leaves out.

    Raises `PatternInvalid` for a pattern that cannot be read.
    """

    def __init__(self, patterns: str) -> None:
        lines = (line.strip() for line in patterns.removeprefix("\N{BOM}").splitlines())
        self._ignored = Ignored(line for line in lines if not line.startswith("#"))
        self._matches: dict[str, Matches] = {"": self._ignored.at_top}

    def __call__(self, path: str, is_folder: bool) -> bool:  # noqa: FBT001  as `Wanted` is called
        """Say whether the engine may ask for this path, which comes after the folders above it."""
        above, _, name = path.rpartition("/")
        if name == GIT or above not in self._matches:
            return False
        is_out, matches = self._ignored.look(path, self._matches[above])
        if is_folder and (not is_out or self._ignored.may_hold_exceptions(path)):
            self._matches[path] = matches
        return not is_out or path == IGNORE_FILE
