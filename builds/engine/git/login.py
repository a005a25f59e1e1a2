"""Hand a login to git: by descriptors that an askpass program reads, or by an agent that holds the private key.

Neither argv, environment nor disk ever holds the password or the key.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from builds.engine.ssh_agent import agent_with

ASKPASS: Final = Path(__file__).with_name("askpass.sh")


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
            environment["SSH_AUTH_SOCK"] = held.enter_context(agent_with(login.private_key, private))
        yield environment


def _held_text(held: ExitStack, text: str) -> str:
    """Return the path of a descriptor of memory that holds `text`, closed at the end of `held`.

    It is ours, since ssh closes all descriptors that it is started with.
    """
    descriptor = os.memfd_create("login")
    held.callback(os.close, descriptor)
    os.write(descriptor, f"{text}\n".encode())
    return f"/proc/{os.getpid()}/fd/{descriptor}"
