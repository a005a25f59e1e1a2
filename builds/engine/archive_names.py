"""What may stand in an archive that somebody has uploaded: its entries by name, and where its links lead."""

import os
import posixpath
from typing import Final

from builds.engine.errors import shown

MOST_ENTRIES: Final = 200_000
NAMES_BYTES: Final = 32 * 1024**2  # of all names and targets of links together: they are kept in memory
LONGEST_NAME: Final = 4096  # bytes
LONGEST_PART: Final = 255  # bytes
LONGEST_SHOWN: Final = 200  # characters of a name in a sentence
DEEPEST: Final = 250  # folders: Python 3.11 removes a tree with an open folder for each of them
MOST_LINKS: Final = 40  # that Linux follows on the way to one file
FOLDER: Final = b"/"
FILE: Final = b""
UNFOLLOWED: Final = b"\0"
AS_TAR: Final = "Pack the folder itself, as `tar -C FOLDER -c .` does."
LEAVE_OUT: Final = "Leave it out."


class ArchiveRefused(Exception):  # noqa: N818  names what happened
    """An archive that is not taken; `sentence` names the entry and says what to do."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


def quoted(name: str) -> str:
    """Return the name of an entry to be read by people: one line, whatever characters it has."""
    text = "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in shown(name or "(empty)")
    )
    return f'"{text[:LONGEST_SHOWN]}{"…" if len(text) > LONGEST_SHOWN else ""}"'


def refused(name: str, why: str, remedy: str) -> ArchiveRefused:
    """Return that the archive is not taken because of its entry `name`."""
    return ArchiveRefused(f"The entry {quoted(name)} of the archive {why}. {remedy}")


class Names:
    """The entries of an archive so far; refuses the one that may not be among them.

    Each method takes an entry's name as the archive has it and returns its path in the folder. Nothing lies below a
    link, so that such a path can be written without following one. A backslash is refused, as Windows parts folders by
    it, but for `has_backslashes`: where a Linux file system has given the names.
    """

    def __init__(self, limit_bytes: int, *, has_backslashes: bool = False) -> None:
        self.unpacked_bytes = 0
        self.last = ""  # for the sentence about an archive that breaks off
        self._limit_bytes = limit_bytes
        self._has_backslashes = has_backslashes
        self._entries = 0
        self._names_bytes = 0
        self._kinds: dict[bytes, bytes] = {}  # by path: FOLDER, FILE or the target of a link
        self._leads: dict[bytes, bytes | None] = {}

    @property
    def file_count(self) -> int:
        """Return how many regular files there are."""
        return sum(kind == FILE for kind in self._kinds.values())

    def folder(self, name: str) -> str:
        """Take a folder; the path of the folder that was packed is empty."""
        return self._take(name, FOLDER)

    def file(self, name: str, size: int) -> str:
        """Take a file of `size` bytes."""
        path = self._take(name, FILE)
        if size < 0:
            raise refused(name, "has a size that cannot be read", "Pack it again.")
        self.unpacked_bytes += size
        if self.unpacked_bytes > self._limit_bytes:
            raise ArchiveRefused(
                f"The archive unpacks to more than the {self._limit_bytes:,} bytes that are allowed, at its entry"
                f" {quoted(name)}. Leave out what the build does not need, or let the operator raise"
                " BUILDHUB_CONTEXT_LIMIT_MB."
            )
        return path

    def link(self, name: str, target: str) -> str:
        """Take a symbolic link; where it leads is looked at by `finish`, when all entries are known."""
        if target.startswith("/"):
            raise refused(name, f"is a link to the absolute name {quoted(target)}", "Make it a relative link.")
        if not target or "\0" in target or len(os.fsencode(target)) >= LONGEST_NAME:
            raise refused(name, f"is a link to {quoted(target)}, which is no usable name", LEAVE_OUT)
        return self._take(name, os.fsencode(target))

    def unfollowed_link(self, name: str) -> str:
        """Take a symbolic link whose target may be anything, as nothing follows it."""
        return self._take(name, UNFOLLOWED)

    def hard_link(self, name: str, target: str) -> tuple[str, str]:
        """Take a hard link; return also the path of the file that it is one more name of."""
        if not self.has_file(target):
            raise refused(name, f"is a hard link to {quoted(target)}, which is no file before it", "Pack both again.")
        return self._take(name, FILE), self.path(target)

    def has_file(self, name: str) -> bool:
        """Say whether a file of this name has been taken."""
        return self._kinds.get(os.fsencode(self.path(name))) == FILE

    def finish(self) -> None:
        """Refuse links that lead out of the folder, also those that do so by way of another link."""
        for path, kind in self._kinds.items():
            if kind not in {FOLDER, FILE}:
                self._follow(path, MOST_LINKS)

    def path(self, name: str) -> str:
        """Return the path that `name` is of. Raises `ArchiveRefused`."""
        if name.startswith("/"):
            raise refused(name, "has an absolute name", AS_TAR)
        if ("\\" in name and not self._has_backslashes) or "\0" in name:
            raise refused(name, "has a backslash or NUL in its name", "Rename it; folders are parted by /.")
        parts = [part for part in name.split("/") if part not in {"", "."}]
        if ".." in parts:
            raise refused(name, "has .. in its name", AS_TAR)
        path = "/".join(parts)
        if len(os.fsencode(path)) > LONGEST_NAME or any(len(os.fsencode(part)) > LONGEST_PART for part in parts):
            longest = f"{LONGEST_NAME:,} bytes, or one of a folder or file over {LONGEST_PART}"
            raise refused(name, f"has a name over {longest}", "Rename it.")
        if len(parts) > DEEPEST:
            raise refused(name, f"lies more than {DEEPEST} folders deep", LEAVE_OUT)
        return path

    def _take(self, name: str, kind: bytes) -> str:
        self.last = name
        path = self.path(name)
        if not path and kind != FOLDER:
            raise refused(name, "has the name of the folder itself", AS_TAR)
        key = os.fsencode(path)
        there = self._kinds.get(key)
        if (there == FOLDER) != (kind == FOLDER) and there is not None:
            raise refused(name, "is in it as a folder and as something else", "Leave out one of the two.")
        if path:
            self._take_above(name, key)
            self._keep(key, kind)
        return path

    def _take_above(self, name: str, key: bytes) -> None:
        """Take the folders above an entry, from the nearest on: no entry need name them."""
        above = posixpath.dirname(key)
        while above and (kind := self._kinds.get(above)) != FOLDER:
            if kind is not None:
                what = "a file" if kind == FILE else "a link"
                why = f"lies below {quoted(os.fsdecode(above))}, which is {what} of the same archive"
                raise refused(name, why, "Leave out one of the two.")
            self._keep(above, FOLDER)
            above = posixpath.dirname(above)

    def _keep(self, key: bytes, kind: bytes) -> None:
        self._kinds[key] = kind
        self._entries += 1
        self._names_bytes += len(key) + len(kind)
        if self._entries > MOST_ENTRIES or self._names_bytes > NAMES_BYTES:
            raise ArchiveRefused(
                f"The archive has more than {MOST_ENTRIES:,} entries, or names of more than {NAMES_BYTES:,} bytes"
                f" together, at its entry {quoted(self.last)}. Leave out what the build does not need."
            )

    def _follow(self, path: bytes, most: int) -> bytes | None:
        """Return where a link leads; None where it is part of a circle, which leads nowhere."""
        if path in self._leads:
            return self._leads[path]
        if not most:
            raise refused(os.fsdecode(path), f"is reached through more than {MOST_LINKS} links", LEAVE_OUT)
        self._leads[path] = None  # until it is known: who comes back here goes in a circle
        at: bytes | None = posixpath.dirname(path)
        for part in self._kinds[path].split(b"/"):
            if at is not None and part not in {b"", b"."}:
                at = self._step(path, at, part, most)
        self._leads[path] = at
        return at

    def _step(self, path: bytes, at: bytes, part: bytes, most: int) -> bytes | None:
        """Return where one part of the target of the link `path` leads from `at`."""
        if part == b"..":
            if not at:
                target = quoted(os.fsdecode(self._kinds[path]))
                raise refused(os.fsdecode(path), f"is a link to {target}, out of the folder", LEAVE_OUT)
            return posixpath.dirname(at)
        to = posixpath.join(at, part)
        is_link = self._kinds.get(to, FOLDER) not in {FOLDER, FILE}
        return self._follow(to, most - 1) if is_link else to
