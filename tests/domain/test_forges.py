"""Links to commits: the forges that are known, every way to write an address, and nothing that is made up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builds.domain.forges import commit_url

COMMIT = "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d"


@pytest.mark.parametrize(
    ("address", "page"),
    [
        ("https://github.com/team/app.git", f"https://github.com/team/app/commit/{COMMIT}"),
        ("github.com/team/app", f"https://github.com/team/app/commit/{COMMIT}"),
        ("git@github.com:team/app.git", f"https://github.com/team/app/commit/{COMMIT}"),
        ("ssh://git@GitHub.com/team/app/", f"https://github.com/team/app/commit/{COMMIT}"),
        ("https://gitlab.com/a/b/c/app.git", f"https://gitlab.com/a/b/c/app/-/commit/{COMMIT}"),
        ("http://gitlab.corp.example:8080/team/app", f"http://gitlab.corp.example:8080/team/app/-/commit/{COMMIT}"),
        ("ssh://git@gitlab.corp.example:2222/team/app", f"https://gitlab.corp.example/team/app/-/commit/{COMMIT}"),
        ("git@gitlab.corp.example:2222/team/app", f"https://gitlab.corp.example/team/app/-/commit/{COMMIT}"),
        ("gitlab.corp.example:8443/team/app", f"https://gitlab.corp.example:8443/team/app/-/commit/{COMMIT}"),
        ("https://bitbucket.org/team/app.git", f"https://bitbucket.org/team/app/commits/{COMMIT}"),
        ("https://codeberg.org/team/app", f"https://codeberg.org/team/app/commit/{COMMIT}"),
        ("https://gitea.example/team/app", f"https://gitea.example/team/app/commit/{COMMIT}"),
        ("git@forgejo.example:/team/app", f"https://forgejo.example/team/app/commit/{COMMIT}"),
        ("https://github.com/team/a?b#c", f"https://github.com/team/a%3Fb%23c/commit/{COMMIT}"),
    ],
)
def test_a_commit_of_a_known_forge_has_its_page(address, page):
    assert commit_url(address, COMMIT) == page


@pytest.mark.parametrize(
    ("address", "commit"),
    [
        ("https://git.example/team/app.git", COMMIT),
        ("https://github.com.evil.example/team/app", COMMIT),
        ("https://notgitlab.example/team/app", COMMIT),
        ("https://github.com/app", COMMIT),
        ("https://github.com", COMMIT),
        ("javascript://github.com/team/app", COMMIT),
        ("", COMMIT),
        ("https://github.com/team/app", ""),
        ("https://github.com/team/app", "main"),
        ("https://github.com/team/app", "../settings"),
    ],
)
def test_an_unknown_forge_or_no_commit_has_none(address, commit):
    assert commit_url(address, commit) is None


@given(st.text(max_size=60), st.text(max_size=45))
def test_whatever_is_written_the_page_is_one_of_the_web_or_none(address, commit):
    for host in ("", "github.com/", "git@gitlab.x:"):
        page = commit_url(host + address, commit or COMMIT)
        assert page is None or page.startswith(("https://", "http://"))
