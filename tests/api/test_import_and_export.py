"""Definitions as files: a zip goes out without secrets, comes in, and gives an equal build."""

import io
import json
import zipfile

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from builds.models import Build, BuildRun
from builds.services.accounts.access import caller_for
from builds.services.runs.start import start_run
from tests.api.making import build_add, image_step

CANARY = "canary-word-7"
CODE = {
    "stepType": "CODE_DOWN",
    "stepOrder": 1,
    "buildStepConfig": {
        "repositoryUrl": "https://git.example/team/app.git", "commonType": "PRIVATE", "userId": "robot",
        "password": CANARY, "branchName": "main", "submodules": True,
    },
}  # fmt: skip
TASK = {
    "stepType": "USER_TASK",
    "stepOrder": 2,
    "useFlag": False,
    "buildStepConfig": {"imageName": "tool", "envs": [{"key": "A", "value": "ü"}], "cmd": ["a", "b"]},
}
IMAGE = {**image_step(target="run", labels=[{"key": "a", "value": "b"}], registryId=7), "stepOrder": 3}
IGNORED = ("buildSeq", "buildNo", "created", "updated", "lastRun", "possibleActions", "accountSeq", "imageName")


@pytest.fixture
def client(as_, operator):
    return as_(operator)


@pytest.fixture
def exported(client, operator):
    """The build with all that a definition has, its run, and the answer of the export."""
    body = build_add(
        buildName='The "build" / ü', buildDesc="two\nlines", registryName="ops", registryProjectId=27,
        whenRunning="QUEUE", timeLimitSec=120, queueLimitSec=300, maxAttempts=2, buildSteps=[CODE, TASK, IMAGE],
    )  # fmt: skip
    shape = client.post("/v1/build", body, format="json").json()
    run = start_run(build_id=shape["buildSeq"], caller=caller_for(operator))
    return shape, run, client.get(f"/v1/build/run/{run.pk}/export")


@pytest.fixture
def send(client):
    def post(content, **fields):
        file = {} if content is None else {"dataFile": SimpleUploadedFile("build.zip", content)}
        return client.post("/v1/build/import", {**fields, **file}, format="multipart")

    return post


def zipped(**entries):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content if isinstance(content, str | bytes) else json.dumps(content))
    return packed.getvalue()


def document(**changes):
    build = {"imageName": "app", "buildSteps": [image_step()]}
    return {"format": "buildhub-build", "version": 1, "build": build, **changes}


def code_of(answer):
    return answer.status_code, answer.json()["code"]


def test_an_export_is_a_zip_to_keep_with_a_plain_name(exported):
    _, run, answer = exported
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/zip")
    plain = f'attachment; filename="The-build-{run.build_no}.zip"; '
    assert answer["Content-Disposition"] == f"{plain}filename*=UTF-8''The-%22build%22-%C3%BC-{run.build_no}.zip"
    assert answer["X-Content-Type-Options"] == "nosniff"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.namelist() == ["build.json"]


def test_an_export_names_its_version_and_holds_no_secret(exported):
    content = zipfile.ZipFile(io.BytesIO(exported[2].content)).read("build.json").decode()
    kept = json.loads(content)
    assert (kept["format"], kept["version"], kept["build"]["editType"]) == ("buildhub-build", 1, "N")
    assert CANARY not in content
    assert [step["stepType"] for step in kept["build"]["buildSteps"]] == ["CODE_DOWN", "USER_TASK", "CREATE_IMAGE"]


def test_export_import_and_create_give_an_equal_definition(client, exported, send):
    before, _, answer = exported
    body = send(answer.content, imageName="copy").json()
    body["buildSteps"][0]["buildStepConfig"]["password"] = CANARY
    created = client.post("/v1/build", body, format="json")
    assert created.status_code == 200, created.content
    assert comparable(created.json()) == comparable(before)


def comparable(shape):
    """Return a build without its numbers and times, and without what its image name fills in."""
    kept = {name: value for name, value in shape.items() if name not in IGNORED}
    filled = ("imageName", "imageUrl")
    kept["buildSteps"] = [
        {**step, "buildStepSeq": None, "buildStepConfig": {
            name: value for name, value in step["buildStepConfig"].items()
            if name not in filled or step["stepType"] != "CREATE_IMAGE"
        }}
        for step in shape["buildSteps"]
    ]  # fmt: skip
    return kept


