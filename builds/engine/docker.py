"""A Docker Engine as the executor sees it: small verbs, typed answers, everything bounded in time."""

import shutil
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, Final

from docker.errors import NotFound

from builds.domain.progress import TraceRecord
from builds.engine.base_image import Content, rootfs
from builds.engine.building import BuildStream, run_build
from builds.engine.client import EngineClient, asking
from builds.engine.containers import Task, TaskEnd, kill_container, run_task
from builds.engine.errors import BuildStopped, EngineError, EngineRefused, PullFailed, PullStopped, PushStopped
from builds.engine.in_use import still_running
from builds.engine.json_lines import json_lines
from builds.engine.leftovers import find_leftovers, remove_leftover
from builds.engine.supported import Agreed, agree
from builds.engine.transfers import TransferStream, run_pull, run_push
from builds.engine.types import (
    BuildRequest,
    Endpoint,
    EngineInfo,
    ImageFacts,
    Leftover,
    PushUpdate,
    RegistryLogin,
)
from builds.engine.volumes import HeldVolume, hold_volume, remove_volume
from builds.engine.watch import PATIENCE, Patience, Watch

SNAPSHOTTER: Final = ["driver-type", "io.containerd.snapshotter.v1"]  # in /info of an engine with containerd's store


class Engine:
    """One build server. Every call may be repeated without harm; calls may come from several threads.

    All methods raise `EngineUnreachable` when nothing answers within `timeout` seconds, `EngineUnsupported` when what
    answers cannot build for us, `EngineRefused` when the engine says no, and `EndpointInvalid` for an address or PEM
    text that cannot be used.
    """

    def __init__(self, endpoint: Endpoint, *, timeout: float = 10, patience: Patience = PATIENCE) -> None:
        self._endpoint = endpoint
        self._timeout = timeout
        self._patience = patience
        self._kept: tuple[EngineClient, Agreed] | None = None
        self._agreeing = threading.Lock()

    @property
    def api_spoken(self) -> str:
        """The version of the API that this engine and BuildHub have agreed on."""
        return self._client.spoken

    @property
    def version(self) -> str:
        """The version of the engine, as it told when it was first asked for anything."""
        return self._met[1].version

    def info(self) -> EngineInfo:
        """Ask the engine what it is: versions, how it stores images, its own warnings."""
        client = self._client
        with asking("ask the engine what it is"):
            version, facts = client.version(), client.info()
        return EngineInfo(
            version=version.get("Version", ""),
            api_version=version.get("ApiVersion", ""),
            operating_system=facts.get("OperatingSystem", ""),
            warnings=tuple(facts.get("Warnings") or ()),
            storage_driver=facts.get("Driver", ""),
            image_store="containerd" if SNAPSHOTTER in (facts.get("DriverStatus") or ()) else "docker",
            root_dir=facts.get("DockerRootDir", ""),
        )

    def disk_free(self, root_dir: str) -> int | None:
        """Return how many bytes are free where an engine of this machine keeps its data; None for one elsewhere.

        `root_dir` is that of `info`. The API tells what is used, not what is left.
        """
        if not self._endpoint.url.startswith("unix://"):
            return None
        try:
            return shutil.disk_usage(root_dir).free
        except OSError:
            return None

    def build(self, request: BuildRequest, on_record: Callable[[TraceRecord], None], stopping: threading.Event) -> str:
        """Build an image and return its id. Blocks until the engine has ended the build.

        `on_record` gets what the engine tells, in order, on the calling thread; if it raises, the connection is
        dropped, the engine kills the build, and the exception goes on. When `stopping` is set the build is
        cancelled.

        Raises `BuildFailed` for the engine's own verdict; `BuildStopped` once a cancelled build has ended (one that
        succeeded before the cancel took effect returns its id); `EngineUnreachable` also for an engine that falls
        silent, or that did not confirm the cancel; `ConnectionLost` when the stream breaks off.
        """
        if stopping.is_set():
            raise BuildStopped("cancelled before the build had begun")
        with self._new_client() as client, self._new_client(self._patience.answer) as side:
            stream = BuildStream(on_record)

            def stop() -> None:
                if self._met[1].may_lose_a_cancel:
                    stream.wait_for_calm()
                side.cancel_build(request.build_id)

            watch = Watch(client.wire, stopping, stop=stop, ping=side.sign_of_life, patience=self._patience)
            with watch:
                return run_build(client, request, stream, watch, side=side)

    def cancel_build(self, build_id: str) -> None:
        """Ask the engine to cancel `build_id`. Proves nothing: an unknown id is answered alike."""
        self._client.cancel_build(build_id)

    def still_running(self, instructions: Iterable[str]) -> list[str]:
        """Return those of `instructions` (names as a build has told them) that this engine still executes."""
        return still_running(self._client, instructions)

    def push(
        self,
        repository: str,
        tag: str,
        *,
        login: RegistryLogin | None,
        on_update: Callable[[PushUpdate], None],
        stopping: threading.Event,
    ) -> str:
        """Push `repository:tag` once, without retries of our own, and return the digest of its manifest.

        When `stopping` is set the connection is closed, and the engine ends the push; only a manifest that is under
        way at that very moment may still arrive. Raises `PushFailed`; `PushStopped` if it had not finished by then;
        `EngineUnreachable` also for an engine that falls silent; `ConnectionLost`.
        """
        if stopping.is_set():
            raise PushStopped
        with self._transferring(stopping) as (client, watch):
            return run_push(client, TransferStream(on_update), watch, name=(repository, tag), login=login)

    def pull(
        self,
        repository: str,
        digest: str,
        *,
        login: RegistryLogin | None,
        on_update: Callable[[PushUpdate], None],
        stopping: threading.Event,
    ) -> str:
        """Pull `repository@digest`, without retries of our own, and return the id of the image.

        The engine keeps it under that name until `remove_image`. Raises `PullFailed`; `PullStopped` when `stopping`
        was set before it had finished; `EngineUnreachable` also for an engine that falls silent; `ConnectionLost`.
        """
        if stopping.is_set():
            raise PullStopped
        with self._transferring(stopping) as (client, watch):
            run_pull(client, TransferStream(on_update), watch, name=(repository, digest), login=login)
        found = self.image_facts(f"{repository}@{digest}")
        if found is None:
            raise PullFailed("The engine says that it has the image, and does not have it.")
        return found.id

    def pull_tagged(
        self,
        reference: str,
        *,
        login: RegistryLogin | None,
        on_update: Callable[[PushUpdate], None],
        stopping: threading.Event,
    ) -> None:
        """Pull `reference` (host/path:tag or host/path@digest), which the engine keeps; raises as `pull`."""
        repository, _, tag = reference.rpartition("@" if "@" in reference else ":")
        with self._transferring(stopping) as (client, watch):
            run_pull(client, TransferStream(on_update), watch, name=(repository, tag), login=login)

    def run_task(self, task: Task, on_output: Callable[[int, bytes], None], stopping: threading.Event) -> TaskEnd:
        """Run one program in a container of its own and say how it ended; no container is left of it.

        `on_output` gets (stream, bytes) as they are printed, on the calling thread; if it raises, the container is
        removed and the exception goes on. When `stopping` is set the program is killed, and has ended like any other.
        Raises `EngineUnreachable` also for an engine that falls silent or does not confirm the stop.
        """
        side = self._client
        with self._new_client() as client, self._new_client(self._patience.answer) as aside:

            def watch(container: str) -> Watch:
                stop = partial(kill_container, aside, container)
                return Watch(client.wire, stopping, stop=stop, ping=aside.sign_of_life, patience=self._patience)

            return run_task(client, side, task, on_output, watch)

    def hold_volume(self, name: str, *, image: str, labels: Mapping[str, str], has_network: bool) -> HeldVolume:
        """Make the volume `name` and what holds it; `image` has a busybox, and is there. See `volumes.py`."""
        holder = hold_volume(self._client, name, image=image, labels=labels, has_network=has_network)
        return HeldVolume(self._client, holder, self._transferring)

    def remove_volume(self, name: str) -> None:
        """Remove the volume `name` and what holds it; gone is gone."""
        remove_volume(self._client, name)

    def tag_image(self, image_id: str, repository: str, tag: str) -> None:
        """Give an image of this engine a name; the name may have belonged to another image."""
        client = self._client
        with asking(f"tag the image as {repository}:{tag}"):
            client.tag(image_id, repository, tag)

    def remove_image(self, reference: str) -> None:
        """Remove a name of an image, and the image with its last name; one that is gone counts as removed."""
        client = self._client
        with asking(f"remove the image {reference}"), suppress(NotFound):
            client.remove_image(reference)

    def image_exists(self, reference: str) -> bool:
        """Say whether this engine holds the image `reference` (a name or an id)."""
        return self.image_facts(reference) is not None

    def image_facts(self, reference: str) -> ImageFacts | None:
        """Return what this engine holds under `reference` (a name or an id), or None."""
        client = self._client
        with asking(f"look at the image {reference}"):
            try:
                found: dict[str, Any] = client.inspect_image(reference)  # type: ignore[no-untyped-call]
            except NotFound:
                return None
        return ImageFacts(id=found["Id"], tags=tuple(found.get("RepoTags") or ()))

    def leftovers(self, labels: Mapping[str, str]) -> tuple[Leftover, ...]:
        """Return the containers and volumes that carry every one of `labels`. Raises `ValueError` without labels."""
        return find_leftovers(self._client, labels)

    def remove_leftover(self, leftover: Leftover) -> None:
        """Remove one; gone is gone."""
        remove_leftover(self._client, leftover)

    def remove_leftovers(self, labels: Mapping[str, str]) -> None:
        """Remove all that carries `labels`, containers first because they hold volumes; gone is gone."""
        for leftover in self.leftovers(labels):
            remove_leftover(self._client, leftover)

    def load_base_image(self, reference: str, files: Mapping[str, Content]) -> None:
        """Make the image `reference` (name:tag) of `files` (see `base_image.rootfs`), without pulling anything."""
        repository, _, tag = reference.rpartition(":")
        asked = f"make the base image {reference}"
        client = self._client
        with asking(asked):
            response = client.ask(
                "POST",
                "/images/create",
                data=rootfs(files),
                params={"fromSrc": "-", "repo": repository, "tag": tag, "changes": ['CMD ["/bin/sh"]']},
                stream=True,
            )
        for record in json_lines(response, asked):
            if "error" in record:
                raise EngineRefused(asked, str(record["error"]), status=200)

    def close(self) -> None:
        """Close kept connections; the object may be used again."""
        kept, self._kept = self._kept, None
        if kept is not None:
            kept[0].close()

    @property
    def _client(self) -> EngineClient:
        """The client of all short calls, speaking the version that the engine agreed to."""
        return self._met[0]

    @property
    def _met(self) -> tuple[EngineClient, Agreed]:
        with self._agreeing:  # a cached_property of Python 3.11 would let one engine of the process agree at a time
            if self._kept is None:
                client = EngineClient(self._endpoint, timeout=self._timeout)
                try:
                    agreed = agree(client)
                    client.speak(agreed.api)
                except EngineError:
                    client.close()
                    raise
                self._kept = client, agreed
            return self._kept

    @contextmanager
    def _transferring(self, stopping: threading.Event) -> Iterator[tuple[EngineClient, Watch]]:
        """Give what one push, pull or tar goes by, and the watch that breaks it off."""
        with self._new_client() as client, self._new_client(self._patience.answer) as side:
            watch = Watch(client.wire, stopping, stop=client.wire.cut, ping=side.sign_of_life, patience=self._patience)
            with watch:
                yield client, watch

    def _new_client(self, timeout: float | None = None) -> EngineClient:
        """Return a client with connections of its own, for one streaming call or its watch."""
        return EngineClient(self._endpoint, timeout=timeout or self._timeout, version=self._client.spoken)
