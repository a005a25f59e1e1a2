"""A real engine that cannot build for us: 23 to 27 with containerd's image store. For `make engines`, not collected."""

import pytest

from builds.engine.docker import Engine
from builds.engine.errors import BuildFailed, EngineUnsupported
from builds.models import BuildServer
from builds.services import connections
from tests.engine.support import Told, request
from tests.support.runs import ended, press

SENTENCE = "with containerd's image store answers here. BuildHub builds with BuildKit of Docker Engine 20.10"


def test_it_says_what_it_is_and_is_refused(engine_endpoint, record_property):
    engine = Engine(engine_endpoint)
    version = engine._client.version()["Version"]
    record_property("engine", f"{version} containerd {engine.api_spoken}")
    with pytest.raises(EngineUnsupported, match=SENTENCE):
        engine.info()
    engine.close()


def test_the_reason_still_holds(engine_endpoint, base_image, never):
    """When this build passes, the engine has been mended and need not be refused any more."""
    engine = Engine(engine_endpoint)
    with pytest.raises(BuildFailed, match="failed to read downloaded context"):
        engine.build(request(f"FROM {base_image}\n"), Told(), never)
    engine.close()


def test_the_servers_test_says_it(caller):
    probe = connections.probe_engine(BuildServer.objects.get())
    assert not probe.ok
    assert SENTENCE in probe.message


def test_a_run_ends_with_it_before_anything_is_built(workers, caller, build_of):
    run = ended(press(build_of("RUN true"), caller))
    assert (run.end_reason, run.failure["id"]) == ("SERVER_FAILED", "engine.unsupported")
    assert "with containerd's image store answers there" in run.end_message
    assert not any(step.vertices for step in run.steps.all())
