"""The tag `latest` follows a build that asks for it, and never goes back to an older run."""

import uuid

import pytest
from django.db import connections

from builds.engine.registry import RegistryClient
from builds.models import BuildRun, Registry
from builds.services.runs.following_tags import LOCK, try_lock, unlock
from builds.services.runs.parameters import RunAsk
from builds.services.runs.start import push_again
from tests.engine.refusing import Refusal, refusing
from tests.support.runs import ended, press, texts


@pytest.fixture
def following(build_of):
    """A build whose step asks for `latest`, each of whose runs makes another image."""
    rule = {"tag_name": "", "auto_tag": True, "auto_tag_prefix": "v", "auto_tag_sequence": "SEQUENCE"}
    build = build_of("ARG MARK", "RUN echo $MARK > /mark", name=f"hello-{uuid.uuid4().hex[:8]}", **rule)
    step = build.steps.get(step_type="CREATE_IMAGE")
    step.config |= {"latest_apply": True, "build_args": [{"key": "MARK", "value": "none"}]}
    step.save()
    return build


def built(build, caller, **ask) -> BuildRun:
    return ended(press(build, caller, RunAsk(build_args=(("MARK", uuid.uuid4().hex),), **ask)))


def points_to(run: BuildRun, tag: str, host: str) -> str | None:
    with RegistryClient(host, plain_http=True) as registry:
        return registry.digest(run.image.repository, tag)


def test_latest_moves_with_each_run(workers, caller, following, registry_host):
    first = built(following, caller)
    assert points_to(first, "latest", registry_host) == first.image_digest
    second = built(following, caller)
    assert first.image_digest != second.image_digest
    assert points_to(second, "latest", registry_host) == second.image_digest
    assert any(text.startswith("latest is run 2 now: ") for text in texts(second))
    assert points_to(second, first.tag_name, registry_host) == first.image_digest


def test_latest_stays_where_a_newer_run_has_put_it(workers, caller, following, registry_host):
    older, newer = built(following, caller), built(following, caller)
    again = ended(push_again(run_id=older.pk, caller=caller, tag_name="old"))
    assert (again.run_state, again.image_digest) == ("DONE", older.image_digest)
    assert f"latest left at run {newer.build_no}" in texts(again)
    assert points_to(newer, "latest", registry_host) == newer.image_digest


def test_a_run_without_the_wish_moves_nothing(workers, caller, build_of, registry_host):
    run = ended(press(build_of("RUN true", name=f"hello-{uuid.uuid4().hex[:8]}"), caller))
    assert run.run_state == "DONE"
    assert points_to(run, "latest", registry_host) is None


def test_a_registry_that_refuses_latest_is_told_and_the_run_is_not_done(workers, caller, following, registry_host):
    message = "The image tag 'latest' already exists and cannot be overwritten because the tag is immutable."
    refusal = Refusal.coded("PUT", "/manifests/latest", 400, "TAG_INVALID", message)
    with refusing(registry_host, refusal) as host:
        Registry.objects.update(host=host)
        run = built(following, caller)
    assert (run.end_reason, run.failure["id"]) == ("REGISTRY_FAILED", "registry.tag_fixed")
    assert f"{run.image.repository}:latest" in run.end_message


def test_the_right_to_move_it_is_one_runs_at_a_time(following):
    assert try_lock(following.pk)
    other = connections.create_connection("default")
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [LOCK, following.pk])
            assert cursor.fetchone() == (False,)
            unlock(following.pk)
            cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [LOCK, following.pk])
            assert cursor.fetchone() == (True,)
    finally:
        other.close()
