"""The files of a build from a folder on the worker's disk."""

import os
import posixpath
import stat
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import unquote_plus

from builds.engine.errors import ContextTooLarge, FileUnreadable
from builds.engine.ignore import Ignored, Matches, is_plain
from builds.engine.session_files import FOLDER_BIT, LINK, PIECE, Entry

GIT: Final = ".git"
IGNORE_FILE: Final = ".dockerignore"
LARGEST_NAMED: Final = 5
MOST_NAMES: Final = 1000  # that are looked up one by one; where links lead to more, all files are given
PERMISSIONS: Final = 0o777
CHANGED: Final = "It has changed since the build began."

Identity = tuple[int, int]  # device and inode


@dataclass(frozen=True)
class FolderFiles:
    """The regular files, folders and symbolic links below `root`.

    Links are given as links and never followed. What is none of the three is left out, and so is `.git` at any depth:
    it differs from clone to clone, so that `COPY .` would never be cached. All have the time `modified` (nanoseconds),
    or their own where it is None. `root` itself is followed: the caller makes sure where it lies.

    `on_begin` is called with the number and bytes of the files when the engine begins to fetch the context, on the
    session's thread.
    """

    root: Path
    modified: int | None = None
    limit_bytes: int | None = None
    on_begin: Callable[[int, int], None] = lambda files, size: None

    def entries(self, asked: Mapping[str, Sequence[str]]) -> list[Entry]:
        """Return all that `asked` does not exclude, and of this, where plain names are asked for, these alone.

        Raises:
            FileUnreadable: A folder cannot be read, or was exchanged meanwhile.
            ContextTooLarge: The files have more than `limit_bytes`.
            PatternInvalid: A pattern to be excluded cannot be read.
        """
        names = [*_texts(asked, "followpaths"), *_texts(asked, "include-patterns")]
        ignored = Ignored(_texts(asked, "exclude-patterns"))
        found = _Walk(self, ignored, _wanted(self.root, names)).entries()
        if names == [IGNORE_FILE]:  # the engine's look for its patterns is no transfer of the context
            return found
        files = [entry for entry in found if entry.mode <= PERMISSIONS]
        total = sum(entry.size for entry in files)
        if self.limit_bytes is not None and total > self.limit_bytes:
            sizes: Counter[str] = Counter()
            for entry in files:
                sizes[entry.path.partition("/")[0]] += entry.size
            raise ContextTooLarge(total, self.limit_bytes, sizes.most_common(LARGEST_NAMED))
        self.on_begin(len(files), total)
        return found


class _Folder(NamedTuple):
    """A folder whose content is still to be looked at; `is_wanted` with all that is in it."""

    path: str
    identity: Identity | None
    matches: Matches
    is_wanted: bool


class _Walk:
    """One walk through a folder; `wanted` are names that are asked for with all below them, None for all there is.

    A container of the same run may write there meanwhile. So each folder and file that is opened must be what was seen
    under its path before: a link that has taken its place could lead anywhere on this machine.
    """

    def __init__(self, files: FolderFiles, ignored: Ignored, wanted: frozenset[str] | None) -> None:
        self._root, self._modified = os.fspath(files.root), files.modified
        self._ignored = ignored
        self._wanted = wanted or frozenset()
        self._above_wanted = frozenset(above for name in self._wanted for above in _above(name))
        self._found: list[Entry] = []
        self._held_back: dict[str, Entry] = {}  # folders that are given only where something in them is
        self._folders = [_Folder("", None, ignored.at_top, wanted is None)]

    def entries(self) -> list[Entry]:
        """Return what is to be given. Raises `FileUnreadable`."""
        while self._folders:
            folder = self._folders.pop()
            with (
                _opened(self._root, folder.path, folder.identity, os.O_DIRECTORY) as opened,
                os.scandir(opened) as children,
            ):
                for child in children:
                    if child.name != GIT:
                        self._look(folder, child, opened)
        return self._found

    def _look(self, folder: _Folder, child: os.DirEntry[str], opened: int) -> None:
        path = f"{folder.path}/{child.name}" if folder.path else child.name
        is_wanted = folder.is_wanted or path in self._wanted
        if not is_wanted and path not in self._above_wanted:
            return
        is_out, matches = self._ignored.look(path, folder.matches)
        is_given = is_wanted and not is_out
        with _naming(path):
            if child.is_dir(follow_symlinks=False):
                if is_out and not self._ignored.may_hold_exceptions(path):
                    return
                seen = child.stat(follow_symlinks=False)
                entry = Entry(path, mode=FOLDER_BIT | seen.st_mode & PERMISSIONS, modified=self._time(seen))
                if is_given:
                    self._give(entry)
                else:
                    self._held_back[path] = entry
                self._folders.append(_Folder(path, (seen.st_dev, seen.st_ino), matches, is_wanted))
            elif is_given and (file := self._file(path, child, opened)):
                self._give(file)

    def _file(self, path: str, child: os.DirEntry[str], opened: int) -> Entry | None:
        """Return a file or link; None for what is neither."""
        seen = child.stat(follow_symlinks=False)
        if stat.S_ISLNK(seen.st_mode):
            target = os.readlink(child.name, dir_fd=opened)
            return Entry(path, len(os.fsencode(target)), mode=LINK, modified=self._time(seen), target=target)
        if not stat.S_ISREG(seen.st_mode):
            return None
        read = partial(_read, self._root, path, (seen.st_dev, seen.st_ino), seen.st_size)
        return Entry(path, seen.st_size, read, seen.st_mode & PERMISSIONS, self._time(seen))

    def _give(self, entry: Entry) -> None:
        """Give an entry, after the folders above it that wait for one."""
        if self._held_back:
            self._found += [held for above in _above(entry.path) if (held := self._held_back.pop(above, None))]
        self._found.append(entry)

    def _time(self, seen: os.stat_result) -> int:
        return seen.st_mtime_ns if self._modified is None else self._modified


