"""A worker host made of real processes, on the real engine, registry and database."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection

from builds.models import Build, Caller, WorkerHost
from tests.support.people import make_build, make_world, operator_of
from tests.support.plugin import SERVICES
from tests.support.waiting import wait_until
from tests.support.workers import Workers


@pytest.fixture(scope="session")
def worker_processes(engine_url: str, django_db_setup: None, django_db_blocker) -> Iterator[Workers]:
    with django_db_blocker.unblock():
        workers = Workers(engine_url, log=SERVICES.home / "workers.log")
        workers.start()
    yield workers
    workers.stop()


@pytest.fixture
def caller(transactional_db: None, engine_url: str, registry_host: str) -> Caller:
    """An operator in a fresh world."""
    return operator_of(make_world(registry=registry_host, engine=engine_url))


@pytest.fixture
def workers(worker_processes: Workers, caller: Caller) -> Workers:
    """The worker host, once it has announced itself in this test's world."""
    wait_until(lambda: WorkerHost.objects.filter(name=worker_processes.host).exists(), timeout=20)
    return worker_processes


@pytest.fixture
def build_of(caller: Caller, base_image: str):
    """Make a build whose Dockerfile has these instructions on the base image."""

    def make(*instructions: str, name: str = "hello", **fields: object) -> Build:
        return make_build(caller, "\n".join([f"FROM {base_image}", *instructions, ""]), name=name, **fields)

    return make


@pytest.fixture
def worker_log() -> Path:
    return SERVICES.home / "workers.log"


@pytest.fixture(autouse=True)
def _quiet_end(transactional_db: None) -> Iterator[None]:
    """Let no run be active when the tables are emptied."""
    yield
    from builds.models import BuildRun  # noqa: PLC0415  only once Django is set up

    if connection.connection is not None:
        wait_until(lambda: not BuildRun.objects.active().exclude(server=None).filter(run_state="RUNNING").exists(), timeout=60)
