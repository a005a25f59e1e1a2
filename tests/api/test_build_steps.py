"""All kinds of steps over REST: what is stored and answered, and what happens to their secrets."""

import json

import pytest
from django.apps import apps

from builds.credentials import decrypt_fields
from builds.models import Build, BuildServer, Registry
from builds.services.builds.edit import StepDraft
from tests.api.making import build_add, image_step

CANARY = "canary-word-7"


def step(kind, **config):
    return {"stepType": kind, "buildStepConfig": config}


def code(**config):
    return step("CODE_DOWN", repositoryUrl="https://git.example/team/app.git", **config)


PRIVATE = {"commonType": "PRIVATE", "userId": "robot", "password": CANARY}
KINDS = {
    "CODE_DOWN": code(branchName="main"),
    "USER_TASK": step("USER_TASK", imageName="registry.example/tool", imageTag="1", cmd=["make", "test"]),
    "FTP": step("FTP", url="ftp://files.example", ftpExecType="FTP_UPLOAD", sourceFiles="*.gz", password=CANARY),
    "HTTP": step("HTTP", url="https://hook.example/x", username="u", password=CANARY, timeout=10),
    "SHELL": step("SHELL", shellType="SCRIPT", command="make\n"),
}


@pytest.fixture
def client(as_, operator):
    return as_(operator)


@pytest.fixture
def make(client):
    """Create a build with the given steps and return its answer."""

    def create(*steps, **changes):
        answer = client.post("/v1/build", build_add(buildSteps=[*steps, image_step()], **changes), format="json")
        assert answer.status_code == 200, answer.content
        return answer.json()

    return create


@pytest.fixture
def edit(client):
    """Change a build's first step and return the answer."""

    def change(shape, kind="CODE_DOWN", config=None, **changes):
        seq = shape["buildSteps"][0]["buildStepSeq"]
        steps = [{"buildStepSeq": seq, "stepType": kind, "buildStepConfig": config or {}}]
        body = {"editType": "U", "buildSteps": steps, **changes}
        return client.put(f"/v1/build/{shape['buildSeq']}", body, format="json")

    return change


def secrets_of(shape, index=0):
    row = Build.objects.get(pk=shape["buildSeq"]).steps.get(pk=shape["buildSteps"][index]["buildStepSeq"])
    return decrypt_fields(row.secrets_encrypted)


def wrong_fields(answer):
    assert answer.status_code == 400, answer.content
    return [error["field"] for error in answer.json()["errors"]]


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_of_each_kind_is_stored_and_answered(make, kind):
    given = KINDS[kind]["buildStepConfig"]
    stored = make(KINDS[kind])["buildSteps"][0]
    assert (stored["stepType"], stored["useFlag"], stored["stepOrder"]) == (kind, True, 1)
    answered = stored["buildStepConfig"]
    hidden = {"password": None, "repositoryUrl": "git.example/team/app.git"}
    assert {name: answered[name] for name in given} == {name: hidden.get(name, value) for name, value in given.items()}


def test_a_download_is_filled_with_protocol_and_folder(make):
    config = make(code())["buildSteps"][0]["buildStepConfig"]
    assert (config["protocolType"], config["codeSaveDir"]) == ("https", "app")


def test_a_secret_is_in_no_answer_and_in_no_row_as_it_is(client, make):
    shape = make(code(**PRIVATE))
    shape = client.get(f"/v1/build/{shape['buildSeq']}").json()
    assert CANARY not in json.dumps(shape)
    row = Build.objects.get(pk=shape["buildSeq"]).steps.get(step_type="CODE_DOWN")
    assert CANARY not in json.dumps(row.config) + row.secrets_encrypted
    assert decrypt_fields(row.secrets_encrypted) == {"password": CANARY}


def test_a_secret_of_a_step_is_nowhere_in_the_database_as_it_is(client, make):
    shape = make(code(**PRIVATE), KINDS["HTTP"], KINDS["FTP"])
    run = client.post(f"/v1/build/run/{shape['buildSeq']}?callbackUrl=https://hook.example/x").json()
    assert client.get(f"/v1/build/run/{run['buildRunSeq']}").json()["runState"] == "CREATED"
    rows = [row for model in apps.get_app_config("builds").get_models() for row in model.objects.values()]
    assert len(rows) > 10
    assert [row for row in rows if CANARY in str(row)] == []
    assert CANARY not in repr(StepDraft("HTTP", config={"password": CANARY}))


