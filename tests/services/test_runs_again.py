"""Running again: an earlier run's snapshot, steps once, and what this version cannot execute."""

import pytest
from django.db.models.functions import Now

from builds.credentials import encrypt_fields
from builds.domain.access import Role
from builds.domain.errors import Invalid, NotFound, NotPossible
from builds.domain.states import EndReason
from builds.models import Build, BuildRun, BuildServer, Registry, WorkerHost
from builds.services.accounts.access import caller_for
from builds.services.builds.definitions import StepDraft
from builds.services.dispatch import dispatch
from builds.services.runs.cancel_and_remove import request_cancel
from builds.services.runs.parameters import RunAsk
from builds.services.runs.start import start_run
from builds.services.runs.transitions import End, end_attempt, take
from tests.support.people import make_build, make_person

DIGEST = "sha256:" + "a" * 64


def done(run: BuildRun) -> BuildRun:
    """Let a worker take the run and end it as DONE."""
    BuildRun.objects.filter(pk=run.pk).update(claim=1, claimed_at=Now(), claimed_host="here")
    lease = take(run.pk, claim=1, owner="worker")
    assert end_attempt(lease, End(EndReason.DONE, image_digest=DIGEST, image_size=1))
    run.refresh_from_db()
    return run


def image_step(**config: object) -> StepDraft:
    return StepDraft(
        "CREATE_IMAGE", order=1, config={"docker_file_type": "CONTENTS", "docker_file": "FROM scratch\n", **config}
    )


def test_the_snapshot_of_a_run_runs_again_whatever_the_build_has_become(build, caller):
    first = done(start_run(build_id=build.pk, caller=caller))
    first.steps.filter(order=1).update(secrets_encrypted=encrypt_fields({"password": "p"}))
    Build.objects.filter(pk=build.pk).update(project="moved", tag_name="9")
    build.steps.update(config={"docker_file_type": "CONTENTS", "docker_file": "FROM other\n"})
    again = start_run(build_id=build.pk, caller=caller, again=first.pk)
    assert (again.build_no, again.tag_name, again.image.project) == (2, "1", "")
    step = again.steps.get(order=1)
    assert step.config["docker_file"] == "FROM scratch\n"
    assert step.secrets_encrypted == first.steps.get(order=1).secrets_encrypted
    assert [copy.order for copy in again.steps.all()] == [0, 1]


def test_steps_of_ones_own_run_once_with_the_build_as_it_is(build, caller):
    first = done(start_run(build_id=build.pk, caller=caller))
    Build.objects.filter(pk=build.pk).update(project="moved")
    ask = RunAsk(steps=(image_step(target="stage"),))
    run = start_run(build_id=build.pk, caller=caller, ask=ask, again=first.pk)
    assert run.steps.get(step_type="CREATE_IMAGE").config["target"] == "stage"
    assert run.image.project == "moved"
    assert "target" not in build.steps.get().config


def test_steps_that_are_wrong_are_refused_and_make_no_run(build, caller):
    with pytest.raises(Invalid) as refused:
        start_run(build_id=build.pk, caller=caller, ask=RunAsk(steps=(image_step(docker_file=""),)))
    assert refused.value.errors[0].field == "buildSteps[0].buildStepConfig.dockerFile"
    assert not BuildRun.objects.exists()


def test_a_run_of_another_build_or_account_is_not_found(build, caller, account):
    other = start_run(build_id=make_build(caller, "FROM scratch\n", name="other").pk, caller=caller)
    with pytest.raises(NotFound):
        start_run(build_id=build.pk, caller=caller, again=other.pk)
    stranger = caller_for(make_person("stranger", Role.OPERATOR, None))
    with pytest.raises(NotFound):
        start_run(build_id=other.build_id, caller=stranger, again=other.pk)


def test_a_cancel_run_has_nothing_to_run_again(build, caller):
    run = start_run(build_id=build.pk, caller=caller)
    cancel = request_cancel(run_id=run.pk, caller=caller)
    with pytest.raises(NotPossible, match="A CANCEL run has no steps"):
        start_run(build_id=build.pk, caller=caller, again=cancel.pk)


def test_running_again_is_refused_while_another_run_is_active(build, caller):
    first = start_run(build_id=build.pk, caller=caller)
    with pytest.raises(NotPossible, match="Another run of this build"):
        start_run(build_id=build.pk, caller=caller, again=first.pk)


@pytest.fixture
def later_build(build: Build) -> Build:
    """A build that takes its files from nowhere, so that it cannot be executed."""
    build.steps.update(config={"docker_file": "FROM scratch", "context_path": "app"})
    return build


def test_what_this_version_cannot_execute_is_accepted_and_ends_at_once_with_the_reason(
    later_build, caller, django_capture_on_commit_callbacks
):
    WorkerHost.objects.create(name="host", workers=2)
    with django_capture_on_commit_callbacks(execute=True):
        run = start_run(build_id=later_build.pk, caller=caller)
    assert (run.run_state, run.end_reason, run.begin_time) == ("ERROR", "DEFINITION_INVALID", None)
    assert "No step in use brings files into the workspace" in run.end_message
    assert run.failure["whose"] == "definition"
    assert (run.claim, run.claimed_at) == (0, None)
    assert [event.what for event in run.events.all()] == ["accepted", "ended"]
    assert {step.step_state for step in run.steps.all()} == {"WAIT"}
    assert dispatch(BuildServer.objects.get().pk) == []


def test_a_run_that_could_not_be_executed_burns_no_tag_and_leaves_the_build_free(later_build, caller):
    start_run(build_id=later_build.pk, caller=caller, ask=RunAsk(tag_name="2"))
    later_build.steps.update(config={"docker_file": "FROM scratch"})
    run = start_run(build_id=later_build.pk, caller=caller, ask=RunAsk(tag_name="2"))
    assert (run.run_state, run.build_no) == ("CREATED", 2)


def test_a_registry_that_is_switched_off_or_has_moved_counts_as_it_is_now(build, caller):
    registry = Registry.objects.create(name="own", host="old.example")
    Build.objects.filter(pk=build.pk).update(registry=registry)
    first = done(start_run(build_id=build.pk, caller=caller))
    Registry.objects.filter(pk=registry.pk).update(host="new.example")
    again = done(start_run(build_id=build.pk, caller=caller, again=first.pk))
    assert (first.registry_host, again.registry_host) == ("old.example", "new.example")
    Registry.objects.filter(pk=registry.pk).update(enabled=False)
    for earlier in (None, first.pk):
        with pytest.raises(NotFound, match="switched off") as refused:
            start_run(build_id=build.pk, caller=caller, again=earlier)
        assert refused.value.code == "CCBD1020000"


def test_an_earlier_snapshot_is_held_against_the_host_paths_that_are_open_now(build, caller):
    mount = {"container_path": "/in", "host_path": "/srv/data"}
    task = {"cmd": ["ls"], "image_name": "busybox", "image_tag": "1", "docker_volume_mount_vo_list": [mount]}
    build.steps.create(step_type="USER_TASK", order=2, config=task)
    BuildServer.objects.update(allowed_host_paths=["/srv/data"])
    first = start_run(build_id=build.pk, caller=caller)
    BuildServer.objects.update(allowed_host_paths=[])
    with pytest.raises(Invalid) as refused:
        start_run(build_id=build.pk, caller=caller, again=first.pk)
    assert "hostPath" in refused.value.errors[0].field
