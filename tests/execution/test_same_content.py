"""Builds of the same content share one image on their engine, and none takes it away from the other."""

import uuid

from builds.engine.registry import RegistryClient
from tests.support.runs import ended, press


def test_two_builds_of_the_same_content_at_the_same_time_both_end_done(workers, caller, build_of, registry_host):
    instruction = f"RUN echo {uuid.uuid4()} > /same"
    builds = [build_of(instruction, name=f"same/{name}-{uuid.uuid4().hex[:6]}") for name in ("one", "two")]
    ended(press(builds[0], caller))  # from now on all is cached, and every run has the very same image
    for _ in range(8):
        runs = [ended(run) for run in [press(build, caller) for build in builds]]
        assert [(run.run_state, run.end_message) for run in runs] == [("DONE", "")] * 2
        assert runs[0].image_id == runs[1].image_id
    with RegistryClient(registry_host, plain_http=True) as registry:
        assert {registry.digest(run.image.repository, "1") for run in runs} == {runs[0].image_digest}
