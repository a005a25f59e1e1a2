"""One supervisor for one data directory."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from supervisor.files import CannotStart
from supervisor.processes import is_running

TAKE_DOWN_SECONDS = 15.0  # what a guardian may need after its supervisor was killed


@contextmanager
def only_one(data_dir: Path) -> Iterator[int]:
    """Hold the lock of `data_dir`; yields its descriptor, which the guardian gets too.

    So the lock is free only when supervisor and guardian are both gone: a start right after a kill waits until the
    guardian has taken the old processes down. Raises `CannotStart` where a supervisor lives.
    """
    path = data_dir / "run" / "lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        deadline = time.monotonic() + TAKE_DOWN_SECONDS
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                pass
            holder = int(os.pread(descriptor, 20, 0).strip() or b"0")
            if is_running(holder) or time.monotonic() > deadline:
                raise CannotStart(
                    f"BuildHub already runs on {data_dir} (process {holder}): stop that one, "
                    "or set BUILDHUB_DATA_DIR and PORT to start another."
                )
            time.sleep(0.05)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield descriptor
    finally:
        os.close(descriptor)
