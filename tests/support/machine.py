"""What a test run must leave as it found it: this machine's interfaces and packet filter, and no process of its own.

A person's Docker Engine may run beside the tests: an engine of theirs that is started with `--bridge=none` deletes
docker0, and from then on every RUN of that person's engine fails.
"""

import os
import re
import subprocess
import uuid
from contextlib import suppress
from pathlib import Path

from supervisor.processes import is_running
from tests.support.bridges import OF_A_TEST_RUN, links

MARK = "BUILDHUB_TEST_SESSION"  # in the environment of every process that a test run starts


def interfaces() -> dict[str, list[str]]:
    """Return the addresses of each interface, bridges of other test runs left out."""
    found = {
        link["ifname"]: [f"{one['local']}/{one['prefixlen']}" for one in link.get("addr_info", [])]
        for link in links()
        if not link["ifname"].startswith("veth")  # the end of a container's cable comes and goes
    }
    return {name: addresses for name, addresses in found.items() if not OF_A_TEST_RUN.match(name)}


def abandoned_bridges() -> set[str]:
    """Return the bridges of test processes that have ended, or that this one has not removed."""
    found = (OF_A_TEST_RUN.match(link["ifname"]) for link in links())
    return {
        match.string for match in found if match and (int(match[1]) == os.getpid() or not is_running(int(match[1])))
    }


def packet_filter() -> list[str]:
    """Return chains and rules of iptables; none where this user may not read them, or there is no iptables.

    Built-in chains that let everything pass appear with the first look into their table, and say nothing.
    """
    with suppress(FileNotFoundError):
        said = subprocess.run(["iptables-save"], capture_output=True, text=True, check=False).stdout
        lines = [re.sub(r" \[\d+:\d+\]", "", line).strip() for line in said.splitlines() if line[:1] in ":-"]
        return sorted(line for line in lines if not re.fullmatch(r":[A-Z]+ ACCEPT", line))
    return []


def marked_processes(mark: str) -> dict[int, str]:
    """Return command lines of live processes, other than this one, that carry the mark of this test run."""
    wanted = f"{MARK}={mark}".encode()
    return {pid: _command(pid) for pid in _pids() if pid != os.getpid() and wanted in _environment(pid)}


class Machine:
    """The machine as it was when the run began; every process started from now on inherits the run's mark."""

    def __init__(self) -> None:
        self._mark = os.environ[MARK] = uuid.uuid4().hex
        self._interfaces, self._rules, self._bridges = interfaces(), packet_filter(), abandoned_bridges()

    def changes(self) -> list[str]:
        """Say what is not as it was."""
        now, rules = interfaces(), packet_filter()
        names = sorted(self._interfaces.keys() | now.keys())
        changed = [name for name in names if self._interfaces.get(name) != now.get(name)]
        return [
            *(
                f"interface {name}: {self._interfaces.get(name, 'none')} is now {now.get(name, 'none')}"
                for name in changed
            ),
            *(f"bridge {name} is left" for name in abandoned_bridges() - self._bridges),
            *(f"iptables lacks: {line}" for line in self._rules if line not in rules),
            *(f"iptables has more: {line}" for line in rules if line not in self._rules),
            *(f"process {pid} is left: {command}" for pid, command in marked_processes(self._mark).items()),
        ]


def _pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _environment(pid: int) -> list[bytes]:
    with suppress(OSError):
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    return []


def _command(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    return "?"
