"""The local registry: Debian's docker-registry, plain HTTP on 127.0.0.1, no login, deletion enabled.

Its port is chosen once and kept, because it is part of every imageUrl (surface.md, notes on `make run`).
"""

import http.client
import json
import os
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builds.management.supervisor.files import CannotStart, free_port, kept, port_is_free
from builds.management.supervisor.processes import Command

PROGRAM = "docker-registry"


@dataclass(frozen=True)
class Registry:
    """A registry that is ready to be started."""

    command: Command
    port: int

    @property
    def host(self) -> str:
        """The registry as it stands in an image reference."""
        return f"127.0.0.1:{self.port}"

    def is_ready(self) -> bool:
        """Say whether the registry answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            connection.request("GET", "/v2/")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()


def is_installed() -> bool:
    """Say whether Debian's docker-registry is there."""
    return shutil.which(PROGRAM) is not None


def prepare(data_dir: Path) -> Registry:
    """Return how to start the registry of `data_dir`. Raises `CannotStart`."""
    home = data_dir / "registry"
    port_file = data_dir / "registry-port"
    port = int(kept(port_file, lambda: str(free_port())))
    if not port_is_free("127.0.0.1", port):
        raise CannotStart(
            f"Port {port} of the local registry is taken by another program, and it is part of the address of every "
            f"image that was pushed. Stop that program, or remove {port_file} to choose another port."
        )
    (home / "images").mkdir(parents=True, exist_ok=True)
    settings = home / "config.json"  # JSON is YAML
    settings.write_text(json.dumps(_settings(data_dir, port)), encoding="utf-8")
    settings.chmod(0o600)
    command = Command(
        key="registry",
        name="registry",
        argv=(PROGRAM, "serve", str(settings)),
        # REGISTRY_… variables override the settings, and so would those of the person who typed `make run`.
        env={name: "" for name in os.environ if name.startswith("REGISTRY_")},
        log=data_dir / "logs" / "registry.log",
        phase=2,
        patience_seconds=3.0,
    )
    return Registry(command=command, port=port)


def _settings(data_dir: Path, port: int) -> dict[str, Any]:
    """Return the registry's configuration (distribution 2.8, docs/configuration.md)."""
    return {
        "version": "0.1",
        "log": {"level": "warn", "accesslog": {"disabled": True}},
        # No cache: it would go on answering for what was deleted.
        "storage": {
            "filesystem": {"rootdirectory": str(data_dir / "registry" / "images")},
            "delete": {"enabled": True},
        },
        "http": {
            "addr": f"127.0.0.1:{port}",
            "secret": kept(data_dir / "registry" / "secret", lambda: secrets.token_urlsafe(24)),
        },
    }
