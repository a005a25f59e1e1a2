"""The guardian: a small process that outlives a killed supervisor just long enough to take everything down.

It reads its standard input, a pipe from the supervisor: each line is the whole table of running groups as JSON,
`[[pgid, phase, stop_signal, patience_seconds], …]`. The end of the pipe means that the supervisor is gone: the groups
of the last line are stopped in order, then stragglers are killed. After a clean stop the last line is `[]`.
Run as `python -S -m supervisor.guardian DATA_DIR CGROUP`; needs the standard library only.
"""

import json
import signal
import sys
from pathlib import Path

from supervisor.processes import Group, kill_stragglers, mark_of, take_down


def guard(data_dir: Path, cgroup: str) -> None:
    """Wait for the end of standard input, then take down what the last line lists."""
    groups: list[Group] = []
    for line in sys.stdin:
        if line.endswith("\n"):  # else the supervisor died in the middle of it
            groups = [Group(*entry) for entry in json.loads(line)]
    if groups:
        take_down(groups)
        kill_stragglers(mark_of(data_dir), cgroup)


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # these are for the supervisor; ours is the end of the pipe
    guard(Path(sys.argv[1]), sys.argv[2])
