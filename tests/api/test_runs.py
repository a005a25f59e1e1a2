"""Runs over REST: press, read, list."""

import pytest

from builds.domain.access import Scope
from builds.domain.states import EndReason
from builds.models import Build, BuildRun, RunStep
from builds.services.runs.transitions import take
from tests.api.making import begin, end


def press(client, build, **query):
    tail = "&".join(f"{name}={value}" for name, value in query.items())
    return client.post(f"/v1/build/run/{build.pk}?{tail}")


def test_a_press_answers_the_waiting_run(as_, operator, build):
    answer = press(as_(operator), build, description="first", callbackUrl="https://example.com/hook")
    assert answer.status_code == 200, answer.content
    body = answer.json()
    assert (body["runState"], body["runType"], body["buildNo"]) == ("CREATED", "BUILD", 1)
    assert (body["tagName"], body["runDesc"]) == ("v-00001", "first")
    assert body["callbackUrl"] == "https://example.com/hook"
    assert BuildRun.objects.get(pk=body["buildRunSeq"]).requested_by == operator


def test_a_body_of_any_kind_is_ignored_by_a_press(as_, operator, build):
    answer = as_(operator).post(f"/v1/build/run/{build.pk}", b"<not json>", content_type="text/xml")
    assert answer.status_code == 200


def test_the_tag_of_the_query_names_the_image_where_the_build_has_no_automatic_tag(as_, operator, make_build):
    build = make_build(autotagUseYn="N", tagName="1.0")
    assert press(as_(operator), build, tagName="2.0").json()["tagName"] == "2.0"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"tagName": "UPPER"}, "tagName"),
        ({"tagName": "a%00b"}, "tagName"),
        ({"callbackUrl": "ftp://example.com"}, "callbackUrl"),
        ({"callbackUrl": "http://127.1/x"}, "callbackUrl"),
        ({"description": "x" * 1001}, "description"),
        ({"description": "a%00b"}, "description"),
    ],
)
def test_a_wrong_query_is_refused_with_its_name_and_makes_no_run(as_, operator, make_build, query, field):
    answer = press(as_(operator), make_build(autotagUseYn="N", tagName="1.0"), **query)
    assert (answer.status_code, answer.json()["code"]) == (400, "CCCM1004000")
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert not BuildRun.objects.exists()


def test_a_second_press_while_one_waits_is_a_conflict_that_says_why(as_, operator, build, run):
    answer = press(as_(operator), build)
    assert (answer.status_code, answer.json()["code"]) == (409, "CCCM1007000")
    assert answer.json()["detail"].startswith("Another run of this build waits or runs")
    assert build.runs.count() == 1


def test_a_tag_of_an_earlier_run_is_a_conflict(as_, operator, make_build):
    build = make_build(autotagUseYn="N", tagName="1.0")
    first = BuildRun.objects.get(pk=press(as_(operator), build, tagName="2.0").json()["buildRunSeq"])
    end(begin(first))
    answer = press(as_(operator), build, tagName="2.0")
    assert (answer.status_code, answer.json()["code"]) == (409, "CCBD1004000")


@pytest.mark.parametrize("number", ["abc", "2147483648", "1.5", "0x10", "%00", "1%20"])
def test_a_number_that_is_none_is_refused_by_its_field(as_, operator, number):
    assert as_(operator).post(f"/v1/build/run/{number}").json()["errors"][0]["field"] == "buildSeq"
    answer = as_(operator).get(f"/v1/build/run/{number}")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "buildRunSeq")


def test_a_token_for_reading_cannot_press_and_sees_no_button(as_, operator, build, run):
    client = as_(operator, scopes=[Scope.READ])
    answer = press(client, build)
    assert (answer.status_code, answer.json()["code"]) == (403, "CCCM1044000")
    assert client.get(f"/v1/build/run/{run.pk}").json()["possibleActions"] == ["VIEW", "LOG"]


def test_a_token_for_running_only_cannot_read(as_, operator, build, run):
    client = as_(operator, scopes=[Scope.RUN])
    answer = client.get(f"/v1/build/run/{run.pk}")
    assert (answer.status_code, answer.json()["code"]) == (403, "CCCM1044000")


def test_actions_follow_role_and_state(as_, operator, viewer, run):
    assert as_(viewer).get(f"/v1/build/run/{run.pk}").json()["possibleActions"] == ["VIEW", "LOG"]
    assert as_(operator).get(f"/v1/build/run/{run.pk}").json()["possibleActions"] == ["VIEW", "LOG", "CANCEL"]
    end(begin(run), EndReason.BUILD_FAILED)
    shape = as_(operator).get(f"/v1/build/run/{run.pk}").json()
    assert shape["possibleActions"] == ["VIEW", "BUILD", "LOG", "REMOVE"]
    assert (shape["runState"], shape["endReason"], shape["endMessage"]) == ("ERROR", "BUILD_FAILED", "It failed.")


def test_a_running_run_has_a_begin_and_no_length(as_, operator, running_run):
    shape = as_(operator).get(f"/v1/build/run/{running_run.pk}").json()
    assert shape["beginTime"]
    assert (shape["runState"], shape["runTimeBySec"], shape["queuePosition"]) == ("RUNNING", None, None)


