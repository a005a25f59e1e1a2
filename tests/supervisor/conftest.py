"""Fixtures for the supervisor's tests."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from supervisor.children import Children
from tests.supervisor.standin import Standin
from tests.support.folders import make_folder


@contextmanager
def _open_folder() -> Iterator[Path]:
    """A folder that is open to every user."""
    folder = make_folder()
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder for one test, open to all users."""
    with _open_folder() as folder:
        yield folder


@pytest.fixture
def standin(open_folder: Path) -> Iterator[Standin]:
    """A supervisor over a stand-in checkout; what is left of it is stopped."""
    standin = Standin(open_folder)
    yield standin
    standin.stop()


@pytest.fixture(scope="module")
def running() -> Iterator[Standin]:
    """A supervisor that serves, for tests that only look at it."""
    with _open_folder() as folder:
        standin = Standin(folder)
        standin.started()
        yield standin
        standin.stop()


@pytest.fixture
def children(open_folder: Path) -> Iterator[Children]:
    """A family of children; what is left of it is stopped."""
    children = Children(open_folder, adopt_orphans=False)
    yield children
    children.stop()
