"""A folder on disk as the context of a build, on the real engine."""

import hashlib
import os
import shutil
import socket
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from builds.engine.context import folder_context
from builds.engine.errors import BuildFailed, ContextTooLarge, FileUnreadable, NameRefused, PatternInvalid
from builds.engine.folder import FolderFiles
from builds.engine.types import BuildRequest
from tests.engine.support import Told, mark

LIST = "cd /x && find . -mindepth 1 | sort"


class Watched:
    """A folder's files; the paths of those whose content the engine asks for come into `sent`."""

    def __init__(self, files: FolderFiles, sent: list[str]) -> None:
        self.files, self.sent = files, sent

    def entries(self, asked):
        return [entry._replace(read=partial(self.read, entry)) for entry in self.files.entries(asked)]

    def read(self, entry):
        self.sent.append(entry.path)
        return entry.read()


class Tree:
    """A folder to be filled, and what a build of it has copied."""

    def __init__(self, engine, base_image: str, never, root: Path) -> None:
        self.engine, self.base, self.never, self.root = engine, base_image, never, root
        self.told, self.sent = Told(), []

    def file(self, path: str | bytes, content: bytes | str = b"") -> Path:
        name = self.root / os.fsdecode(path)
        name.parent.mkdir(parents=True, exist_ok=True)
        name.write_bytes(content if isinstance(content, bytes) else content.encode())
        return name

    def build(
        self, command: str = LIST, *, copy: str = "COPY . /x", ignore: str | None = None, key: str = "", **options
    ) -> list[str]:
        """Build with `command` behind `copy`; return the lines that it printed."""
        self.told, self.sent = Told(), []
        dockerfile = f"FROM {self.base}\n{copy}\nRUN : {mark()}; {command}\n".encode()
        files = Watched(FolderFiles(self.root, **options), self.sent)
        context = folder_context(dockerfile, files, name="my.Dockerfile", ignore=ignore and ignore.encode())
        asked = BuildRequest(build_id=mark(), dockerfile="my.Dockerfile", context=context, shared_key=key)
        self.engine.build(asked, self.told, self.never)
        return self.told.stdout().decode(errors="backslashreplace").splitlines()


@pytest.fixture
def tree(engine, base_image, never, tmp_path):
    root = tmp_path / "files"
    root.mkdir()
    return Tree(engine, base_image, never, root)


def test_copy_takes_files_folders_links_and_modes_and_nothing_of_ours(tree):
    tree.file("a/run", "#!/bin/sh\necho ran\n").chmod(0o755)
    tree.file("a/text", "text\n").chmod(0o640)
    tree.file("empty-file")
    (tree.root / "empty-folder").mkdir()
    lines = tree.build("cd /x && find . -mindepth 1 | sort | xargs stat -c '%n %a %u:%g %s %F' && a/run && cat a/text")
    assert [line for line in lines if "directory" not in line] == [
        "./a/run 755 0:0 19 regular file",
        "./a/text 640 0:0 5 regular file",
        "./empty-file 644 0:0 0 regular empty file",
        "ran",
        "text",
    ]
    assert [line.split()[0] for line in lines if "directory" in line] == ["./a", "./empty-folder"]


def test_links_stay_links_wherever_they_lead(tree):
    tree.file("folder/file", "content")
    for name, target in {
        "to-file": "folder/file",
        "to-folder": "folder",
        "out": "/etc/passwd",
        "none": "no/such",
    }.items():
        (tree.root / name).symlink_to(target)
    (tree.root / "folder/up").symlink_to("../../../outside")
    lines = tree.build("cd /x && for link in $(find . -type l | sort); do readlink $link; done; cat to-folder/file")
    assert lines == ["../../../outside", "no/such", "/etc/passwd", "folder/file", "folder", "content"]


def test_git_sockets_and_pipes_are_left_out_and_other_hidden_files_are_not(tree):
    tree.file(".git/config")
    tree.file("sub/.git", "gitdir: elsewhere")
    tree.file(".gitignore")
    os.mkfifo(tree.root / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.fspath(tree.root / "socket"))
        assert tree.build() == ["./.gitignore", "./sub"]


def test_names_that_are_long_deep_spaced_or_no_text_arrive_as_they_are(tree):
    deep = "/".join(["a-folder-with-a-long-name"] * 8)
    for name in (f"{deep}/file", "n" * 255, "with space", "grün"):
        tree.file(name)
    lines = tree.build("cd /x && find . -type f | sort")
    assert lines == sorted([f"./{deep}/file", f"./{'n' * 255}", "./with space", "./grün"], key=str.encode)


