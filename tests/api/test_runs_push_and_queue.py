"""Push again and move to the front, over REST."""

import pytest

from builds.models import BuildRun


def test_a_pushed_image_is_pushed_again_by_a_run_of_its_own(as_, operator, done_run):
    answer = as_(operator).post(f"/v1/build/run/{done_run.pk}/push?tagName=2.0&externalRegistrySeq=0")
    assert answer.status_code == 200, answer.content
    shape = answer.json()
    assert (shape["runType"], shape["runState"], shape["buildNo"], shape["tagName"]) == ("BUILD", "CREATED", 2, "2.0")
    assert shape["possibleActions"] == ["VIEW", "LOG", "CANCEL"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("tagName=UPPER", "tagName"),
        ("tagName=a%00", "tagName"),
        ("externalRegistrySeq=x", "externalRegistrySeq"),
        ("externalRegistrySeq=-1", "externalRegistrySeq"),
    ],
)
def test_a_wrong_query_of_a_push_is_refused_by_its_name(as_, operator, done_run, query, field):
    answer = as_(operator).post(f"/v1/build/run/{done_run.pk}/push?{query}")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, field)
    assert BuildRun.objects.count() == 1


def test_a_push_without_image_or_of_an_unknown_registry_is_refused_with_its_code(as_, operator, run, build):
    answer = as_(operator).post(f"/v1/build/run/{run.pk}/push")
    assert (answer.status_code, answer.json()["code"]) == (409, "CCCM1007000")
    assert "has not ended" in answer.json()["detail"]
    assert as_(operator).post(f"/v1/build/run/{run.pk + 99}/push").status_code == 404


def test_an_unknown_registry_of_a_push_is_not_found(as_, operator, done_run):
    answer = as_(operator).post(f"/v1/build/run/{done_run.pk}/push?externalRegistrySeq=4711")
    assert (answer.status_code, answer.json()["code"]) == (404, "CCBD1020000")


def test_viewers_and_strangers_push_nothing(as_, viewer, stranger, done_run):
    assert as_(viewer).post(f"/v1/build/run/{done_run.pk}/push").status_code == 403
    assert as_(stranger).post(f"/v1/build/run/{done_run.pk}/push").status_code == 404
    assert BuildRun.objects.count() == 1


def press(client, build) -> int:
    return client.post(f"/v1/build/run/{build.pk}").json()["buildRunSeq"]


def test_a_waiting_run_is_moved_to_the_front_and_the_queue_is_the_answer(as_, operator, make_build):
    client = as_(operator)
    first, second = press(client, make_build()), press(client, make_build())
    answer = client.post(f"/v1/build/queue/{second}/front")
    assert answer.status_code == 200, answer.content
    assert [run["buildRunSeq"] for run in answer.json()["waiting"]] == [second, first]
    assert answer.json() == client.get("/v1/build/queue").json()


def test_what_does_not_wait_and_who_may_not_is_refused(as_, operator, viewer, stranger, run, make_build):
    tail = f"/v1/build/queue/{run.pk}/front"
    assert as_(viewer).post(tail).status_code == 403
    assert as_(stranger).post(tail).status_code == 404
    assert as_(operator).post("/v1/build/queue/x/front").json()["errors"][0]["field"] == "buildRunSeq"
    as_(operator).put(f"/v1/build/run/cancel/{run.pk}")
    answer = as_(operator).post(tail)
    assert (answer.status_code, answer.json()["code"]) == (409, "CCCM1007000")
    assert answer.json()["detail"] == "This run waits no more."


def test_the_queue_costs_the_same_number_of_queries_however_long_it_is(
    as_, operator, make_build, django_assert_max_num_queries
):
    client = as_(operator)
    press(client, make_build())
    with django_assert_max_num_queries(16) as one:
        client.get("/v1/build/queue")
    for _ in range(5):
        press(client, make_build())
    with django_assert_max_num_queries(16) as six:
        assert len(client.get("/v1/build/queue").json()["waiting"]) == 6
    assert len(one) == len(six)
