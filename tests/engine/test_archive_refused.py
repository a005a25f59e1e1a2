"""What is not taken in an archive, each by an archive of its own."""

import gzip
import io
import os
import stat
import struct
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from builds.engine import archive_names, archive_tar, archive_zip
from builds.engine.archive import ArchiveRefused
from tests.engine.archives import block, entry, gz, link, looked, packed, tar, unpacked, zip_entry, zipped

FILE = entry("a/file", b"1")
END = bytes(1024)
MANY = [link(f"l{number}", f"l{number + 1}") for number in range(60)]
REFUSED = {
    "absolute": (tar(entry("/etc/x")), '"/etc/x"', "absolute"),
    "parent": (tar(entry("a/../../x")), '"a/../../x"', ".."),
    "backslash": (tar(entry("a\\..\\x")), r'"a\\..\\x"'.replace("\\\\", "\\"), "backslash"),
    "control": (tar(entry("../a\nb\x1b[1m")), r'"../a\nb\x1b[1m"', ".."),
    "not_utf8": (tar(entry("../\udcff"), form=tarfile.GNU_FORMAT), r'"../\xff"', ".."),
    "device": (tar(entry("null", type=tarfile.CHRTYPE)), '"null"', "device"),
    "disk": (tar(entry("sda", type=tarfile.BLKTYPE)), '"sda"', "device"),
    "fifo": (tar(entry("pipe", type=tarfile.FIFOTYPE)), '"pipe"', "FIFO"),
    "unknown": (block(b"volume", b"V", b"00000000000") + END, '"volume"', "kind"),
    "link_absolute": (tar(link("passwd", "/etc/passwd")), '"passwd"', '"/etc/passwd"'),
    "link_out": (tar(link("a/up", "../../x")), '"a/up"', "out of the folder"),
    "link_through_link": (tar(link("a", "."), link("b", "a/../..")), '"b"', "out of the folder"),
    "link_before_link": (tar(link("b", "a/../.."), link("a", "c/.."), FILE), None, "out of the folder"),
    "link_deep_link": (tar(link("a", "d/e"), entry("d/e/f"), link("d/b", "../a/../../.."), FILE), '"d/b"', "out of"),
    "links_too_many": (tar(*MANY, link("l60", ".")), '"l40"', "more than 40 links"),
    "link_empty": (tar(link("a", "")), '"a"', "no usable name"),
    "below_link": (tar(link("a", "."), entry("a/x")), '"a/x"', "a link"),
    "below_file": (tar(entry("a"), entry("a/x")), '"a/x"', "a file"),
    "folder_and_file": (tar(entry("a/b"), entry("a")), '"a"', "folder"),
    "file_and_folder": (tar(entry("a"), entry("a", type=tarfile.DIRTYPE)), '"a"', "folder"),
    "folder_and_link": (tar(entry("a/b"), link("a", "c")), '"a"', "folder"),
    "hard_link_unknown": (tar(link("b", "a", tarfile.LNKTYPE), entry("a")), '"b"', "hard link"),
    "hard_link_out": (tar(link("b", "../a", tarfile.LNKTYPE)), '"../a"', ".."),
    "hard_link_to_link": (tar(link("a", "c"), link("b", "a", tarfile.LNKTYPE)), '"b"', "hard link"),
    "folder_itself": (tar(entry("./", type=tarfile.SYMTYPE, linkname="a")), '"./"', "folder itself"),
    "long_part": (tar(entry("x" * 256)), '"xxx', "255"),
    "long_name": (tar(entry("x" * 200 + "/y" * 2000)), '"xxx', "4,096"),
    "deep": (tar(entry("x/" * 250 + "y")), '"x/x', "deep"),
    "zip_parent": (zipped(("../x", b"")), '"../x"', ".."),
    "zip_absolute": (zipped(("/x", b"")), '"/x"', "absolute"),
    "zip_link": (zipped((zip_entry("a", stat.S_IFLNK | 0o777), b"b")), '"a"', "symbolic link"),
    "zip_fifo": (zipped((zip_entry("a", stat.S_IFIFO | 0o644), b"")), '"a"', "FIFO"),
    "zip_bzip2": (zipped(("a", b"1"), packing=zipfile.ZIP_BZIP2), '"a"', "deflate"),
    "zip_nul": (zipped(("aXb", b"")).replace(b"aXb", b"a\0b"), r'"a\x00b"', "NUL"),
    "zip_below_file": (zipped(("a", b""), ("a/x", b"")), '"a/x"', "a file"),
}


