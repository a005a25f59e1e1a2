"""Archives that the tests make: by the real tools, and by hand where no tool makes such."""

import gzip
import io
import subprocess
import tarfile
import zipfile
from pathlib import Path

from builds.engine.archive import ArchiveFacts, inspect, unpack

LIMIT = 64 * 1024**2


def entry(name: str, content: bytes = b"", **fields) -> tuple[tarfile.TarInfo, bytes]:
    """An entry of a tar with any fields."""
    made = tarfile.TarInfo(name)
    made.size = len(content)
    for field, value in fields.items():
        setattr(made, field, value)
    return made, content


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tuple[tarfile.TarInfo, bytes]:
    return entry(name, type=kind, linkname=target)


def tar(*entries: tuple[tarfile.TarInfo, bytes], form: int = tarfile.PAX_FORMAT) -> bytes:
    """A tar of these entries, also of those that the program tar would not pack."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=form) as archive:
        for member, content in entries:
            archive.addfile(member, io.BytesIO(content))
    return made.getvalue()


def block(name: bytes, kind: bytes, size: bytes) -> bytes:
    """A header as it stands in the file, with a valid checksum."""
    made = bytearray(512)
    made[: len(name)], made[124 : 124 + len(size)], made[156:157], made[257:265] = name, size, kind, b"ustar\x0000"
    made[148:156] = b" " * 8
    made[148:156] = b"%06o\0 " % sum(made)
    return bytes(made)


def zipped(*entries: tuple[str | zipfile.ZipInfo, bytes], packing: int = zipfile.ZIP_DEFLATED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", packing) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return made.getvalue()


def zip_entry(name: str, mode: int, system: int = 3) -> zipfile.ZipInfo:
    made = zipfile.ZipInfo(name, (2024, 5, 6, 7, 8, 10))
    made.external_attr, made.create_system = mode << 16, system
    return made


def packed(folder: Path, *options: str) -> bytes:
    """What the program tar makes of a folder."""
    return subprocess.run(["tar", "-C", folder, *options, "-c", "."], check=True, capture_output=True).stdout


def looked(content: bytes, limit: int = LIMIT) -> ArchiveFacts:
    return inspect(io.BytesIO(content), limit_bytes=limit)


def unpacked(content: bytes, into: Path, limit: int = LIMIT) -> ArchiveFacts:
    into.mkdir(exist_ok=True)
    return unpack(io.BytesIO(content), into, limit_bytes=limit)


def gz(content: bytes) -> bytes:
    return gzip.compress(content, 1, mtime=0)
