"""Give the engine what a build may know and an image must not: logins of registries, mounted secrets, an SSH agent.

It asks for each when an instruction needs it. What it is given stays in its memory: in no layer, history or log.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Final, TypeVar

from google.protobuf.message import DecodeError, Message

from builds.engine.buildkit.session_pb2 import (
    BytesMessage,
    CheckAgentRequest,
    CredentialsRequest,
    CredentialsResponse,
    GetSecretRequest,
    GetSecretResponse,
)
from builds.engine.session_calls import CallFailed, Code, Methods, Unary
from builds.engine.ssh_agent import LENGTH, LONGEST_MESSAGE, ask_agent
from builds.engine.types import BuildSecrets, RegistryLogin

CREDENTIALS: Final = "/moby.filesync.v1.Auth/Credentials"
GET_SECRET: Final = "/moby.buildkit.secrets.v1.Secrets/GetSecret"  # noqa: S105  names a call
CHECK_AGENT: Final = "/moby.sshforward.v1.SSH/CheckAgent"
FORWARD_AGENT: Final = "/moby.sshforward.v1.SSH/ForwardAgent"
AGENT_IDS: Final = ("", "default")  # of RUN --mount=type=ssh without an id of its own
HUB: Final = "docker.io"
HUB_NAMES: Final = (HUB, "index.docker.io", "registry-1.docker.io", "https://index.docker.io/v1/")

Asked = TypeVar("Asked", bound=Message)


def secret_methods(secrets: BuildSecrets) -> Methods:
    """Return what an engine may call to get at `secrets`; of what there is none, it hears that there is none."""
    methods: Methods = {
        CREDENTIALS: lambda asked: Unary(_answering(CredentialsRequest, lambda one: _login(one.Host, secrets.logins))),
        GET_SECRET: lambda asked: Unary(_answering(GetSecretRequest, lambda one: _secret(one.ID, secrets.mounted))),
    }
    if not secrets.ssh_agent:
        return methods
    return {
        **methods,
        CHECK_AGENT: lambda asked: Unary(_answering(CheckAgentRequest, lambda one: _agent(one.ID))),
        FORWARD_AGENT: lambda asked: Forwarded(secrets.ssh_agent),
    }


class Forwarded:
    """One program's talk with the agent: whole messages to it, its answers back."""

    def __init__(self, agent: str) -> None:
        self.ended = False
        self._agent = agent
        self._received = bytearray()

    def begin(self) -> Iterator[bytes]:
        """Say nothing before the program does."""
        return iter(())

    def take(self, message: bytes) -> Iterator[bytes]:
        """Take some bytes, give the answers to the messages that are whole. Raises `CallFailed`."""
        self._received += _read(BytesMessage, message).data
        while len(self._received) >= LENGTH.size:
            length = LENGTH.size + LENGTH.unpack_from(self._received)[0]
            if length > LONGEST_MESSAGE:
                raise CallFailed(Code.RESOURCE_EXHAUSTED, "a message that is too long for an agent")
            if len(self._received) < length:
                return
            asked = bytes(self._received[:length])
            del self._received[:length]
            try:
                answered = ask_agent(self._agent, asked)
            except OSError as error:
                raise CallFailed(Code.UNKNOWN, "the agent does not answer") from error
            yield BytesMessage(data=answered).SerializeToString()


def _answering(kind: type[Asked], answer: Callable[[Asked], bytes]) -> Callable[[bytes], bytes]:
    return lambda message: answer(_read(kind, message))


def _read(kind: type[Asked], message: bytes) -> Asked:
    try:
        return kind.FromString(message)
    except DecodeError as error:
        raise CallFailed(Code.INVALID_ARGUMENT, f"no {kind.DESCRIPTOR.name}") from error


def _login(host: str, logins: Mapping[str, RegistryLogin]) -> bytes:
    """Return the login for a host; both parts empty, which means to ask without one, where there is none."""
    login = logins.get(HUB if host in HUB_NAMES else host, RegistryLogin("", ""))
    return CredentialsResponse(Username=login.username, Secret=login.password).SerializeToString()


def _secret(name: str, mounted: Mapping[str, str]) -> bytes:
    if name not in mounted:
        raise CallFailed(Code.NOT_FOUND, "this build has no such secret")
    return GetSecretResponse(data=mounted[name].encode()).SerializeToString()


def _agent(name: str) -> bytes:
    if name not in AGENT_IDS:
        raise CallFailed(Code.NOT_FOUND, "this build has one SSH key, whose id is default")
    return b""