def test_a_file_larger_than_the_engines_window_arrives_whole(tree):
    content = os.urandom(5 * 1024 * 1024 + 17)
    tree.file("large", content)
    assert tree.build("sha256sum < /x/large") == [f"{hashlib.sha256(content).hexdigest()}  -"]


def test_many_files_arrive_all(tree):
    for number in range(3000):
        tree.file(f"{number % 30}/{number}", f"{number}\n")
    begun = []
    lines = tree.build(
        "cd /x && find . -type f | xargs cat | sort -n | md5sum", on_begin=lambda *told: begun.append(told)
    )
    expected = "".join(f"{number}\n" for number in range(3000)).encode()
    assert lines == [f"{hashlib.md5(expected).hexdigest()}  -"]  # noqa: S324 - what busybox has, no secret
    assert begun == [(3000, len(expected))]


def test_the_ignore_file_of_the_context_is_read_by_the_engine(tree):
    tree.file(".dockerignore", "# all but\n*\n!keep\nkeep/no\n!/deep/er/file\n")
    for name in ("drop", "keep/yes", "keep/no", "deep/er/file", "deep/er/other"):
        tree.file(name)
    assert tree.build() == ["./deep", "./deep/er", "./deep/er/file", "./keep", "./keep/yes"]


def test_the_ignore_file_of_the_dockerfile_wins(tree):
    tree.file(".dockerignore", "a\n")
    for name in ("a", "b"):
        tree.file(name)
    assert tree.build(ignore="b\n.dockerignore\n") == ["./a"]


def test_names_that_are_not_ascii_are_ignored_too(tree):
    for name in ("grün", "100% + grün", "rot"):
        tree.file(name)
    assert tree.build(ignore="*grün\n") == ["./rot"]


def test_two_thousand_patterns_reach_us(tree):
    for number in range(3):
        tree.file(f"{number}.txt")
    patterns = "".join(f"a/rather/long/name/of/a/file/that/is/not/there/{number}\n" for number in range(2000))
    assert tree.build(ignore=f"{patterns}1.txt\n") == ["./0.txt", "./2.txt"]


@pytest.mark.parametrize(
    ("copy", "arrived"),
    [
        ("COPY sub/file /x/", ["./file"]),
        ("COPY link /x/", ["./link"]),
        ("COPY to-sub/file /x/", ["./file"]),
        ("COPY s*/file .dockerignore /x/", ["./.dockerignore", "./file"]),
        ("COPY sub /x/sub\nCOPY other /x/", ["./other", "./sub", "./sub/file"]),
    ],
)
def test_what_is_copied_by_name_is_there(tree, copy, arrived):
    for name in ("sub/file", "other", ".dockerignore", "large"):
        tree.file(name)
    (tree.root / "to-sub").symlink_to("sub")
    (tree.root / "link").symlink_to("to-sub/file")
    assert tree.build(copy=copy) == arrived


def test_only_what_is_copied_by_name_is_sent(tree):
    tree.file("small", b"1")
    tree.file("large", b"22")
    begun = []
    tree.build("true", copy="COPY small /x", on_begin=lambda *told: begun.append(told), limit_bytes=1)
    assert begun == [(1, 1)]


def test_a_context_over_its_limit_is_refused_by_the_names_of_what_is_largest(tree):
    for number in range(7):
        tree.file(f"folder{number}/file", b"x" * (100 + number))
    tree.file("left-out", b"x" * 10_000)
    begun = []
    with pytest.raises(
        ContextTooLarge, match=r"It has 721 bytes, 720 are allowed.*folder6 106.*\.dockerignore"
    ) as caught:
        tree.build(ignore="left-out", limit_bytes=720, on_begin=lambda *told: begun.append(told))
    assert (caught.value.total_bytes, caught.value.limit_bytes) == (721, 720)
    assert caught.value.largest == tuple((f"folder{number}", 100 + number) for number in (6, 5, 4, 3, 2))
    assert begun == []
    assert tree.build("ls /x | wc -l", ignore="left-out", limit_bytes=721) == ["7"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (Path.unlink, "No such file"),
        (lambda path: (path.unlink(), path.symlink_to("/etc/passwd")), "symbolic link"),
        (lambda path: (path.rename(path.with_name("old")), path.write_bytes(b"12345")), "has changed"),
        (lambda path: path.write_bytes(b"1234"), "has changed"),
        (lambda path: path.write_bytes(b"123456"), "has changed"),
    ],
    ids=["gone", "a link", "another file", "shorter", "longer"],
)
def test_a_file_that_changes_while_it_is_sent_fails_the_build_by_its_name(tree, change, reason):
    path = tree.file("sub/file", b"12345")
    with pytest.raises(FileUnreadable, match=reason) as caught:
        tree.build(on_begin=lambda files, size: change(path))
    assert caught.value.path == "sub/file"


