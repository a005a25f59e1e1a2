"""An archive of files for a build that somebody has uploaded: looked through, and unpacked.

Nothing in it is trusted, nor what was found when it was uploaded: the same checks are made each time it is read. All
of it is counted while it is read, and neither its size nor the number of its entries shows in the memory taken.
"""

import errno
import gzip
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, Literal, cast

from builds.engine.archive_folder import UnpackedFolder
from builds.engine.archive_names import ArchiveRefused, Names, quoted, refused
from builds.engine.archive_tar import BLOCK, looks_like_tar, read_tar
from builds.engine.archive_zip import read_zip

__all__ = ["ArchiveFacts", "ArchiveKind", "ArchiveRefused", "inspect", "unpack"]

ArchiveKind = Literal["tar", "tar.gz", "zip"]
GZIP: Final = b"\x1f\x8b"
ZIP: Final = (b"PK\x03\x04", b"PK\x05\x06")  # the first entry, or the directory of a zip without any
TAKEN: Final = "Send a tar, tar.gz or zip of the folder."
# What the readers raise for bytes that are not what they should be; all of them are their own, not the system's.
DAMAGED: Final = (
    tarfile.TarError,
    zipfile.BadZipFile,
    gzip.BadGzipFile,
    zlib.error,
    struct.error,
    EOFError,
    ValueError,
    OverflowError,
    NotImplementedError,
)


@dataclass(frozen=True, slots=True)
class ArchiveFacts:
    """What an archive is and holds: `file_count` regular files, `unpacked_bytes` of all its entries."""

    kind: ArchiveKind
    file_count: int
    unpacked_bytes: int


def inspect(file: BinaryIO, *, limit_bytes: int, look: Callable[[], None] = lambda: None) -> ArchiveFacts:
    """Return what a seekable file holds; it is read from its beginning to its end.

    `look` is called again and again meanwhile, and may raise. Raises `ArchiveRefused`.
    """
    return _read(file, None, limit_bytes, look)


def unpack(file: BinaryIO, into: Path, *, limit_bytes: int, look: Callable[[], None] = lambda: None) -> ArchiveFacts:
    """Unpack a seekable file into a folder that is new and empty, and return what it held.

    Owners, and the bits for set-uid, set-gid and sticky, are not kept; times and what may be executed are. The caller
    removes the folder where this raises. Raises `ArchiveRefused`, and `OSError` where the disk is full.
    """
    return _read(file, UnpackedFolder(into), limit_bytes, look)


def _read(file: BinaryIO, into: UnpackedFolder | None, limit_bytes: int, look: Callable[[], None]) -> ArchiveFacts:
    names = Names(limit_bytes)
    with _damage_named(names):
        kind = _kind(file)
        file.seek(0)
        if kind == "zip":
            read_zip(file, names, into, look)
        elif kind == "tar":
            read_tar(file, names, into, limit_bytes, look)
        else:
            with _Gzip(fileobj=file, mode="rb") as unpacked:
                read_tar(cast("BinaryIO", unpacked), names, into, limit_bytes, look)
        names.finish()
    if into:
        into.finish()
    return ArchiveFacts(kind, names.file_count, names.unpacked_bytes)


def _kind(file: BinaryIO) -> ArchiveKind:
    """Return what a file is, by its first bytes. Raises `ArchiveRefused` where it is nothing that is taken."""
    file.seek(0)
    head = file.read(BLOCK)
    if not head:
        raise ArchiveRefused(f"The upload is empty. {TAKEN}")
    if head.startswith(ZIP):
        return "zip"
    if looks_like_tar(head):
        return "tar"
    if not head.startswith(GZIP):
        raise ArchiveRefused(f"The upload is no archive of a kind that is taken. {TAKEN}")
    file.seek(0)
    with _Gzip(fileobj=file, mode="rb") as unpacked:
        if not looks_like_tar(unpacked.read(BLOCK)):
            raise ArchiveRefused(f"The upload is packed by gzip, and what is in it is no tar with entries. {TAKEN}")
    return "tar.gz"


class _Gzip(gzip.GzipFile):
    """A file that gzip has packed; what follows its last part is ignored, as the program gzip does."""

    def read(self, size: int | None = -1) -> bytes:
        try:
            return super().read(size)
        except gzip.BadGzipFile as error:
            if str(error).startswith("Not a gzipped file"):  # the first part was one, by its first bytes
                return b""
            raise


@contextmanager
def _damage_named(names: Names) -> Iterator[None]:
    """Turn what the readers raise into a refusal that names the entry."""
    try:
        yield
    except tarfile.FilterError as error:
        raise refused(names.last, "leads out of the folder", "Leave it out.") from error
    except DAMAGED as error:
        where = f" after its entry {quoted(names.last)}" if names.last else ""
        raise ArchiveRefused(f"The archive is truncated or damaged{where}. Pack and send it again.") from error
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise refused(names.last, "has a name that is too long for the worker's disk", "Rename it.") from error
        raise
