"""Archives of real folders, looked through and unpacked."""

import os
import stat
import subprocess
import sys
import tarfile
import zipfile
from io import BytesIO
from pathlib import Path
from tempfile import SpooledTemporaryFile

import pytest

from builds.engine.archive import ArchiveFacts, unpack
from tests.engine.archives import entry, gz, link, looked, packed, tar, unpacked, zip_entry, zipped

YEAR_2020 = 1_577_836_800


@pytest.fixture
def folder(tmp_path) -> Path:
    """A folder with all that is usual in one."""
    root = tmp_path / "from"
    for name in ("sub/empty", "sub/deep/deeper"):
        (root / name).mkdir(parents=True)
    (root / "Dockerfile").write_text("FROM scratch\n")
    (root / "sub/run.sh").write_text("#!/bin/sh\n")
    (root / "sub/run.sh").chmod(0o4755)
    (root / "private").write_text("1")
    (root / "private").chmod(0o600)
    (root / "größe 漢字").write_text("2")
    (root / os.fsdecode(b"latin-\xe9")).write_text("3")
    (root / ("long-" * 30)).mkdir()
    (root / ("long-" * 30) / ("n" * 200)).write_text("4")
    (root / "sub/to-file").symlink_to("run.sh")
    (root / "sub/deep/up").symlink_to("../../Dockerfile")
    (root / "nowhere").symlink_to("gone")
    (root / "circle").symlink_to("circle")
    (root / "same").hardlink_to(root / "Dockerfile")
    (root / "._mac").write_text("5")
    with (root / "holes").open("wb") as holes:
        holes.write(b"first")
        holes.seek(3_000_000)
        holes.write(b"last")
    for path in root.rglob("*"):
        os.utime(path, (YEAR_2020, YEAR_2020), follow_symlinks=False)
    return root


def tree(root: Path) -> dict[str, tuple[object, ...]]:
    """Return all that is kept of a folder: kind, permissions, time, content."""
    found: dict[str, tuple[object, ...]] = {}
    for path in sorted(root.rglob("*")):
        seen = path.lstat()
        content = str(path.readlink()) if path.is_symlink() else path.read_bytes() if path.is_file() else None
        mode = stat.S_IFMT(seen.st_mode) if path.is_symlink() else seen.st_mode & ~0o7000
        found[str(path.relative_to(root))] = (mode, int(seen.st_mtime), content)
    return found


@pytest.mark.parametrize("form", ["gnu", "pax", "posix"])
@pytest.mark.parametrize("options", [(), ("-z",), ("--sparse",)])
def test_a_real_folder_comes_out_as_it_was(folder, tmp_path, form, options):
    content = packed(folder, f"--format={form}", *options)
    facts = unpacked(content, tmp_path / "into")
    assert tree(tmp_path / "into") == tree(folder)
    assert (tmp_path / "into/same").stat().st_ino == (tmp_path / "into/Dockerfile").stat().st_ino
    assert facts == looked(content)
    assert facts.kind == ("tar.gz" if "-z" in options else "tar")
    assert facts.file_count == sum(path.is_file() and not path.is_symlink() for path in folder.rglob("*"))
    assert facts.unpacked_bytes == 3_000_004 + 13 + 10 + 5