def _read(root: str, path: str, identity: Identity, size: int) -> Iterator[bytes]:
    """Give exactly `size` bytes of a file. Raises `FileUnreadable` where it has others."""
    with _opened(root, path, identity, os.O_NONBLOCK) as file:
        left = size
        while piece := os.read(file, PIECE):
            left -= len(piece)
            if left < 0:
                break
            yield piece
        if left:
            raise FileUnreadable(path, CHANGED)


@contextmanager
def _opened(root: str, path: str, identity: Identity | None, flags: int) -> Iterator[int]:
    """Open what has this identity under `path`. Raises `FileUnreadable`, also for errors of the block."""
    with _naming(path):
        descriptor = os.open(f"{root}/{path}", os.O_RDONLY | os.O_CLOEXEC | (os.O_NOFOLLOW if path else 0) | flags)
        try:
            found = os.fstat(descriptor)
            if identity is not None and (found.st_dev, found.st_ino) != identity:
                raise FileUnreadable(path, CHANGED)
            yield descriptor
        finally:
            os.close(descriptor)


@contextmanager
def _naming(path: str) -> Iterator[None]:
    """Turn an error of the system into one that names the file."""
    try:
        yield
    except OSError as error:
        raise FileUnreadable(path, f"{error.strerror}.") from error


def _texts(asked: Mapping[str, Sequence[str]], name: str) -> list[str]:
    """Return what the engine asks under `name`; newer ones escape what is not ASCII, and say so."""
    texts = list(asked.get(name, ()))
    if f"{name}-encoded" in asked:
        return [unquote_plus(text, errors="surrogateescape") for text in texts]
    return texts


def _wanted(root: Path, names: Iterable[str]) -> frozenset[str] | None:
    """Return the plain names that are asked for, and where links lead on the way to them; None to give everything."""
    wanted: set[str] = set()
    left = [*names]
    if not left or not all(map(is_plain, left)):
        return None
    looked: set[str] = set()
    while left and len(looked) < MOST_NAMES:
        name = posixpath.normpath(f"/{left.pop()}").lstrip("/")
        if not name:
            return None
        if name not in looked:
            looked.add(name)
            wanted.add(_followed(root, name, left))
    return None if left else frozenset(wanted)


def _followed(root: Path, name: str, left: list[str]) -> str:
    """Return `name`, or the first link on the way to it; where it leads is added to `left`."""
    for part in (*_above(name), name):
        if (root / part).is_symlink():
            target = (root / part).readlink()
            left.append(posixpath.join("/", posixpath.dirname(part), target) + name.removeprefix(part))
            return part
    return name


def _above(path: str) -> Iterator[str]:
    """Return the folders above `path`, the outermost first."""
    return (path[:at] for at, sign in enumerate(path) if sign == "/")
