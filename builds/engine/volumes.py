"""The workspace of an attempt on its build server: a volume, and the container that holds it open.

The holder is a static busybox that sleeps. Files go in and out by it, and the containers of the steps share its
network, in which the addresses that machines of a cloud ask about themselves are closed.
"""

import base64
import json
import posixpath
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

import requests
from docker.errors import APIError, NotFound

from builds.engine.client import EngineClient, asking
from builds.engine.containers import START_SECONDS, WORKSPACE, create_container, remove_container, workspace_mount
from builds.engine.errors import ContainerLost, EngineRefused
from builds.engine.watch import Watch

FOLDER_BIT: Final = 1 << 31  # of Go's os.FileMode
LINK_BIT: Final = 1 << 27
# Where clouds answer their own machines; the whole of link-local, and one of Alibaba's.
CLOSED: Final = ("169.254.0.0/16", "100.100.100.200/32")
REMOVE_SECONDS: Final = 120.0  # of a workspace with many files
READ: Final = "read the workspace"
PLAIN: Final = {"Accept-Encoding": "identity"}  # else the engine packs what it sends
STAT: Final = "X-Docker-Container-Path-Stat"
FOREVER: Final = ("/bin/sh", "-c", "while :; do sleep 86400; done")
Transferring = Callable[[threading.Event], AbstractContextManager[tuple[EngineClient, Watch]]]


@dataclass(frozen=True, slots=True)
class PathFacts:
    """What lies under a path of the workspace; `target`: where a link leads in the end, absolute in the container."""

    is_folder: bool
    target: str = ""


def hold_volume(client: EngineClient, name: str, *, image: str, labels: Mapping[str, str], has_network: bool) -> str:
    """Make the volume `name` and start what holds it; return the holder's id. `image` has a busybox.

    Raises `EngineUnreachable` and `EngineRefused`.
    """
    with asking("make the workspace"):
        client.create_volume(name, labels=dict(labels))
        config = {
            "Image": image,
            "Cmd": FOREVER,
            "Labels": dict(labels),
            "HostConfig": {
                "Mounts": [workspace_mount(name)],
                "NetworkMode": "bridge" if has_network else "none",
                "CapDrop": ["ALL"],
                "CapAdd": ["NET_ADMIN"] if has_network else [],
                "LogConfig": {"Type": "none"},
            },
        }
        holder = create_container(client, config, name)
        client.ask("POST", f"/containers/{holder}/start", timeout=(client.timeout, START_SECONDS)).close()
    # Programs of a step may run as any user.
    _execute(client, holder, "open the workspace to all users", ["chmod", "777", WORKSPACE])
    for network in CLOSED if has_network else ():
        _execute(client, holder, f"close {network} to the steps", ["ip", "route", "add", "prohibit", network])
    return holder


def remove_volume(client: EngineClient, name: str) -> None:
    """Remove the volume `name` and its holder, which has the same name; gone is gone."""
    with asking("remove the workspace"):
        remove_container(client, name)
        with suppress(NotFound):
            client.ask("DELETE", f"/volumes/{name}", timeout=(client.timeout, REMOVE_SECONDS)).close()


class Packed:
    """A tar as it arrives: what fails in reading it is the engine's, what fails in the reader's hands is not."""

    def __init__(self, response: requests.Response) -> None:
        self._response = response

    def read(self, size: int) -> bytes:
        """Return the next `size` bytes, fewer at the end. Raises `EngineUnreachable`."""
        with asking(READ):
            piece: bytes = self._response.raw.read(size, decode_content=False)
            return piece


class HeldVolume:
    """The files of a workspace, through the container that holds it; all paths are absolute in that.

    Methods raise `EngineUnreachable`, `EngineRefused` and, where nothing holds it any more, `ContainerLost`.
    `transferring` gives what one long call goes by.
    """

    def __init__(self, client: EngineClient, holder: str, transferring: Transferring) -> None:
        self.holder = holder
        self._client, self._transferring = client, transferring
        self._archive = f"/containers/{holder}/archive"

    def put(self, folder: str, packed: Iterable[bytes], stopping: threading.Event) -> None:
        """Unpack a tar into `folder`, which is there; broken off, as an unreachable engine, when `stopping` is set."""
        with self._transferring(stopping) as (client, _watch), asking("bring files into the workspace"):
            # A request without a limit of its own: the engine answers when all is unpacked.
            limit = (client.timeout, None)
            try:
                client.ask("PUT", self._archive, params={"path": folder}, data=iter(packed), timeout=limit).close()
            except NotFound:
                self.check()
                raise

    @contextmanager
    def packed(self, path: str) -> Iterator["Packed | None"]:
        """Give the tar of `path` (ending with `/.`: of what is in the folder), None where there is nothing."""
        with asking(READ):
            try:
                response = self._client.ask("GET", self._archive, params={"path": path}, stream=True, headers=PLAIN)
            except NotFound:
                self.check()
                response = None
        if response is None:
            yield None
            return
        with response:
            yield Packed(response)

    def check(self) -> None:
        """Raise `ContainerLost` where what holds the workspace does not run any more: nothing is found then."""
        asked = "look at the workspace"
        with asking(asked):
            try:
                state = self._client.inspect_container(self.holder)["State"]["Status"]
            except NotFound:
                state = "removed"
        if state != "running":
            raise ContainerLost(asked, f"what holds its workspace is {state}", status=404)

    def look(self, path: str) -> PathFacts | None:
        """Return what lies under `path`, None where there is nothing. Links above it are followed.

        What is above `path` has to be a folder. A link that leads in a circle is nothing.
        """
        with asking("look into the workspace"):
            try:
                response = self._client.ask("HEAD", self._archive, params={"path": path})
            except NotFound:
                self.check()
                return None
            except APIError:
                # Of links in a circle the engine says no more than that it failed.
                command = ["sh", "-c", '[ -L "$0" ]', path]
                _execute(self._client, self.holder, f"look at {posixpath.basename(path)} in the workspace", command)
                return None
            facts: dict[str, Any] = json.loads(base64.b64decode(response.headers[STAT]))
        mode = int(facts.get("mode") or 0)
        return PathFacts(bool(mode & FOLDER_BIT), str(facts.get("linkTarget") or "") if mode & LINK_BIT else "")


def _execute(client: EngineClient, container: str, asked: str, command: list[str]) -> None:
    """Execute a program in a running container. Raises `EngineRefused` where it fails, with what it printed."""
    with asking(asked):
        number = client.exec_create(container, command)["Id"]
        printed = client.exec_start(number)
        code = client.exec_inspect(number)["ExitCode"]
    if code:
        raise EngineRefused(asked, f"{' '.join(command)} ended with exit code {code}: {printed!r}", status=500)