def test_a_real_zip_comes_out_as_it_was(folder, tmp_path):
    for path in ("sub/to-file", "sub/deep/up", "nowhere", "circle"):
        (folder / path).unlink()
    with zipfile.ZipFile(tmp_path / "made.zip", "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as made:
        for path in sorted(folder.rglob("*")):
            if "latin" not in path.name:
                made.write(path, str(path.relative_to(folder)))
    content = (tmp_path / "made.zip").read_bytes()
    facts = unpacked(content, tmp_path / "into")
    (folder / os.fsdecode(b"latin-\xe9")).unlink()
    assert {name: (mode, data) for name, (mode, _, data) in tree(tmp_path / "into").items()} == {
        name: (mode, data) for name, (mode, _, data) in tree(folder).items()
    }
    assert facts == looked(content)
    assert facts.kind == "zip"


def test_a_zip_from_elsewhere(tmp_path):
    """Windows has no modes; macOS writes names in UTF-8 without saying so."""
    entries = (zip_entry("run", 0, system=0), b"1"), (zip_entry("gr__e", 0o755), b"2"), ("__MACOSX/._x", b"3")
    unpacked(zipped(*entries).replace(b"gr__e", "gr\xf6e".encode()), tmp_path / "into")
    assert stat.S_IMODE((tmp_path / "into/run").stat().st_mode) == 0o644
    assert stat.S_IMODE((tmp_path / "into/gr\xf6e").stat().st_mode) == 0o755
    assert (tmp_path / "into/gr\xf6e").stat().st_mtime == 1_714_979_290
    assert (tmp_path / "into/__MACOSX/._x").read_bytes() == b"3"


@pytest.mark.parametrize("pack", [tar, lambda *entries: gz(tar(*entries))])
def test_the_last_of_two_files_counts(tmp_path, pack):
    first = [entry("a", b"first"), link("kept", "a", tarfile.LNKTYPE), entry("target", b"target"), link("b", "target")]
    unpacked(pack(*first, entry("./a", b"last"), entry("b", b"file")), tmp_path / "into")
    found = {path.name: path.read_bytes() for path in (tmp_path / "into").iterdir()}
    assert found == {"a": b"last", "kept": b"first", "target": b"target", "b": b"file"}


def test_folders_without_an_entry_have_a_time_that_stays(tmp_path):
    content = tar(entry("a/b/file", mtime=YEAR_2020), entry("c/file", mtime=YEAR_2020 + 5))
    unpacked(content, tmp_path / "into")
    assert {(tmp_path / "into" / name).stat().st_mtime for name in ("a", "a/b", "c")} == {YEAR_2020 + 5}


@pytest.mark.parametrize("time", ["nan", "inf", "-5", "99999999999999999999"])
def test_times_that_no_disk_keeps(tmp_path, time):
    member, content = entry("file", b"1")
    member.pax_headers = {"mtime": time}
    assert unpacked(tar((member, content)), tmp_path / "into").file_count == 1
    assert (tmp_path / "into/file").stat().st_mtime >= 0


def test_gzip_in_parts_and_with_garbage_behind_it(tmp_path):
    content = tar(entry("a", b"1" * 3000))
    assert looked(gz(content[:700]) + gz(content[700:])).file_count == 1
    for garbage in (bytes(5000), b"garbage" * 1000, b"\x1f", b"\x1f\x8b"[:1] + b"x"):
        assert unpacked(gz(content) + garbage, tmp_path / "into") == ArchiveFacts("tar.gz", 1, 3000)
        assert (tmp_path / "into/a").read_bytes() == b"1" * 3000


def test_gzip_is_read_from_a_file_that_was_opened_to_be_written(tmp_path):
    with SpooledTemporaryFile() as file:
        file.write(gz(tar(entry("a", b"1"))))
        assert unpack(file, tmp_path / "into", limit_bytes=10) == ArchiveFacts("tar.gz", 1, 1)


def test_an_archive_in_an_archive_is_one_file(tmp_path):
    inner = zipped(*[(f"{number}.zip", zipped(("zeros", bytes(1_000_000)))) for number in range(4)])
    assert unpacked(zipped(("inner.zip", inner)), tmp_path / "into") == ArchiveFacts("zip", 1, len(inner))


def test_who_looks_can_end_it(tmp_path):
    def look():
        if (tmp_path / "into/a").exists():
            raise InterruptedError

    (tmp_path / "into").mkdir()
    with pytest.raises(InterruptedError):
        unpack(BytesIO(tar(entry("a", b"1"), entry("b", b"2"))), tmp_path / "into", limit_bytes=10, look=look)
    assert [path.name for path in (tmp_path / "into").iterdir()] == ["a"]


MEMORY = """
import re, sys
from pathlib import Path
from tempfile import SpooledTemporaryFile
from builds.engine.archive import inspect
def most():
    return int(re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text())[1]) // 1024
before = most()
with open(sys.argv[1], "rb") as file:
    print(inspect(file, limit_bytes=2**31).file_count, most() - before)
"""


def grown(path: Path) -> tuple[int, int]:
    """Return how many files an archive has, and the MiB that looking through it has taken in a process of its own."""
    made = subprocess.run([sys.executable, "-c", MEMORY, path], check=True, capture_output=True, text=True)
    files, grown = made.stdout.split()
    return int(files), int(grown)


def test_neither_size_nor_entries_show_in_memory(tmp_path):
    with tarfile.open(tmp_path / "x.tar", "w", format=tarfile.GNU_FORMAT) as made:
        for number in range(50_000):
            made.addfile(tarfile.TarInfo(f"node_modules/package-{number % 500}/lib/some/where/file-{number}.js"))
        large = tarfile.TarInfo("large")
        large.size = 300 * 1024**2
        with Path("/dev/zero").open("rb") as zeros:
            made.addfile(large, zeros)
    files, taken = grown(tmp_path / "x.tar")
    assert files == 50_001
    assert taken < 20
