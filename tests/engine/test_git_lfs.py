"""Files in LFS: fetched from a real server (giftless) behind http-backend or beside OpenSSH, and what goes wrong."""

import hashlib
import json
import os
import re
import sys
import threading

import pytest

from builds.domain import source_kinds
from builds.domain.git_words import git_refusal_of, telling_line
from builds.engine.git.client import Repository
from builds.engine.git.errors import GitStopped, PartFailed, SourceTooLarge
from builds.engine.git.login import Login
from builds.engine.outbound import OutboundFailed, OutboundRefused
from tests.engine.certificates import Authority
from tests.engine.git_desk import PASSWORD, Desk, processes_with, sampled
from tests.support.git_servers import GitSsh, Origin, git, git_http, make_key
from tests.support.lfs_server import commit_large, lfs_server
from tests.support.waiting import free_port

SMALL, LARGE = os.urandom(2000), os.urandom(3_000_000)
LOGIN = Login("ada", PASSWORD)


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path / "desk")


@pytest.fixture(scope="module")
def lfs(tmp_path_factory):
    with lfs_server(tmp_path_factory.mktemp("lfs")) as server:
        yield server


@pytest.fixture(scope="module")
def origin(tmp_path_factory, lfs):
    origin = Origin(tmp_path_factory.mktemp("git"))
    commit_large(origin, lfs, {"small.bin": SMALL, "sub/large.bin": LARGE, "sub/same.bin": SMALL, "a.txt": "text"})
    (origin.tree / "small.bin").chmod(0o755)
    origin.commit()
    origin.root = origin.bare.parents[1]
    return origin


@pytest.fixture(scope="module")
def served(origin, lfs):
    with git_http(origin.root, lfs=lfs.port) as server:
        yield server


@pytest.fixture(scope="module")
def guarded(origin, lfs):
    with git_http(origin.root, lfs=lfs.port, login=f"ada:{PASSWORD}") as server:
        yield server


def contents(desk):
    app = desk.code / "app"
    return [(app / name).read_bytes() for name in ("small.bin", "sub/large.bin", "sub/same.bin")]


def refused(failed):
    """Return what a failure is taken for, and its telling line."""
    return git_refusal_of(failed.value.answered), telling_line(failed.value.answered)


def test_files_come_whole_with_their_modes_and_nothing_else_is_left(served, desk):
    desk.fetch(Repository(served.url(), lfs=True))
    assert contents(desk) == [SMALL, LARGE, SMALL]
    names = sorted(str(path.relative_to(desk.code / "app")) for path in (desk.code / "app").rglob("*"))
    assert [name for name in names if not name.startswith(".git/")] == [
        ".git", ".gitattributes", "a.txt", "small.bin", "sub", "sub/large.bin", "sub/same.bin",
    ]  # fmt: skip
    assert (desk.code / "app" / "small.bin").stat().st_mode & 0o777 == 0o755
    assert desk.lines[-1] == "Fetched 2 LFS files, 3,002,000 bytes"


def test_pointers_stay_pointers_and_are_told(served, desk):
    desk.fetch(Repository(served.url()))
    assert all(content.startswith(b"version https://git-lfs.github.com/spec/v1\n") for content in contents(desk))
    assert desk.lines[-1] == "3 files are kept in LFS, and only pointers are fetched; set lfs to fetch them whole"


def test_where_nothing_is_in_lfs_no_lfs_server_is_asked(tmp_path, desk):
    Origin(tmp_path / "plain").commit({"a.txt": "text"})
    with git_http(tmp_path / "plain") as server:
        desk.fetch(Repository(server.url(), lfs=True))
        assert not any("/info/lfs" in path for path in server.asked)
    assert "LFS" not in "\n".join(desk.lines)


def test_the_login_of_the_repository_opens_its_lfs_and_is_nowhere(guarded, desk):
    with sampled() as seen:
        desk.fetch(Repository(guarded.url(), LOGIN, lfs=True))
    assert contents(desk) == [SMALL, LARGE, SMALL]
    assert any(b"lfs.py" in text for text in seen)
    assert not any(PASSWORD.encode() in text for text in seen)
    assert PASSWORD not in "\n".join(desk.lines)
    kept = [path for path in desk.code.parent.rglob("*") if path.is_file() and PASSWORD.encode() in path.read_bytes()]
    assert kept == []


