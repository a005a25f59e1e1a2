"""Fetching code with the real git from real servers: http-backend, with and without login and TLS, and OpenSSH."""

import os
import threading
from pathlib import Path

import pytest

from builds.domain.steps.places import Place
from builds.engine.errors import KeyUnusable
from builds.engine.git.client import Repository
from builds.engine.git.errors import (
    CertificateUntrusted,
    GitFailed,
    GitStopped,
    RefMissing,
    RepositoryEmpty,
    SourceTooLarge,
)
from builds.engine.git.login import Login
from builds.engine.outbound import HostUnknown, OutboundFailed, OutboundRefused
from tests.engine.certificates import Authority
from tests.engine.git_desk import PASSWORD, Desk, processes_with, sampled
from tests.support.git_servers import GitSsh, Origin, git, git_http, make_key


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path / "desk")


@pytest.fixture(scope="module")
def origin(tmp_path_factory):
    """Three commits: main (two of them, the first tagged) and dev."""
    origin = Origin(tmp_path_factory.mktemp("git"))
    origin.first = origin.commit({"Dockerfile": "FROM scratch\n", "run.sh": "#!/bin/sh\n"}, "First")
    origin.tag("v1.0")
    origin.main = origin.commit({"Dockerfile": "FROM scratch\nLABEL a=b\n"}, "Add a label")
    origin.dev = origin.commit({"dev.txt": "dev"}, "Try something", branch="dev")
    return origin


@pytest.fixture(scope="module")
def served(origin):
    with git_http(origin.bare.parents[1]) as server:
        yield server


@pytest.fixture(scope="module")
def guarded(origin):
    with git_http(origin.bare.parents[1], login=f"ada:{PASSWORD}") as server:
        yield server


@pytest.mark.parametrize(
    ("ref", "which", "branch"),
    [
        ("", "main", "main"),
        ("main", "main", "main"),
        ("dev", "dev", "dev"),
        ("v1.0", "first", "v1.0"),
        ("refs/heads/dev", "dev", "dev"),
        ("refs/tags/v1.0", "first", "v1.0"),
    ],
)
def test_a_branch_or_tag_is_fetched_without_its_history(origin, served, desk, ref, which, branch):
    commit = desk.fetch(Repository(served.url()), ref)
    assert (commit.id, commit.branch) == (getattr(origin, which), branch)
    assert (commit.author, commit.time.isoformat()) == ("Ada Lovelace", "2026-03-01T10:00:00+00:00")
    assert git("rev-list", "--count", "HEAD", cwd=desk.code / "app") == "1"


@pytest.mark.parametrize("length", [40, 9])
def test_a_commit_is_fetched_by_its_number_also_by_a_short_one(origin, served, desk, length):
    commit = desk.fetch(Repository(served.url()), origin.first[:length])
    assert (commit.id, commit.branch, commit.subject) == (origin.first, "", "First")
    assert desk.read("Dockerfile") == "FROM scratch\n"


def test_a_branch_whose_name_is_forty_hex_digits_is_that_branch(origin, served, desk):
    name = "0123456789" * 4
    git("push", "-q", "origin", f"{origin.dev}:refs/heads/{name}", cwd=origin.tree)
    try:
        commit = desk.fetch(Repository(served.url()), name)
    finally:
        git("push", "-q", "origin", f":refs/heads/{name}", cwd=origin.tree)
    assert (commit.id, commit.branch) == (origin.dev, name)


@pytest.mark.parametrize("ref", ["nope", "1" * 40, "abcdef1"])
def test_what_is_not_there_is_told_with_the_branches_that_are(served, desk, ref):
    with pytest.raises(RefMissing) as missing:
        desk.fetch(Repository(served.url()), ref)
    assert missing.value.branches == ["main", "dev"]


def test_an_empty_repository_is_told(tmp_path, desk):
    Origin(tmp_path / "empty")
    with git_http(tmp_path / "empty") as server, pytest.raises(RepositoryEmpty):
        desk.fetch(Repository(server.url()))


def test_modes_links_and_strange_names_are_as_they_were_committed(tmp_path, desk):
    origin = Origin(tmp_path / "modes")
    (origin.tree / "run.sh").write_text("#!/bin/sh\n", encoding="utf-8")
    (origin.tree / "run.sh").chmod(0o755)
    (origin.tree / "link").symlink_to("/etc/passwd")
    Path(os.fsdecode(os.fsencode(origin.tree) + b"/caf\xe9")).write_bytes(b"latin")
    origin.commit({"plain": "x"})
    with git_http(tmp_path / "modes") as server:
        desk.fetch(Repository(server.url()))
    app = desk.code / "app"
    modes = {name: (app / name).lstat().st_mode & 0o777 for name in ("run.sh", "plain")}
    assert modes == {"run.sh": 0o755, "plain": 0o644}
    assert str((app / "link").readlink()) == "/etc/passwd"
    assert b"caf\xe9" in {os.fsencode(entry.name) for entry in app.iterdir()}


