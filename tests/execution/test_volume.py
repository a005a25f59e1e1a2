"""The workspace's files read back from an engine that somebody else has made."""

import io
import tarfile
import threading
from contextlib import contextmanager

import pytest

from builds.engine.errors import ContextTooLarge, EngineUnreachable
from builds.engine.packing import Room
from builds.engine.volumes import PathFacts
from builds.execution.stop import Stop, StopReason, StopRequested
from builds.execution.volume import WorkspaceVolume


def tar_of(*entries: tarfile.TarInfo) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        for entry in entries:
            tar.addfile(entry, io.BytesIO(bytes(entry.size)))
    return data.getvalue()


def entry(name: str, kind: bytes = tarfile.REGTYPE, target: str = "", size: int = 0) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname, made.size = kind, target, size
    return made


class OneOfTheirs:
    """An engine that answers with these tars, whatever is asked for, and what it holds."""

    def __init__(self, *tars: bytes) -> None:
        self._tars = iter(tars)

    def image_exists(self, reference: str) -> bool:
        return True

    def hold_volume(self, name: str, **_given: object) -> "OneOfTheirs":
        return self

    def look(self, path: str) -> PathFacts:
        return PathFacts(is_folder=True)

    def put(self, folder: str, packed: object, stopping: threading.Event) -> None:
        raise EngineUnreachable("bring files into the workspace", "broken off")

    @contextmanager
    def packed(self, path: str):
        yield io.BytesIO(next(self._tars))


def volume_of(*tars: bytes, stop: Stop | None = None) -> WorkspaceVolume:
    volume = WorkspaceVolume(OneOfTheirs(*tars), "name", {}, has_network=False, stop=stop or Stop())
    volume.begin()
    return volume


def not_first(path: str, is_folder: bool) -> bool:
    return path != "first"


def test_nothing_is_written_through_a_link_of_an_earlier_tar(tmp_path):
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    link = entry("link", tarfile.SYMTYPE, str(tmp_path / "elsewhere"))
    twins = [entry(name, tarfile.LNKTYPE, "first") for name in ("link", "twin")]
    volume = volume_of(
        tar_of(entry("first"), *twins, link),
        tar_of(entry("link", tarfile.DIRTYPE)),
        tar_of(entry("link/out"), entry("twin")),
    )
    volume.read("", tmp_path / "to", not_first, room=Room(None))
    assert (tmp_path / "to" / "twin").is_file()
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert (tmp_path / "elsewhere").stat().st_mode & 0o777 == 0o700


def test_all_names_of_a_file_that_is_left_out_share_the_room(tmp_path):
    twins = [entry(name, tarfile.LNKTYPE, "first") for name in ("a", "b")]
    volume = volume_of(
        tar_of(entry("first", size=800), *twins), tar_of(entry("a", size=800)), tar_of(entry("b", size=800))
    )
    with pytest.raises(ContextTooLarge):
        volume.read("", tmp_path / "to", not_first, room=Room(1000))


def test_what_is_broken_off_by_a_stop_is_no_fault_of_the_engine(tmp_path):
    stop = Stop()
    with pytest.raises(EngineUnreachable):
        volume_of(stop=stop).put(tmp_path, "code")
    stop.ask(StopReason.CANCEL)
    with pytest.raises(StopRequested):
        volume_of(stop=stop).put(tmp_path, "code")
