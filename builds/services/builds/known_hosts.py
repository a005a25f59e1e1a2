"""The keys of ssh servers, by the names that ssh keeps them under (`Place.alias`)."""

from builds.models import KnownHost


def known_lines(alias: str) -> str:
    """Return the lines of known_hosts that are kept of a server, empty where it is new."""
    return KnownHost.objects.filter(host=alias).values_list("lines", flat=True).first() or ""


def keep_lines(alias: str, lines: str) -> None:
    """Keep the lines of a server that is new; of one that is known nothing changes."""
    KnownHost.objects.get_or_create(host=alias, defaults={"lines": lines})
