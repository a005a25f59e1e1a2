"""What HTTP and FTP share: whose problem it is that a server is not reached, and how much may come from one."""

from collections.abc import Mapping
from typing import Final

from django.conf import settings

from builds.domain import remote_kinds
from builds.domain.failure_kind import FailureKind
from builds.engine.errors import EngineError
from builds.engine.outbound import HostUnknown, OutboundFailed, OutboundRefused

UNREACHED: Final[Mapping[type[EngineError], FailureKind]] = {
    OutboundRefused: remote_kinds.REMOTE_REFUSED,
    HostUnknown: remote_kinds.REMOTE_HOST_UNKNOWN,
    OutboundFailed: remote_kinds.REMOTE_UNREACHABLE,
}


def limit_words() -> str:
    """Return how much a step may fetch or send, as sentences have it."""
    return f"{settings.CONTEXT_LIMIT_BYTES // 1024**2:,} MiB"
