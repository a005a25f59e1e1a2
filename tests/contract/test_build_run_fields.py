"""BuildRun on the wire: the platform's 34 fields in the platform's order, then BuildHub's additions."""

import re

import pytest

from tests.api.making import words

NAMES = words(
    "useYn created updated buildName buildDesc registryName imageName accountSeq registryProjectId "
    "externalRegistrySeq buildServerHost buildServerTlsVerify buildServerCacrt buildServerClientCert "
    "buildServerClientKey buildRunSeq buildSeq buildNo runType runDesc runState autotagUseYn autotagPrefix "
    "autotagSeqType tagName callbackUrl imageUrl imageSize imageDigest pipelineSeq beginTime endTime "
    "runTimeBySec possibleActions"
)
NUMBERS = words(
    "accountSeq registryProjectId externalRegistrySeq buildRunSeq buildSeq buildNo imageSize pipelineSeq runTimeBySec"
)
TYPES: dict[str, type] = {name: int if name in NUMBERS else str for name in NAMES} | {"possibleActions": list}
ADDITIONS = words(
    "endReason endMessage cancelRequestedAt requestedBy commitId attempt imageRef queuePosition waitingFor lineCount"
)
STEP_RUN = words(
    "buildStepRunSeq buildStepSeq buildRunSeq stepType stepConfig stepState stepOrder logId log beginTime "
    "endTime runTimeBySec useFlag buildStepConfig"
)
SECRETS = ("buildServerClientKey", "password", "loginId", "privateKey", "privateCertificate")
PLAIN_TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
ISO_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00")


@pytest.fixture
def shapes(as_, operator, build):
    """A run as press, detail, list and build's last run answer it."""
    client = as_(operator)
    pressed = client.post(f"/v1/build/run/{build.pk}").json()
    listed = client.get("/v1/build/run", {"buildSeq": build.pk}).json()[0]
    last = client.get(f"/v1/build/{build.pk}").json()["lastRun"]
    return {"pressed": pressed, "listed": listed, "last": last}


@pytest.mark.parametrize("where", ["pressed", "listed", "last"])
def test_a_run_has_the_platforms_fields_in_order_and_then_the_additions(shapes, where):
    assert list(shapes[where]) == [*NAMES, *ADDITIONS]


def test_the_detail_adds_steps_and_attempts(as_, operator, run):
    detail = as_(operator).get(f"/v1/build/run/{run.pk}").json()
    assert list(detail) == [*NAMES, *ADDITIONS, "buildStepRuns", "attempts"]
    assert [list(step) for step in detail["buildStepRuns"]] == [STEP_RUN, STEP_RUN]


def test_every_known_value_has_the_platforms_type(as_, operator, done_run):
    shape = as_(operator).get(f"/v1/build/run/{done_run.pk}").json()
    assert [name for name, kind in TYPES.items() if not isinstance(shape[name], kind | None)] == []


def test_what_is_unknown_before_the_end_is_null(as_, operator, run):
    shape = as_(operator).get(f"/v1/build/run/{run.pk}").json()
    nulls = ("beginTime", "endTime", "runTimeBySec", "imageDigest", "imageRef", "endReason", "endMessage", "commitId")
    assert {name: shape[name] for name in nulls} == dict.fromkeys(nulls)
    assert (shape["imageSize"], shape["pipelineSeq"], shape["externalRegistrySeq"]) == (0, 0, 0)
    assert (shape["queuePosition"], shape["waitingFor"]) == (1, "No live worker reaches default now.")


def test_a_done_run_says_what_to_pull(as_, operator, done_run):
    shape = as_(operator).get(f"/v1/build/run/{done_run.pk}").json()
    assert shape["imageUrl"] == "127.0.0.1:5000/ops/hello"
    assert shape["imageRef"] == f"127.0.0.1:5000/ops/hello:v-00001@{shape['imageDigest']}"
    assert (shape["endReason"], shape["imageSize"], shape["requestedBy"]) == ("DONE", 1234, "operator")


def test_times_have_the_two_forms_of_the_contract(as_, operator, done_run):
    shape = as_(operator).get(f"/v1/build/run/{done_run.pk}").json()
    assert all(PLAIN_TIME.fullmatch(shape[name]) for name in ("created", "updated"))
    assert all(ISO_TIME.fullmatch(shape[name]) for name in ("beginTime", "endTime"))


def test_secrets_are_always_null(as_, operator, done_run):
    shape = as_(operator).get(f"/v1/build/run/{done_run.pk}").json()
    step = shape["buildStepRuns"][1]["buildStepConfig"]
    given = {**shape, **step}
    assert {name: given[name] for name in SECRETS if name in given} == dict.fromkeys(
        name for name in SECRETS if name in given
    )
    assert {"password", "loginId", "privateCertificate"} <= set(step)


def test_a_steps_log_id_names_installation_build_run_and_step(as_, operator, run):
    init, image = as_(operator).get(f"/v1/build/run/{run.pk}").json()["buildStepRuns"]
    tail = f"-{run.build_id}.{run.pk}.{init['buildStepRunSeq']}-init"
    assert init["logId"].endswith(tail)
    assert image["logId"].endswith(f".{image['buildStepRunSeq']}-create_image")
    assert init["logId"].split("-")[0] == image["logId"].split("-")[0] != ""