def test_a_blank_secret_keeps_the_stored_one(make, edit):
    shape = make(code(**PRIVATE))
    config = {**shape["buildSteps"][0]["buildStepConfig"], "branchName": "next", "password": ""}
    assert edit(shape, config=config).status_code == 200
    assert secrets_of(shape) == {"password": CANARY}


def test_a_given_secret_replaces_the_stored_one(make, edit):
    shape = make(code(**PRIVATE))
    config = {**shape["buildSteps"][0]["buildStepConfig"], "password": "another"}
    assert edit(shape, config=config).status_code == 200
    assert secrets_of(shape) == {"password": "another"}


@pytest.mark.parametrize(
    "change", [{"repositoryUrl": "evil.example/team/app.git"}, {"protocolType": "http"}, {"repositoryUrl": "a.b/c"}]
)
def test_a_secret_is_cleared_with_its_address_and_has_to_be_given_again(make, edit, change):
    shape = make(code(**PRIVATE))
    config = {**shape["buildSteps"][0]["buildStepConfig"], **change}
    assert wrong_fields(edit(shape, config=config)) == ["buildSteps[0].buildStepConfig.password"]
    assert secrets_of(shape) == {"password": CANARY}
    assert edit(shape, config={**config, "password": "new"}).status_code == 200
    assert secrets_of(shape) == {"password": "new"}


def test_the_secret_of_a_request_is_cleared_with_its_address(make, edit):
    shape = make(KINDS["HTTP"])
    assert edit(shape, "HTTP", {"url": "https://evil.example/x", "username": "u"}).status_code == 200
    assert secrets_of(shape) == {}


def test_a_secret_does_not_move_to_another_kind_of_step(make, edit):
    shape = make(KINDS["HTTP"])
    config = {"url": "ftp://files.example", "ftpExecType": "FTP_DOWN", "sourceFiles": "a"}
    assert edit(shape, "FTP", config).status_code == 200
    assert secrets_of(shape) == {}


def test_the_login_of_an_image_step_is_cleared_with_the_registry_also_when_the_step_is_not_listed(client, make, edit):
    other = Registry.objects.create(name="other", host="other.example")
    answer = client.post("/v1/build", build_add(buildSteps=[code(), image_step(loginId="a", password=CANARY)]), "json")
    shape = answer.json()
    assert secrets_of(shape, 1) == {"login_id": "a", "password": CANARY, "login_host": "127.0.0.1:5000"}
    config = {"repositoryUrl": "git.example/team/app.git"}
    assert edit(shape, config=config).status_code == 200
    assert secrets_of(shape, 1) == {"login_id": "a", "password": CANARY, "login_host": "127.0.0.1:5000"}
    assert edit(shape, config=config, externalRegistrySeq=other.pk).status_code == 200
    assert secrets_of(shape, 1) == {}


def test_the_secret_of_a_step_out_of_use_is_split_off_as_well(client):
    unused = {**code(password=CANARY), "useFlag": False}
    unused["buildStepConfig"]["repositoryUrl"] = 5
    answer = client.post("/v1/build", build_add(buildSteps=[unused, image_step()]), format="json")
    assert answer.status_code == 200, answer.content
    row = Build.objects.get().steps.get(step_type="CODE_DOWN")
    assert (CANARY in json.dumps(row.config), decrypt_fields(row.secrets_encrypted)) == (False, {"password": CANARY})


@pytest.mark.parametrize("kind", ["CODE_DOWN", "HTTP", "FTP"])
def test_a_password_in_an_address_is_refused_in_steps_out_of_use_too(client, kind):
    name = "repositoryUrl" if kind == "CODE_DOWN" else "url"
    unused = {**step(kind, **{name: f"https://user:{CANARY}@a.example/b"}), "useFlag": False}
    answer = client.post("/v1/build", build_add(buildSteps=[image_step(), unused]), format="json")
    assert wrong_fields(answer) == [f"buildSteps[1].buildStepConfig.{name}"]


def test_a_step_of_another_build_cannot_be_named(client, make, edit, build):
    shape = make(code(), imageName="other")
    body = {"editType": "U", "buildSteps": [{**image_step(), "buildStepSeq": build.steps.get().pk}]}
    answer = client.put(f"/v1/build/{shape['buildSeq']}", body, format="json")
    assert wrong_fields(answer) == ["buildSteps[0].buildStepSeq"]


