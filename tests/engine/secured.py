"""A real Docker Engine behind TLS, as an administrator of a build server elsewhere would start it."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.engine.certificates import Authority, Pair
from tests.engine.further import further_engine
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
    authority, home, port = Authority(), make_folder(), free_port()
    try:
        with further_engine(home, _options(authority, home, port)) as socket:
            yield SecuredEngine(f"tcp://127.0.0.1:{port}", authority.ca, authority.issue("buildhub"), authority, socket)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _options(authority: Authority, home: Path, port: int) -> tuple[str, ...]:
    own = authority.issue("engine")
    texts = {"tlscacert": authority.ca, "tlscert": own.certificate, "tlskey": own.key}
    for name, text in texts.items():
        (home / name).write_text(text)
    return (f"--host=tcp://127.0.0.1:{port}", "--tlsverify", *(f"--{name}={home / name}" for name in texts))
