"""Fixtures that all tests share: the real engine, the real registry, a base image."""

import os
from typing import TYPE_CHECKING

import pytest

from tests.support.images import make_base_image
from tests.support.plugin import SERVICES

pytest_plugins = ["tests.support.stack", "tests.support.flushing"]

if TYPE_CHECKING:
    from builds.engine.types import Endpoint


# What asks for one of these uses daemons that a whole run shares, and what stands in these folders starts, kills and
# restarts some: each kind stays in one process (`-n`) with daemons of its own, the other tests fill both.
DAEMONS = frozenset({"engine_url", "registry_host", "worker_processes", "web", "browser"})
STARTS_ITS_OWN = ("tests/management/", "tests/faults/", "tests/engine/")
STARTS_NOTHING = ("tests/management/test_settings_table.py",)  # a hundred starts that stop: for whoever has time


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests that need daemons together, in their order; see `--dist loadgroup`."""
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        own = item.nodeid.startswith(STARTS_ITS_OWN) and not item.nodeid.startswith(STARTS_NOTHING)
        if own or not DAEMONS.isdisjoint(fixtures):
            item.add_marker(pytest.mark.xdist_group("killed daemons" if own else "daemons"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests want to be seen (`record_property("told", …)`), from whatever process they ran in."""
    for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed"):
        for name, value in report.user_properties:
            if name == "told":
                terminalreporter.write_line(str(value))


@pytest.fixture(scope="session")
def engine_url() -> str:
    """The address of a real engine: our own, or that of BUILDHUB_TEST_ENGINE."""
    return os.environ.get("BUILDHUB_TEST_ENGINE") or SERVICES.engine()


@pytest.fixture(scope="session")
def engine_socket(engine_url: str) -> str:
    """The path of the engine's socket."""
    if not engine_url.startswith("unix://"):
        pytest.skip("the engine given has no socket file")
    return engine_url.removeprefix("unix://")


@pytest.fixture(scope="session")
def engine_endpoint(engine_url: str) -> "Endpoint":
    """The engine as `builds.engine` is told about it."""
    from builds.engine.types import Endpoint  # noqa: PLC0415  tests that need no engine do not import its client

    return Endpoint(url=engine_url)


@pytest.fixture(scope="session")
def registry_host() -> str:
    """`127.0.0.1:PORT` of a real registry with deletion enabled."""
    return SERVICES.registry()


@pytest.fixture(scope="session")
def base_image(engine_url: str) -> str:
    """The reference of a busybox image that the engine holds."""
    return make_base_image(engine_url)
