"""Looks each second whether an instruction runs twice, or after its run has ended."""

import re
import threading
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from bench.faults import database

LOOK_SECONDS = 1.0
MARK = re.compile(rb"(?:\A|\0)STORM=(storm-\d+-\d+-mark)\0")
Marked = dict[str, list[int]]


def marked_processes() -> Marked:
    """Return for each mark the processes of the engine that are an instruction's first: its parent has no mark."""
    marks, parents = {}, {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            found = MARK.search((folder / "environ").read_bytes())
            if found:
                fields = (folder / "stat").read_text().rpartition(") ")[2].split()
                if fields[0] not in "ZX":
                    marks[int(folder.name)], parents[int(folder.name)] = found[1].decode(), int(fields[1])
        except OSError:
            continue
    firsts: Marked = defaultdict(list)
    for pid, mark in marks.items():
        if marks.get(parents[pid]) != mark:
            firsts[mark].append(pid)
    return firsts


@dataclass
class Watch:
    """Samples in a thread of its own. `marks` gives the mark of each run known so far."""

    url: str
    marks: dict[int, str]
    samples: int = 0
    seen_running: set[str] = field(default_factory=set)
    doubled: dict[str, list[int]] = field(default_factory=dict)
    alive_after_end: dict[str, str] = field(default_factory=dict)
    error: BaseException | None = None

    def start(self) -> None:
        """Begin."""
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._ended.set()
        self._thread.join(30)

    def _run(self) -> None:
        try:
            while not self._ended.wait(LOOK_SECONDS):
                self._sample()
        except Exception as error:  # noqa: BLE001  told by the main thread
            self.error = error

    def _sample(self) -> None:
        """Ask first who has ended, then look what lives: whoever ended before must not be there."""
        reasons = {self.marks.get(run, ""): reason for run, _state, reason in
                   database.ask_or_nothing(self.url, database.ENDS)}  # fmt: skip
        found = marked_processes()
        self.samples += 1
        self.seen_running |= found.keys()
        for mark, pids in found.items():
            if len(pids) > 1 and set(pids) <= set(marked_processes().get(mark, ())):
                self.doubled[mark] = pids
            if mark in reasons and marked_processes().get(mark):
                self.alive_after_end.setdefault(mark, reasons[mark])
