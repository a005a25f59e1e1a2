"""Submodules from real servers: where they may lie, who gets the login, and what a .gitmodules tries in vain."""

import itertools
import os

import pytest

from builds.domain.git_words import telling_line
from builds.engine.git.client import Repository
from builds.engine.git.errors import GitFailed, PartFailed
from builds.engine.git.login import Login
from builds.engine.outbound import HostUnknown, OutboundRefused
from tests.engine.git_desk import PASSWORD, Desk
from tests.support.git_servers import GitSsh, Origin, git, git_http, make_key

LOGIN = Login("ada", PASSWORD)
NUMBERS = itertools.count()


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path / "desk")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return tmp_path_factory.mktemp("git")


@pytest.fixture(scope="module")
def inner(root):
    """A repository with two commits; `first` is the tip of no branch."""
    inner = Origin(root, "team/inner.git")
    inner.first, inner.tip = inner.commit({"inner.txt": "1"}), inner.commit({"inner.txt": "2"})
    return inner


@pytest.fixture(scope="module")
def served(root, inner):
    with git_http(root) as server:
        yield server


@pytest.fixture(scope="module")
def guarded(root, inner):
    with git_http(root, login=f"ada:{PASSWORD}") as server:
        yield server


def outer(root, url, commit, *, name="vendor", more=""):
    """Make a repository whose submodule at vendor is `commit` of `url`; its name and head are in it."""
    origin = Origin(root, f"team/app{next(NUMBERS)}.git")
    origin.name = str(origin.bare.relative_to(root))
    listed = f'[submodule "{name}"]\n\tpath = vendor\n\turl = {url}\n{more}'
    origin.commit({"a.txt": "a", ".gitmodules": listed})
    git("update-index", "--add", "--cacheinfo", f"160000,{commit},vendor", cwd=origin.tree)
    origin.head = _pushed(origin)
    return origin


def _pushed(origin):
    git("commit", "-q", "-m", "Add a submodule", cwd=origin.tree)
    git("push", "-q", "origin", "main", cwd=origin.tree)
    return git("rev-parse", "HEAD", cwd=origin.tree)


def of(server, origin, login=Login()):  # noqa: B008 - it is frozen
    return Repository(server.url(origin.name), login, submodules=True)


@pytest.mark.parametrize("which", ["first", "tip"])
@pytest.mark.parametrize("way", ["relative", "same host", "other host"])
def test_a_submodule_comes_with_its_commit_also_one_that_is_no_tip(root, served, inner, desk, way, which):
    with git_http(root) as other:
        hosts = {"same host": served, "other host": other}
        url = hosts[way].url("team/inner.git") if way in hosts else "../inner.git"
        desk.fetch(of(served, outer(root, url, getattr(inner, which))))
    assert desk.read("vendor/inner.txt") == {"first": "1", "tip": "2"}[which]


def test_a_submodule_of_a_submodule_comes_too(root, served, inner, desk):
    middle = outer(root, "../inner.git", inner.tip)
    desk.fetch(of(served, outer(root, f"../{middle.bare.name}", middle.head)))
    assert desk.read("vendor/vendor/inner.txt") == "2"


def test_the_login_opens_submodules_of_the_same_host(root, guarded, inner, desk):
    desk.fetch(of(guarded, outer(root, guarded.url("team/inner.git"), inner.tip), LOGIN))
    assert desk.read("vendor/inner.txt") == "2"


def test_another_host_never_gets_the_login(root, guarded, inner, desk):
    given = []

    def take(request):
        given.append(request.headers.get("Authorization"))
        return False

    with git_http(root, login=f"ada:{PASSWORD}", hook=take) as other, pytest.raises(PartFailed) as failed:
        desk.fetch(of(guarded, outer(root, other.url("team/inner.git"), inner.tip), LOGIN))
    assert given
    assert set(given) == {None}
    assert telling_line(failed.value.answered).startswith(
        f"could not read Username for 'http://127.0.0.1:{other.port}'"
    )


def test_a_private_host_is_not_reached(root, served, inner, desk):
    with git_http(root) as private:
        repository = Repository(
            served.url(outer(root, private.url("team/inner.git"), inner.tip).name, host="localhost"), submodules=True
        )
        with pytest.raises(PartFailed) as failed:
            desk.fetch(repository, allowed=("localhost",))
        assert private.asked == []
    assert isinstance(failed.value.__cause__, OutboundRefused)
    assert "BUILDHUB_OUTBOUND_ALLOW" in failed.value.answered


