"""Runs over REST: press, read, cancel, remove."""

from builds.models import BuildRun


def test_a_press_answers_the_waiting_run(as_, operator, build):
    answer = as_(operator).post(f"/v1/build/run/{build.pk}")
    assert answer.status_code == 200, answer.content
    body = answer.json()
    assert (body["runState"], body["runType"], body["buildNo"]) == ("CREATED", "BUILD", 1)
    assert body["tagName"] == "v-00001"
    assert body["imageUrl"] == "127.0.0.1:5000/ops/hello"
    assert BuildRun.objects.get(pk=body["buildRunSeq"]).requested_by == operator