@pytest.mark.parametrize("way", ["lfsconfig", "href", "redirect"])
def test_another_host_never_gets_the_login(origin, lfs, desk, way):
    given = []

    def take(request):
        given.append(request.headers.get("Authorization"))
        return False

    def lead_away(request):
        if request.headers.get("Authorization") is None:
            return False  # it asks for the login first, and gets it
        if way == "redirect" and "/info/lfs" in request.path:
            request.answer(307, {"Location": f"http://localhost:{other.port}{request.path}"})
            return True
        if way == "href" and request.path.endswith("/objects/batch"):
            _answer_objects(request, f"http://localhost:{other.port}/team/app.git/info/lfs")
            return True
        return False

    with git_http(origin.root, hook=take, lfs=lfs.port, login=f"ada:{PASSWORD}") as other:
        root, url = origin.root, f"http://localhost:{other.port}/team/app.git/info/lfs"
        if way == "lfsconfig":
            root = desk.code.parent / "git"
            commit_large(Origin(root), lfs, {"a.bin": SMALL, ".lfsconfig": f"[lfs]\n\turl = {url}\n"})
        with (
            git_http(root, hook=lead_away, login=f"ada:{PASSWORD}") as first,
            pytest.raises(PartFailed) as failed,
        ):
            desk.fetch(Repository(first.url(), LOGIN, lfs=True))
    assert given
    assert set(given) == {None}
    assert refused(failed)[0].kind is source_kinds.SOURCE_LFS
    assert "login" in refused(failed)[1]


def _answer_objects(request, url):
    """Answer that both objects are at `url`."""
    found = [(hashlib.sha256(each).hexdigest(), len(each)) for each in (SMALL, LARGE)]
    objects = [
        {"oid": oid, "size": size, "actions": {"download": {"href": f"{url}/objects/storage/{oid}"}}}
        for oid, size in found
    ]
    request.answer(200, {}, json.dumps({"objects": objects}).encode())


@pytest.mark.parametrize("way", ["lfsconfig", "lfsconfig6", "href", "redirect"])
def test_a_private_host_is_never_reached_whoever_names_it(origin, lfs, desk, way):
    reached = []
    with git_http(origin.root, hook=lambda request: reached.append(request.path) or False, lfs=lfs.port) as private:
        place = f"http://127.0.0.1:{private.port}/team/app.git/info/lfs"

        def lead(request):
            if way == "redirect" and "/info/lfs" in request.path:
                request.answer(307, {"Location": f"http://127.0.0.1:{private.port}{request.path}"})
                return True
            if way == "href" and request.path.endswith("/objects/batch"):
                _answer_objects(request, place)
                return True
            return False

        root = origin.root
        if way.startswith("lfsconfig"):
            root = desk.code.parent / "git"
            url = place.replace("127.0.0.1", "[::1]") if way.endswith("6") else place
            commit_large(Origin(root), lfs, {"a.bin": SMALL, ".lfsconfig": f"[lfs]\n\turl = {url}\n"})
        with git_http(root, hook=lead) as first, pytest.raises(PartFailed) as stopped:
            desk.fetch(Repository(first.url(host="localhost"), lfs=True), allowed=("localhost",))
    assert isinstance(stopped.value.__cause__, OutboundRefused)
    assert "BUILDHUB_OUTBOUND_ALLOW" in stopped.value.answered
    assert reached == []


def _lfs_answers(status, body=b""):
    def hook(request):
        if "/info/lfs" in request.path:
            request.answer(status, {"Content-Type": "application/vnd.git-lfs+json"}, body)
            return True
        return False

    return hook


