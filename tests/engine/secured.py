"""A real Docker Engine behind TLS, as an administrator of a build server elsewhere would start it."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from supervisor import engine
from supervisor.children import Children
from tests.engine.certificates import Authority, Pair
from tests.support.bridges import own_bridge
from tests.support.folders import make_folder
from tests.support.waiting import free_port


@dataclass(frozen=True)
class SecuredEngine:
    """Where it listens, and what lets us in."""

    url: str
    ca: str
    client: Pair
    authority: Authority
    socket: str  # for who looks at it from its own machine


@contextmanager
def secured_engine() -> Iterator[SecuredEngine]:
    """Start a dockerd that asks for client certificates on a free port of 127.0.0.1."""
    with own_bridge() as bridge, _started(bridge) as started:
        yield started


@contextmanager
def _started(bridge: tuple[str, ...]) -> Iterator[SecuredEngine]:
    authority, home, port = Authority(), make_folder(), free_port()
    children = Children(home, cgroup=engine.cgroup_of(home), adopt_orphans=False)
    options = (*bridge, *_options(authority, home, port))
    prepared = engine.prepare(home, socket_path=home / "docker.sock", options=options)
    try:
        children.wait_until(prepared.is_ready, children.start(prepared.command), seconds=60)
        yield SecuredEngine(
            f"tcp://127.0.0.1:{port}", authority.ca, authority.issue("buildhub"), authority, prepared.url
        )
    finally:
        children.stop()
        engine.clean_up(home)
        shutil.rmtree(home, ignore_errors=True)


def _options(authority: Authority, home: Path, port: int) -> tuple[str, ...]:
    own = authority.issue("engine")
    texts = {"tlscacert": authority.ca, "tlscert": own.certificate, "tlskey": own.key}
    for name, text in texts.items():
        (home / name).write_text(text)
    return (f"--host=tcp://127.0.0.1:{port}", "--tlsverify", *(f"--{name}={home / name}" for name in texts))
