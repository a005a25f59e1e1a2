"""The log of one step, and the log in the enveloped dialect."""

import pytest

from tests.api.making import begin, say


@pytest.fixture
def steps(run):
    """The run's steps, each of which has said one line."""
    lease = begin(run)
    found = list(run.steps.order_by("order"))
    for step in found:
        say(lease, b"said in %d\n" % step.order, step=step.pk)
    return found


def test_the_log_of_a_step_holds_this_step_alone_under_both_names(as_, viewer, run, steps):
    log = as_(viewer).get(f"/v1/build/run/log/step/{steps[1].pk}").json()
    assert (log["buildRunSeq"], log["dbLog"]) == (run.pk, False)
    assert [(step["buildStepRunSeq"], step["log"]) for step in log["buildStepRuns"]] == [(steps[1].pk, "said in 1\n")]
    assert log["buildRunLogs"] == log["buildStepRuns"]


def test_the_log_of_a_run_is_an_array_here_and_the_object_in_the_envelope(as_, viewer, run, steps):
    client = as_(viewer)
    plain = client.get(f"/v1/build/run/log/{run.pk}").json()
    enveloped = client.get(f"/api/build/run/log/{run.pk}").json()
    assert [step["log"] for step in plain[0]["buildStepRuns"]] == ["said in 0\n", "said in 1\n"]
    assert enveloped["result"]["buildRunSeq"] == plain[0]["buildRunSeq"]


def test_a_step_that_is_unknown_or_foreign_is_not_found(as_, viewer, stranger, steps):
    assert as_(viewer).get("/v1/build/run/log/step/2147483647").status_code == 404
    assert as_(stranger).get(f"/v1/build/run/log/step/{steps[0].pk}").status_code == 404
    answer = as_(viewer).get("/v1/build/run/log/step/x")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "buildStepRunSeq")


def test_a_step_of_an_earlier_attempt_keeps_its_log(as_, viewer, run, steps):
    type(run).objects.filter(pk=run.pk).update(lease_expires_at="2020-01-01T00:00:00Z")
    begin(run)
    log = as_(viewer).get(f"/v1/build/run/log/step/{steps[0].pk}").json()
    assert [step["log"] for step in log["buildStepRuns"]] == ["said in 0\n"]