@pytest.mark.parametrize(
    ("status", "body", "words", "again"),
    [
        (403, b'{"message": "over the quota"}', " answers 403: over the quota", False),
        (404, b"<html>", " answers 404: Not Found", False),
        (200, b"<html>", " answers 200: OK", False),
        (200, b'{"objects": []}', "the server does not give 2 of 2 files, first ", False),
        (401, b"", "asks for a login, and the step has none for it", False),
        (429, b'{"message": "slow down"}', " answers 429: slow down", True),
        (503, b"", " answers 503: Service Unavailable", True),
    ],
)
def test_what_an_lfs_server_refuses_is_told(origin, desk, status, body, words, again):
    with git_http(origin.root, hook=_lfs_answers(status, body)) as server, pytest.raises(PartFailed) as failed:
        desk.fetch(Repository(server.url(), lfs=True))
    refusal, line = refused(failed)
    assert (refusal.kind, refusal.again) == (source_kinds.SOURCE_LFS, again)
    assert words in line


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "the server does not give 1 of 2 files, first mine.bin: Object does not exist"),
        (b"x" * 9, "the server does not give 1 of 2 files, first mine.bin: Object size does not match"),
        (b"x" * 2000, "sent something else than the object"),
    ],
)
def test_an_object_that_is_missing_or_spoilt_is_told(tmp_path, lfs, desk, content, words):
    mine = os.urandom(2000)
    name = f"team/{tmp_path.name}"
    commit_large(Origin(tmp_path / "git", f"{name}.git"), lfs, {"mine.bin": mine, "a.bin": SMALL}, name=f"{name}.git")
    stored = lfs.object(hashlib.sha256(mine).hexdigest(), name)
    stored.unlink()
    if content is not None:
        stored.write_bytes(content)
    with git_http(tmp_path / "git", lfs=lfs.port) as server, pytest.raises(PartFailed) as failed:
        desk.fetch(Repository(server.url(f"{name}.git"), lfs=True))
    assert refused(failed)[0].kind is source_kinds.SOURCE_LFS
    assert words in refused(failed)[1]


def test_a_server_that_is_not_there_is_told(tmp_path, lfs, desk):
    port = free_port()
    config = f"[lfs]\n\turl = http://127.0.0.1:{port}/x\n"
    commit_large(Origin(tmp_path / "git"), lfs, {"a.bin": SMALL, ".lfsconfig": config})
    with git_http(tmp_path / "git") as server, pytest.raises(PartFailed) as failed:
        desk.fetch(Repository(server.url(), lfs=True))
    assert (failed.value.part, type(failed.value.__cause__)) == ("lfs", OutboundFailed)
    assert failed.value.answered == f"127.0.0.1:{port} does not answer (Connection refused)."


@pytest.mark.parametrize(
    "url", ["file:///etc", "ssh://git@127.0.0.1:1/x", "git@other.example:x", "nonsense", "http://["]
)
def test_no_other_way_leads_to_lfs(tmp_path, lfs, desk, url):
    commit_large(Origin(tmp_path / "git"), lfs, {"a.bin": SMALL, ".lfsconfig": f"[lfs]\n\turl = {url}\n"})
    with git_http(tmp_path / "git") as server, pytest.raises(PartFailed) as failed:
        desk.fetch(Repository(server.url(), lfs=True))
    refusal, line = refused(failed)
    assert refusal.kind is source_kinds.SOURCE_LFS
    assert "BuildHub goes by ssh to the host of the repository only" in line or re.search(r"no way to|is none \(", line)


def test_what_lfsconfig_leaves_out_stays_a_pointer(tmp_path, lfs, desk):
    config = "[lfs]\n\tfetchexclude = sub/*, other.bin\n"
    files = {"a.bin": SMALL, "sub/b.bin": SMALL, "other.bin": SMALL, ".lfsconfig": config}
    commit_large(Origin(tmp_path / "git"), lfs, files)
    with git_http(tmp_path / "git", lfs=lfs.port) as server:
        desk.fetch(Repository(server.url(), lfs=True))
    sizes = {name: (desk.code / "app" / name).stat().st_size for name in ("a.bin", "sub/b.bin", "other.bin")}
    assert sizes["a.bin"] == 2000
    assert sizes["sub/b.bin"] == sizes["other.bin"] < 200


