"""Containers of a run: one program to its end, its output as it is printed, and nothing left of it."""

import io
import struct
import tarfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import requests
import urllib3
from docker.errors import APIError, NotFound

from builds.domain.known_errors import KILLED
from builds.domain.task_failures import NO_SUCH_SOURCE
from builds.engine.client import EngineClient, asking
from builds.engine.errors import ContainerLost, EngineRefused
from builds.engine.watch import Watch

WORKSPACE: Final = "/workspace"
OWN: Final = "/run/buildhub"  # in a container: what BuildHub itself brings
SCRIPT: Final = f"{OWN}/script"
HEAD: Final = struct.Struct(">BxxxL")  # before each piece of output: which stream, how many bytes
# What a step needs neither of: raw packets forge others' addresses, device files open the server's disks.
DROPPED: Final = ("NET_RAW", "MKNOD")
START_SECONDS: Final = 60.0  # a server with much to do takes its time
OOM_LOOK_SECONDS: Final = 0.1
OOM_LOOKS: Final = 2  # behind a code that is not 0: a part of it may have been killed
OOM_LOOKS_KILLED: Final = 20
NANO: Final = 1_000_000_000
GONE: Final = 404
IN_USE: Final = 409  # it does not run, or is being removed
REMOVED: Final = ("removing", "dead")  # of a container's state
NOT_STARTED: Final = (126, 127)  # codes of what cannot be executed, or is not in the image


@dataclass(frozen=True, slots=True)
class Limits:
    """What one container may use; 0: no limit. `cpus` may be a part of one."""

    memory_bytes: int = 0
    cpus: float = 0
    processes: int = 0


@dataclass(frozen=True, slots=True)
class HostMount:
    """A folder of the server's own disk in a container; `within`: the part of it that `target` is, reached by a link.

    The link is followed within the container: one that somebody has put on its way leads nowhere on the server.
    """

    source: str
    target: str
    within: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One program in a container of `image`, with the volume `volume` as its workspace.

    `command` is what the container executes, empty: what the image says. `script` is a file that it finds as `SCRIPT`.
    `network` is none or container:ID.
    """

    image: str
    command: Sequence[str]
    volume: str
    network: str
    labels: Mapping[str, str]
    script: bytes = b""
    working_dir: str = WORKSPACE
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    mounts: Sequence[HostMount] = ()
    limits: Limits = Limits()

    @property
    def config(self) -> dict[str, Any]:
        """The container as the Engine API's ContainerCreate takes it."""
        mounts = [workspace_mount(self.volume)]
        for mount, held_at in zip(self.mounts, self._held_at, strict=True):
            mounts.append({"Type": "bind", "Source": mount.source, "Target": held_at})
        limits = {
            "Memory": self.limits.memory_bytes,
            "MemorySwap": self.limits.memory_bytes,  # no swap beside it
            "NanoCpus": int(self.limits.cpus * NANO),
            "PidsLimit": self.limits.processes,
        }
        return {
            "Image": self.image,
            "Cmd": list(self.command) or None,
            "WorkingDir": self.working_dir,
            "Env": [f"{name}={value}" for name, value in self.environment.items()],
            "Labels": dict(self.labels),
            "HostConfig": {
                "Mounts": mounts,
                "NetworkMode": self.network,
                "CapDrop": DROPPED,
                # Its output comes over the connection alone: nothing of it is kept on the server.
                "LogConfig": {"Type": "none"},
                **{name: value for name, value in limits.items() if value},
            },
        }

    @property
    def links(self) -> dict[str, str]:
        """Where its links lead, by their own paths: to what is a part of a mounted folder."""
        held = zip(self.mounts, self._held_at, strict=True)
        return {mount.target: f"{held_at}/{mount.within}" for mount, held_at in held if mount.within}

    @property
    def files(self) -> bytes:
        """The tar of what its container needs beside its image; empty where that is nothing."""
        links = self.links
        data = io.BytesIO()
        with tarfile.open(fileobj=data, mode="w") as tar:
            for name, target in links.items():
                link = tarfile.TarInfo(name.strip("/"))
                link.type, link.linkname, link.mode = tarfile.SYMTYPE, target, 0o777
                tar.addfile(link)
            if self.script:
                file = tarfile.TarInfo(SCRIPT.strip("/"))
                file.size, file.mode = len(self.script), 0o755
                tar.addfile(file, io.BytesIO(self.script))
        return data.getvalue() if links or self.script else b""

    @property
    def _held_at(self) -> list[str]:
        return [f"{OWN}/mounts/{at}" if mount.within else mount.target for at, mount in enumerate(self.mounts)]


@dataclass(frozen=True, slots=True)
class TaskEnd:
    """How a program ended; `unstarted` is the engine's sentence where it never began (its code is then 126 or 127)."""

    exit_code: int
    out_of_memory: bool = False
    unstarted: str = ""