def test_a_password_opens_and_is_nowhere(guarded, desk, origin):
    with sampled() as seen:
        commit = desk.fetch(Repository(guarded.url(), Login("ada", PASSWORD)))
    assert commit.id == origin.main
    assert any(b"git-remote-http" in text for text in seen)
    assert not any(PASSWORD.encode() in text for text in seen)
    assert PASSWORD not in "\n".join(desk.lines)
    kept = [path for path in desk.code.parent.rglob("*") if path.is_file() and PASSWORD.encode() in path.read_bytes()]
    assert kept == []


@pytest.mark.parametrize("login", [Login("ada", "wrong"), Login("eve", PASSWORD), Login()])
def test_a_wrong_login_is_refused(guarded, desk, login):
    with pytest.raises(GitFailed) as failed:
        desk.fetch(Repository(guarded.url(), login))
    assert "Authentication failed" in failed.value.answered or "could not read Username" in failed.value.answered


def test_a_redirect_to_another_host_does_not_get_the_login(guarded, desk):
    given = []

    def lead_away(request):
        request.answer(301, {"Location": f"http://localhost:{other.port}{request.path}"})
        return True

    def take(request):
        given.append(request.headers.get("Authorization"))
        return False

    root = guarded.root
    with (
        git_http(root, hook=take, login=f"ada:{PASSWORD}") as other,
        git_http(root, hook=lead_away) as first,
        pytest.raises(GitFailed),
    ):
        desk.fetch(Repository(first.url(), Login("ada", PASSWORD)))
    assert given
    assert set(given) == {None}


@pytest.mark.parametrize("scheme", ["file", "ext", "fd", "git"])
def test_other_ways_than_https_http_and_ssh_are_no_ways(origin, desk, scheme):
    url = {"ext": "ext::sh -c touch% /tmp/x"}.get(scheme, f"{scheme}://{origin.bare}")
    with pytest.raises((GitFailed, OutboundFailed)) as failed:
        desk.fetch(Repository(url))
    assert "not allowed" in str(failed.value) or "The name ext is not known" in str(failed.value)


def test_a_private_address_is_refused_before_anything_is_sent(served, desk):
    before = len(served.asked)
    with pytest.raises(OutboundRefused) as refused:
        desk.fetch(Repository(served.url()), allowed=())
    assert "BUILDHUB_OUTBOUND_ALLOW" in refused.value.answered
    assert len(served.asked) == before


def test_a_redirect_to_a_private_address_is_refused(served, desk):
    with (
        git_http(served.root, hook=lambda request: _redirect(request, served.port)) as first,
        pytest.raises(OutboundRefused) as refused,
    ):
        desk.fetch(Repository(first.url(host="localhost")), allowed=("localhost",))
    assert "127.0.0.1" in refused.value.answered


def _redirect(request, port):
    request.answer(302, {"Location": f"http://127.0.0.1:{port}{request.path}"})
    return True


def test_a_host_that_is_not_known_is_told(desk):
    with desk.at(Repository("http://nobody.invalid/team/app.git")) as found, pytest.raises(HostUnknown) as unknown:
        found.branches()
    assert unknown.value.answered == "The name nobody.invalid is not known; check the address."


def test_a_certificate_of_nobody_is_refused_and_taken_where_asked(origin, desk):
    authority = Authority()
    with git_http(origin.bare.parents[1], pair=authority.issue("127.0.0.1")) as server:
        with pytest.raises(CertificateUntrusted) as untrusted:
            desk.fetch(Repository(server.url()))
        assert "issuer" in untrusted.value.answered
        with desk.at(Repository(server.url(), verify_tls=False)) as found:
            assert found.fetch("", desk.code / "other").id == origin.main


def test_branches_begin_with_the_default_one(served, desk):
    with desk.at(Repository(served.url())) as found:
        assert found.branches() == ["main", "dev"]


def test_a_stop_kills_what_runs_at_once(desk, origin):
    reached, release = threading.Event(), threading.Event()

    def hold(request):
        reached.set()
        release.wait(20)
        return False

    with git_http(origin.bare.parents[1], hook=hold) as server:
        stopper = threading.Thread(target=lambda: (reached.wait(20), desk.stopping.set()))
        stopper.start()
        with pytest.raises(GitStopped):
            desk.fetch(Repository(server.url()))
        assert not release.is_set()
        stopper.join()
        left = processes_with(desk.private)
        release.set()
    assert left == []


def test_the_supervisor_knows_the_programs_of_git_as_its_own(desk, origin, monkeypatch):
    monkeypatch.setenv("BUILDHUB_SUPERVISED", "/var/of/this:test")
    marked = []

    def look(request):
        marked.extend(processes_with("BUILDHUB_SUPERVISED=/var/of/this:test"))
        return False

    with git_http(origin.bare.parents[1], hook=look) as server:
        desk.fetch(Repository(server.url()))
    assert len(marked) >= 2  # git and its helper


