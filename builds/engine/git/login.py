"""Hand a login to git: by descriptors that an askpass program reads, or by an agent that holds the private key.

Neither argv, environment nor disk ever holds the password or the key.
"""

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from builds.engine.git.errors import KeyUnusable
from builds.engine.git.process import WITH_ITS_PARENT, own_mark

ASKPASS: Final = Path(__file__).with_name("askpass.sh")
AGENT_SECONDS: Final = 10.0
LONGEST_SOCKET: Final = 107  # bytes of a Unix socket's path
KEY_WORDS: Final = (
    ("incorrect passphrase", "The private key is protected by a passphrase; give a key of its own without one."),
    ("invalid format", "The private key cannot be read; paste the whole file, from BEGIN to END."),
    ("error in libcrypto", "The private key cannot be read; paste the whole file, from BEGIN to END."),
)


@dataclass(frozen=True)
class Login:
    """User, and password or private key (OpenSSH or PEM text); neither of them shows in a repr."""

    user: str = ""
    password: str = field(default="", repr=False)
    private_key: str = field(default="", repr=False)


@contextmanager
def handed_over(login: Login, host: str, private: Path) -> Iterator[Mapping[str, str]]:
    """Hold `login` for `host` (`scheme://name[:port]`, or of ssh `user@` and its alias) until the block ends.

    Gives the environment in which a program gets it.
    `private` is a folder for the agent's socket. Raises `KeyUnusable`.
    """
    with ExitStack() as held:
        user, password = _held_text(held, login.user), _held_text(held, login.password)
        scheme, _, name = host.rpartition("://")
        environment = {
            "GIT_ASKPASS": str(ASKPASS),
            "SSH_ASKPASS": str(ASKPASS),
            "SSH_ASKPASS_REQUIRE": "force",
            "BUILDHUB_GIT_HOST": host if scheme and login.user else "",
            "BUILDHUB_GIT_SCHEME": scheme,
            "BUILDHUB_GIT_PASSWORD_OF": name if scheme and login.password else "/",
            "BUILDHUB_GIT_SSH": host if not scheme and login.password else "/",
            "BUILDHUB_GIT_USER": user,
            "BUILDHUB_GIT_PASSWORD": password,
        }
        if login.private_key:
            environment["SSH_AUTH_SOCK"] = held.enter_context(_agent(login.private_key, private))
        yield environment


def _held_text(held: ExitStack, text: str) -> str:
    """Return the path of a descriptor of memory that holds `text`, closed at the end of `held`.

    It is ours, since ssh closes all descriptors that it is started with.
    """
    descriptor = os.memfd_create("login")
    held.callback(os.close, descriptor)
    os.write(descriptor, f"{text}\n".encode())
    return f"/proc/{os.getpid()}/fd/{descriptor}"


@contextmanager
def _agent(private_key: str, private: Path) -> Iterator[str]:
    """Hold a key in an agent of its own; gives the agent's socket."""
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


def _add(private_key: str, path: str) -> None:
    added = subprocess.run(
        ["ssh-add", "-q", "-"],
        input=f"{private_key.strip()}\n".replace("\r\n", "\n").encode(),
        env={"PATH": os.defpath, "SSH_AUTH_SOCK": path, "SSH_ASKPASS_REQUIRE": "never", "LC_ALL": "C"},
        capture_output=True,
        timeout=AGENT_SECONDS,
        start_new_session=True,  # without a terminal to ask for a passphrase
        check=False,
    )
    if added.returncode:
        said = added.stderr.decode(errors="replace")
        known = (sentence for words, sentence in KEY_WORDS if words in said)
        raise KeyUnusable(next(known, f"The private key cannot be used: {' '.join(said.split())}"))
