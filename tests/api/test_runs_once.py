"""Run with steps once, run a snapshot again, and parameters, over REST."""

import pytest

from builds.domain.access import Scope
from builds.domain.states import EndReason
from builds.models import BuildRun
from tests.api.making import begin, build_add, end, image_step

ARGS = [{"key": "VERSION", "value": "1"}]


@pytest.fixture
def again(as_, operator, build, run):
    """Post to the address of the build and its ended run."""
    end(begin(run), EndReason.BUILD_FAILED)

    def post(body=None, query: str = "", *, user=None):
        tail = f"/v1/build/run/{build.pk}/{run.pk}?{query}"
        return as_(user or operator).post(tail, body, format="json") if body is not None else as_(operator).post(tail)

    return post


def image_config(run_seq: int) -> dict[str, object]:
    return BuildRun.objects.get(pk=run_seq).steps.get(step_type="CREATE_IMAGE").config


@pytest.mark.parametrize("body", [None, {}, {"editType": "U", "buildName": "other", "buildSteps": None}])
def test_without_steps_the_named_run_is_run_again(again, body):
    answer = again(body, "description=again")
    assert answer.status_code == 200, answer.content
    shape = answer.json()
    assert (shape["runState"], shape["buildNo"], shape["runDesc"]) == ("CREATED", 2, "again")
    assert (shape["buildName"], shape["tagName"]) == ("hello", "v-00002")


@pytest.mark.parametrize("name", ["buildSteps", "buildStepRuns"])
def test_the_steps_of_the_body_are_run_once(again, build, name):
    answer = again({"imageName": "ignored", name: [image_step(dockerFile="FROM other\n")]})
    assert answer.status_code == 200, answer.content
    assert image_config(answer.json()["buildRunSeq"])["docker_file"] == "FROM other\n"
    assert answer.json()["imageName"] == "hello"
    assert build.steps.get().config["docker_file"] == "FROM scratch\n"


def test_the_answer_of_a_run_can_be_sent_back(again, as_, operator, run):
    shape = as_(operator).get(f"/v1/build/run/{run.pk}").json()
    answer = again(shape)
    assert answer.status_code == 200, answer.content
    assert BuildRun.objects.get(pk=answer.json()["buildRunSeq"]).steps.count() == 2


def test_errors_name_the_step_by_its_place_in_the_body(again):
    steps = [{"stepType": "INIT"}, image_step(dockerFile="", platform="x y")]
    answer = again({"buildStepRuns": steps})
    assert answer.status_code == 400
    assert {error["field"] for error in answer.json()["errors"]} == {
        "buildStepRuns[1].buildStepConfig.dockerFile",
        "buildStepRuns[1].buildStepConfig.platform",
    }
    assert again({"buildSteps": []}).json()["errors"][0]["field"] == "buildSteps"
    assert BuildRun.objects.count() == 1


def test_two_image_steps_keep_their_own_code(again):
    answer = again({"buildSteps": [image_step(), image_step()]})
    assert (answer.status_code, answer.json()["code"]) == (400, "CCBD1011000")


def test_a_run_that_is_not_of_the_build_is_not_found(again, as_, operator, make_build, run):
    other = make_build()
    answer = as_(operator).post(f"/v1/build/run/{other.pk}/{run.pk}", build_add(), format="json")
    assert (answer.status_code, answer.json()["code"]) == (404, "CCCM1048000")


def test_numbers_that_are_none_are_refused_by_their_field(as_, operator, build):
    answer = as_(operator).post(f"/v1/build/run/{build.pk}/1x")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "buildRunSeq")
    assert as_(operator).get(f"/v1/build/run/{build.pk}/1").status_code == 405


def test_viewers_and_strangers_run_nothing_again(again, viewer, stranger):
    assert again({}, user=viewer).status_code == 403
    assert again({}, user=stranger).status_code == 404
    assert BuildRun.objects.count() == 1


@pytest.mark.parametrize("name", ["buildSteps", "buildStepRuns"])
@pytest.mark.parametrize("given", [[image_step(dockerFile="FROM other\n")], [image_step(dockerFile="")], []])
def test_steps_of_ones_own_need_the_scope_write_too(as_, operator, build, run, name, given):
    end(begin(run), EndReason.BUILD_FAILED)
    address, steps = f"/v1/build/run/{build.pk}/{run.pk}", {name: given}
    answer = as_(operator, scopes=[Scope.READ, Scope.RUN]).post(address, steps, format="json")
    assert (answer.status_code, answer.json()["code"]) == (403, "CCCM1044000")
    assert "lacks the scope write" in answer.json()["detail"]
    answer = as_(operator, scopes=[Scope.READ, Scope.WRITE]).post(address, steps, format="json")
    assert (answer.status_code, answer.json()["code"]) == (403, "CCCM1044000")
    assert "lacks the scope run" in answer.json()["detail"]
    assert list(BuildRun.objects.all()) == [run]


@pytest.mark.parametrize("body", [None, {}, {"buildSteps": None, "buildDesc": "ignored"}])
def test_a_press_without_steps_needs_no_more_than_the_scope_run(as_, operator, build, run, body):
    end(begin(run), EndReason.BUILD_FAILED)
    client = as_(operator, scopes=[Scope.RUN])
    for path in (f"/v1/build/run/{build.pk}/{run.pk}?noCache=true", f"/v1/build/run/{build.pk}"):
        answer = client.post(path, body, format="json") if body is not None else client.post(path)
        assert answer.status_code == 200, answer.content
        BuildRun.objects.exclude(pk=run.pk).delete()


def press(client, build, query: str):
    return client.post(f"/v1/build/run/{build.pk}?{query}")


def test_parameters_of_the_query_are_shown_on_the_runs_steps(as_, operator, make_build):
    build = make_build(buildSteps=[image_step(buildArgs=ARGS)])
    answer = press(as_(operator), build, "buildArg=VERSION%3Da%3Db&noCache=true")
    assert answer.status_code == 200, answer.content
    shape = as_(operator).get(f"/v1/build/run/{answer.json()['buildRunSeq']}").json()
    config = shape["buildStepRuns"][1]["buildStepConfig"]
    assert (config["buildArgs"], config["noCache"]) == ([{"key": "VERSION", "value": "a=b"}], True)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("buildArg=VERSION", "buildArg"),
        ("buildArg=", "buildArg"),
        ("buildArg=PATH%3D/evil", "buildArg"),
        ("buildArg=VERSION%3D1&buildArg=VERSION%3D2", "buildArg"),
        ("buildArg=VERSION%3Da%00", "buildArg"),
        ("branchName=main", "branchName"),
        ("branchName=a%00", "branchName"),
        ("noCache=perhaps", "noCache"),
    ],
)
def test_a_wrong_parameter_is_refused_by_its_name(as_, operator, make_build, query, field):
    build = make_build(buildSteps=[image_step(buildArgs=ARGS)])
    answer = press(as_(operator), build, query)
    assert (answer.status_code, [error["field"] for error in answer.json()["errors"]]) == (400, [field])
    assert not BuildRun.objects.exists()
