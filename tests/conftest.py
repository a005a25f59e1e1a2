"""Fixtures that all tests share: the real engine, the real registry, a base image."""

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from tests.support.images import make_base_image
from tests.support.plugin import SERVICES

pytest_plugins = ["tests.support.stack", "tests.support.flushing"]

# How long an example takes is no property of the code: a busy machine is no failure.
settings.register_profile("machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("machine")

if TYPE_CHECKING:
    from builds.engine.types import Endpoint


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
