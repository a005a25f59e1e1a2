"""What is wrong in a body: all of it at once, each with its path, and nothing half-written."""

import json

import pytest

from builds.models import Build, BuildServer
from tests.api.making import build_add, image_step


def fields(answer):
    assert answer.status_code == 400, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    return [error["field"] for error in answer.json()["errors"]]


@pytest.fixture
def post(as_, operator):
    client = as_(operator)

    def send(**changes):  # escaped, since a surrogate has no UTF-8
        return client.post("/v1/build", json.dumps(build_add(**changes)), content_type="application/json")

    return send


def test_wrong_types_and_broken_rules_are_told_together(post):
    answer = post(
        imageName="BAD NAME",
        registryName=5,
        timeLimitSec="long",
        maxAttempts=99,
        buildSteps=[image_step(dockerFile=""), {"stepType": "NONSENSE"}, 7],
    )
    assert set(fields(answer)) == {
        "imageName",
        "registryName",
        "timeLimitSec",
        "maxAttempts",
        "buildSteps[0].buildStepConfig.dockerFile",
        "buildSteps[1].stepType",
        "buildSteps[2]",
    }
    assert answer.json()["code"] == "CCCM1004000"
    assert not Build.objects.exists()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"editType": "U"}, "editType"),
        ({"editType": None}, "editType"),
        ({"buildSteps": None}, "buildSteps"),
        ({"buildSteps": []}, "buildSteps"),
        ({"buildSteps": "x"}, "buildSteps"),
        ({"accountSeq": 0}, "accountSeq"),
        ({"accountSeq": 2**31}, "accountSeq"),
        ({"autotagUseYn": True}, "autotagUseYn"),
        ({"autotagSeqType": "RANDOM"}, "autotagSeqType"),
        ({"autotagPrefix": "UP"}, "autotagPrefix"),
        ({"externalRegistrySeq": 1.5}, "externalRegistrySeq"),
        ({"maxAttempts": True}, "maxAttempts"),
        ({"imageName": None}, "imageName"),
        ({"imageName": "/a"}, "imageName"),
        ({"imageName": "a" * 300}, "imageName"),
        ({"registryName": "a" * 201}, "registryName"),
        ({"buildName": "a\u0000b"}, "buildName"),
        ({"buildName": "a\ud800b"}, "buildName"),
        ({"buildDesc": "a\ud800b"}, "buildDesc"),
        ({"buildDesc": "x" * 1001}, "buildDesc"),
        ({"whenRunning": "MAYBE"}, "whenRunning"),
        ({"buildServerHost": "unix:///var/run/docker.sock"}, "buildServerHost"),
        ({"buildSteps": [{}]}, "buildSteps[0].stepType"),
        ({"buildSteps": [{"stepType": "DELETE"}]}, "buildSteps[0].stepType"),
        ({"buildSteps": [{**image_step(), "stepOrder": -1}]}, "buildSteps[0].stepOrder"),
        ({"buildSteps": [{**image_step(), "useFlag": "Y"}]}, "buildSteps[0].useFlag"),
        ({"buildSteps": [{**image_step(), "buildStepConfig": []}]}, "buildSteps[0].buildStepConfig"),
        ({"buildSteps": [image_step(dockerFile="a\u0000")]}, "buildSteps[0].buildStepConfig.dockerFile"),
        ({"buildSteps": [image_step(password=5)]}, "buildSteps[0].buildStepConfig.password"),
        ({"buildSteps": [image_step(noCache="yes")]}, "buildSteps[0].buildStepConfig.noCache"),
        (
            {"buildSteps": [image_step(buildArgs=[{"key": "LD_PRELOAD", "value": "x"}])]},
            "buildSteps[0].buildStepConfig.buildArgs[0].key",
        ),
    ],
)
def test_a_wrong_field_is_named_by_its_path(post, changes, field):
    assert field in fields(post(**changes))
    assert not Build.objects.exists()


SENTENCES = [
    ({"timeLimitSec": 5}, "timeLimitSec", "timeLimitSec has to be a whole number from 60 to 86,400."),
    ({"timeLimitSec": "60"}, "timeLimitSec", "timeLimitSec has to be a whole number from 60 to 86,400."),
    ({"maxAttempts": 2.0}, "maxAttempts", "maxAttempts has to be a whole number from 1 to 10."),
    ({"whenRunning": "MAYBE"}, "whenRunning", "whenRunning has to be one of REFUSE, QUEUE, REPLACE."),
    ({"autotagUseYn": "y", "tagName": "1"}, "autotagUseYn", "autotagUseYn has to be one of Y, N."),
    ({"autotagUseYn": True, "tagName": "1"}, "autotagUseYn", "autotagUseYn has to be text; write it in quotes."),
    ({"buildDesc": "x" * 1001}, "buildDesc", "buildDesc may have up to 1,000 characters; this has 1,001."),
    ({"description": 5}, "description", "description has to be text; write it in quotes."),
    ({"editType": "U"}, "editType", 'Give editType "N": N is for POST (create), U for PUT (edit).'),
    ({"buildSteps": [None]}, "buildSteps[0]", "A step has to be an object, such as {}."),
    ({"buildSteps": [{}]}, "buildSteps[0].stepType", "Give stepType, one of INIT, CODE_DOWN"),
    ({"buildSteps": [{"buildStepConfig": {"stepType": "X"}}]}, "buildSteps[0].buildStepConfig.stepType", "one of INIT"),
    (
        {"buildSteps": None, "buildStepRuns": 5},
        "buildStepRuns",
        "buildStepRuns has to be a list with at least one step.",
    ),
    (
        {"buildSteps": [image_step(sshKey="x")]},
        "buildSteps[0].buildStepConfig.sshKey",
        "This is no private key that can be read",
    ),
]


