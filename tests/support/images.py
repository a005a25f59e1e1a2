"""Images made here, because none can be pulled: a base image of the static busybox."""

import io
import subprocess
import tarfile
from pathlib import Path

import docker

BASE_IMAGE = "buildhub-test/busybox:1"
BUSYBOX = Path("/bin/busybox")


def make_base_image(url: str, reference: str = BASE_IMAGE) -> str:
    """Import busybox with all its applets as image `reference` into the engine at `url`; return the reference."""
    client = docker.APIClient(base_url=url, version="auto", timeout=60)
    client.trust_env = False
    repository, _, tag = reference.rpartition(":")
    try:
        client.import_image_from_data(_file_system(), repository=repository, tag=tag)
    finally:
        client.close()
    return reference


def _file_system() -> bytes:
    """Return a tar of /bin with busybox and a link for each applet, /tmp and /etc/passwd."""
    applets = subprocess.run([BUSYBOX, "--list"], capture_output=True, text=True, check=True).stdout.split()
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for folder, mode in (("bin", 0o755), ("etc", 0o755), ("tmp", 0o1777)):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, mode
            tar.addfile(entry)
        _add(tar, "bin/busybox", BUSYBOX.read_bytes(), 0o755)
        _add(tar, "etc/passwd", b"root:x:0:0:root:/:/bin/sh\n", 0o644)
        for applet in applets:
            if applet != "busybox":
                link = tarfile.TarInfo(f"bin/{applet}")
                link.type, link.linkname = tarfile.SYMTYPE, "busybox"
                tar.addfile(link)
    return buffer.getvalue()


def _add(tar: tarfile.TarFile, name: str, data: bytes, mode: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(data), mode
    tar.addfile(entry, io.BytesIO(data))
