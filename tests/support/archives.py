"""Archives as people upload them."""

import io
import tarfile


def tar_of(*, mode: str = "w", **files: bytes) -> bytes:
    """Return a tar (`mode` w:gz: tar.gz) with these files; a name is given with `__` for a dot."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode=mode) as archive:  # type: ignore[call-overload]
        for name, content in files.items():
            entry = tarfile.TarInfo(name.replace("__", "."))
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()
