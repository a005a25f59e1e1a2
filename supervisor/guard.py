"""The supervisor's end of the guardian's pipe (guardian.py says what it is for)."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import astuple
from pathlib import Path

from supervisor.processes import Group, inherited

CHECKOUT = Path(__file__).resolve().parents[1]


class Guard:
    """Keeps one guardian alive and told. Every call may be repeated without harm.

    `held` is a descriptor that the guardian keeps open as long as it lives: the lock of the data directory.
    """

    def __init__(self, data_dir: Path, cgroup: str, *, held: int | None = None) -> None:
        self._arguments = (str(data_dir), cgroup)
        self._held = () if held is None else (held,)
        self._process: subprocess.Popen[bytes] | None = None
        self._groups: Sequence[Group] = ()

    @property
    def pid(self) -> int | None:
        """The guardian's process id, None before the first `tell`."""
        return self._process.pid if self._process else None

    def tell(self, groups: Sequence[Group]) -> None:
        """Tell the guardian what runs now; starts it where there is none."""
        self._groups = groups
        process = self._running()
        if process.stdin is not None:
            line = json.dumps([astuple(group) for group in groups]) + "\n"
            with suppress(BrokenPipeError):  # it died just now: `keep` starts the next one
                os.write(process.stdin.fileno(), line.encode())

    def keep(self) -> None:
        """Start another guardian when the last one has died."""
        if self._process is not None and self._process.poll() is not None:
            self.tell(self._groups)

    def dismiss(self) -> None:
        """Tell the guardian that nothing runs any more and wait until it has gone."""
        if self._process is None:
            return
        self.tell(())
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait(timeout=5)
        self._process = None

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            if self._process is not None and self._process.stdin is not None:
                self._process.stdin.close()
            self._process = subprocess.Popen(
                [sys.executable, "-S", "-m", f"{__package__}.guardian", *self._arguments],
                cwd=CHECKOUT,
                env=inherited(),
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                pass_fds=self._held,
                start_new_session=True,
            )
        return self._process
