"""The local registry: Debian's docker-registry, plain HTTP on 127.0.0.1, no login, deletion enabled.

Its port is chosen once and kept, because it is part of every imageUrl.
"""

import http.client
import json
import os
import secrets
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from supervisor.files import CannotStart, free_port, kept, port_is_free
from supervisor.processes import Command

PROGRAM = "docker-registry"
CHECKOUT = Path(__file__).resolve().parents[1]


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


def prepare(data_dir: Path, *, engine_url: str = "") -> Registry:
    """Return how to start the registry of `data_dir`: as a program, else as a container of the engine at `engine_url`.

    Raises `CannotStart`.
    """
    home = data_dir / "registry"
    port_file = data_dir / "registry-port"
    port = int(kept(port_file, lambda: str(free_port())))
    if not port_is_free("127.0.0.1", port):
        raise CannotStart(
            f"Port {port} of the local registry is taken by another program, and it is part of the address of every "
            f"image that was pushed. Stop that program, or remove {port_file} to choose another port."
        )
    (home / "images").mkdir(parents=True, exist_ok=True)
    argv, environment = _program(data_dir, port) if is_installed() else _container(data_dir, port, engine_url)
    command = Command(
        key="registry",
        name="registry",
        argv=argv,
        env=environment,
        cwd=CHECKOUT,
        log=data_dir / "logs" / "registry.log",
        phase=2,
        patience_seconds=3.0,
    )
    return Registry(command=command, port=port)


def _program(data_dir: Path, port: int) -> tuple[tuple[str, ...], dict[str, str]]:
    """Return argv and environment of Debian's program."""
    settings = data_dir / "registry" / "config.json"  # JSON is YAML
    wanted = {  # of distribution 2.8
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
    settings.write_text(json.dumps(wanted), encoding="utf-8")
    settings.chmod(0o600)
    # REGISTRY_… variables override the settings, and so would those of the person who typed `make run`.
    return (PROGRAM, "serve", str(settings)), {name: "" for name in os.environ if name.startswith("REGISTRY_")}


def _container(data_dir: Path, port: int, engine_url: str) -> tuple[tuple[str, ...], dict[str, str]]:
    """Return argv and environment of what runs the container; its port is on this machine only with a local engine."""
    if not engine_url.startswith("unix://"):
        raise CannotStart(
            f"{PROGRAM} is not installed: run `apt-get install {PROGRAM}`, or name a registry in BUILDHUB_REGISTRY."
        )
    name = f"buildhub-registry-{port}"
    argv = (
        sys.executable,
        "-m",
        f"{__package__}.registry_container",
        name,
        str(port),
        str(data_dir / "registry" / "images"),
    )
    return argv, {"DOCKER_HOST": engine_url}
