"""Limits of the installation as services need them (surface.md, "Limits")."""

from django.conf import settings


def queue_limit() -> int:
    """Return how many runs may wait at the same time."""
    return int(settings.QUEUE_LIMIT)


def log_limit_bytes() -> int:
    """Return how many bytes of a run's log are kept."""
    return int(settings.LOG_LIMIT_BYTES)


def worker_host() -> str:
    """Return the name under which this machine's workers announce themselves."""
    return str(settings.WORKER_HOST)
