"""Limits of the installation as services need them (surface.md, "Limits")."""

from django.conf import settings


def queue_limit() -> int:
    """Return how many runs may wait at the same time."""
    return int(settings.QUEUE_LIMIT)


def log_limit_bytes() -> int:
    """Return how many bytes of a run's log are kept."""
    return int(settings.LOG_LIMIT_BYTES)


def repository_limit_bytes() -> int:
    """Return how much of a worker's disk the code of one run may take."""
    return int(settings.REPOSITORY_LIMIT_BYTES)


def context_limit_bytes() -> int:
    """Return how many bytes the files of one image build may have."""
    return int(settings.CONTEXT_LIMIT_BYTES)


def outbound_allowed() -> tuple[str, ...]:
    """Return the hosts and networks that may be reached although they are private."""
    return tuple(settings.OUTBOUND_ALLOW)


def worker_host() -> str:
    """Return the name under which this machine's workers announce themselves."""
    return str(settings.WORKER_HOST)