def test_a_file_that_somebody_wrote_gives_no_value_of_a_secret_back(send):
    listed = [{"id": "npm", "value": CANARY}, CANARY, {"id": 5, "value": CANARY}]
    answer = send(
        zipped(**{"build.json": document(build={"imageName": "a", "buildSteps": [image_step(secrets=listed)]})})
    )
    assert answer.status_code == 200, answer.content
    assert CANARY not in answer.content.decode()
    assert answer.json()["buildSteps"][0]["buildStepConfig"]["secrets"] == [{"id": "npm", "value": None}]


def test_an_export_is_of_the_run_not_of_the_build_as_it_is_now(client, exported):
    shape, run, before = exported
    body = {"editType": "U", "buildDesc": "changed", "buildSteps": [{"stepType": "INIT"}, {**CODE, "useFlag": False}]}
    body["buildSteps"][1]["buildStepSeq"] = shape["buildSteps"][0]["buildStepSeq"]
    assert client.put(f"/v1/build/{shape['buildSeq']}", body, format="json").status_code == 200
    assert client.get(f"/v1/build/run/{run.pk}/export").content == before.content


def test_a_cancel_run_has_nothing_to_export(client, run):
    cancel = client.put(f"/v1/build/run/cancel/{run.pk}").json()["buildRunSeq"]
    assert code_of(client.get(f"/v1/build/run/{cancel}/export")) == (400, "CCBD2016000")


def test_a_foreign_run_is_not_exported_and_a_viewer_exports(as_, stranger, viewer, exported):
    path = f"/v1/build/run/{exported[1].pk}/export"
    assert as_(stranger).get(path).status_code == 404
    assert as_(viewer).get(path).status_code == 200


def test_an_import_creates_nothing_and_the_given_fields_win(send, exported, account):
    builds = Build.objects.count()
    given = {"accountSeq": account.pk, "registryId": 9, "registryName": "qa", "imageName": "copy", "tagName": "2"}
    body = send(exported[2].content, **{name: str(value) for name, value in given.items()}).json()
    assert {name: body.get(name) for name in given if name != "registryId"} == {
        name: value for name, value in given.items() if name != "registryId"
    }
    assert [step["buildStepConfig"].get("registryId") for step in body["buildSteps"]] == [None, None, 9]
    assert Build.objects.count() == builds


def test_secrets_and_unknown_fields_of_a_file_are_left_out(send):
    step = image_step(password=CANARY, loginId=CANARY, imageUrl="evil", nonsense=1)
    build = {"imageName": "app", "buildSteps": [step], "useYn": "N", "buildServerClientKey": CANARY, "x": CANARY}
    answer = send(zipped(**{"build.json": document(build=build)}))
    assert answer.status_code == 200
    assert CANARY not in answer.content.decode()
    config = answer.json()["buildSteps"][0]["buildStepConfig"]
    assert (config["imageUrl"], config["password"], "nonsense" in config) == (None, None, False)


@pytest.mark.parametrize("content", [None, b"", b"PK", b"no zip at all", b"PK\x05\x06" + b"\xff" * 18])
def test_a_missing_file_or_one_that_is_no_zip_has_its_own_code(send, content):
    assert code_of(send(content)) == (400, "CCBD1018000")


@pytest.mark.parametrize(
    "changes", [{"version": 2}, {"version": "1"}, {"version": True}, {"version": None}, {"format": "other"}]
)
def test_another_version_has_its_own_code(send, changes):
    assert code_of(send(zipped(**{"build.json": document(**changes)}))) == (400, "CCBD1019000")


