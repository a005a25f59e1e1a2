"""Paths, addresses, repositories and branches that steps name."""

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builds.domain.steps.places import (
    check_absolute_path,
    check_branch,
    check_http_url,
    check_inner_path,
    check_repository,
    is_within,
    repository_name,
    split_repository,
)


def refusal(given_url: str, protocol: str = "https") -> str | None:
    named, rest = split_repository(given_url)
    return check_repository(rest, named or protocol)


@pytest.mark.parametrize(
    "url",
    [
        "ext::sh -c id", "fd::17", "file:///etc", "/srv/repo.git", "../repo.git", "git://git.example/a.git",
        "ftp://git.example/a.git", "--upload-pack=id", "-uid", "ssh://-oProxyCommand=id/a.git", "host:-x",
        "git@host:-x", "git@-oProxyCommand=id:a", "https://git.example/a\nb", "https://git.example/a\rb",
        "a.example/b\tc",
        "https://good@evil.example/a.git", "https://good:word@evil.example/a.git", "https:///host/a.git", "https://",
        "a.example\\b/c.git", "a.example", "a.example/", "gіt.example/a.git", "a.example/../b", "a.example/b?c",
        "a.example/b#c", "a.example:0/b", "a.example:99999/b", "[::1/a", "a..example/b", "ssh://git@a.example/",
        "http://https://a.example/b", "ssh://git:word@a.example/b", " a.example/b",
    ],
)  # fmt: skip
def test_an_address_that_reaches_beyond_a_repository_is_refused(url):
    assert (refusal(url) or "").endswith(".")


@pytest.mark.parametrize(
    "url",
    [
        "https://git.example/team/app.git", "http://git.example:3000/app", "git.example/app",
        "git@git.example:team/app.git", "ssh://git@git.example:2222/team/app.git", "https://[2001:db8::1]:8443/a.git",
        "https://git.example/~user/my%20app.git", "git@git.example:1team/app.git",
        "https://git.example/a/-/b",
    ],
)  # fmt: skip
def test_a_repository_of_https_http_or_ssh_is_fine(url):
    assert refusal(url) is None


@given(st.text(max_size=40))
def test_an_accepted_repository_is_plain_and_keeps_its_form(text):
    named, rest = split_repository(text)
    if check_repository(rest, named or "https") is None:
        assert rest.isascii()
        assert rest.isprintable()
        assert not rest.startswith("-")
        assert " " not in rest
        assert split_repository(rest)[1] == rest


@pytest.mark.parametrize(("url", "name"), [("a/b.git", "b"), ("a/b/", "b"), ("git@a:b.git", "b"), ("a/.git", "")])
def test_the_folder_of_a_repository_is_its_last_part(url, name):
    assert repository_name(url) == name


BRANCHES = [
    "main", "release/1.2", "v1.0-rc.1", "a" * 40, "0123456789abcdef" * 4, "refs/heads/x", "ünïcode", "a@b", "#1",
    "--output=/x", "-h", "@{upload}", "refs/../x", "main; id", "a..b", ".a", "a/.b", "a.lock", "a/b.lock/c", "a.",
    "/a", "a/", "a//b", "a b", "a~1", "a^", "a:b", "a?", "a*", "a[", "a\\b", "a\tb",
]  # fmt: skip


@pytest.mark.parametrize("name", BRANCHES)
def test_a_branch_is_what_git_itself_takes(name):
    asked = subprocess.run(["git", "check-ref-format", "--branch", name], capture_output=True, check=False)
    assert (check_branch(name) is None) == (asked.returncode == 0)


def test_at_alone_is_no_branch():  # git reads it as HEAD
    assert check_branch("@") is not None


def test_a_branch_is_not_longer_than_a_file_name():
    assert check_branch("a" * 250) is None
    assert "250" in (check_branch("a" * 251) or "")


@given(st.lists(st.sampled_from(["..", ".", "a", "b c", "", "~", "\\", "\0", "é"]), max_size=6).map("/".join))
def test_an_inner_path_never_leaves(path):
    if check_inner_path(path) is None:
        assert ".." not in path.split("/")
        assert not path.startswith("/")
        assert not set(path) & {"\\", "\0"}


@pytest.mark.parametrize("path", ["/a", "../a", "a/../../b", "a\\b", "a\0b", "..", "~/a", "a\nb", "a" * 1025])
def test_a_path_out_of_the_workspace_is_refused(path):
    assert (check_inner_path(path) or "").endswith(".")


@pytest.mark.parametrize("path", ["a", "/a:b", "/a/../b", "/a\\b"])
def test_a_mounted_path_is_absolute_and_plain(path):
    assert (check_absolute_path(path) or "").endswith(".")


def test_a_path_is_within_its_parents_only():
    assert is_within("/srv/cache/a", "/srv/cache/")
    assert is_within("/srv", "/")
    assert not is_within("/srv/cachet", "/srv/cache")
    assert not is_within("/srv", "/srv/cache")


@pytest.mark.parametrize(
    "url", ["https://a.example", "http://127.0.0.1:80/x?y=1#z", "https://[::1]/", "https://a_b.example/%20"]
)
def test_an_address_of_http_is_fine(url):
    assert check_http_url(url) is None


@given(st.text(alphabet="htps:/@[]\\.a1%\0 é", max_size=20).map("http://".__add__))
def test_an_accepted_address_has_a_host_and_nobody_in_it(url):
    if check_http_url(url) is None:
        assert url.removeprefix("http://")[:1] not in ("", "/", "?", "#", ":")
        assert "@" not in url.removeprefix("http://").split("/")[0]
