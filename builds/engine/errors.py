"""What can go wrong outside: every error says what was asked and what was answered, and carries no secret."""

# ruff: noqa: N818 - the names say what happened (BuildStopped is no error to its reader); EngineError is the base

import os
import re
from collections.abc import Sequence
from typing import Final

from builds.domain.engine_words import exit_code_of
from builds.domain.failure_kinds import ENGINE_UNSUPPORTED
from builds.domain.registry_words import refusal_of

# Docker 20.10: a build of the same content ends while the image's last name is taken off.
LOST_IMAGE: Final = re.compile(r"failed to get digest sha256:\w+: open \S*/imagedb/\S+: no such file")
# Of a pull. The last form is that of containerd's image store.
MISSING_IMAGE: Final = re.compile(
    r"manifest unknown|manifest for .* not found|repository .*not found|name unknown|failed to resolve .*: not found$",
    re.I,
)


class EngineError(Exception):
    """Base of all errors of this floor.

    `asked` says in words what was wanted (never a URL: queries carry build arguments); `answered` is the other
    side's own text, or why there was none.
    """

    def __init__(self, asked: str, answered: str) -> None:
        super().__init__(f"{asked}: {answered}")
        self.asked = asked
        self.answered = answered


class EndpointInvalid(EngineError):
    """An address or a PEM text that cannot be used; `field` is url, ca, certificate or key."""

    def __init__(self, field: str, answered: str) -> None:
        super().__init__(f"use the {field} of the build server", answered)
        self.field = field


class EngineUnreachable(EngineError):
    """Nothing answered: refused, timed out, unknown host, TLS not agreed, or silent in the middle of a build."""


class EngineRefused(EngineError):
    """The engine answered with HTTP `status` 4xx or 5xx."""

    def __init__(self, asked: str, answered: str, *, status: int) -> None:
        super().__init__(asked, answered)
        self.status = status


class ContainerLost(EngineRefused):
    """A container of ours was stopped or removed, and not by us."""


class EngineUnsupported(EngineError):
    """What answers cannot build for us, whatever it is asked: `found` names it (`supported.py` decides)."""

    def __init__(self, found: str) -> None:
        super().__init__("build with BuildKit there", f"{found} answers here. {ENGINE_UNSUPPORTED.remedy}")
        self.found = found


class ConnectionLost(EngineError):
    """A stream ended with neither a result nor an error: the engine died or the line was cut."""


class EngineStalled(EngineError):
    """The engine repeats empty news without end: a fault of its BuildKit, out of which only a new build leads."""


class AnswerUnreadable(EngineError):
    """The engine sent something that is not of its own language: another service at this address, or a new one."""


def shown(path: str) -> str:
    r"""Return a path of a context as text that can be stored: what is no UTF-8 as `\x..`, the context itself as `.`."""
    return os.fsencode(path).decode(errors="backslashreplace") or "."


class FileUnreadable(EngineError):
    """A file of a build's context cannot be read, or is not what it was when the engine was told of it.

    `path` is relative to the context, as it can be shown.
    """

    def __init__(self, path: str, answered: str) -> None:
        self.path = shown(path)
        super().__init__(f"read {self.path} for the build", answered)


class NameRefused(EngineError):
    """An engine takes no names like that of the file `path` (as it can be shown)."""

    def __init__(self, path: str) -> None:
        self.path = shown(path)
        super().__init__(
            f"send the name of {self.path} to the build server",
            "Its engine takes names in UTF-8 only. Rename the file, or leave it out by .dockerignore.",
        )


class ContextTooLarge(EngineError):
    """A build's context has more bytes than may be sent; nothing of it has been.

    `largest` are the names and bytes of what is largest at its top, the largest first.
    """

    def __init__(self, total_bytes: int, limit_bytes: int, largest: Sequence[tuple[str, int]]) -> None:
        self.total_bytes, self.limit_bytes = total_bytes, limit_bytes
        self.largest = tuple((shown(name), size) for name, size in largest)
        named = ", ".join(f"{name} {size:,}" for name, size in self.largest)
        super().__init__(
            "send the context of the build",
            f"It has {total_bytes:,} bytes, {limit_bytes:,} are allowed. The largest: {named} bytes. "
            "Leave out by .dockerignore what the build does not need.",
        )


class PatternInvalid(EngineError):
    """A `.dockerignore` has a `pattern` that cannot be read."""

    def __init__(self, pattern: str, answered: str) -> None:
        super().__init__(f"read the pattern {pattern} of .dockerignore", answered)
        self.pattern = pattern


class BuildFailed(EngineError):
    """The build ended with the engine's error `message`.

    `exit_code` is that of a RUN instruction, if one failed; `vertex` (its digest) and `vertex_name` name the
    instruction, if the engine blamed one.
    """

    def __init__(self, message: str, *, vertex: str | None = None, vertex_name: str | None = None) -> None:
        super().__init__("build the image", message)
        self.message = message
        self.exit_code = exit_code_of(message)
        self.vertex = vertex
        self.vertex_name = vertex_name

    @property
    def lost_its_image(self) -> bool:
        """True where the engine had all of the image, and another's removal of the same content took it away."""
        return LOST_IMAGE.search(self.message) is not None


class BuildStopped(EngineError):
    """The build was cancelled by us, and that is confirmed: its stream has ended."""

    def __init__(self, answered: str = "cancelled") -> None:
        super().__init__("stop the build", answered)


class PushFailed(EngineError):
    """The push ended with the error `message`, of failure kind `kind`.

    `retryable`: the same push may pass a little later, and the engine has not tried it again itself (`retried`).
    """

    def __init__(self, message: str, *, retried: bool = False) -> None:
        super().__init__("push the image", message)
        refusal = refusal_of(message)
        self.message = message
        self.kind = refusal.kind
        self.retryable = refusal.again and not retried


class PushStopped(EngineError):
    """The push was broken off by us before it had finished."""

    def __init__(self) -> None:
        super().__init__("push the image", "stopped before it had finished")


class PullFailed(EngineError):
    """The pull ended with the error `message`; `missing` where the registry has no such image."""

    def __init__(self, message: str) -> None:
        super().__init__("pull the image", message)
        self.message = message
        self.missing = MISSING_IMAGE.search(message) is not None


class PullStopped(EngineError):
    """The pull was broken off by us before it had finished."""

    def __init__(self) -> None:
        super().__init__("pull the image", "stopped before it had finished")


class RegistryUnreachable(EngineError):
    """The registry did not answer: refused, timed out, unknown host or TLS not agreed."""


class RegistryRefused(EngineError):
    """The registry answered with HTTP `status`, or with something that is no registry's answer."""

    def __init__(self, asked: str, answered: str, *, status: int) -> None:
        super().__init__(asked, answered)
        self.status = status


class KeyUnusable(EngineError):
    """The private key of a login cannot be used; `answered` says why."""

    def __init__(self, answered: str) -> None:
        super().__init__("use the private key", answered)
