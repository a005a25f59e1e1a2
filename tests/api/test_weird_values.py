"""Every field with every kind of strange value: a clear 4xx or a 200, never a 500."""

import json

import pytest

from builds.contract.configs import CONFIG_KEYS
from builds.domain.states import StepType
from builds.domain.steps.kinds import api_name
from tests.api.making import build_add, image_step, words

WEIRD = [
    *("", " ", "a\u0000b", "\ud800", "x" * 5000, "N", "../..", "%s", "\u202e", "1"),
    *(0, -1, 2**31, 2**70, 1.5, True, [], {}, [None], [[1]], [{}], [{"key": 1}], {"a": "\u0000"}),
]
TOP = words(
    "editType buildName buildDesc description accountSeq registryProjectId registryName imageName autotagUseYn "
    "autotagPrefix autotagSeqType tagName externalRegistrySeq buildServerHost buildServerTlsVerify "
    "buildServerCacrt buildServerClientCert buildServerClientKey whenRunning "
    "timeLimitSec queueLimitSec maxAttempts buildSteps buildStepRuns"
)
STEP = words("stepType stepOrder useFlag buildStepConfig buildStepSeq")
CONFIG = words(
    "stepTitle stepDesc dockerFileType dockerFile dockerFilePath latestApply contextPath buildArgs secrets target "
    "platform labels noCache pull severity exitCode registryId loginId password registryUrl imageTag"
)


def body_with(level, name, value):
    step = image_step()
    if level == "config":
        return build_add(imageName="weird", buildSteps=[image_step(**{name: value})])
    if level == "step":
        return build_add(imageName="weird", buildSteps=[{**step, name: value}])
    return build_add(**{"imageName": "weird", name: value})


@pytest.mark.parametrize(
    ("level", "name", "used"),
    [("top", name, True) for name in TOP]
    + [("step", name, used) for name in STEP for used in (True, False)]
    + [("config", name, used) for name in CONFIG for used in (True, False)],
)
def test_a_strange_value_is_never_a_500(as_, operator, level, name, used):
    client = as_(operator)
    statuses = {}
    for value in WEIRD:
        body = body_with(level, name, value)
        if not used and isinstance(body["buildSteps"], list):
            body["buildSteps"] = [*body["buildSteps"], image_step()]
            if isinstance(body["buildSteps"][0], dict):
                body["buildSteps"][0].setdefault("useFlag", False)
        answer = client.post("/v1/build", json.dumps(body), content_type="application/json")
        statuses[repr(value)[:40]] = answer.status_code
        if answer.status_code == 200:
            assert client.get(f"/v1/build/{answer.json()['buildSeq']}").status_code == 200
    assert {value: status for value, status in statuses.items() if status not in (200, 400, 404, 409)} == {}


@pytest.mark.parametrize("kind", ["CODE_DOWN", "USER_TASK", "FTP", "HTTP", "SHELL", "CREATE_IMAGE"])
def test_a_strange_value_in_every_field_of_any_kind_is_never_a_500(as_, operator, kind):
    client, names = as_(operator), [api_name(key) for key in CONFIG_KEYS[StepType(kind)]]
    statuses = {}
    for value in WEIRD:
        step = {"stepType": kind, "buildStepConfig": dict.fromkeys(names, value)}
        steps = [image_step(), {**step, "useFlag": False}, step]
        body = json.dumps(build_add(imageName="weird", buildSteps=steps))
        statuses[repr(value)[:40]] = client.post("/v1/build", body, content_type="application/json").status_code
    assert {value: status for value, status in statuses.items() if status != 400} == {}


@pytest.mark.parametrize("name", TOP)
def test_a_strange_value_in_an_edit_is_never_a_500(as_, operator, build, name):
    client, path = as_(operator), f"/v1/build/{build.pk}"
    step = {"stepType": "CREATE_IMAGE", "buildStepSeq": build.steps.get().pk}
    for value in WEIRD[::4]:
        body = {"editType": "U", "buildSteps": [step], name: value}
        answer = client.put(path, json.dumps(body), content_type="application/json")
        assert answer.status_code in (200, 400, 404), (value, answer.content)


def test_what_is_not_for_a_client_to_set_is_ignored(as_, operator, build, other_account):
    step = {"stepType": "CREATE_IMAGE", "buildStepSeq": build.steps.get().pk, "build": 1, "secretsEncrypted": "x"}
    chosen = {
        "buildSeq": 4711, "buildNo": 9, "useYn": "N", "created": "2000-01-01 00:00:00", "owner": 1, "is_staff": True,
        "accountSeq": other_account.pk, "lastRun": {"buildRunSeq": 1}, "possibleActions": ["REMOVE"],
        "imageDigest": "sha256:" + "0" * 64, "removedAt": "2000-01-01", "state": "DONE",
    }  # fmt: skip
    client = as_(operator)
    before = client.get(f"/v1/build/{build.pk}").json()
    answer = client.put(f"/v1/build/{build.pk}", {"editType": "U", "buildSteps": [step], **chosen}, format="json")
    assert answer.status_code == 200, answer.content
    assert {**answer.json(), "updated": None} == {**before, "updated": None}


@pytest.mark.parametrize(
    "path", ["/v1/build", "/v1/build/names", "/v1/build/queue", "/v1/build/run", "/v1/build/run/{}"]
)
@pytest.mark.parametrize("name", words("accountSeq search runState registryName limit after buildSeq runType tagName"))
def test_a_strange_query_is_never_a_500(as_, operator, build, path, name):
    client = as_(operator)
    words_ = ["%00", "%ED%A0%80", "-1", "99999999999", "a" * 3000, "%25_", "1;2", "%F0%9F%98%80"]
    statuses = [client.get(f"{path.format(build.pk)}?{name}={word}").status_code for word in words_]
    assert set(statuses) <= {200, 400, 404}
