"""Push again: the image of an earlier run goes to its registry once more, and nothing is built."""

import uuid

import pytest

from builds.engine.docker import Engine
from builds.engine.registry import RegistryClient
from builds.models import BuildRun, Registry
from builds.services.runs.start import push_again
from tests.engine.registries import OwnRegistry
from tests.support.runs import ended, press, texts


@pytest.fixture
def engine(engine_endpoint):
    engine = Engine(engine_endpoint)
    yield engine
    engine.close()


def pushed_again(run: BuildRun, caller, **ask) -> BuildRun:
    return ended(push_again(run_id=run.pk, caller=caller, **ask))


def has_built(run: BuildRun) -> bool:
    """Say whether the engine was asked to build: it then tells of at least one instruction."""
    return any(step.vertices for step in run.steps.all())


def name_of_its_own() -> str:
    return f"hello-{uuid.uuid4().hex[:8]}"


def test_a_done_run_gets_a_second_tag_with_the_same_digest(workers, caller, build_of, registry_host, engine):
    first = ended(press(build_of("RUN echo once > /once", name=name_of_its_own()), caller))
    assert not engine.image_exists(first.image_id)  # it was cleared away, so the image comes from the registry
    again = pushed_again(first, caller, tag_name="stable")
    assert (again.run_state, again.image_digest, again.image_id) == ("DONE", first.image_digest, first.image_id)
    with RegistryClient(registry_host, plain_http=True) as registry:
        tags = {tag: registry.digest(first.image.repository, tag) for tag in ("1", "stable")}
    assert tags == {"1": first.image_digest, "stable": first.image_digest}
    assert has_built(first)
    assert not has_built(again)
    assert f"Pushing the image of run #{first.build_no} again; nothing is built" in texts(again)
    assert not engine.image_exists(first.image_id)


def test_a_run_whose_registry_was_away_is_pushed_without_building(workers, caller, build_of, engine, tmp_path):
    own = OwnRegistry(tmp_path)
    Registry.objects.update(host=own.host)
    failed = ended(press(build_of(f"RUN echo {uuid.uuid4()} > /once", name=name_of_its_own()), caller), timeout=120)
    assert failed.end_reason == "REGISTRY_FAILED"
    assert engine.image_exists(failed.image_id)
    with own:
        again = pushed_again(failed, caller)
        assert (again.run_state, again.end_reason) == ("DONE", "DONE")
        with RegistryClient(own.host, plain_http=True) as registry:
            assert registry.digest(failed.image.repository, "1") == again.image_digest
    assert not has_built(again)
    assert again.image_id == failed.image_id
    assert not engine.image_exists(failed.image_id)


def test_an_image_that_is_nowhere_ends_the_push_with_the_remedy(workers, caller, build_of, registry_host):
    first = ended(press(build_of(f"RUN echo {uuid.uuid4()} > /once", name=name_of_its_own()), caller))
    with RegistryClient(registry_host, plain_http=True) as registry:
        assert registry.delete_manifest(first.image.repository, first.image_digest)
    again = pushed_again(first, caller, tag_name="stable")
    assert (again.run_state, again.failure["id"]) == ("ERROR", "image.gone")
    assert "Press Build" in again.end_message


def test_images_of_failed_pushes_go_once_a_later_run_has_pushed_its_own(
    workers, caller, build_of, engine, registry_host, tmp_path
):
    Registry.objects.update(host=OwnRegistry(tmp_path).host)  # it is never started
    build = build_of("ARG when=0", f"RUN : $when; echo {uuid.uuid4()} > /once", name=name_of_its_own())
    failed = ended(press(build, caller), timeout=120)
    assert engine.image_facts(failed.image_id).tags == (failed.image.tagged,)
    Registry.objects.update(host=registry_host)
    step = build.steps.get()
    step.config = {**step.config, "build_args": [{"key": "when", "value": "1"}]}
    step.save()
    done = ended(press(build, caller))
    assert done.run_state == "DONE"
    assert done.image_id != failed.image_id
    assert not engine.image_exists(failed.image_id)
