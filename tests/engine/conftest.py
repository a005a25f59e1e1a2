"""What the engine's tests share; the real engine and registry come from tests/conftest.py."""

import threading

import pytest

from builds.engine.docker import Engine


@pytest.fixture(scope="session")
def engine(engine_endpoint, base_image):
    engine = Engine(engine_endpoint)
    yield engine
    engine.close()


@pytest.fixture
def never():
    """A `stopping` that nobody sets."""
    return threading.Event()
