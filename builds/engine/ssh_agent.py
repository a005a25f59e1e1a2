"""An agent of OpenSSH that holds one private key for as long as a block lasts: the key is never on a disk."""

import os
import socket
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from builds.engine.errors import KeyUnusable
from builds.engine.programs import WITH_ITS_PARENT, own_mark

SECONDS: Final = 10.0  # for each question
LONGEST_SOCKET: Final = 107  # bytes of a Unix socket's path
LENGTH: Final = struct.Struct(">I")  # before each message of the agent protocol
LONGEST_MESSAGE: Final = 256 * 1024  # ssh-agent's own limit
KEY_WORDS: Final = (
    ("incorrect passphrase", "The private key is protected by a passphrase; give a key of its own without one."),
    ("invalid format", "The private key cannot be read; paste the whole file, from BEGIN to END."),
    ("error in libcrypto", "The private key cannot be read; paste the whole file, from BEGIN to END."),
)


@contextmanager
def agent_with(private_key: str, private: Path) -> Iterator[str]:
    """Hold `private_key` (OpenSSH or PEM text) in an agent of its own; gives its socket, in the folder `private`.

    Raises `KeyUnusable`.
    """
    path = str(private / "agent")
    if len(path) > LONGEST_SOCKET:
        raise KeyUnusable(f"The path of BuildHub's data directory is too long for an agent's socket: {path}")
    with subprocess.Popen(
        [*WITH_ITS_PARENT, "ssh-agent", "-D", "-a", path],
        env={"PATH": os.defpath, **own_mark()},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as agent:
        try:
            if agent.stdout is not None:
                agent.stdout.readline()  # names the socket once it listens
            _add(private_key, path)
            yield path
        finally:
            agent.terminate()  # it removes its socket, so that the next one can have the path


def ask_agent(path: str, message: bytes) -> bytes:
    """Return the agent's answer to one whole message, both with their lengths. Raises `OSError`.

    A connection for each: what the agent says to one does not depend on those before.
    """
    with socket.socket(socket.AF_UNIX) as agent:
        agent.settimeout(SECONDS)
        agent.connect(path)
        agent.sendall(message)
        head = _received(agent, LENGTH.size)
        return head + _received(agent, min(LENGTH.unpack(head)[0], LONGEST_MESSAGE))


def _received(agent: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        if not (piece := agent.recv(size - len(found))):
            raise ConnectionResetError("the agent has gone")
        found += piece
    return found


def _add(private_key: str, path: str) -> None:
    added = subprocess.run(
        ["ssh-add", "-q", "-"],
        input=f"{private_key.strip()}\n".replace("\r\n", "\n").encode(),
        env={"PATH": os.defpath, "SSH_AUTH_SOCK": path, "SSH_ASKPASS_REQUIRE": "never", "LC_ALL": "C"},
        capture_output=True,
        timeout=SECONDS,
        start_new_session=True,  # without a terminal to ask for a passphrase
        check=False,
    )
    if added.returncode:
        said = added.stderr.decode(errors="replace")
        known = (sentence for words, sentence in KEY_WORDS if words in said)
        raise KeyUnusable(next(known, f"The private key cannot be used: {' '.join(said.split())}"))
