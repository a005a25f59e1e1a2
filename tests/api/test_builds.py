"""Builds over REST: create, edit, list, detail."""

from urllib.parse import quote

import pytest

from builds.models import Build, BuildRun, CallbackDelivery
from builds.services.runs.parameters import RunAsk
from tests.api.making import begin, build_add, end, image_step


def listed(client, **query):
    return [build["buildSeq"] for build in client.get("/v1/build", query).json()]


def test_a_created_build_is_answered_with_its_steps(as_, operator):
    answer = as_(operator).post("/v1/build", build_add(description="says hello", registryName="ops"), format="json")
    assert answer.status_code == 200, answer.content
    body = answer.json()
    assert (body["buildName"], body["buildDesc"], body["registryName"]) == ("hello", "says hello", "ops")
    assert (body["accountSeq"], body["useYn"], body["buildNo"]) == (operator.memberships.get().account_id, "Y", 0)
    assert (body["timeLimitSec"], body["queueLimitSec"], body["maxAttempts"]) == (3600, 86400, 3)
    assert (body["whenRunning"], body["lastRun"], body["buildCount"]) == ("REFUSE", None, 0)
    assert [step["stepType"] for step in body["buildSteps"]] == ["CREATE_IMAGE"]
    assert body["buildSteps"][0]["buildStepConfig"]["dockerFile"] == "FROM scratch\n"


def test_the_name_defaults_to_that_of_the_image(as_, operator):
    body = build_add(imageName="team/app")
    del body["buildName"]
    assert as_(operator).post("/v1/build", body, format="json").json()["buildName"] == "team/app"


def test_build_desc_wins_over_its_alias_and_null_is_absent(as_, operator):
    body = build_add(buildDesc="one", description="two", tagName=None, callbackUrl=5, unknown={"a": 1})
    assert as_(operator).post("/v1/build", body, format="json").json()["buildDesc"] == "one"


def test_an_answer_can_be_sent_back(as_, operator, build):
    client = as_(operator)
    before = client.get(f"/v1/build/{build.pk}").json()
    answer = client.put(f"/v1/build/{build.pk}", {**before, "editType": "U"}, format="json")
    assert answer.status_code == 200, answer.content
    changed = {"updated", "created"}
    assert {name: answer.json()[name] for name in before if name not in changed} == {
        name: before[name] for name in before if name not in changed
    }


def test_a_created_build_is_told_to_its_callback_address(as_, operator):
    url = "https://hook.example/built?key=1"
    answer = as_(operator).post(f"/v1/build?callbackUrl={quote(url)}", build_add(), format="json")
    delivery = CallbackDelivery.objects.get()
    assert (delivery.build_id, delivery.event, delivery.what, delivery.url) == (
        answer.json()["buildSeq"], "BUILD_STATE", "created", url,
    )  # fmt: skip


def test_an_edit_is_answered_without_the_build_in_the_envelope(as_, operator, build):
    step = {"stepType": "CREATE_IMAGE", "buildStepSeq": build.steps.get().pk}
    body = {"editType": "U", "buildDesc": "new", "buildSteps": [step]}
    answer = as_(operator).put(f"/api/build/{build.pk}", body, format="json").json()
    assert answer == {"code": "200", "status": "ok"}


def test_an_init_step_in_a_body_is_ignored(as_, operator):
    body = build_add(buildSteps=[{"stepType": "INIT", "stepOrder": 0}, image_step()])
    answer = as_(operator).post("/v1/build", body, format="json").json()
    assert [step["stepType"] for step in answer["buildSteps"]] == ["CREATE_IMAGE"]


def test_the_path_wins_when_a_build_is_edited(as_, operator, build):
    step = build.steps.get()
    body = {
        "editType": "U",
        "buildSeq": 999_999,
        "buildDesc": "new",
        "buildSteps": [{**image_step(dockerFile="FROM a\n"), "buildStepSeq": step.pk}],
    }
    answer = as_(operator).put(f"/v1/build/{build.pk}", body, format="json")
    assert answer.status_code == 200, answer.content
    assert (answer.json()["buildSeq"], answer.json()["buildDesc"]) == (build.pk, "new")
    assert [step["buildStepSeq"] for step in answer.json()["buildSteps"]] == [step.pk]
    step.refresh_from_db()
    assert step.config["docker_file"] == "FROM a\n"


def test_a_step_without_config_keeps_the_stored_one_when_a_build_is_edited(as_, operator, build):
    step = build.steps.get()
    body = {"editType": "U", "buildSteps": [{"stepType": "CREATE_IMAGE", "buildStepSeq": step.pk}]}
    assert as_(operator).put(f"/v1/build/{build.pk}", body, format="json").status_code == 200
    step.refresh_from_db()
    assert step.config["docker_file"] == "FROM scratch\n"


def test_a_taken_image_name_is_a_conflict(as_, operator, build):
    answer = as_(operator).post("/v1/build", build_add(), format="json")
    assert (answer.status_code, answer.json()["code"]) == (409, "CCBD1003000")
    assert Build.objects.count() == 1


