"""A `registry:2` container in the foreground, for machines without Debian's docker-registry.

Run as `python -m supervisor.registry_container NAME PORT FOLDER` with DOCKER_HOST set.
SIGTERM removes the container. The images lie in FOLDER, so the engine must be on this machine.
"""

import os
import signal
import sys
import time
from contextlib import suppress
from typing import NoReturn

import docker
import requests
from docker.errors import APIError, DockerException, ImageNotFound, NotFound

IMAGE = "registry:2"
ENGINE_SECONDS = 60.0  # it may be starting at the same time


def _client() -> docker.APIClient:
    """Return a client of the engine, once that answers."""
    deadline = time.monotonic() + ENGINE_SECONDS
    while True:
        try:
            client = docker.APIClient(base_url=os.environ["DOCKER_HOST"], version="auto", timeout=60)
        except DockerException:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            client.trust_env = False
            return client


def _remove(client: docker.APIClient, name: str) -> None:
    """Remove the container; one that has gone is no error."""
    with suppress(NotFound):
        client.remove_container(name, force=True)


def run(name: str, port: int, folder: str) -> None:
    """Run the registry until its container ends. Raises `DockerException`, with pull and engine errors."""
    client = _client()

    def leave(*_: object) -> NoReturn:
        with suppress(DockerException, requests.RequestException):  # an engine that has gone took the container along
            _remove(client, name)
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, leave)
    try:
        client.inspect_image(IMAGE)  # type: ignore[no-untyped-call]  # not in the stubs
    except ImageNotFound:
        client.pull(IMAGE)
    _remove(client, name)  # of a run that was killed
    client.create_container(
        IMAGE,
        name=name,
        ports=[5000],
        environment={"REGISTRY_STORAGE_DELETE_ENABLED": "true", "OTEL_TRACES_EXPORTER": "none"},
        host_config=client.create_host_config(
            port_bindings={5000: ("127.0.0.1", port)}, binds=[f"{folder}:/var/lib/registry"]
        ),
    )
    client.start(name)
    client.wait(name, timeout=None)
    _remove(client, name)


if __name__ == "__main__":
    try:
        run(sys.argv[1], int(sys.argv[2]), sys.argv[3])
    except (APIError, DockerException, requests.RequestException) as error:
        sys.exit(f"The image {IMAGE} cannot be run: {error}")