@pytest.mark.parametrize(("changes", "field", "sentence"), SENTENCES)
def test_a_sentence_names_the_field_and_what_it_takes(post, changes, field, sentence):
    told = {error["field"]: error["message"] for error in post(**changes).json()["errors"]}
    assert list(told) == [field]
    assert sentence in told[field]


def test_an_alias_is_ignored_beside_its_name(post):
    answer = post(buildDesc="wins", description=5, buildStepRuns="nothing")
    assert (answer.status_code, answer.json()["buildDesc"]) == (200, "wins")


def test_steps_of_init_are_not_counted(post):
    shell = {"stepType": "SHELL", "useFlag": False, "buildStepConfig": {"shellType": "COMMAND", "command": "true"}}
    assert post(buildSteps=[{"stepType": "INIT"}, image_step(), *[shell] * 63]).status_code == 200
    assert fields(post(imageName="other", buildSteps=[image_step(), *[shell] * 64])) == ["buildSteps"]


def test_a_step_is_named_by_its_place_in_the_body_although_init_is_left_out(post):
    steps = [{"stepType": "INIT"}, image_step(dockerFile=" ")]
    assert fields(post(buildSteps=steps)) == ["buildSteps[1].buildStepConfig.dockerFile"]


def test_a_step_under_the_alias_is_named_by_the_alias(as_, operator):
    body = build_add(buildStepRuns=[image_step(dockerFile="")])
    del body["buildSteps"]
    answer = as_(operator).post("/v1/build", body, format="json")
    assert fields(answer) == ["buildStepRuns[0].buildStepConfig.dockerFile"]


def test_an_edited_step_is_named_by_its_place_in_the_body(as_, operator, build):
    stored = build.steps.get().pk
    shell = {"stepType": "SHELL", "useFlag": True, "buildStepConfig": {"command": "true", "shellType": "ZSH"}}
    steps = [shell, {**image_step(dockerFile=""), "buildStepSeq": stored}]
    answer = as_(operator).put(f"/v1/build/{build.pk}", build_add(editType="U", buildSteps=steps), format="json")
    tails = [field.partition(".")[::2] for field in sorted(fields(answer))]
    assert tails == [("buildSteps[0]", "buildStepConfig.shellType"), ("buildSteps[1]", "buildStepConfig.dockerFile")]
    build.refresh_from_db()
    assert build.steps.count() == 1


def test_of_a_config_of_a_wrong_kind_nothing_more_is_said(post):
    answer = post(buildSteps=[{"stepType": "SHELL", "buildStepConfig": 5}, image_step()])
    assert fields(answer) == ["buildSteps[0].buildStepConfig"]


def test_two_image_steps_have_the_code_of_their_rule(post):
    answer = post(buildSteps=[image_step(), image_step()])
    assert (answer.status_code, answer.json()["code"]) == (400, "CCBD1011000")


def test_a_missing_right_is_told_before_any_field(as_, viewer):
    answer = as_(viewer).post("/v1/build", build_add(imageName=5), format="json")
    assert (answer.status_code, answer.json()["errors"]) == (403, [])


def test_fields_are_told_before_a_conflict(as_, operator, build):
    answer = as_(operator).post("/v1/build", build_add(maxAttempts="many"), format="json")
    assert fields(answer) == ["maxAttempts"]


def test_a_foreign_build_stays_unknown_however_wrong_the_body(as_, stranger, build):
    answer = as_(stranger).put(f"/v1/build/{build.pk}", {"editType": 1}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (404, "CCCM1048000")


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "no JSON"),
        (b"{", "no JSON"),
        (b"[1]", "one JSON object"),
        (b"null", "one JSON object"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": 1e999}', "too big"),
        (b'{"a": ' + b"9" * 5000 + b"}", "too long"),
        (b'{"a": 1, "a": 2}', "twice"),
        (b'{"a": "\xff"}', "UTF-8"),
        (b'{"a": ' + b"[" * 50 + b"]" * 50 + b"}", "nested"),
        (b"[" * 100_000, "nested"),
        (b'{"a": "' + b"\\" * 100_000, "no JSON"),
    ],
)
def test_an_unreadable_body_is_a_clear_400(as_, operator, body, says):
    answer = as_(operator).post("/v1/build", body, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (400, "CKSY1400000")
    assert says in answer.json()["detail"]


def test_brackets_within_texts_are_no_nesting(post):
    assert post(buildDesc="[" * 100 + '\\"' + "{" * 100).status_code == 200


def test_a_body_over_two_mebibytes_is_413(as_, operator):
    body = b'{"a": "' + b"x" * (2 * 1024 * 1024) + b'"}'
    answer = as_(operator).post("/v1/build", body, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (413, "CKSY1400000")


def test_another_media_type_is_415(as_, operator):
    answer = as_(operator).post("/v1/build", b"a: 1", content_type="application/yaml")
    assert (answer.status_code, answer.json()["code"]) == (415, "CKSY1415000")


def test_a_field_without_a_name_is_ignored_as_any_unknown_one(as_, superuser, account):
    number = BuildServer.objects.get().pk
    answer = as_(superuser).put(f"/v1/build/server/{number}", {"": {}, "capacity": 7}, format="json")
    assert (answer.status_code, answer.json()["capacity"]) == (200, 7)


@pytest.mark.parametrize("coding", ["gzip", "br", "nonsense"])
def test_a_body_in_a_coding_is_415_and_stores_nothing(as_, operator, account, coding):
    answer = as_(operator).post("/v1/build", build_add(), format="json", headers={"Content-Encoding": coding})
    assert (answer.status_code, "without Content-Encoding" in answer.json()["detail"]) == (415, True)
    assert not Build.objects.exists()