def refusal(content: bytes, into: Path, **options) -> str:
    """Return the sentence with which both ways to read refuse; nothing is written beside the folder."""
    beside = set(into.parent.iterdir())
    with pytest.raises(ArchiveRefused) as refused:
        unpacked(content, into, **options)
    assert set(into.parent.iterdir()) <= beside | {into}
    with pytest.raises(ArchiveRefused):
        looked(content, **options)
    return refused.value.sentence


@pytest.mark.parametrize("name", REFUSED)
def test_the_entry_is_named(tmp_path, name):
    content, quoted, why = REFUSED[name]
    sentence = refusal(content, tmp_path / "into")
    assert quoted is None or f"entry {quoted}" in sentence or quoted in sentence
    assert why in sentence
    assert sentence.isprintable()
    if not name.startswith("zip"):
        assert refusal(gz(content), tmp_path / "packed") == sentence


def test_an_encrypted_zip(tmp_path):
    content = bytearray(zipped(("secret", b"1")))
    content[content.index(b"PK\x01\x02") + 8] |= 1
    assert 'entry "secret" of the archive is encrypted' in refusal(bytes(content), tmp_path / "into")


@pytest.mark.parametrize(
    "content",
    [b"", b"<html>x</html>", END * 20, gz(b"<html>"), gz(b""), b"BZh91AY&SY", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd", b"P"],
)
def test_what_is_no_archive_is_told_what_is_taken(tmp_path, content):
    assert "Send a tar, tar.gz or zip of the folder." in refusal(content, tmp_path / "into")


def damaged() -> dict[str, bytes]:
    plain, zipfile_ = tar(entry("one", b"1" * 2000), entry("two", b"2" * 2000)), zipped(("one", b"1" * 2000))
    packed_ = gz(plain)
    bad_sum = bytearray(plain)
    bad_sum[2560 + 10] ^= 1
    return {
        "tar_in_content": plain[:2000],
        "tar_between_entries": plain[:2560],
        "tar_in_header": plain[:2700],
        "tar_header_changed": bytes(bad_sum),
        "gzip_cut": packed_[:-9],
        "gzip_checksum_cut": packed_[:-4],
        "gzip_checksum": packed_[:-8] + bytes(8),
        "zip_cut": zipfile_[:-30],
        "zip_content": zipfile_[:40] + b"\xff" + zipfile_[41:],
    }


@pytest.mark.parametrize("name", damaged())
def test_what_is_damaged_says_so(tmp_path, name):
    assert "truncated or damaged" in refusal(damaged()[name], tmp_path / "into")


def test_a_broken_archive_names_the_entry_it_broke_after(tmp_path):
    assert 'after its entry "one"' in refusal(damaged()["tar_in_content"], tmp_path / "into")


def test_a_bomb_of_zeros_is_not_unpacked(tmp_path):
    made = io.BytesIO()
    with gzip.GzipFile(fileobj=made, mode="wb", compresslevel=9) as file:
        file.write(block(b"zeros", b"0", b"%011o" % 1024**3))
        for _ in range(64):
            file.write(bytes(1024**2))
    assert 'its entry "zeros"' in refusal(made.getvalue(), tmp_path / "into")
    assert not any((tmp_path / "into").iterdir())


def test_bytes_are_counted_over_all_entries(tmp_path):
    content = tar(entry("a", b"1" * 600), entry("b", b"2" * 600))
    assert '"b"' in refusal(content, tmp_path / "into", limit=1000)
    assert looked(content, limit=1200).unpacked_bytes == 1200


def test_a_zip_that_lies_about_a_size(tmp_path):
    content = bytearray(zipped(("zeros", bytes(100_000))))
    for mark, at in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        struct.pack_into("<I", content, content.index(mark) + at, 10)
    assert "damaged" in refusal(bytes(content), tmp_path / "into")
    assert all(file.stat().st_size <= 10 for file in (tmp_path / "into").iterdir())


def test_zeros_behind_the_end_are_a_bomb_too(tmp_path):
    content = gz(tar(FILE) + bytes(3_000_000))
    assert "after its end" in refusal(content, tmp_path / "into", limit=1_000_000)


def test_entries_and_names_are_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(archive_names, "MOST_ENTRIES", 10)
    content = tar(*[entry(f"{number}") for number in range(11)])
    assert '"10"' in refusal(content, tmp_path / "files")
    assert '"a/b' in refusal(tar(entry("a/b/c/d/e/f/g/h/i/j/k")), tmp_path / "folders")
    monkeypatch.setattr(archive_names, "NAMES_BYTES", 300)
    assert "names" in refusal(tar(entry("a" * 200), entry("b" * 200)), tmp_path / "names")


def test_the_directory_of_a_zip_is_bounded_before_it_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(archive_zip, "DIRECTORY_BYTES", 1000)
    content = zipped(*[(f"{number:0>100}", b"") for number in range(10)])
    assert "directory of the zip" in refusal(content, tmp_path / "into")


@pytest.mark.parametrize("kind", [b"x", b"g", b"L", b"K"])
@pytest.mark.parametrize("size", [b"17777777777", b"\x80" + (2**40).to_bytes(11, "big"), b"\xff" * 11 + b"\0"])
def test_a_header_of_gigabytes_is_not_read(tmp_path, kind, size):
    content = tar(FILE)[:1024] + block(b"large", kind, size) + bytes(400_000)
    assert '"a/file"' in refusal(content, tmp_path / "into")


def test_headers_that_follow_each_other_without_end(tmp_path):
    record = b"6 a=b\n"
    pax = block(b"pax", b"x", b"%011o" % len(record)) + record.ljust(512, b"\0")
    assert "headers that are too large" in refusal(pax * 9 + tar(FILE), tmp_path / "into")


def test_what_counts_for_all_entries_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(archive_tar, "SHARED_BYTES", 100)
    record = b"207 a=" + b"b" * 200 + b"\n"
    shared = block(b"pax", b"g", b"%011o" % len(record)) + record.ljust(512, b"\0")
    assert "headers that cannot be used" in refusal(shared + tar(FILE), tmp_path / "into")


def test_a_header_that_is_one_long_number(tmp_path):
    pax = block(b"pax", b"x", b"%011o" % 200_000) + b"1" * 200_192
    assert "headers that are too large" in refusal(pax + tar(FILE), tmp_path / "into")


def test_a_size_below_zero_does_not_lead_in_a_circle(tmp_path):
    content = block(b"circle", b"0", (-512).to_bytes(12, "big", signed=True)) + END
    assert "circle" in refusal(content, tmp_path / "into")


@pytest.mark.parametrize("pieces", ["0,5000", "0,1,-4,2", "99999999999,1"])
def test_a_sparse_file_with_pieces_outside_of_it(tmp_path, pieces):
    member, content = entry("holes", b"1" * 512)
    member.pax_headers = {"GNU.sparse.map": pieces, "GNU.sparse.size": "600", "GNU.sparse.name": "holes"}
    assert '"holes"' in refusal(tar((member, content)), tmp_path / "into")


@pytest.mark.parametrize("where", [1, 600, 4])
def test_a_real_tar_that_stops_anywhere_is_refused(tmp_path, where):
    (tmp_path / "from").mkdir()
    (tmp_path / "from/file").write_bytes(os.urandom(3000))
    content = packed(tmp_path / "from")
    assert refusal(content[: len(content) // where - 9000 if where == 1 else where], tmp_path / "into")


@given(st.data())
@example(None)
def test_whatever_is_changed_nothing_but_a_refusal_comes(tmp_path_factory, data):
    base = tar(entry("a/b", b"1" * 700), link("c", "a/b"), entry("é" * 80, b"2"), link("d", "a/b", tarfile.LNKTYPE))
    forms = [base, gz(base), zipped(("a/b", b"1" * 700), ("é", b"2"))]
    content = bytearray(forms[0] if data is None else data.draw(st.sampled_from(forms)))
    for _ in range(0 if data is None else data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    home = tmp_path_factory.mktemp("home")
    try:
        count = unpacked(bytes(content), home / "into").file_count
    except ArchiveRefused as refused:
        count = len(refused.sentence) and None
    files = sum(stat.S_ISREG(path.lstat().st_mode) for path in (home / "into").rglob("*"))
    assert count in {None, files}
    assert [*home.iterdir()] == [home / "into"]
    subprocess.run(["rm", "-rf", home], check=True)
