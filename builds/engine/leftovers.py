"""Find and remove what an engine still holds under our labels: containers and volumes (BuildKit lists no builds)."""

from collections.abc import Mapping
from contextlib import suppress

from docker.errors import NotFound

from builds.engine.client import EngineClient, asking
from builds.engine.types import Leftover


def find_leftovers(client: EngineClient, labels: Mapping[str, str]) -> tuple[Leftover, ...]:
    """Return all containers, running or not, and volumes that carry every one of `labels`.

    Raises `ValueError` without labels: that would mean everything on the engine.
    """
    if not labels:
        raise ValueError("Leftovers are found by label; no label means everything on the engine.")
    wanted = {"label": [f"{name}={value}" for name, value in labels.items()]}
    with asking("list what is left of a run"):
        containers = client.containers(all=True, filters=wanted)
        volumes = client.volumes(filters=wanted)["Volumes"] or []
    return (
        *(
            # One that is being removed has no name any more.
            Leftover(
                "container", found["Id"], (found["Names"] or [found["Id"]])[0].lstrip("/"), found.get("Labels") or {}
            )
            for found in containers
        ),
        *(Leftover("volume", found["Name"], found["Name"], found.get("Labels") or {}) for found in volumes),
    )


def remove_leftover(client: EngineClient, leftover: Leftover) -> None:
    """Remove one leftover, with SIGKILL if it runs; one that is already gone counts as removed."""
    with asking(f"remove {leftover.kind} {leftover.name}"), suppress(NotFound):
        if leftover.kind == "container":
            client.remove_container(leftover.id, force=True, v=True)
        else:
            client.remove_volume(leftover.id, force=True)
