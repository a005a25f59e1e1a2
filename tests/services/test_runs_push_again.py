"""Push again: a run of its own that builds nothing; what it takes over, and where it is refused."""

import pytest
from django.db.models.functions import Now

from builds.domain.access import Role
from builds.domain.errors import Invalid, NoRight, NotFound, NotPossible, Refused
from builds.domain.states import EndReason
from builds.models import Activity, Build, BuildRun, Registry
from builds.services.accounts.access import caller_for
from builds.services.runs.cancel_and_remove import request_remove
from builds.services.runs.parameters import RunAsk
from builds.services.runs.start import push_again, start_run
from builds.services.runs.transitions import End, end_attempt, take
from tests.support.people import make_person

DIGEST = "sha256:" + "a" * 64


def ended(run: BuildRun, reason: str = "DONE", *, image_id: str = "") -> BuildRun:
    """Let a worker take the run and end it."""
    BuildRun.objects.filter(pk=run.pk).update(claim=1, claimed_at=Now(), claimed_host="here", image_id=image_id)
    lease = take(run.pk, claim=1, owner="worker")
    digest = DIGEST if reason == "DONE" else ""
    assert end_attempt(lease, End(EndReason(reason), image_digest=digest))
    run.refresh_from_db()
    return run


@pytest.fixture
def pressed(build: Build, caller) -> BuildRun:
    return start_run(build_id=build.pk, caller=caller)


@pytest.fixture
def done_run(pressed: BuildRun) -> BuildRun:
    return ended(pressed)


def test_the_new_run_has_its_own_number_and_the_snapshot_of_the_original(build, caller, done_run):
    Build.objects.filter(pk=build.pk).update(image_name="renamed")
    run = push_again(run_id=done_run.pk, caller=caller, tag_name="2")
    assert (run.run_type, run.run_state, run.build_no, run.target_id) == ("BUILD", "CREATED", 2, done_run.pk)
    assert (run.image.tagged, run.definition.push_of) == ("127.0.0.1:1/hello:2", done_run.pk)
    assert [step.step_type for step in run.steps.all()] == ["INIT", "CREATE_IMAGE"]
    assert Activity.objects.filter(run=run, did="asked to push again").exists()
    build.refresh_from_db()
    assert build.last_run_id == run.pk


def test_without_a_tag_it_is_that_of_the_original_which_is_no_conflict(caller, done_run):
    first = ended(push_again(run_id=done_run.pk, caller=caller))
    second = push_again(run_id=done_run.pk, caller=caller)
    assert (first.tag_name, second.tag_name) == ("1", "1")


def test_a_tag_of_another_image_of_the_build_is_a_conflict(build, caller, done_run):
    other = start_run(build_id=build.pk, caller=caller, ask=RunAsk(tag_name="2"))
    ended(other)
    with pytest.raises(Refused) as refused:
        push_again(run_id=done_run.pk, caller=caller, tag_name="2")
    assert (refused.value.code, refused.value.status) == ("CCBD1004000", 409)


def test_a_run_whose_image_was_built_but_not_pushed_can_be_pushed(caller, pressed):
    failed = ended(pressed, "REGISTRY_FAILED", image_id="sha256:" + "b" * 64)
    assert push_again(run_id=failed.pk, caller=caller).target_id == failed.pk


def test_where_no_image_is_the_reason_is_told(caller, pressed):
    with pytest.raises(NotPossible, match="has not ended"):
        push_again(run_id=pressed.pk, caller=caller)
    ended(pressed, "BUILD_FAILED")
    with pytest.raises(NotPossible, match="before its image was built") as refused:
        push_again(run_id=pressed.pk, caller=caller)
    assert (refused.value.code, refused.value.status) == ("CCCM1007000", 409)
    assert BuildRun.objects.count() == 1


def test_a_run_that_is_being_removed_is_not_pushed(caller, done_run):
    request_remove(run_id=done_run.pk, caller=caller)
    with pytest.raises(NotPossible, match="being removed"):
        push_again(run_id=done_run.pk, caller=caller)


def test_another_active_run_of_a_refusing_build_is_a_conflict(caller, build, done_run):
    start_run(build_id=build.pk, caller=caller)
    with pytest.raises(NotPossible, match="Another run of this build"):
        push_again(run_id=done_run.pk, caller=caller)


def test_it_replaces_no_running_build(caller, build, done_run):
    Build.objects.filter(pk=build.pk).update(when_running="REPLACE")
    working = start_run(build_id=build.pk, caller=caller)
    push_again(run_id=done_run.pk, caller=caller)
    working.refresh_from_db()
    assert (working.run_state, working.cancel_requested_at) == ("CREATED", None)


def test_another_registry_may_be_named_and_an_unknown_one_is_not_found(caller, done_run):
    other = Registry.objects.create(name="other", host="registry.example", prefix="base")
    run = push_again(run_id=done_run.pk, caller=caller, external_registry_seq=other.pk)
    assert (run.registry_id, run.image.tagged) == (other.pk, "registry.example/base/hello:1")
    ended(run)
    back = ended(push_again(run_id=run.pk, caller=caller, external_registry_seq=0))
    assert (back.registry_id, back.image.tagged) == (None, "127.0.0.1:1/hello:1")
    with pytest.raises(NotFound) as refused:
        push_again(run_id=done_run.pk, caller=caller, external_registry_seq=4711)
    assert refused.value.code == "CCBD1020000"


def test_a_pushed_again_run_that_is_run_again_builds(caller, build, done_run):
    push = ended(push_again(run_id=done_run.pk, caller=caller))
    again = start_run(build_id=build.pk, caller=caller, again=push.pk)
    assert (again.target_id, "push_of" in again.definition.to_json()) == (None, False)


def test_a_wrong_tag_a_viewer_and_a_stranger_are_refused(caller, account, done_run):
    with pytest.raises(Invalid) as refused:
        push_again(run_id=done_run.pk, caller=caller, tag_name="UPPER")
    assert [error.field for error in refused.value.errors] == ["tagName"]
    with pytest.raises(NoRight):
        push_again(run_id=done_run.pk, caller=caller_for(make_person("viewer", Role.VIEWER, account)))
    with pytest.raises(NotFound):
        push_again(run_id=done_run.pk, caller=caller_for(make_person("stranger", None, None)))
