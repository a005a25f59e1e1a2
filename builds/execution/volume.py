"""The workspace of an attempt on its build server, for runs with steps that work there: a volume that they share.

It is begun beside the first steps, removed before the run ends, and what could not be removed is swept by its labels
when its engine answers again.
"""

import posixpath
import tarfile
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from builds.domain import failures, task_failures
from builds.domain.steps.places import is_within
from builds.engine.archive_names import ArchiveRefused
from builds.engine.base_image import tools
from builds.engine.containers import WORKSPACE
from builds.engine.docker import Engine
from builds.engine.errors import ConnectionLost, EngineUnreachable
from builds.engine.packing import Room, Wanted, file_named, pack, pack_folder, unpack_wanted
from builds.engine.volumes import HeldVolume
from builds.execution.failing import RunFailed
from builds.execution.stop import Stop
from builds.execution.workspace import PathLeaves


class WorkspaceVolume:
    """The volume `name` on `engine`, marked with `labels`; what makes or uses it raises `EngineError`s, too.

    Paths are relative to the workspace. Where one leads out of it, by `..`, by itself or by a link that a step has
    made, methods raise `PathLeaves`.
    """

    def __init__(self, engine: Engine, name: str, labels: dict[str, str], *, has_network: bool, stop: Stop) -> None:
        self.name, self.labels = name, labels
        self._engine, self._has_network, self._stop = engine, has_network, stop
        self._making: Future[HeldVolume] | None = None

    def begin(self) -> None:
        """Begin to make it, on a thread of its own; whoever first needs it waits."""
        making = self._making = Future[HeldVolume]()

        def make() -> None:
            try:
                held = self._engine.hold_volume(
                    self.name, image=self.tools(), labels=self.labels, has_network=self._has_network
                )
                making.set_result(held)
            except OSError as error:  # no busybox on this machine
                making.set_exception(RunFailed(task_failures.tools_missing(str(error))))
            except BaseException as error:  # noqa: BLE001  raised where it is waited for
                making.set_exception(error)

        threading.Thread(target=make, name=f"workspace-{self.name}", daemon=True).start()

    def tools(self) -> str:
        """Return the image of BuildHub's own tools, which the engine has. Raises `OSError` without a busybox here."""
        image, files = tools()
        if not self._engine.image_exists(image):
            self._engine.load_base_image(image, files)
        return image

    @property
    def held(self) -> HeldVolume:
        """Return it, once it is there."""
        if self._making is None:
            raise RuntimeError(f"The workspace {self.name} was not begun.")
        return self._making.result()

    @property
    def network(self) -> str:
        """Return the network of the steps: that of what holds the volume, or none."""
        return f"container:{self.held.holder}" if self._has_network else "none"

    def remove(self) -> None:
        """Remove it, if it was begun, with all that is in it. Raises `EngineError`."""
        if self._making is not None:
            self._making.exception()  # until it is there, or cannot be made
            self._engine.remove_volume(self.name)

    def exists(self, path: str) -> bool:
        """Say whether there is anything at `path`."""
        at, missing = self._follow(path)
        return not missing and self.held.look(at) is not None

    def put(self, source: Path, path: str) -> None:
        """Put a local file, or a folder with all that is in it, at `path`; empty: what is in the folder, at the top.

        A file takes the place of a file, a folder adds to a folder. Raises `RunFailed` where a file would take the
        place of a folder, `StopRequested` where the attempt must end meanwhile.
        """
        above, _, name = path.rpartition("/")
        at, missing = self._folder(above)
        there = self.held.look(posixpath.join(at, *missing, name)) if name and not missing else None
        if there is not None and there.is_folder and not source.is_dir():
            raise RunFailed(failures.definition_invalid(f"{path} is a folder of the workspace, and no file"))
        self._put(at, pack(source, posixpath.join(*missing, name)))

    def make(self, path: str) -> None:
        """Make the folder `path` and those above it, as far as they are not there. Raises as `put`."""
        at, missing = self._folder(path)
        if missing:
            self._put(at, pack_folder("/".join(missing)))

    def _put(self, at: str, packed: Iterator[bytes]) -> None:
        try:
            self.held.put(at, packed, self._stop.event)
        except EngineUnreachable:
            self._stop.check()
            raise

    def read(self, path: str, into: Path, wanted: Wanted, *, room: Room | None) -> bool:
        """Read what is `wanted` of the folder `path` into the folder `into`; False where there is no such folder.

        `wanted` is asked for paths below the folder. Without `room` names alone are read. Raises `RunFailed` and
        `ContextTooLarge`.
        """
        at = self._at(path, is_folder=True)
        if at is None:
            return False
        for each in self._unpack(f"{at}/.", into, wanted, room):
            if (into / each).parent.resolve() != (into.resolve() / each).parent:  # an engine of somebody's own
                raise PathLeaves(each)
            # That file alone: below a folder of its name there may be a link that the first tar has written.
            self._unpack(f"{at}/{each}", (into / each).parent, file_named(posixpath.basename(each)), room)
        return True

    def read_file(self, path: str, *, most: int) -> bytes | None:
        """Return the first `most` bytes of a file, None where there is no such file. Raises `RunFailed`."""
        at = self._at(path, is_folder=False)
        if at is None:
            return None
        with _unbroken(), self.held.packed(at) as packed:
            if packed is None:
                return None
            stream: Any = packed
            with tarfile.open(fileobj=stream, mode="r|") as tar:
                entry = tar.next()
                content = tar.extractfile(entry) if entry else None
                return content.read(most) if content else None

    def _at(self, path: str, *, is_folder: bool) -> str | None:
        """Return the path in the container where a folder, or a file, is; None where it is not."""
        at, missing = self._follow(path)
        facts = None if missing else self.held.look(at)
        return at if facts is not None and facts.is_folder == is_folder else None

    def _unpack(self, path: str, into: Path, wanted: Wanted, room: Room | None) -> list[str]:
        try:
            with _unbroken(), self.held.packed(path) as packed:
                if packed is None:
                    return []
                return unpack_wanted(packed, into, wanted, room=room, look=self._stop.check)
        except ArchiveRefused as error:
            raise RunFailed(failures.context_unreadable(error.sentence)) from error

    def _follow(self, path: str) -> tuple[str, list[str]]:
        """Return the path in the container that `path` leads to as far as it is there, and the parts that are missing.

        Links are followed one by one, so that none of them leads out: what the engine follows ends in the file system
        of the container that holds the volume, outside of the workspace.
        """
        at, parts = WORKSPACE, [part for part in path.split("/") if part not in ("", ".")]
        for index, part in enumerate(parts):
            facts = self.held.look(f"{at}/{part}")
            if part == ".." or (facts is not None and facts.target and not is_within(facts.target, WORKSPACE)):
                raise PathLeaves(path)
            if facts is None:
                return at, parts[index:]
            at = facts.target or f"{at}/{part}"
            below = self.held.look(at) if facts.target else facts
            if below is None or not below.is_folder:
                return at, parts[index + 1 :]  # nothing is below a file
        return at, []

    def _folder(self, path: str) -> tuple[str, list[str]]:
        """Return as `_follow` where folders can be made. Raises `RunFailed` where something else is in their way."""
        at, missing = self._follow(path)
        facts = self.held.look(at)
        if facts is None or not facts.is_folder:
            raise RunFailed(failures.definition_invalid(f"{at} is no folder, and {path} has to be one"))
        return at, missing


@contextmanager
def _unbroken() -> Iterator[None]:
    try:
        yield
    except tarfile.TarError as error:
        raise ConnectionLost("read the workspace", f"What the engine sent broke off: {error}") from error
