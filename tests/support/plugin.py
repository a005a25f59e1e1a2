"""Loaded before pytest-django reads the settings (`-p tests.support.plugin`): a database and a data directory.

PostgreSQL starts while this module is imported unless DATABASE_URL names one, because the settings read that name.
Engine and registry start with the first test that asks for them (tests/conftest.py). At the end of a run it looks
whether the machine is as it was; what is not counts as an error of the run.
"""

import atexit
import os
import re
from collections.abc import Iterator

import pytest
from django.db import DEFAULT_DB_ALIAS
from pytest_django import fixtures

from tests.support.machine import MARK, Machine
from tests.support.own_network import enter_own_network
from tests.support.services import Services, exit_on_sigterm
from tests.support.waiting import wait_until

# What a developer's shell may have set must not decide what the tests see (BUILDHUB_TEST_… is meant for them).
FOREIGN = re.compile(r"BUILDHUB_(?!TEST_)|DOCKER_|REGISTRY_|PORT$")
for name in tuple(os.environ):
    if FOREIGN.match(name):
        del os.environ[name]

NETWORK_OF = "BUILDHUB_TEST_NETWORK_OF"

# In which part of a run the files of a folder begin, evenly spread over it. The longest begin first, or one of them
# would be waited for alone at the end. Browsers keep the processors busy while runs wait: together they take less time.
PARTS = {"fuzz": 0.0, "faults": 0.1, "e2e": 0.8, "execution": 0.8, "supervisor": 0.8, "engine": 0.8}

# Each process of a run has a network and a database of its own, unless one is given, which is in the network outside.
# What a test starts is in those of the process that runs the test.
worker, made_by = os.environ.get("PYTEST_XDIST_WORKER", "the only one"), os.environ.get(NETWORK_OF)
is_given = made_by is None and any(os.environ.get(name) for name in ("DATABASE_URL", "BUILDHUB_TEST_ENGINE"))
if made_by != worker and not is_given:
    enter_own_network()
    os.environ[NETWORK_OF] = worker
    os.environ.pop("DATABASE_URL", None)
needs_own_network = pytest.mark.skipif(
    NETWORK_OF not in os.environ or os.geteuid() != 0, reason="services are given, or this user may make no network"
)
# One process of a run looks after the machine: not the workers of xdist, nor a pytest that a test has started.
MACHINE = None if MARK in os.environ else Machine()
SERVICES = Services()
atexit.register(SERVICES.stop)
exit_on_sigterm()
data_dir = SERVICES.home / "var"
data_dir.mkdir(mode=0o755)
(data_dir / "static").mkdir()  # WhiteNoise warns where it is missing
os.environ["BUILDHUB_DATA_DIR"] = str(data_dir)
if not os.environ.get("DATABASE_URL"):
    os.environ["DATABASE_URL"] = SERVICES.postgres()


def pytest_configure() -> None:
    """Let whatever asks for pytest-django's database have it: by itself it looks only at what tests ask for."""
    fixtures._get_databases_for_setup = lambda _items: ({DEFAULT_DB_ALIAS}, set())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the files of all folders be handed out side by side (with xdist's --no-loadscope-reorder)."""
    files = dict.fromkeys(item.nodeid.partition("::")[0] for item in items)
    of_folder: dict[str, list[str]] = {}
    for file in files:
        of_folder.setdefault(file.removeprefix("tests/").partition("/")[0], []).append(file)
    begins = {
        file: (PARTS.get(folder, 1.0) * (at + 1) / len(found), file)
        for folder, found in of_folder.items()
        for at, file in enumerate(found)
    }
    items.sort(key=lambda item: begins[item.nodeid.partition("::")[0]])


@pytest.hookimpl(wrapper=True, trylast=True)  # after xdist's workers have ended, before the closing line is printed
def pytest_sessionfinish(session: pytest.Session) -> Iterator[None]:
    """Fail a run that leaves the machine in another state than it found it in."""
    yield
    SERVICES.stop()  # xdist gives what its workers do after this ten seconds; then they are killed
    if MACHINE is None:
        return
    try:
        wait_until(lambda: not MACHINE.changes(), timeout=10, message=lambda: "\n".join(MACHINE.changes()))
    except AssertionError as error:
        place = (__file__, None, "the machine after the tests")
        report = pytest.TestReport(place[2], place, {}, "failed", str(error), "teardown")
        session.config.pluginmanager.get_plugin("terminalreporter").stats.setdefault("error", []).append(report)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