def test_an_error_names_a_file_in_signs_that_can_be_stored():
    assert FileUnreadable(os.fsdecode(b"fil\xe9"), "It is gone.").path == r"fil\xe9"


def test_a_folder_that_is_exchanged_for_a_link_is_not_followed(tree, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("12345")
    tree.file("sub/secret", b"12345")

    def exchange(files, size):
        shutil.rmtree(tree.root / "sub")
        (tree.root / "sub").symlink_to(outside)

    with pytest.raises(FileUnreadable, match=r"sub/secret.*has changed"):
        tree.build(on_begin=exchange)


def test_a_folder_that_is_not_there_is_named(tree):
    tree.root.rmdir()
    with pytest.raises(FileUnreadable, match=r"read \. for the build: No such file or directory\."):
        tree.build()


def test_a_pattern_that_cannot_be_read_fails_the_build_by_its_name(tree):
    with pytest.raises((PatternInvalid, BuildFailed), match=r"pattern a\[|syntax error in pattern"):  # the latter by 28
        tree.build(ignore="a[\n")


def test_the_same_files_of_one_commit_are_cached_although_the_disk_has_other_times(tree, engine):
    name = tree.file("a", b"1")
    tree.build(modified=10**18)
    os.utime(name, (1, 1))
    assert tree.build("stat -c %Y /x/a", modified=10**18) == [str(10**9)]
    assert tree.told.last("COPY . /x").cached


def test_a_name_that_is_no_text_arrives_as_it_is_or_is_refused_by_name(tree):
    tree.file(b"sub/caf\xe9", b"drink\n")
    (tree.root / "link").symlink_to(os.fsdecode(b"sub/caf\xe9"))
    try:
        outcome = tree.build("cd /x && find . -type f && cat link")
    except NameRefused as error:  # as Docker 28 ends it
        outcome = [error.path, error.answered]
    assert outcome in (
        [r"./sub/caf\xe9", "drink"],
        ["link", "Its engine takes names in UTF-8 only. Rename the file, or leave it out by .dockerignore."],
    )


def test_what_the_engine_has_of_the_same_key_is_not_sent_again(tree):
    key = mark()
    for name in ("a", "b/c"):
        tree.file(name, b"1")
    tree.build(key=key, modified=10**18)
    assert sorted(tree.sent) == ["a", "b/c"]
    tree.file("new", b"1")
    (tree.root / "b/c").unlink()
    assert tree.build(key=key, modified=10**18) == ["./a", "./b", "./new"]
    assert tree.sent == ["new"]


def test_a_file_of_another_time_is_sent_again(tree):
    key, name = mark(), tree.file("a", b"1")
    tree.build(key=key, modified=10**18)
    name.write_bytes(b"2")
    assert tree.build("cat /x/a", key=key, modified=10**18 + 1) == ["2"]
    assert tree.sent == ["a"]


def test_without_a_key_all_is_sent_each_time(tree):
    tree.file("a", b"1")
    for _ in range(2):
        tree.build(modified=10**18)
        assert tree.sent == ["a"]


def test_a_dockerfile_and_its_patterns_of_the_same_length_count_although_the_key_is_the_same(tree):
    key = mark()
    for name in ("a", "b"):
        tree.file(name)
    assert tree.build("ls /x; echo 1", key=key, ignore="a") == ["b", "1"]
    assert tree.build("ls /x; echo 2", key=key, ignore="b") == ["a", "2"]


def test_builds_of_the_same_key_at_the_same_time_get_each_what_it_asked_for(tree, engine, base_image, never):
    key = mark()
    for number in range(200):
        tree.file(f"{number}", f"{number}")

    def built(number: int) -> list[str]:
        own = Tree(engine, base_image, never, tree.root)
        return own.build(f"ls /x | wc -l; echo {number}", key=key, modified=10**18, ignore=f"{number}\n")

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(built, range(8))) == [["199", str(number)] for number in range(8)]


def test_after_a_transfer_that_broke_off_the_same_key_builds_what_is_there(tree):
    key, path = mark(), tree.file("a", b"12345")
    with pytest.raises(FileUnreadable):
        tree.build(key=key, modified=10**18, on_begin=lambda files, size: path.write_bytes(b"1234"))
    path.write_bytes(b"54321")
    assert tree.build("cat /x/a", key=key, modified=10**18) == ["54321"]
