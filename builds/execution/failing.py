"""From whatever was raised to one `Failure`: whose problem, message, remedy."""

import errno
import logging
import secrets

from builds.domain import failures, task_failures
from builds.domain.failures import Failure
from builds.engine.errors import (
    AnswerUnreadable,
    ConnectionLost,
    ContainerLost,
    ContextTooLarge,
    EndpointInvalid,
    EngineRefused,
    EngineUnreachable,
    EngineUnsupported,
    FileUnreadable,
    NameRefused,
    PatternInvalid,
)
from builds.execution.workspace import PathLeaves

log = logging.getLogger(__name__)


class RunFailed(Exception):  # noqa: N818  names what happened
    """The run cannot go on, for a reason that is known."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.sentence)
        self.failure = failure


def failure_from(error: Exception, *, server: str) -> Failure:
    """Return the failure that `error` is; what nobody foresaw is BuildHub's own, with a reference into its log."""
    match error:
        case RunFailed():
            return error.failure
        case EngineUnreachable() | EndpointInvalid():
            return failures.engine_unreachable(server, error.answered)
        case EngineUnsupported():
            return failures.engine_unsupported(server, error.found)
        case ConnectionLost():
            return failures.engine_connection_lost(server, error.answered)
        case EngineRefused() | AnswerUnreadable():
            sentence = task_failures.container_lost if isinstance(error, ContainerLost) else failures.engine_refused
            return sentence(server, error.answered)
        case _:
            return _of_files(error) or _unforeseen(error)


def _unforeseen(error: Exception) -> Failure:
    reference = secrets.token_hex(4)
    log.error("Failure %s", reference, exc_info=error)
    return failures.internal(reference)


def _of_files(error: Exception) -> Failure | None:
    """Return what went wrong with files on the worker's disk, None where it was something else."""
    match error:
        case ContextTooLarge():
            return failures.context_too_large(error.total_bytes, error.limit_bytes, error.largest)
        case FileUnreadable() | NameRefused() | PatternInvalid():
            return failures.context_unreadable(str(error))
        case PathLeaves():
            return failures.path_leaves(error.path)
        case OSError(errno=errno.ENOSPC | errno.EDQUOT):
            return failures.worker_disk_full()
    return None
