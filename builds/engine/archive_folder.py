"""The folder that an archive is unpacked into."""

# ruff: noqa: PTH120 - paths of an archive are text, as it has them

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

FOLDER_MODE: Final = 0o755
LATEST: Final = 2**33  # seconds since 1970: later ones are no times of files, and some file systems cannot keep them


def time_of(seconds: float) -> float:
    """Return the time of an entry as a file system can keep it; what is no number is 1970."""
    return min(max(0, seconds), LATEST)  # in this order: max() of 0 and NaN is 0


class UnpackedFolder:
    """A new, empty folder. Paths come from `Names`, so that none of them leads through a link."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._newest = 0.0
        self._times: dict[str, float | None] = {}  # of the folders, None where no entry says it

    def make(self, path: str, modified: float | None = None) -> None:
        """Make a folder and those above it, where they are not there."""
        if not path:
            return
        if path not in self._times:
            self.make(os.path.dirname(path))
            (self.root / path).mkdir(exist_ok=True)
            self._times[path] = None
        if modified is not None:
            self._times[path] = modified

    def place(self, path: str) -> Path:
        """Return where to write a file: the folders above it are there, and nothing of its name."""
        self.make(os.path.dirname(path))
        place = self.root / path
        with suppress(FileNotFoundError):  # of two entries the last one counts; a hard link keeps the first
            place.unlink()
        return place

    def stamp(self, place: Path, modified: float) -> None:
        """Give a file or link its time."""
        self._newest = max(self._newest, modified)
        os.utime(place, (modified, modified), follow_symlinks=False)

    def finish(self) -> None:
        """Give the folders mode and time, now that nothing is written into them any more.

        A folder that no entry names gets the time of the newest file: the same archive unpacks to the same folder.
        """
        for path, modified in self._times.items():
            time = self._newest if modified is None else modified
            (self.root / path).chmod(FOLDER_MODE)
            os.utime(self.root / path, (time, time))
