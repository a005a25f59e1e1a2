"""Make a small base image on an engine without pulling anything: a root file system of given files, as a tar."""

import hashlib
import io
import subprocess
import tarfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

from builds.engine.types import Link

BUSYBOX: Final = Path("/bin/busybox")  # Debian's busybox-static
PASSWD: Final = b"root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n"
GROUP: Final = b"root:x:0:\nnogroup:x:65534:\n"

Content = bytes | Path | Link


def busybox_files(busybox: Path = BUSYBOX) -> dict[str, Content]:
    """Return the files of a base image around a statically linked busybox: its applets, /tmp, users.

    Raises `OSError` or `subprocess.CalledProcessError` when `busybox` is not there or does not run.
    """
    listed = subprocess.run([busybox, "--list"], capture_output=True, check=True, text=True, timeout=10)
    applets = [name for name in listed.stdout.split() if name != "busybox"]
    return {
        "bin/busybox": busybox,
        **{f"bin/{name}": Link("busybox") for name in applets},
        "tmp/": b"",
        "root/": b"",
        "etc/passwd": PASSWD,
        "etc/group": GROUP,
    }


@cache
def tools() -> tuple[str, Mapping[str, Content]]:
    """Return name and files of the image in which BuildHub's own containers run; another busybox gives another name.

    Raises as `busybox_files`.
    """
    files = busybox_files()
    return f"buildhub-tools:{hashlib.sha256(rootfs(files)).hexdigest()[:16]}", files


def rootfs(files: Mapping[str, Content]) -> bytes:
    """Return the tar of `files`: bytes, a `Path` to copy with its mode, or a `Link`.

    A name that ends in a slash is a folder (`tmp/` is writable for all). Owner is root, times are 0.
    """
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, content in files.items():
            _add(tar, name.lstrip("/"), content)
    return buffer.getvalue()


def _add(tar: tarfile.TarFile, name: str, content: Content) -> None:
    entry, data = tarfile.TarInfo(name.rstrip("/")), b""
    if name.endswith("/"):
        entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if name == "tmp/" else 0o755
    elif isinstance(content, Link):
        entry.type, entry.linkname, entry.mode = tarfile.SYMTYPE, content.target, 0o777
    else:
        data = content.read_bytes() if isinstance(content, Path) else content
        entry.mode = content.stat().st_mode & 0o777 if isinstance(content, Path) else 0o644
    entry.size = len(data)
    tar.addfile(entry, io.BytesIO(data))
