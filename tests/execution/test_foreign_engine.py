"""A build server that answers and cannot build: the run says so before anything is built."""

import pytest

from builds.models import BuildServer
from tests.engine.foreign import NEEDED, PODMAN, SENTENCES, foreign_engine
from tests.support.runs import ended, press, texts


@pytest.fixture
def podman(caller):
    """Podman's answers at the address of the default build server."""
    with foreign_engine(PODMAN) as podman:
        BuildServer.objects.filter(is_default=True).update(url=podman.url)
        yield podman


def test_a_run_on_podman_ends_as_the_servers_failure_with_what_is_needed(podman, workers, caller, build_of):
    run = ended(press(build_of("RUN true"), caller))
    assert (run.run_state, run.end_reason) == ("ERROR", "SERVER_FAILED")
    assert (run.failure["id"], run.failure["whose"]) == ("engine.unsupported", "server")
    assert f"{SENTENCES[PODMAN]} there. {NEEDED}" in run.end_message
    assert texts(run)[-1] == run.end_message
    assert [step.step_state for step in run.steps.all()] == ["ERROR", "WAIT"]
    assert set(podman.heard) == {"GET /version"}
