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


def make_registry_image(url: str) -> None:
    """Make an image that is called and started like `registry:2`, of this machine's docker-registry."""
    program = Path("/usr/bin/docker-registry")
    linked = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    libraries = [Path(word) for line in linked.splitlines() for word in line.split() if word.startswith("/")]
    settings = b"version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: /var/lib/registry\nhttp:\n  addr: :5000\n"
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for path in (program, *libraries):
            _add(tar, str(path).lstrip("/"), path.read_bytes(), 0o755)
        _add(tar, "config.yml", settings, 0o644)
    client = docker.APIClient(base_url=url, version="auto", timeout=60)
    client.trust_env = False
    try:
        client.import_image_from_data(
            buffer.getvalue(),
            repository="registry",
            tag="2",
            changes=[f'CMD ["{program}", "serve", "/config.yml"]', "EXPOSE 5000", "WORKDIR /"],
        )
    finally:
        client.close()
