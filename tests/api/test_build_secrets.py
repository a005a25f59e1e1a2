"""The secrets of an image step: taken and never told, kept while they are listed, a login for one registry."""

import json

import pytest

from builds.credentials import decrypt_fields
from builds.models import Build, Registry, RunStep
from tests.api.making import build_add, image_step
from tests.support.keys import protected_key, ssh_key

CANARY, OTHER = "canary-word-7", "canary-word-8"
KEY = ssh_key()
BROKEN = f"-----BEGIN OPENSSH PRIVATE KEY-----\n{CANARY}\n-----END OPENSSH PRIVATE KEY-----"
MOUNTED = [{"id": "npm", "value": CANARY}, {"id": "pip", "value": OTHER}]


@pytest.fixture
def client(as_, operator):
    return as_(operator)


def made(client, **config) -> dict:
    answer = client.post("/v1/build", build_add(buildSteps=[image_step(**config)]), format="json")
    assert answer.status_code == 200, answer.content
    return answer.json()


def edit(client, shape, *, changes=None, **config):
    (step,) = shape["buildSteps"]
    step = {**step, "buildStepConfig": {**step["buildStepConfig"], **config}}
    body = {**shape, "editType": "U", "buildSteps": [step], **(changes or {})}
    return client.put(f"/v1/build/{shape['buildSeq']}", body, format="json")


def stored(shape) -> dict:
    row = Build.objects.get(pk=shape["buildSeq"]).steps.get(step_type="CREATE_IMAGE")
    assert CANARY not in json.dumps(row.config) + row.secrets_encrypted
    return decrypt_fields(row.secrets_encrypted)


def errors(answer) -> list[tuple[str, str]]:
    assert answer.status_code == 400, answer.content
    return [
        (error["field"].removeprefix("buildSteps[0].buildStepConfig."), error["message"])
        for error in answer.json()["errors"]
    ]


def test_values_and_key_are_stored_encrypted_and_told_as_null(client):
    shape = made(client, secrets=MOUNTED, sshKey=KEY)
    config = shape["buildSteps"][0]["buildStepConfig"]
    assert config["secrets"] == [{"id": "npm", "value": None}, {"id": "pip", "value": None}]
    assert config["sshKey"] is None
    assert CANARY not in json.dumps(shape)
    assert KEY.splitlines()[1] not in json.dumps(shape)
    assert stored(shape) == {"secret:npm": CANARY, "secret:pip": OTHER, "ssh_key": KEY}


def test_an_answer_that_is_sent_back_keeps_the_values_and_a_value_replaces_one(client):
    shape = made(client, secrets=MOUNTED)
    assert edit(client, shape).status_code == 200
    assert stored(shape) == {"secret:npm": CANARY, "secret:pip": OTHER}
    assert edit(client, shape, secrets=[{"id": "npm"}, {"id": "pip", "value": "changed-it"}]).status_code == 200
    assert stored(shape) == {"secret:npm": CANARY, "secret:pip": "changed-it"}


def test_a_secret_that_is_not_listed_any_more_is_forgotten(client):
    shape = made(client, secrets=MOUNTED)
    assert edit(client, shape, secrets=MOUNTED[1:]).status_code == 200
    assert stored(shape) == {"secret:pip": OTHER}
    found = errors(edit(client, shape, secrets=[{"id": "npm", "value": ""}]))
    assert found == [("secrets[0].value", "The secret npm has no value yet; give it.")]


def test_a_new_secret_needs_a_value(client):
    answer = client.post("/v1/build", build_add(buildSteps=[image_step(secrets=[{"id": "npm"}])]), format="json")
    assert errors(answer) == [("secrets[0].value", "The secret npm has no value yet; give it.")]


def test_an_entry_that_is_no_secret_is_refused_and_in_a_step_out_of_use_never_stored_as_it_is(client):
    body = build_add(buildSteps=[image_step(secrets=[CANARY, {"id": 5, "value": CANARY}])])
    found = [field for field, _ in errors(client.post("/v1/build", body, format="json"))]
    assert found == ["secrets[0]", "secrets[1]"]
    unused = {**image_step(secrets=[CANARY, {"id": "a", "value": {"x": CANARY}, "y": CANARY}]), "useFlag": False}
    answer = client.post("/v1/build", build_add(buildSteps=[unused, image_step()]), format="json")
    assert answer.status_code == 200, answer.content
    rows = Build.objects.get().steps.values_list("config", "secrets_encrypted")
    assert CANARY not in repr(list(rows))
    assert CANARY not in answer.content.decode()


def test_what_belongs_to_no_host_stays_when_the_registry_changes_and_a_login_goes(client):
    other = Registry.objects.create(name="other", host="other.example")
    shape = made(client, secrets=MOUNTED, sshKey=KEY, loginId="robot", password="hush-hush")
    assert edit(client, shape, changes={"externalRegistrySeq": other.pk}).status_code == 200
    assert stored(shape) == {"secret:npm": CANARY, "secret:pip": OTHER, "ssh_key": KEY}


