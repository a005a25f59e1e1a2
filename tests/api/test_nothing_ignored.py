"""What the API takes is done, kept and answered, or refused with its field."""

import pytest

from tests.api.making import build_add, image_step


def posted(as_, operator, **config):
    return as_(operator).post("/v1/build", build_add(buildSteps=[image_step(**config)]), format="json")


def test_a_context_that_there_is_not_is_refused_at_the_press(as_, operator, build):
    answer = as_(operator).post(f"/v1/build/run/{build.pk}?contextSeq=7")
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == ["contextSeq"]
    assert not build.runs.exists()


@pytest.mark.parametrize("exit_code", [0, 1, -1])
def test_what_is_kept_for_a_scanner_is_answered(as_, operator, exit_code):
    answer = posted(as_, operator, severity="HIGH,CRITICAL", exitCode=exit_code)
    assert answer.status_code == 200, answer.content
    (step,) = [step for step in answer.json()["buildSteps"] if step["stepType"] == "CREATE_IMAGE"]
    config = step["buildStepConfig"]
    assert (config["severity"], config["exitCode"]) == ("HIGH,CRITICAL", exit_code)


def test_a_dockerfile_that_no_engine_could_read_is_refused_on_its_line(as_, operator):
    answer = posted(as_, operator, dockerFile="FROM x\nRUNN true\n")
    assert answer.status_code == 400
    (error,) = answer.json()["errors"]
    assert error["field"] == "buildSteps[0].buildStepConfig.dockerFile"
    assert error["message"].startswith("Line 2: RUNN is no instruction of a Dockerfile; did you mean RUN?")