def test_a_host_that_is_not_known_is_told(root, served, inner, desk):
    with pytest.raises(PartFailed) as failed:
        desk.fetch(of(served, outer(root, "http://nobody.invalid/x.git", inner.tip)))
    assert isinstance(failed.value.__cause__, HostUnknown)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("../nope.git", "repository 'http://127.0.0.1:{port}/team/nope.git/' not found"),
        ("file://{root}/team/inner.git", "transport 'file' not allowed"),
        ("{root}/team/inner.git", "transport 'file' not allowed"),
        ("ext::sh -c touch% {root}/trap", "transport 'ext' not allowed"),
        ("git://127.0.0.1/x.git", "transport 'git' not allowed"),
        ("ssh://git@other.example/x.git", "BuildHub goes by ssh to the host of the repository only"),
        ("git@other.example:x.git", "BuildHub goes by ssh to the host of the repository only"),
    ],
)
def test_what_cannot_be_fetched_is_told_without_our_paths(root, served, inner, desk, url, words):
    with pytest.raises(PartFailed) as failed:
        desk.fetch(of(served, outer(root, url.format(root=root), inner.tip)))
    assert (failed.value.part, telling_line(failed.value.answered)) == ("submodule", words.format(port=served.port))
    assert not (root / "trap").exists()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"url": "--upload-pack=touch trap"}, "disallowed submodule url: --upload-pack=touch trap"),
        ({"more": "\tupdate = !touch trap\n"}, "disallowed submodule update setting: !touch trap"),
        ({"name": "../../hooks"}, "disallowed submodule name: ../../hooks"),
    ],
)
def test_tricks_in_gitmodules_end_the_fetch_even_without_submodules(root, served, inner, desk, given, words):
    origin = outer(root, given.get("url", "../inner.git"), inner.tip, **{k: v for k, v in given.items() if k != "url"})
    for repository in (of(served, origin), Repository(served.url(origin.name))):
        with pytest.raises(GitFailed) as failed, desk.at(repository) as found:
            found.fetch("", desk.code / os.urandom(4).hex())
        assert telling_line(failed.value.answered).endswith(words)
    assert list(desk.code.rglob("trap")) == []


def test_a_hook_that_a_submodule_brings_is_never_run(root, served, inner, desk):
    trapped = Origin(root, "team/trapped.git")
    for name in ("hooks/post-checkout", "post-checkout"):
        hook = trapped.tree / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\ntouch {root}/trap\n", encoding="utf-8")
        hook.chmod(0o755)
    commit = trapped.commit({"config": "[core]\n\thooksPath = hooks\n"})
    desk.fetch(of(served, outer(root, "../trapped.git", commit)))
    assert desk.read("vendor/config")
    assert not (root / "trap").exists()


def test_a_commit_that_is_nowhere_is_told(root, served, inner, desk):
    with pytest.raises(PartFailed) as failed:
        desk.fetch(of(served, outer(root, "../inner.git", "1" * 40)))
    assert f"it did not contain {'1' * 40}" in telling_line(failed.value.answered)


def test_a_submodule_without_an_address_is_told(root, served, inner, desk):
    origin = outer(root, "../inner.git", inner.tip)
    git("rm", "-q", ".gitmodules", cwd=origin.tree)
    _pushed(origin)
    with pytest.raises(PartFailed) as failed:
        desk.fetch(of(served, origin))
    assert telling_line(failed.value.answered) == "No url found for submodule path 'vendor' in .gitmodules"


# ---- ssh


@pytest.fixture
def ssh(tmp_path):
    private, public = make_key(tmp_path / "id")
    server = GitSsh(tmp_path / "sshd", public)
    server.private_key = private
    yield server
    server.stop()


@pytest.mark.parametrize("which", ["first", "tip"])
@pytest.mark.parametrize("way", ["ssh", "http"])
def test_over_ssh_too(root, served, inner, ssh, desk, way, which):
    url = "../inner.git" if way == "ssh" else served.url("team/inner.git")
    origin = outer(root, url, getattr(inner, which))
    login = Login(private_key=ssh.private_key)
    desk.fetch(Repository(ssh.url(origin.bare), login, known_hosts=ssh.known_hosts, submodules=True))
    assert desk.read("vendor/inner.txt") == {"first": "1", "tip": "2"}[which]