def run_task(
    client: EngineClient,
    side: EngineClient,
    task: Task,
    on_output: Callable[[int, bytes], None],
    watch: Callable[[str], Watch],
) -> TaskEnd:
    """Run a task, say how it ended, and leave no container in any case.

    The output comes by `client`; all that is asked beside goes by `side`. `watch` gives the watch over the container
    whose id it is given; one that it has killed has ended like any other. Raises `EngineUnreachable`, `EngineRefused`,
    `ContainerLost`.
    """
    with asking("make the container of the step"):
        container = create_container(side, task.config)
    try:
        if files := task.files:
            with asking("bring files into the container of the step"):
                side.put_archive(container, "/", files)
        for target, path in task.links.items():
            with asking(f"mount {target}"):
                try:
                    side.ask("HEAD", f"/containers/{container}/archive", params={"path": path})
                except NotFound:
                    raise EngineRefused(f"mount {target}", f"{NO_SUCH_SOURCE} for {target}", status=GONE) from None
        with watch(container) as seen, attach(client, container) as response:
            try:
                with asking("start the container of the step"):
                    side.ask("POST", f"/containers/{container}/start", timeout=(side.timeout, START_SECONDS)).close()
            except EngineRefused as error:
                if (code := int(_state(side, container).get("ExitCode") or 0)) in NOT_STARTED:
                    return TaskEnd(code, unstarted=error.answered)
                raise
            for stream, data in frames(response):
                seen.heard()
                on_output(stream, data)
            return end_of(client, side, container, seen)
    finally:
        remove_container(side, container)


def end_of(client: EngineClient, side: EngineClient, container: str, watch: Watch) -> TaskEnd:
    """Wait for the end of a container. Raises `ContainerLost` where somebody else removes it."""
    try:
        with asking("wait for the end of the step"):
            ended = client.ask("POST", f"/containers/{container}/wait", timeout=(client.timeout, None)).json()
        code, state = int(ended["StatusCode"]), _state(side, container)
        # Engines hear of a lack of memory by itself, which on a busy server may be after the end.
        looks = 0 if not code else OOM_LOOKS_KILLED if code == KILLED else OOM_LOOKS
        for _ in range(looks):
            if state.get("OOMKilled") or watch.stop_asked:
                break
            time.sleep(OOM_LOOK_SECONDS)
            state = _state(side, container)
    except EngineRefused as error:
        if error.status == GONE:
            raise ContainerLost(error.asked, error.answered, status=GONE) from None
        raise
    if state.get("Status") in REMOVED:
        raise ContainerLost("wait for the end of the step", f"{container} is removed", status=GONE)
    return TaskEnd(code, out_of_memory=bool(state.get("OOMKilled")))


def remove_container(client: EngineClient, container: str) -> None:
    """Remove a container with the volumes of its own; one that is gone, or about to be, counts as removed."""
    with asking("remove a container of the run"):
        try:
            client.remove_container(container, force=True, v=True)
        except APIError as error:
            if error.response is None or error.response.status_code not in (GONE, IN_USE):
                raise


def attach(client: EngineClient, container: str) -> requests.Response:
    """Return the answer that carries a container's output; asked before its start, nothing of it is missed."""
    streams = {"stream": 1, "stdout": 1, "stderr": 1}
    with asking("follow the output of the step"):
        return client.ask(
            "POST", f"/containers/{container}/attach", params=streams, stream=True, timeout=(client.timeout, None)
        )


def _state(client: EngineClient, container: str) -> dict[str, Any]:
    with asking("look at the container of the step"):
        return dict(client.inspect_container(container)["State"])


def kill_container(client: EngineClient, container: str) -> None:
    """Kill what runs in a container; one that does not run, not yet or not any more, is left as it is."""
    with asking("stop the container of the step"):
        try:
            client.ask("POST", f"/containers/{container}/kill").close()
        except APIError as error:
            if error.response is None or error.response.status_code not in (GONE, IN_USE):
                raise


def create_container(client: EngineClient, config: Mapping[str, Any], name: str = "") -> str:
    """Create a container as the Engine API's ContainerCreate has it, and return its id; to be called under `asking`."""
    limit = (client.timeout, START_SECONDS)
    named = {"name": name} if name else {}
    answer = client.ask("POST", "/containers/create", params=named, json=config, timeout=limit)
    return str(answer.json()["Id"])


def workspace_mount(volume: str) -> dict[str, Any]:
    """Return the mount of a volume as the workspace, which is never filled with what an image has there."""
    return {"Type": "volume", "Source": volume, "Target": WORKSPACE, "VolumeOptions": {"NoCopy": True}}


def frames(response: requests.Response) -> Iterator[tuple[int, bytes]]:
    """Yield (stream, bytes) of an attached container as they arrive; ends where it or the connection ends.

    A broken connection is no error here: who waits for the container's end learns of it.
    """
    try:
        while len(head := response.raw.read(HEAD.size, decode_content=False)) == HEAD.size:
            stream, size = HEAD.unpack(head)
            if data := response.raw.read(size, decode_content=False):
                yield stream, data
    except (urllib3.exceptions.HTTPError, OSError, AttributeError, ValueError):
        return
