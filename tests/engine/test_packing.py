"""Files as tar, to a workspace on a build server and back."""

import io
import os
import tarfile

import pytest

from builds.engine.archive_names import ArchiveRefused
from builds.engine.errors import ContextTooLarge, PatternInvalid
from builds.engine.packing import NotIgnored, Room, pack, unpack_wanted


def everything(path: str, is_folder: bool) -> bool:
    return True


def unpacked(data: bytes, root, wanted=everything, limit=None):
    return unpack_wanted(io.BytesIO(data), root, wanted, room=Room(limit), look=lambda: None)


def found(root) -> dict[str, str]:
    """Return what lies in a folder: of each path its text, where it leads, or that it is a folder."""
    return {
        path.relative_to(root).as_posix(): f"-> {path.readlink()}"
        if path.is_symlink()
        else "folder"
        if path.is_dir()
        else path.read_text()
        for path in root.rglob("*")
    }


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "source"
    (root / "src" / ".git").mkdir(parents=True)
    (root / "src" / ".git" / "config").write_text("git's own")
    (root / "src" / "run.sh").write_text("x" * 700_000)
    (root / "src" / "run.sh").chmod(0o755)
    os.utime(root / "src" / "run.sh", (1_000_000_000, 1_000_000_000))
    (root / "absolute").symlink_to("/etc/passwd")
    (root / "twin").hardlink_to(root / "src" / "run.sh")
    (root / "empty").mkdir()
    (root / "back\\slash").touch()
    return root


def test_a_folder_goes_and_comes_back_as_it_is(folder, tmp_path):
    assert unpacked(b"".join(pack(folder, "")), tmp_path / "to") == []
    assert found(tmp_path / "to") == found(folder)
    script = tmp_path / "to" / "src" / "run.sh"
    assert (script.stat().st_mode & 0o777, script.stat().st_mtime) == (0o755, 1_000_000_000)


@pytest.mark.parametrize(("name", "at"), [("a/b", "src/run.sh"), ("file", "src/run.sh")])
def test_one_file_goes_under_the_name_that_is_given(folder, tmp_path, name, at):
    unpacked(b"".join(pack(folder / at, name)), tmp_path / "to")
    assert (tmp_path / "to" / name).read_text() == "x" * 700_000


def test_all_belongs_to_root(folder):
    with tarfile.open(fileobj=io.BytesIO(b"".join(pack(folder, "code")))) as tar:
        entries = tar.getmembers()
    assert {entry.name.partition("/")[0] for entry in entries} == {"code"}
    assert {(entry.uid, entry.gid, entry.uname) for entry in entries} == {(0, 0, "")}


def test_what_the_ignore_file_leaves_out_is_not_written(folder, tmp_path):
    wanted = NotIgnored("# a comment\nempty\nsrc/*\n!src/run.sh\n.dockerignore\n")
    (folder / ".dockerignore").write_text("kept for the engine")
    (folder / "src" / "other").write_text("left out")
    unpacked(b"".join(pack(folder, "")), tmp_path / "to", wanted)
    assert found(tmp_path / "to").keys() == {"src", "src/run.sh", "absolute", "twin", "back\\slash", ".dockerignore"}


def test_a_second_name_of_a_file_that_is_left_out_is_told(folder, tmp_path):
    missing = unpacked(b"".join(pack(folder, "")), tmp_path / "to", NotIgnored("src"))
    missing += unpacked(b"".join(pack(folder, "")), tmp_path / "to2", NotIgnored("twin"))
    assert missing in (["twin"], ["src/run.sh"])  # whichever comes second in the tar


def test_more_than_is_allowed_is_refused_with_what_is_large(folder, tmp_path):
    with pytest.raises(ContextTooLarge, match="twin 700,000"):
        unpacked(b"".join(pack(folder, "")), tmp_path / "to", limit=100_000)


def test_names_alone_are_read_of_files_that_need_no_room(folder, tmp_path):
    data = b"".join(pack(folder, ""))
    assert unpack_wanted(io.BytesIO(data), tmp_path / "to", everything, room=None, look=lambda: None) == []
    assert found(tmp_path / "to") == {
        path: text if text == "folder" or text.startswith("->") else "" for path, text in found(folder).items()
    }


def test_a_stop_is_noticed_within_one_large_file(tmp_path):
    (tmp_path / "large").write_bytes(bytes(3_000_000))
    looks = iter(range(3))
    with pytest.raises(StopIteration):
        unpack_wanted(
            io.BytesIO(b"".join(pack(tmp_path / "large", "large"))),
            tmp_path / "to",
            everything,
            room=Room(None),
            look=lambda: next(looks),
        )


def test_a_pattern_that_cannot_be_read_is_named():
    with pytest.raises(PatternInvalid, match=r"a\[b"):
        NotIgnored("a[b")


@pytest.mark.parametrize("name", ["../out", "/etc/out", "link/out"])
def test_nothing_is_written_outside(tmp_path, name):
    data = io.BytesIO()
    (tmp_path / "elsewhere").mkdir()
    with tarfile.open(fileobj=data, mode="w") as tar:
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path / "elsewhere")
        tar.addfile(link)
        tar.addfile(tarfile.TarInfo(name))
    with pytest.raises(ArchiveRefused):
        unpacked(data.getvalue(), tmp_path / "to")
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert not (tmp_path / "out").exists()


def test_a_tar_that_breaks_off_is_an_error(folder, tmp_path):
    with pytest.raises(tarfile.TarError):
        unpacked(b"".join(pack(folder, ""))[:-5000][:300_000], tmp_path / "to")
