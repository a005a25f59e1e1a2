"""Reading a tar that somebody has uploaded, by Python's tarfile: what it does not bound itself is bounded here."""

import re
import tarfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, BinaryIO, Final, cast

from builds.engine.archive_folder import UnpackedFolder, time_of
from builds.engine.archive_names import LEAVE_OUT, LONGEST_PART, MOST_ENTRIES, ArchiveRefused, Names, quoted, refused

BLOCK: Final = tarfile.BLOCKSIZE
ENCODING: Final = "utf-8"
ERRORS: Final = "surrogateescape"
HEADER_BYTES: Final = 256 * 1024  # of all headers of one entry: tarfile reads each of them into memory
ALL_HEADERS_BYTES: Final = MOST_ENTRIES * 4 * BLOCK  # of all entries: they count for nothing in the limit of files
HEADERS: Final = 8  # of one entry: tarfile keeps what it has read of one until it has read the next
SHARED_BYTES: Final = 64 * 1024  # of the headers that count for all entries that follow
PIECE: Final = 64 * 1024
LONGEST_RECORD: Final = 1024**2
# A header with a longer one takes tarfile's regular expressions time that grows with the square of it.
LONG_NUMBER: Final = re.compile(rb"\d{%d}" % (LONGEST_PART + 1))


class _Member(tarfile.TarInfo):
    """An entry; tarfile calls this once for each of its headers, from within the one before."""

    @classmethod
    def fromtarfile(cls, tarfile: tarfile.TarFile) -> "_Member":
        cast("_Headers", tarfile.fileobj).count()
        return super().fromtarfile(tarfile)


class _Headers:
    """The bytes of a tar; refuses headers that are too large to be read into memory."""

    def __init__(self, file: BinaryIO, names: Names, look: Callable[[], None]) -> None:
        self._file, self._names, self._look = file, names, look
        self._left: int | None = None
        self._headers = self._total = 0
        self.last = b""

    def begin(self) -> None:
        """Begin to read the headers of one entry."""
        self._left, self._headers = HEADER_BYTES, 0

    def end(self) -> None:
        """Go on to the content of the entry."""
        self._left = None

    def count(self) -> None:
        """Take one header of an entry."""
        self._headers += 1
        if self._headers > HEADERS:
            raise self._too_large()

    def read(self, size: int = -1) -> bytes:
        """Return `size` bytes."""
        self._look()
        if self._left is not None:
            if not 0 <= size <= self._left or self._total > ALL_HEADERS_BYTES:
                raise self._too_large()
            self._left -= size
            self._total += size
        self.last = self._file.read(size)
        if self._left is not None and LONG_NUMBER.search(self.last):
            raise self._too_large()
        return self.last

    def seek(self, offset: int) -> int:
        """Go to a place further on."""
        return self._file.seek(offset)

    def tell(self) -> int:
        """Return where the next read begins."""
        return self._file.tell()

    def _too_large(self) -> ArchiveRefused:
        return ArchiveRefused(
            f"The entry after {quoted(self._names.last)} of the archive has headers that are too large."
            f" Pack it without extended attributes."
        )


def looks_like_tar(head: bytes) -> bool:
    """Say whether `head` is the first header of a tar, also of one from before there was a name for it in there."""
    with suppress(tarfile.HeaderError):
        tarfile.TarInfo.frombuf(head, ENCODING, ERRORS)
        return True
    return False


@dataclass
class _Reader:
    """Takes the entries of a tar one by one."""

    tar: tarfile.TarFile
    headers: _Headers
    names: Names
    into: UnpackedFolder | None

    def read(self) -> None:
        """Take all entries."""
        at = -1
        kept: list[tarfile.TarInfo] = vars(self.tar)["members"]
        while (member := self.tar.next()) is not None:
            kept.clear()  # tarfile would keep them all
            shared = sum(len(key) + len(value) for key, value in self.tar.pax_headers.items())
            if shared > SHARED_BYTES or self.tar.offset <= at:  # a size below 0 would lead back to where it was
                raise refused(member.name, "has headers that cannot be used", "Pack it again.")
            at = self.tar.offset
            self.headers.end()
            self._take(member)
            self.headers.begin()

    def _take(self, member: tarfile.TarInfo) -> None:
        if member.isdir():
            path = self.names.folder(member.name)
            if self.into:
                self.into.make(path, time_of(member.mtime))
            return
        path, linkname = self._named(member)
        is_named_twice = member.islnk() and path == linkname  # when it was packed; it is there
        if self.into and not is_named_twice:
            place, modified = self.into.place(path), time_of(member.mtime)
            made = member.replace(name=path, linkname=linkname, mtime=modified, deep=False)
            self.tar.extract(made, self.into.root, filter="data")
            self.into.stamp(place, modified)

    def _named(self, member: tarfile.TarInfo) -> tuple[str, str]:
        """Return the path of a file or link, and where it leads."""
        if member.isreg():
            path = self.names.file(member.name, member.size)
            self._refuse_holes(member)
            return path, ""
        if member.issym():
            return self.names.link(member.name, member.linkname), member.linkname
        if member.islnk():
            return self.names.hard_link(member.name, member.linkname)
        what = "a device or FIFO" if member.isdev() else f"of a kind that no build uses ({quoted(chr(member.type[0]))})"
        raise refused(member.name, f"is {what}", LEAVE_OUT)

    def _refuse_holes(self, member: tarfile.TarInfo) -> None:
        """Refuse a sparse file whose pieces are not those of a file of its size: each is written as it stands there."""
        if member.sparse is None:
            return
        pieces = cast("list[tuple[int, int]]", member.sparse)
        at = total = 0
        is_wrong = any(offset < 0 for offset, _ in pieces)
        for offset, size in (piece for piece in pieces if piece[1]):  # those of no bytes fill up the last header
            is_wrong |= size < 0 or offset < at
            at, total = offset + size, total + size
        if is_wrong or at > member.size or self.tar.offset - member.offset_data > total + BLOCK:
            raise refused(member.name, "is a sparse file that cannot be read", "Pack it without --sparse.")


def read_tar(
    file: BinaryIO, names: Names, into: UnpackedFolder | None, limit_bytes: int, look: Callable[[], None]
) -> None:
    """Read all entries, and write them to `into`; `look` is called again and again, to raise what ends it."""
    headers = _Headers(file, names, look)
    headers.begin()
    fileobj = cast("Any", headers)
    with tarfile.TarFile(fileobj=fileobj, tarinfo=_Member, encoding=ENCODING, errors=ERRORS) as tar:
        _Reader(tar, headers, names, into).read()
    headers.end()
    if headers.last != bytes(BLOCK):
        raise tarfile.ReadError("its end is missing")
    # What follows the end is not looked at; that of a gzip holds its checksum, behind the rest of tar's last record.
    left = allowed = max(limit_bytes, LONGEST_RECORD)
    while left > 0 and (piece := headers.read(PIECE)):
        left -= len(piece)
    if left <= 0:
        raise ArchiveRefused(f"The archive goes on for more than {allowed:,} bytes after its end. Pack it again.")