def test_a_further_attempt_shows_its_own_steps_and_the_earlier_one_apart(as_, operator, run):
    first = begin(run)
    BuildRun.objects.filter(pk=run.pk).update(lease_expires_at="2020-01-01T00:00:00Z")
    begin(run)
    shape = as_(operator).get(f"/v1/build/run/{run.pk}").json()
    assert shape["attempt"] == 2
    latest = {step["buildStepRunSeq"] for step in shape["buildStepRuns"]}
    assert latest == set(RunStep.objects.filter(run=run, attempt=2).values_list("pk", flat=True))
    assert [attempt["attempt"] for attempt in shape["attempts"]] == [first.attempt]
    assert not latest & {step["buildStepRunSeq"] for step in shape["attempts"][0]["buildStepRuns"]}


def test_an_edit_leaves_an_earlier_run_as_it_was(as_, operator, build, run):
    Build.objects.filter(pk=build.pk).update(name="renamed", project="other")
    shape = as_(operator).get(f"/v1/build/run/{run.pk}").json()
    assert (shape["buildName"], shape["registryName"]) == ("hello", "ops")


@pytest.fixture
def five_runs(build, as_, operator):
    """Five ended runs, oldest first."""
    runs = []
    for number in range(5):
        seq = press(as_(operator), build).json()["buildRunSeq"]
        runs.append(BuildRun.objects.get(pk=seq))
        end(begin(runs[-1]), EndReason.BUILD_FAILED if number == 0 else EndReason.DONE)
    return runs


def test_runs_of_a_build_come_newest_first_in_pages(as_, operator, build, five_runs):
    client, seen = as_(operator), []
    link = f"/v1/build/run?buildSeq={build.pk}&limit=2"
    while link:
        answer = client.get(link)
        seen += [run["buildRunSeq"] for run in answer.json()]
        assert answer["X-Total-Count"] == "5"
        link = answer.get("Link", "").partition(">")[0].lstrip("<")
    assert seen == [run.pk for run in reversed(five_runs)]


def test_runs_are_narrowed_by_state_and_type(as_, operator, build, five_runs):
    failed = as_(operator).get("/v1/build/run", {"buildSeq": build.pk, "runState": "ERROR"}).json()
    assert [run["buildRunSeq"] for run in failed] == [five_runs[0].pk]
    assert as_(operator).get("/v1/build/run", {"buildSeq": build.pk, "runType": "CANCEL"}).json() == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({}, "buildSeq"),
        ({"buildSeq": "x"}, "buildSeq"),
        ({"runState": "BROKEN"}, "runState"),
        ({"runType": "PUSH"}, "runType"),
        ({"limit": "0"}, "limit"),
        ({"limit": "201"}, "limit"),
        ({"after": "-"}, "after"),
    ],
)
def test_a_wrong_filter_is_refused_by_its_name(as_, operator, build, query, field):
    whole = {"buildSeq": build.pk, **query} if query else {}
    answer = as_(operator).get("/v1/build/run", whole)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, field)


def test_all_wrong_parameters_are_told_at_once(as_, operator, build):
    answer = as_(operator).get("/v1/build/run", {"buildSeq": "x", "runState": "BROKEN", "limit": "201", "other": "?"})
    errors = {error["field"]: error["message"] for error in answer.json()["errors"]}
    assert answer.status_code == 400
    assert set(errors) == {"buildSeq", "runState", "limit"}
    assert errors["limit"] == "limit has to be a whole number from 1 to 200, such as 1."
    answer = press(as_(operator), build, noCache="perhaps", buildArg="VERSION", contextSeq="x")
    assert {error["field"] for error in answer.json()["errors"]} == {"noCache", "buildArg", "contextSeq"}
    assert not build.runs.exists()


def test_an_empty_parameter_is_the_same_as_none(as_, operator, build, five_runs):
    empty = {"buildSeq": build.pk, "runState": "", "runType": "", "limit": "", "after": ""}
    answer = as_(operator).get("/v1/build/run", empty)
    assert (answer.status_code, len(answer.json())) == (200, len(five_runs))


@pytest.mark.parametrize("state", ["CREATED", "RUNNING"])
def test_a_list_costs_the_same_number_of_queries_however_long_it_is(
    as_, operator, make_build, django_assert_max_num_queries, state
):
    build, client = make_build(whenRunning="QUEUE"), as_(operator)
    runs = [BuildRun.objects.get(pk=press(client, build).json()["buildRunSeq"]) for _ in range(6)]
    if state == "RUNNING":
        for run in runs:
            assert take(run.pk, claim=run.claim, owner="test-worker")
    with django_assert_max_num_queries(12) as seen_six:
        assert len(client.get("/v1/build/run", {"buildSeq": build.pk}).json()) == 6
    with django_assert_max_num_queries(12) as seen_one:
        assert len(client.get("/v1/build/run", {"buildSeq": build.pk, "limit": 1}).json()) == 1
    assert len(seen_six) == len(seen_one)


def test_runs_that_queue_behind_an_elder_of_their_build_say_so(as_, operator, make_build):
    build, client = make_build(whenRunning="QUEUE"), as_(operator)
    for _ in range(3):
        press(client, build)
    listed = client.get("/v1/build/run", {"buildSeq": build.pk}).json()
    assert [run["queuePosition"] for run in listed] == [3, 2, 1]
    assert listed[0]["waitingFor"] == "An earlier run of this build has to end first."


def test_the_queue_shows_what_runs_and_what_waits(as_, operator, make_build, running_run):
    waiting = press(as_(operator), make_build()).json()["buildRunSeq"]
    answer = as_(operator).get("/v1/build/queue").json()
    assert [run["buildRunSeq"] for run in answer["running"]] == [running_run.pk]
    assert [run["buildRunSeq"] for run in answer["waiting"]] == [waiting]
    assert (answer["runningCount"], answer["waitingCount"]) == (1, 1)
