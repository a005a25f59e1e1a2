"""Give the engine what a build may know and an image must not: logins of registries, mounted secrets, an SSH agent.

It asks for each when an instruction needs it. What it is given stays in its memory: in no layer, history or log.
"""

from collections.abc import Callable, Iterator
from typing import Final, TypeVar

from google.protobuf.message import DecodeError, Message

from builds.domain.registry_addresses import pulled_host
from builds.engine.buildkit.session_pb2 import (
    BytesMessage,
    CheckAgentRequest,
    CheckAgentResponse,
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

Asked = TypeVar("Asked", bound=Message)


def secret_methods(secrets: BuildSecrets) -> Methods:
    """Return what an engine may call to get at `secrets`; of what there is none, it hears that there is none."""

    def login(asked: CredentialsRequest) -> Message:
        # Both parts empty mean to ask without a login.
        found = secrets.login_of(pulled_host(asked.Host)) or RegistryLogin("", "")
        return CredentialsResponse(Username=found.username, Secret=found.password)

    def secret(asked: GetSecretRequest) -> Message:
        if asked.ID not in secrets.mounted:
            raise CallFailed(Code.NOT_FOUND, "this build has no such secret")
        return GetSecretResponse(data=secrets.mounted[asked.ID].encode())

    def agent(asked: CheckAgentRequest) -> Message:
        if asked.ID not in AGENT_IDS:
            raise CallFailed(Code.NOT_FOUND, "this build has one SSH key, whose id is default")
        return CheckAgentResponse()

    methods: Methods = {
        CREDENTIALS: lambda head: _unary(CredentialsRequest, login),
        GET_SECRET: lambda head: _unary(GetSecretRequest, secret),
    }
    if not secrets.ssh_agent:
        return methods
    return {
        **methods,
        CHECK_AGENT: lambda head: _unary(CheckAgentRequest, agent),
        FORWARD_AGENT: lambda head: Forwarded(secrets.ssh_agent),
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


def _unary(kind: type[Asked], answer: Callable[[Asked], Message]) -> Unary:
    return Unary(lambda message: answer(_read(kind, message)).SerializeToString())


def _read(kind: type[Asked], message: bytes) -> Asked:
    try:
        return kind.FromString(message)
    except DecodeError as error:
        raise CallFailed(Code.INVALID_ARGUMENT, f"no {kind.DESCRIPTOR.name}") from error