BROKEN = {
    "no build.json": {"other.json": "{}"},
    "no json": {"build.json": "{"},
    "no object": {"build.json": "[1]"},
    "no utf-8": {"build.json": b"\xff"},
    "not a number": {"build.json": '{"a": NaN}'},
    "no finite number": {"build.json": '{"a": 1e999}'},
    "half a pair": {"build.json": document(build={"imageName": "\ud800", "buildSteps": [image_step()]})},
    "deep": {"build.json": "[" * 100_000},
    "nested": {"build.json": document(build={"buildSteps": [image_step(labels=json.loads("[" * 40 + "]" * 40))]})},
    "no build": {"build.json": document(build=[])},
    "no steps": {"build.json": document(build={"imageName": "a"})},
    "empty steps": {"build.json": document(build={"buildSteps": []})},
    "no step": {"build.json": document(build={"buildSteps": [5]})},
    "many steps": {"build.json": document(build={"buildSteps": [image_step()] * 1001})},
    "parent": {"build.json": document(), "../evil": "x"},
    "absolute": {"build.json": document(), "/etc/evil": "x"},
    "backslash": {"build.json": document(), "a\\..\\evil": "x"},
    "many entries": {"build.json": document(), **{f"f{index}": "" for index in range(100)}},
    "bomb": {"build.json": b"\0" * (16 * 1024 * 1024)},
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_content_has_its_own_code(send, name):
    assert code_of(send(zipped(**BROKEN[name]))) == (400, "CCBD2017000")


def test_what_is_wrong_with_the_entries_is_said(send):
    assert "it has an entry '../evil'" in send(zipped(**BROKEN["parent"])).json()["detail"]


def test_two_definitions_in_one_zip_are_refused(send):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("build.json", json.dumps(document()))
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("build.json", json.dumps(document()))
    assert code_of(send(packed.getvalue())) == (400, "CCBD2017000")


@pytest.mark.parametrize(("at", "code"), [(60, "CCBD2017000"), (0, "CCBD2017000"), (-22, "CCBD1018000")])
def test_a_damaged_zip_is_a_clear_400(send, at, code):
    content = bytearray(zipped(**{"build.json": document()}))
    content[at] ^= 0xFF
    assert code_of(send(bytes(content))) == (400, code)


@pytest.mark.parametrize(
    ("fields", "name"), [({"accountSeq": "x"}, "accountSeq"), ({"registryId": "-1"}, "registryId")]
)
def test_a_wrong_field_beside_the_file_is_named(send, fields, name):
    answer = send(zipped(**{"build.json": document()}), **fields)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, name)


def test_who_may_not_create_there_may_not_import(as_, viewer, send, other_account):
    content = SimpleUploadedFile("build.zip", zipped(**{"build.json": document()}))
    assert as_(viewer).post("/v1/build/import", {"dataFile": content}, format="multipart").status_code == 403
    assert send(zipped(**{"build.json": document()}), accountSeq=str(other_account.pk)).status_code == 404


def test_an_import_is_multipart(client):
    assert client.post("/v1/build/import", {"a": 1}, format="json").status_code == 415
    broken = client.post("/v1/build/import", b"x", content_type="multipart/form-data")
    assert code_of(broken) == (400, "CKSY1400000")


def test_a_boundary_that_is_too_long_is_said(client):
    answer = client.post("/v1/build/import", b"x", content_type=f"multipart/form-data; boundary={'b' * 300}")
    assert (code_of(answer)[0], "boundary" in answer.json()["detail"]) == (400, True)
    assert not answer.json()["detail"].endswith("..")


def test_a_page_sends_a_file_with_its_csrf_token_and_a_key_is_of_its_content(operator, exported):
    page = APIClient(enforce_csrf_checks=True)
    page.force_login(operator)
    page.cookies["csrftoken"] = "a" * 32
    headers = {"X-CSRFToken": "a" * 32, "Idempotency-Key": "import-1"}

    def sent(content):
        file = {"dataFile": SimpleUploadedFile("build.zip", content)}
        return page.post("/v1/build/import", file, format="multipart", headers=headers)

    assert sent(exported[2].content).json()["buildName"] == exported[0]["buildName"]
    assert code_of(sent(zipped(**{"build.json": document()}))) == (409, "CCCM1007000")


def test_a_file_over_20_mib_is_413(client):
    content = SimpleUploadedFile("build.zip", b"\0" * (21 * 1024 * 1024))
    answer = client.post("/v1/build/import", {"dataFile": content}, format="multipart")
    assert answer.status_code == 413


def test_the_enveloped_dialect_wraps_an_import_but_never_a_zip(client, exported):
    run = exported[1]
    assert client.get(f"/api/build/run/{run.pk}/export").content == exported[2].content
    content = SimpleUploadedFile("build.zip", exported[2].content)
    answer = client.post("/api/build/import", {"dataFile": content}, format="multipart").json()
    assert (answer["status"], answer["result"]["editType"]) == ("ok", "N")
    assert BuildRun.objects.count() == 1
