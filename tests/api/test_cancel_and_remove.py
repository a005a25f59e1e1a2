"""Cancel and remove over REST: what is asked for, what is refused, what stays true."""

import pytest

from builds.models import BuildRun
from tests.api.making import begin


def test_a_waiting_run_is_cancelled_without_ever_starting(as_, operator, run):
    answer = as_(operator).put(f"/v1/build/run/cancel/{run.pk}")
    assert answer.status_code == 200, answer.content
    cancel = answer.json()
    assert (cancel["runType"], cancel["runState"]) == ("CANCEL", "DONE")
    assert (cancel["buildNo"], cancel["tagName"]) == (1, "v-00001")
    original = as_(operator).get(f"/v1/build/run/{run.pk}").json()
    assert (original["runState"], original["endReason"], original["beginTime"]) == ("ERROR", "CANCELLED", None)
    assert original["runTimeBySec"] is None


def test_a_cancel_carries_one_step_that_names_the_original(as_, operator, running_run):
    cancel = as_(operator).put(f"/v1/build/run/cancel/{running_run.pk}").json()
    steps = as_(operator).get(f"/v1/build/run/{cancel['buildRunSeq']}").json()["buildStepRuns"]
    assert [step["stepType"] for step in steps] == ["CANCEL"]
    assert steps[0]["buildStepConfig"]["refBuildRunSeq"] == running_run.pk


def test_a_running_run_stays_running_until_its_end_is_confirmed(as_, operator, running_run):
    cancel = as_(operator).put(f"/v1/build/run/cancel/{running_run.pk}").json()
    original = as_(operator).get(f"/v1/build/run/{running_run.pk}").json()
    assert (cancel["runState"], original["runState"], original["endReason"]) == ("RUNNING", "RUNNING", None)
    assert original["cancelRequestedAt"]
    assert original["possibleActions"] == ["VIEW", "LOG"]


def test_asking_again_answers_the_cancel_under_way(as_, operator, running_run):
    first = as_(operator).put(f"/v1/build/run/cancel/{running_run.pk}").json()
    second = as_(operator).put(f"/v1/build/run/cancel/{running_run.pk}")
    assert (second.status_code, second.json()["buildRunSeq"]) == (200, first["buildRunSeq"])


def test_an_ended_run_cannot_be_cancelled(as_, operator, done_run):
    answer = as_(operator).put(f"/v1/build/run/cancel/{done_run.pk}")
    assert (answer.status_code, answer.json()["code"]) == (409, "CCCM1007000")
    assert answer.json()["detail"] == "This run has already ended."


def test_a_viewer_cannot_cancel(as_, viewer, running_run):
    answer = as_(viewer).put(f"/v1/build/run/cancel/{running_run.pk}")
    assert (answer.status_code, answer.json()["code"]) == (403, "CCCM1044000")
    running_run.refresh_from_db()
    assert running_run.cancel_requested_at is None


def test_removing_a_run_answers_it_as_it_was_and_records_a_removal(as_, operator, done_run):
    before = as_(operator).get(f"/v1/build/run/{done_run.pk}").json()
    answer = as_(operator).delete(f"/v1/build/run/{done_run.pk}")
    assert answer.status_code == 200, answer.content
    assert answer.json() == {name: before[name] for name in answer.json()}
    removal = BuildRun.objects.get(run_type="REMOVE")
    assert removal.target_id == done_run.pk
    now = as_(operator).get(f"/v1/build/run/{done_run.pk}").json()
    assert now["possibleActions"] == ["VIEW", "BUILD", "LOG"]


def test_a_run_that_is_being_removed_cannot_be_removed_again(as_, operator, done_run):
    as_(operator).delete(f"/v1/build/run/{done_run.pk}")
    answer = as_(operator).delete(f"/v1/build/run/{done_run.pk}")
    assert (answer.status_code, answer.json()["code"]) == (409, "CCCM1007000")


@pytest.mark.parametrize("started", [False, True])
def test_an_active_run_cannot_be_removed(as_, operator, run, started):
    if started:
        begin(run)
    answer = as_(operator).delete(f"/v1/build/run/{run.pk}")
    assert (answer.status_code, answer.json()["code"]) == (409, "CCBD1014000")
    assert not BuildRun.objects.filter(run_type="REMOVE").exists()


def test_a_removed_run_is_gone_from_lists_and_reads(as_, operator, build, done_run):
    BuildRun.objects.filter(pk=done_run.pk).update(removed_at="2026-01-01T00:00:00Z")
    assert as_(operator).get(f"/v1/build/run/{done_run.pk}").status_code == 404
    assert as_(operator).get("/v1/build/run", {"buildSeq": build.pk}).json() == []


def test_an_account_admin_removes_a_build_and_gets_the_removal(as_, admin, build):
    answer = as_(admin).delete(f"/v1/build/{build.pk}")
    assert answer.status_code == 200, answer.content
    removal = answer.json()
    assert (removal["runType"], removal["runState"], removal["buildSeq"]) == ("REMOVE", "CREATED", build.pk)
    steps = as_(admin).get(f"/v1/build/run/{removal['buildRunSeq']}").json()["buildStepRuns"]
    assert [step["stepType"] for step in steps] == ["DELETE"]


def test_an_operator_cannot_remove_a_build(as_, operator, build):
    answer = as_(operator).delete(f"/v1/build/{build.pk}")
    assert (answer.status_code, answer.json()["code"]) == (403, "CCCM1044000")


def test_a_build_with_an_active_run_cannot_be_removed(as_, admin, build, run):
    answer = as_(admin).delete(f"/v1/build/{build.pk}")
    assert (answer.status_code, answer.json()["code"]) == (409, "CCBD1014000")


def test_a_build_that_is_being_removed_cannot_be_run(as_, admin, build):
    as_(admin).delete(f"/v1/build/{build.pk}")
    answer = as_(admin).post(f"/v1/build/run/{build.pk}")
    assert (answer.status_code, answer.json()["detail"]) == (409, "This build is being removed.")
