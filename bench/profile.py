"""What a measurement spends its time on: py-spy's records of web and build workers, and the database's statements."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from bench.statements import statements
from bench.world import World, wait_until

PY_SPY = Path(sys.executable).with_name("py-spy")
RATE = 200  # samples a second
STOP_SECONDS = 60.0
ANSWER_SECONDS = 60.0
BUILD_WORKERS = "SELECT process_group FROM builds_workercluster WHERE name = 'builds'"


@contextmanager
def profiled(world: World, kept: Path) -> Iterator[None]:
    """Keep the records as `kept` with `-web.svg`, `-worker.svg` and `-statements.log` behind its name."""
    web = next(group for group, name in world.groups.items() if name == "web")
    with statements(world) as said:
        sides = {"web": web, "worker": _build_workers(world)}
        records = [_record(pid, _beside(kept, f"{side}.svg")) for side, pid in sides.items()]
        try:
            yield
        finally:
            for record in records:
                record.send_signal(signal.SIGINT)  # it writes what it has
            for record in records:
                if record.wait(STOP_SECONDS) != 0:
                    print(f"py-spy: exit code {record.returncode}", file=sys.stderr)
            _beside(kept, "statements.log").write_text(said())


def _build_workers(world: World) -> int:
    """Return who leads them; after a restart the row names the old ones until the new ones have answered."""
    with psycopg.connect(world.addresses["database_url"], autocommit=True) as database:

        def found() -> list[int]:
            return [pid for (pid,) in database.execute(BUILD_WORKERS).fetchall() if world.groups.get(pid) == "worker"]

        wait_until(lambda: bool(found()), seconds=ANSWER_SECONDS, what="the build workers answer")
        return found()[0]


def _record(pid: int, file: Path) -> "subprocess.Popen[bytes]":
    """Watch a process and its children; threads that wait are left out."""
    options = ("--subprocesses", "--nonblocking", f"--rate={RATE}", f"--pid={pid}", f"--output={file}")
    return subprocess.Popen([PY_SPY, "record", *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _beside(kept: Path, ending: str) -> Path:
    return kept.with_name(f"{kept.name}-{ending}")
