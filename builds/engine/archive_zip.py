"""Reading a zip that somebody has uploaded, by Python's zipfile: what it does not bound itself is bounded here."""

import calendar
import stat
import zipfile
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import IO, BinaryIO, Final, cast

from builds.engine.archive_folder import UnpackedFolder, time_of
from builds.engine.archive_names import LEAVE_OUT, ArchiveRefused, Names, refused

DIRECTORY_BYTES: Final = 16 * 1024**2  # of the zip's own directory, which zipfile reads into memory as a whole
PIECE: Final = 64 * 1024
UNIX: Final = 3  # made there: the upper half of the attributes is a file's mode, and names are bytes
IN_UTF_8: Final = 0x800
ENCRYPTED: Final = 0x1 | 0x40 | 0x2000
METHODS: Final = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})  # zipfile bounds no others as it unpacks them
TYPES: Final = frozenset({0, stat.S_IFREG, stat.S_IFDIR})


class _Bounded:
    """The bytes of a zip; refuses a directory that is too large to be read into memory."""

    def __init__(self, file: BinaryIO, look: Callable[[], None]) -> None:
        self._file, self._look = file, look
        self.seekable, self.tell = file.seekable, file.tell

    def read(self, size: int = -1) -> bytes:
        """Return `size` bytes, all that are left where it is below 0."""
        self._look()
        piece = self._file.read(size if 0 <= size <= DIRECTORY_BYTES else DIRECTORY_BYTES + 1)
        if len(piece) > DIRECTORY_BYTES:
            raise ArchiveRefused(
                f"The directory of the zip has more than {DIRECTORY_BYTES:,} bytes. Leave out files that the build"
                " does not need, or pack a tar.gz."
            )
        return piece

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a place in the file."""
        if whence == 0 and offset < 0:
            raise zipfile.BadZipFile("its directory leads before its beginning")
        return self._file.seek(offset, whence)


class _Entry:
    """An entry as it is to be unpacked."""

    def __init__(self, info: zipfile.ZipInfo) -> None:
        self.info = info
        self._is_unix = info.create_system == UNIX
        self._mode = info.external_attr >> 16 if self._is_unix else 0

    @property
    def name(self) -> str:
        """The name as it stands in the zip: on Unix it is bytes, which zipfile takes for cp437 without a flag."""
        name = self.info.orig_filename
        if self._is_unix and not self.info.flag_bits & IN_UTF_8:
            return name.encode("cp437").decode("utf-8", "surrogateescape")
        return name

    @property
    def permissions(self) -> int:
        """The mode of a file as tarfile's filter "data" makes it; one that was not packed on Unix has none."""
        mode = self._mode & 0o755 or 0o644
        return mode | 0o600 if mode & 0o100 else mode & ~0o111 | 0o600

    @property
    def modified(self) -> float:
        """The time of an entry; a zip says no time zone."""
        try:
            return time_of(calendar.timegm(self.info.date_time))
        except ValueError:  # a month or day 0
            return 0

    def check(self) -> None:
        """Raise `ArchiveRefused` where it is nothing that is unpacked."""
        name, kind = self.name, stat.S_IFMT(self._mode)
        if self.info.flag_bits & ENCRYPTED:
            raise refused(name, "is encrypted", "Pack it without a password.")
        if self.info.compress_type not in METHODS:
            raise refused(name, "is packed by another method than deflate", "Pack it again by zip, or as tar.gz.")
        if kind == stat.S_IFLNK:
            raise refused(name, "is a symbolic link, which is not taken from a zip", "Pack a tar.gz, or leave it out.")
        if kind not in TYPES:
            raise refused(name, "is a device, FIFO or socket", LEAVE_OUT)

    def read(self, archive: zipfile.ZipFile, place: Path | None) -> None:
        """Read the content to its end, where its checksum is compared, and write it to `place`."""
        left = self.info.file_size
        with archive.open(self.info) as content, place.open("xb") if place else nullcontext() as target:
            while piece := content.read(PIECE):
                left -= len(piece)
                if target:
                    target.write(piece)
        if left:
            raise zipfile.BadZipFile("an entry has another size than it says")


def read_zip(file: BinaryIO, names: Names, into: UnpackedFolder | None, look: Callable[[], None]) -> None:
    """Read all entries, and write them to `into`; `look` is called again and again, to raise what ends it."""
    with zipfile.ZipFile(cast("IO[bytes]", _Bounded(file, look))) as archive:
        for entry in map(_Entry, archive.infolist()):
            entry.check()
            if entry.info.is_dir():
                path = names.folder(entry.name)
                if into:
                    into.make(path, entry.modified)
                continue
            path = names.file(entry.name, entry.info.file_size)
            place = into.place(path) if into else None
            entry.read(archive, place)
            if into and place:
                place.chmod(entry.permissions)
                into.stamp(place, entry.modified)