def test_a_step_cannot_be_named_twice(client, build):
    named = {**image_step(), "buildStepSeq": build.steps.get().pk}
    unused = {**named, "useFlag": False}
    answer = client.put(f"/v1/build/{build.pk}", {"editType": "U", "buildSteps": [named, unused]}, format="json")
    assert wrong_fields(answer) == ["buildSteps[1].buildStepSeq"]


def test_a_number_of_a_step_is_ignored_in_a_new_build(make):
    assert make({**code(), "buildStepSeq": 4711})["buildSteps"][0]["buildStepSeq"] != 4711


def test_unlisted_steps_stay_and_use_flag_takes_one_out(make, edit, client):
    shape = make(code())
    seqs = [step["buildStepSeq"] for step in shape["buildSteps"]]
    body = {"editType": "U", "buildSteps": [{"buildStepSeq": seqs[0], "stepType": "CODE_DOWN", "useFlag": False}]}
    steps = client.put(f"/v1/build/{shape['buildSeq']}", body, format="json").json()["buildSteps"]
    assert [(step["buildStepSeq"], step["useFlag"]) for step in steps] == [(seqs[0], False), (seqs[1], True)]
    assert steps[0]["buildStepConfig"]["codeSaveDir"] == "app"


def test_the_image_step_is_counted_over_stored_and_given_steps(make, client):
    shape = make()
    body = {"editType": "U", "buildSteps": [image_step()]}
    answer = client.put(f"/v1/build/{shape['buildSeq']}", body, format="json")
    assert (answer.status_code, answer.json()["code"]) == (400, "CCBD1011000")
    seq = shape["buildSteps"][0]["buildStepSeq"]
    body["buildSteps"].append({"stepType": "CREATE_IMAGE", "buildStepSeq": seq, "useFlag": False})
    assert client.put(f"/v1/build/{shape['buildSeq']}", body, format="json").status_code == 200


def test_steps_of_the_same_order_keep_their_sequence(make):
    steps = [{**code(), "stepOrder": 5}, {**KINDS["SHELL"], "stepOrder": 5}, {**KINDS["HTTP"], "stepOrder": 2}]
    answered = make(*steps)["buildSteps"]
    assert [(one["stepType"], one["stepOrder"]) for one in answered] == [
        ("CREATE_IMAGE", 1), ("HTTP", 2), ("CODE_DOWN", 5), ("SHELL", 6),
    ]  # fmt: skip


def test_a_host_path_is_mounted_only_where_the_server_opens_it(client, make):
    mount = {"dockerVolumeMountVOList": [{"containerPath": "/cache", "hostPath": "/srv/cache/npm"}]}
    task = step("USER_TASK", imageName="tool", **mount)
    answer = client.post("/v1/build", build_add(buildSteps=[task, image_step()]), format="json")
    assert wrong_fields(answer) == ["buildSteps[0].buildStepConfig.dockerVolumeMountVOList[0].hostPath"]
    BuildServer.objects.update(allowed_host_paths=["/srv/cache"])
    stored = make(task)["buildSteps"][0]["buildStepConfig"]
    assert stored["dockerVolumeMountVOList"] == mount["dockerVolumeMountVOList"]


def test_a_stored_step_that_is_not_listed_is_named_by_its_number(client, make):
    BuildServer.objects.update(allowed_host_paths=["/srv/cache"])
    mount = {"dockerVolumeMountVOList": [{"containerPath": "/cache", "hostPath": "/srv/cache"}]}
    shape = make(step("USER_TASK", imageName="tool", **mount))
    task, image = (one["buildStepSeq"] for one in shape["buildSteps"])
    BuildServer.objects.update(allowed_host_paths=[])
    body = {"editType": "U", "buildSteps": [{"stepType": "CREATE_IMAGE", "buildStepSeq": image}]}
    answer = client.put(f"/v1/build/{shape['buildSeq']}", body, format="json")
    assert wrong_fields(answer) == ["buildSteps"]
    assert f"Step {task}, which this body does not list, buildStepConfig.docker" in answer.json()["detail"]
    body["buildSteps"][0]["stepOrder"] = "first"
    answer = client.put(f"/v1/build/{shape['buildSeq']}", body, format="json")
    assert wrong_fields(answer) == ["buildSteps[0].stepOrder", "buildSteps"]


@pytest.mark.parametrize("kind", ["CANCEL", "DELETE", "NONSENSE", None, 5])
def test_a_kind_that_users_do_not_configure_is_refused_on_its_field(client, kind):
    answer = client.post("/v1/build", build_add(buildSteps=[image_step(), {"stepType": kind}]), format="json")
    assert wrong_fields(answer) == ["buildSteps[1].stepType"]
