"""Builds of the same content share one image on their engine, and none takes it away from the other."""

import uuid

import pytest

from builds.engine.docker import Engine
from builds.engine.registry import RegistryClient
from builds.execution.executor import execute_build
from builds.models import Account, BuildServer, WorkerHost
from tests.support.runs import ended, press, texts


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


@pytest.mark.parametrize("moment", ["tag_image", "push"])
def test_an_image_that_another_run_takes_away_before_it_is_pushed_is_taken_from_the_cache(
    workers, caller, build_of, engine_url, monkeypatch, moment
):
    """The other run is played at its worst moment: it takes the name off, as every run does after its push."""
    BuildServer.objects.create(name="alone", url="topic:alone", capacity=1).accounts.set(Account.objects.all())
    WorkerHost.objects.create(name="elsewhere", topics=["alone"], workers=1)
    run = press(build_of(f"RUN echo {uuid.uuid4()} > /same", server_host="topic:alone"), caller)
    run.refresh_from_db()
    BuildServer.objects.filter(name="alone").update(url=engine_url)
    asked, whole = [], getattr(Engine, moment)

    def taken_once(engine, *words, **named):
        if not asked:
            engine.remove_image(run.image.tagged)
        asked.append(moment)
        return whole(engine, *words, **named)

    monkeypatch.setattr(Engine, moment, taken_once)
    execute_build(run.pk, run.claim)
    run.refresh_from_db()
    assert (run.run_state, run.end_message) == ("DONE", "")
    assert len(asked) == 2
    assert "Another run of the same content took the image away meanwhile; taking it from the cache" in texts(run)
