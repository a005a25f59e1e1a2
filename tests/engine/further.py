"""A further real Docker Engine, for tests that need one of their own or one with which something is wrong."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from supervisor import engine
from supervisor.children import Children
from tests.support.bridges import own_bridge


@contextmanager
def further_engine(home: Path, options: Sequence[str] = ()) -> Iterator[str]:
    """Start a dockerd with its data in `home`; give the address of its socket, and stop it behind the block."""
    children = Children(home, cgroup=engine.cgroup_of(home), adopt_orphans=False)
    with own_bridge() as bridge:
        prepared = engine.prepare(home, socket_path=home / "docker.sock", options=(*bridge, *options))
        try:
            children.wait_until(prepared.is_ready, children.start(prepared.command), seconds=60)
            yield prepared.url
        finally:
            children.stop()
            engine.clean_up(home)
