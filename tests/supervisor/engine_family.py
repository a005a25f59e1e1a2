"""A supervisor of nothing but an engine, to be killed by a test: `python -m tests.supervisor.engine_family HOME …`."""

import signal
import sys
from pathlib import Path

from supervisor import engine
from supervisor.children import Children


def main(home: Path, *options: str) -> None:
    """Start an engine with its socket in `home`, say so, and wait to be killed."""
    children = Children(home, cgroup=engine.cgroup_of(home))
    prepared = engine.prepare(home, socket_path=home / "docker.sock", options=options)
    children.wait_until(prepared.is_ready, children.start(prepared.command), seconds=60)
    print("ready", flush=True)  # noqa: T201  the test waits for this line
    signal.pause()


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
