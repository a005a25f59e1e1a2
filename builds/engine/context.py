"""Pack what a build is made from as the tar stream that the Engine API takes.

The engine looks only at the first 512 bytes to tell a tar from a bare Dockerfile, and knows only the plain ustar
header there (engine notes, section 7). So the Dockerfile always goes first, under a short ASCII name.
"""

import tarfile
from collections.abc import Callable, Iterable
from typing import Final

DOCKERFILE_NAME: Final = ".dockerfile.build"  # fixed: a changing name would spoil the cache of every `COPY .`


def inline_context(dockerfile_text: str) -> Callable[[], Iterable[bytes]]:
    """Return the context of a build that has a typed Dockerfile and no files; each call starts the stream anew."""

    def stream() -> Iterable[bytes]:
        yield file_entry(DOCKERFILE_NAME, dockerfile_text.encode())
        yield end_of_tar()

    return stream


def file_entry(name: str, content: bytes) -> bytes:
    """Return one regular file as tar blocks: plain ustar, owner root, time 0, so that equal content is equal bytes.

    Raises `ValueError` for a name that ustar cannot hold.
    """
    header = tarfile.TarInfo(name)
    header.size = len(content)
    header.mode = 0o644
    padding = -len(content) % tarfile.BLOCKSIZE
    return header.tobuf(tarfile.USTAR_FORMAT) + content + b"\0" * padding


def end_of_tar() -> bytes:
    """Return the two empty blocks that close a tar."""
    return b"\0" * (2 * tarfile.BLOCKSIZE)