@pytest.mark.parametrize(("given", "missing"), [("loginId", "password"), ("password", "loginId")])
def test_a_login_is_given_whole(client, given, missing):
    body = build_add(buildSteps=[image_step(**{given: "hush-hush"})])
    assert [field for field, _ in errors(client.post("/v1/build", body, format="json"))] == [missing]


def test_a_run_once_uses_the_stored_secrets_of_the_step_that_it_names(client):
    shape = made(client, secrets=MOUNTED)
    (step,) = shape["buildSteps"]
    first = client.post(f"/v1/build/run/{shape['buildSeq']}").json()
    Build.objects.filter(pk=shape["buildSeq"]).update(when_running="QUEUE")
    step["buildStepConfig"] |= {"secrets": [{"id": "pip"}], "noCache": True}
    path = f"/v1/build/run/{shape['buildSeq']}/{first['buildRunSeq']}"
    answer = client.post(path, {**shape, "editType": "U", "buildSteps": [step]}, format="json")
    assert answer.status_code == 200, answer.content
    row = RunStep.objects.get(run_id=answer.json()["buildRunSeq"], step_type="CREATE_IMAGE")
    assert decrypt_fields(row.secrets_encrypted) == {"secret:pip": OTHER}
    assert stored(shape) == {"secret:npm": CANARY, "secret:pip": OTHER}


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("sshKey", BROKEN, "no private key"),
        ("sshKey", KEY.replace("OPENSSH ", ""), "no private key"),
        ("sshKey", protected_key(), "protected by a passphrase"),
        ("privateCertificate", f"-----BEGIN CERTIFICATE-----\n{CANARY}\n", "no certificate in PEM"),
    ],
)
def test_what_cannot_be_read_is_told_before_anything_is_stored(client, field, value, sentence):
    answer = client.post("/v1/build", build_add(buildSteps=[image_step(**{field: value})]), format="json")
    ((name, message),) = errors(answer)
    assert (name, sentence in message, CANARY in answer.content.decode()) == (field, True, False)
    assert not Build.objects.exists()


def test_an_export_names_the_secrets_and_an_import_asks_for_their_values(client):
    shape = made(client, secrets=MOUNTED, extraTags=["stable"], cacheFrom=["h.example/x:1"])
    run = client.post(f"/v1/build/run/{shape['buildSeq']}").json()
    file = client.get(f"/v1/build/run/{run['buildRunSeq']}/export").content
    assert CANARY.encode() not in file


def test_an_extra_tag_that_is_an_earlier_runs_own_is_refused_at_the_press(client):
    shape = made(client, extraTags=["stable"])
    Build.objects.filter(pk=shape["buildSeq"]).update(when_running="QUEUE", auto_tag=False, tag_name="1.0")
    path = f"/v1/build/run/{shape['buildSeq']}"
    assert client.post(f"{path}?tagName=1.1").status_code == 200
    assert edit(client, shape, extraTags=["1.1"], changes={"whenRunning": "QUEUE"}).status_code == 200
    answer = client.post(path)
    assert (answer.status_code, answer.json()["code"]) == (409, "CCBD1004000")
    assert "1.1" in answer.json()["detail"]


def moved(client) -> dict:
    """Return a build whose registry has moved to another host since the login of its image step was given."""
    registry = Registry.objects.create(name="mirror", host="mirror.example:5000")
    given = {"loginId": "robot", "password": CANARY}
    body = build_add(buildSteps=[image_step(secrets=MOUNTED, **given)], externalRegistrySeq=registry.pk)
    shape = client.post("/v1/build", body, format="json").json()
    Registry.objects.filter(pk=registry.pk).update(host="elsewhere.example:5000")
    return shape


def test_a_part_of_a_login_does_not_take_the_rest_to_where_the_registry_has_moved(client):
    shape = moved(client)
    assert [field for field, _ in errors(edit(client, shape, loginId="other"))] == ["password"]
    assert edit(client, shape, loginId="other", password=OTHER).status_code == 200
    mounted = {"secret:npm": CANARY, "secret:pip": OTHER}
    login = {"login_id": "other", "password": OTHER, "login_host": "elsewhere.example:5000"}
    assert stored(shape) == {**mounted, **login}


def test_a_run_once_does_not_take_a_part_of_a_login_to_where_the_registry_has_moved(client):
    shape = moved(client)
    (step,) = shape["buildSteps"]
    step = {**step, "buildStepConfig": {**step["buildStepConfig"], "loginId": "other"}}
    run = client.post(f"/v1/build/run/{shape['buildSeq']}").json()["buildRunSeq"]
    once = client.post(f"/v1/build/run/{shape['buildSeq']}/{run}", {"buildSteps": [step]}, format="json")
    assert [field for field, _ in errors(once)] == ["password"]