def test_too_large_is_stopped(tmp_path, desk):
    origin = Origin(tmp_path / "large")
    origin.commit({"noise": os.urandom(3 * 1024 * 1024)})
    with git_http(tmp_path / "large") as server, pytest.raises(SourceTooLarge) as large:
        desk.fetch(Repository(server.url()), limit=2 * 1024 * 1024)
    assert large.value.found > large.value.limit == 2 * 1024 * 1024


def test_submodules_come_only_when_asked(tmp_path, desk):
    root = tmp_path / "modules"
    inner = Origin(root, "team/inner.git")
    inner.commit({"inner.txt": "inner"})
    outer = Origin(root, "team/app.git")
    outer.commit({"a": "a"})
    git("-c", "protocol.file.allow=always", "submodule", "add", "-q", "../inner.git", "vendor", cwd=outer.tree)
    outer.commit({}, "Add a submodule")
    with git_http(root, login=f"ada:{PASSWORD}") as server:
        plain = Repository(server.url(), Login("ada", PASSWORD))
        desk.fetch(plain)
        assert list((desk.code / "app" / "vendor").iterdir()) == []
        with desk.at(Repository(server.url(), Login("ada", PASSWORD), submodules=True)) as found:
            found.fetch("", desk.code / "whole")
    assert (desk.code / "whole" / "vendor" / "inner.txt").read_text(encoding="utf-8") == "inner"


# ---- ssh


@pytest.fixture(scope="module")
def key(tmp_path_factory):
    return make_key(tmp_path_factory.mktemp("key") / "id")


@pytest.fixture
def ssh(tmp_path, key):
    server = GitSsh(tmp_path / "sshd", key[1])
    yield server
    server.stop()


def test_a_key_opens_over_ssh_and_is_nowhere(ssh, key, origin, desk):
    repository = Repository(ssh.url(origin.bare), Login(private_key=key[0]), known_hosts=ssh.known_hosts)
    assert desk.fetch(repository, "dev").id == origin.dev
    kept = [path for path in desk.code.parent.rglob("*") if path.is_file() and b"PRIVATE KEY" in path.read_bytes()]
    assert kept == []
    assert processes_with(desk.private, "cmdline") == []


def test_a_key_opens_again_in_the_same_place(ssh, key, origin, desk):
    repository = Repository(ssh.url(origin.bare), Login(private_key=key[0]), known_hosts=ssh.known_hosts)
    assert desk.fetch(repository, "dev").id == origin.dev
    with desk.at(repository) as found:
        assert found.fetch("main", desk.code / "again").id == origin.main


def test_a_new_host_is_learnt_where_that_is_wanted(ssh, key, origin, desk):
    repository = Repository(ssh.url(origin.bare), Login(private_key=key[0]), accepts_new_host=True)
    with desk.at(repository) as found:
        found.fetch("", desk.code / "app")
        assert ssh.known_hosts in found.known_hosts


@pytest.mark.parametrize(
    ("known", "words"), [("", "host key is known"), ("other", "REMOTE HOST IDENTIFICATION HAS CHANGED")]
)
def test_a_host_that_is_not_known_or_has_changed_is_refused(ssh, key, origin, desk, tmp_path, known, words):
    other = make_key(tmp_path / "other")[1].rpartition(" ")[0]
    before = f"{ssh.known_hosts.partition(' ')[0]} {other}" if known else ""
    with pytest.raises(GitFailed) as failed:
        desk.fetch(Repository(ssh.url(origin.bare), Login(private_key=key[0]), known_hosts=before))
    assert words in failed.value.answered


def test_a_key_that_the_server_does_not_know_is_refused(ssh, tmp_path, origin, desk):
    other = make_key(tmp_path / "other")
    with pytest.raises(GitFailed) as failed:
        desk.fetch(Repository(ssh.url(origin.bare), Login(private_key=other[0]), known_hosts=ssh.known_hosts))
    assert "Permission denied" in failed.value.answered


@pytest.mark.parametrize("kind", ["passphrase", "broken"])
def test_a_key_that_cannot_be_used_is_told(tmp_path, desk, kind):
    text = make_key(tmp_path / "locked", "words")[0] if kind == "passphrase" else "-----BEGIN NONSENSE-----"
    with pytest.raises(KeyUnusable) as unusable:
        desk.fetch(Repository("ssh://git@127.0.0.1:1/x.git", Login(private_key=text)))
    assert ("passphrase" if kind == "passphrase" else "cannot be read") in unusable.value.answered


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("https://host/team/x.git", Place("https", "", "host", None)),
        ("http://host:8080/x", Place("http", "", "host", 8080)),
        ("ssh://git@host:2222/x", Place("ssh", "git", "host", 2222)),
        ("git@host:team/x.git", Place("ssh", "git", "host", None)),
        ("https://[::1]:80/x", Place("https", "", "::1", 80)),
        ("https://[::1]/x", Place("https", "", "::1", None)),
    ],
)
def test_the_place_of_an_address(url, place):
    assert Place.of(url) == place
