"""Which engines BuildHub can build with, by what they say of themselves at GET /version.

Podman's service speaks the same API, ignores `version=2` (its builder has no trace to show) and knows no
/build/cancel: measured on 4.3.1. Docker's own answer always has a component "Engine". The header `Builder-Version` of
/_ping proves nothing: 20.10.24 with BuildKit does not send it.
"""

import re
from dataclasses import dataclass
from typing import Any, Final

import requests
from docker.errors import NotFound

from builds.engine.client import OLDEST_API, EngineClient, asking
from builds.engine.errors import EngineUnsupported

VERSION: Final = re.compile(r"[0-9]{1,4}\.[0-9]{1,4}")
LONGEST: Final = 80  # characters of a name or version that is repeated
DOCKERS_COMPONENT: Final = "Engine"
FIRST_THAT_LOST_ONE: Final = (1, 44)  # Docker 25; 20.10.24 lost none of 190 cancels


@dataclass(frozen=True, slots=True)
class Agreed:
    """What an engine has told of itself: its version, and the versions of the API to speak and that it has newest."""

    version: str
    api: str
    newest_api: str

    @property
    def may_lose_a_cancel(self) -> bool:
        """Whether a cancel must not come while an instruction begins (docs/engine-notes.md, "Cancel")."""
        return api_number(self.newest_api) >= FIRST_THAT_LOST_ONE


def agree(client: EngineClient) -> Agreed:
    """Ask what answers there, and return its version and that of the API to speak with it.

    Raises `EngineUnsupported` for what cannot build for us, `EngineUnreachable` and `EngineRefused`.
    """
    with asking("reach the engine"):
        try:
            offered: object = client.version(api_version=False)  # without a version every engine answers
        except (NotFound, requests.JSONDecodeError):
            offered = None  # another kind of server
    api = api_version(offered)
    facts: dict[str, Any] = offered if isinstance(offered, dict) else {}
    return Agreed(version=str(facts.get("Version", "")), api=api, newest_api=str(facts.get("ApiVersion", "")))


def api_version(offered: object) -> str:
    """Return the API version to speak, given the answer of /version: ours, or newer where the engine insists.

    Raises `EngineUnsupported` for what is no Docker Engine, has no BuildKit, or is too old.
    """
    facts: dict[str, Any] = offered if isinstance(offered, dict) else {}
    if found := _misfit(facts):
        raise EngineUnsupported(found)
    oldest = str(facts.get("MinAPIVersion"))
    return oldest if api_number(oldest) > api_number(OLDEST_API) else OLDEST_API


def _misfit(facts: dict[str, Any]) -> str | None:
    """Name what answers where BuildHub cannot build with it, or None."""
    newest, version = api_number(facts.get("ApiVersion")), _words(facts.get("Version"))
    parts = facts.get("Components")
    listed = parts if isinstance(parts, list) else []
    names = [_words(part.get("Name")) for part in listed if isinstance(part, dict)]
    if not newest:
        return "Something other than a Docker Engine"
    if names and DOCKERS_COMPONENT not in names:
        return f"{names[0]} {version}"
    if newest < api_number(OLDEST_API):
        return f"Docker Engine {version}, which is too old,"
    if not names:
        return f"Something that does not call itself Docker Engine (version {version})"
    system = _words(facts.get("Os"))
    return None if system == "linux" else f"Docker Engine {version} for {system} containers"


def api_number(version: object) -> tuple[int, ...]:
    """Return an API version as numbers, which compare; an empty tuple for what is none."""
    text = version if isinstance(version, str) else ""
    return tuple(int(part) for part in text.split(".")) if VERSION.fullmatch(text) else ()


def _words(said: object) -> str:
    """Return what the other side said in one short line."""
    return " ".join(str(said or "unknown").split())[:LONGEST]
