"""The parts of the site that the bar on top leads to."""

from dataclasses import dataclass
from typing import Final

from django.urls import reverse

# name of the page, its word, and what addresses of its part begin with
PARTS: Final = (
    ("builds", "Builds", ("/builds", "/runs")),
    ("queue", "Queue", ("/queue",)),
    ("registries", "Registries", ("/registries",)),
    ("servers", "Build servers", ("/servers",)),
    ("activity", "Activity", ("/activity",)),
    ("api-docs", "API", ("/docs/api",)),
    ("account", "Account", ("/account",)),
)


@dataclass(frozen=True, slots=True)
class Section:
    """One part of the site."""

    word: str
    url: str
    is_current: bool


def sections_for(path: str) -> list[Section]:
    """Return the parts; current is the one that the page at `path` belongs to."""
    at = f"{path}/"
    return [
        Section(word, reverse(name), path == reverse(name) or at.startswith(tuple(f"{begin}/" for begin in begins)))
        for name, word, begins in PARTS
    ]
