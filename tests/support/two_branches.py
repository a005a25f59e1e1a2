"""A real repository with two branches, open and behind a login, for tests that ask it."""

import pytest

from tests.support.git_servers import Origin, git_http

__all__ = ["SECRET", "guarded", "may_go_there", "served"]
SECRET = "s3cret-of-ada'$x"


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A repository with two branches that everybody may read."""
    root = tmp_path_factory.mktemp("git")
    origin = Origin(root)
    origin.commit({"Dockerfile": "FROM scratch\n"})
    origin.commit({"dev.txt": "dev"}, branch="dev")
    with git_http(root) as server:
        yield server


@pytest.fixture(scope="module")
def guarded(served):
    """The same repository, for those who sign in."""
    with git_http(served.root, login=f"ada:{SECRET}") as server:
        yield server


@pytest.fixture(autouse=True)
def may_go_there(settings) -> None:
    """Let the web's own checks reach this machine."""
    settings.OUTBOUND_ALLOW = ("127.0.0.0/8",)