def test_an_unknown_registry_or_server_has_its_own_code(as_, operator):
    client = as_(operator)
    registry = client.post("/v1/build", build_add(externalRegistrySeq=77), format="json")
    server = client.post("/v1/build", build_add(buildServerHost="topic:nowhere"), format="json")
    assert (registry.status_code, registry.json()["code"]) == (404, "CCBD1020000")
    assert (server.status_code, server.json()["code"]) == (404, "CCCM1013000")


def test_a_build_in_a_foreign_account_is_not_found_and_not_made(as_, operator, other_account):
    answer = as_(operator).post("/v1/build", build_add(accountSeq=other_account.pk), format="json")
    assert (answer.status_code, answer.json()["code"]) == (404, "CCCM1048000")
    assert not Build.objects.exists()


def test_a_viewer_cannot_create_or_edit(as_, viewer, build):
    client = as_(viewer)
    assert client.post("/v1/build", build_add(imageName="x"), format="json").status_code == 403
    answer = client.put(f"/v1/build/{build.pk}", build_add(editType="U"), format="json")
    assert (answer.status_code, answer.json()["code"]) == (403, "CCCM1044000")


def test_builds_come_newest_activity_first_in_pages(as_, operator, make_build, start):
    first, second, third = make_build(), make_build(), make_build()
    start(first)
    client, seen, link = as_(operator), [], "/v1/build?limit=2"
    while link:
        answer = client.get(link)
        seen += [build["buildSeq"] for build in answer.json()]
        assert answer["X-Total-Count"] == "3"
        link = answer.get("Link", "").partition(">")[0].lstrip("<")
    assert seen == [first.pk, third.pk, second.pk]


def test_a_page_after_a_build_that_is_gone_is_refused(as_, operator, build):
    answer = as_(operator).get("/v1/build", {"after": "4711"})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "after")


def test_builds_are_found_by_part_of_name_in_any_case_and_percent_is_no_pattern(as_, operator, make_build):
    hello, other = make_build(buildName="Hello World"), make_build(buildName="other", imageName="team/world-tool")
    client = as_(operator)
    assert listed(client, search="WORLD") == [other.pk, hello.pk]
    assert listed(client, search="hello") == [hello.pk]
    assert listed(client, search="%") == []


def test_builds_are_narrowed_by_state_registry_and_account(as_, operator, make_build, start, account):
    ran, quiet = make_build(registryName="ops"), make_build()
    end(begin(start(ran)))
    client = as_(operator)
    assert listed(client, runState="DONE") == [ran.pk]
    assert listed(client, registryName="ops") == [ran.pk]
    assert sorted(listed(client, accountSeq=account.pk)) == sorted([ran.pk, quiet.pk])
    assert listed(client, accountSeq=account.pk + 1000) == []


def test_a_listed_build_counts_its_runs_and_shows_the_last(as_, operator, build, start):
    end(begin(start(build)))
    last = start(build)
    shape = as_(operator).get("/v1/build").json()[0]
    counts = ("buildCount", "runningCount", "doneCount", "errorCount", "tagCount", "latestImgSize", "imgSizeAvg")
    assert [shape[name] for name in counts] == [2, 1, 1, 0, 1, 1234, 1234]
    assert (shape["lastRun"]["buildRunSeq"], shape["lastRun"]["runState"]) == (last.pk, "CREATED")
    assert shape["hostUrl"] == "127.0.0.1:5000"
    assert shape["possibleActions"] == ["VIEW"]


def test_names_and_count_tell_only_what_the_caller_may_see(as_, operator, stranger, build, account):
    client = as_(operator)
    assert client.get("/v1/build/names").json() == [{"buildSeq": build.pk, "buildName": "hello"}]
    assert client.get(f"/v1/build/count/{account.pk}").json() == {"accountSeq": account.pk, "buildCount": 1}
    assert as_(stranger).get("/v1/build/names").json() == []
    assert as_(stranger).get(f"/v1/build/count/{account.pk}").status_code == 404


def test_a_list_of_builds_costs_the_same_number_of_queries_however_long_it_is(
    as_, operator, make_build, start, django_assert_max_num_queries
):
    builds = [make_build() for _ in range(6)]
    for build in builds[:3]:
        end(begin(start(build)))
    for build in builds:
        start(build)
    client = as_(operator)
    client.get("/v1/build")  # once a minute a token is marked as used
    with django_assert_max_num_queries(16) as seen_six:
        assert len(client.get("/v1/build").json()) == 6
    with django_assert_max_num_queries(16) as seen_one:
        assert len(client.get("/v1/build", {"limit": 1}).json()) == 1
    assert len(seen_six) == len(seen_one)


@pytest.fixture
def start(operator):
    """Return how a build is pressed without the API."""
    from builds.services.accounts.access import caller_for  # noqa: PLC0415  used by this fixture only
    from builds.services.runs.start import start_run  # noqa: PLC0415  used by this fixture only

    def press(build: Build) -> BuildRun:
        return start_run(build_id=build.pk, caller=caller_for(operator), ask=RunAsk())

    return press