def test_a_submodule_brings_its_own(tmp_path, lfs, desk):
    root = tmp_path / "git"
    inner = Origin(root, "team/inner.git")
    commit_large(inner, lfs, {"inner.bin": SMALL}, name="team/inner.git")
    outer = Origin(root)
    commit_large(outer, lfs, {"outer.bin": SMALL})
    git("-c", "protocol.file.allow=always", "submodule", "add", "-q", "../inner.git", "vendor", cwd=outer.tree)
    outer.commit()
    with git_http(root, lfs=lfs.port, login=f"ada:{PASSWORD}") as server:
        desk.fetch(Repository(server.url(), LOGIN, lfs=True, submodules=True))
    assert [(desk.code / "app" / name).read_bytes() for name in ("outer.bin", "vendor/inner.bin")] == [SMALL, SMALL]


def test_a_certificate_is_checked_for_lfs_too(origin, lfs, desk):
    with git_http(origin.root, lfs=lfs.port, pair=Authority().issue("127.0.0.1")) as server:
        url = f"https://127.0.0.1:{server.port}/team/app.git/info/lfs"
        root = desk.code.parent / "git"
        commit_large(Origin(root), lfs, {"a.bin": SMALL, ".lfsconfig": f"[lfs]\n\turl = {url}\n"})
        with git_http(root) as first:
            with pytest.raises(PartFailed) as failed:
                desk.fetch(Repository(first.url(), lfs=True))
            with desk.at(Repository(first.url(), lfs=True, verify_tls=False)) as found:
                found.fetch("", desk.code / "whole")
    assert refused(failed)[0].kind is source_kinds.SOURCE_LFS
    assert "certificate" in refused(failed)[1]
    assert (desk.code / "whole" / "a.bin").read_bytes() == SMALL


def test_a_stop_during_a_download_leaves_no_program(origin, lfs, desk):
    reached, release = threading.Event(), threading.Event()

    def hold(request):
        if "/objects/storage/" in request.path:
            reached.set()
            release.wait(20)
        return False

    with git_http(origin.root, hook=hold, lfs=lfs.port) as server:
        stopper = threading.Thread(target=lambda: (reached.wait(20), desk.stopping.set()))
        stopper.start()
        with pytest.raises(GitStopped):
            desk.fetch(Repository(server.url(), lfs=True))
        left = processes_with(desk.private)
        stopper.join()
        release.set()
    assert reached.is_set()
    assert left == []


def test_a_download_over_the_limit_is_stopped(served, desk):
    with pytest.raises(SourceTooLarge) as large:
        desk.fetch(Repository(served.url(), lfs=True), limit=1_000_000)
    assert large.value.found > large.value.limit == 1_000_000


# ---- ssh


@pytest.fixture
def ssh(tmp_path):
    private, public = make_key(tmp_path / "id")
    programs = tmp_path / "programs"
    programs.mkdir()
    server = GitSsh(tmp_path / "sshd", public, programs=programs)
    server.private_key, server.programs = private, programs
    yield server
    server.stop()


def _authenticate(ssh, answer):
    """Give an ssh server the program that tells where LFS is."""
    program = ssh.programs / "git-lfs-authenticate"
    program.write_text(f"#!{sys.executable} -I\nprint({answer!r})\n", encoding="utf-8")
    program.chmod(0o755)


def test_over_ssh_the_git_server_names_the_lfs_server_and_opens_it(origin, lfs, ssh, desk):
    given = []

    def take(request):
        given.append(request.headers.get("X-Pass"))
        return False

    with git_http(origin.root, hook=take, lfs=lfs.port) as server:
        _authenticate(ssh, json.dumps({"href": f"{server.url()}/info/lfs", "header": {"X-Pass": "let-me-in"}}))
        login = Login(private_key=ssh.private_key)
        desk.fetch(Repository(ssh.url(origin.bare), login, known_hosts=ssh.known_hosts, lfs=True))
    assert contents(desk) == [SMALL, LARGE, SMALL]
    assert given[0] == "let-me-in"


@pytest.mark.parametrize(("answer", "words"), [(None, "does not open the LFS"), ("hello", "answers no address")])
def test_an_ssh_server_without_lfs_is_told(origin, ssh, desk, answer, words):
    if answer:
        _authenticate(ssh, answer)
    login = Login(private_key=ssh.private_key)
    with pytest.raises(PartFailed) as failed:
        desk.fetch(Repository(ssh.url(origin.bare), login, known_hosts=ssh.known_hosts, lfs=True))
    assert refused(failed)[0].kind is source_kinds.SOURCE_LFS
    assert words in refused(failed)[1]
