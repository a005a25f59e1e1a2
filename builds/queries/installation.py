"""The installation's own name, for labels on engines and for log ids."""

from functools import lru_cache

from builds.models import Installation


@lru_cache(maxsize=1)
def installation_id() -> str:
    """Return the installation's name; made once, the same for all processes."""
    return Installation.objects.get_or_create(only=True)[0].name
