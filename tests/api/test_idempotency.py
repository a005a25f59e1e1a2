"""`Idempotency-Key`: the same request is done once and answered alike; another request with the key is refused."""

from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from builds.api.views import runs
from builds.domain.access import Scope
from builds.domain.errors import NotFound
from builds.models import Build, BuildRun, KeptAnswer
from builds.services.idempotency import forget_old_answers
from tests.api.making import build_add

KEY = {"Idempotency-Key": "press-1"}


@pytest.fixture
def client(as_, operator):
    return as_(operator)


def press(client, build, key="press-1", prefix="/v1", query=""):
    return client.post(f"{prefix}/build/run/{build.pk}{query}", headers={"Idempotency-Key": key})


@pytest.mark.parametrize("prefix", ["/v1", "/api"])
def test_the_same_press_twice_is_one_run_and_one_answer(client, build, prefix):
    first, second = press(client, build, prefix=prefix), press(client, build, prefix=prefix)
    assert first.status_code == second.status_code == 200
    assert first.content == second.content
    assert first["Content-Type"] == second["Content-Type"]
    assert (first.headers.get("Idempotency-Replayed"), second["Idempotency-Replayed"]) == (None, "true")
    assert first["X-Request-Id"] != second["X-Request-Id"]
    assert build.runs.count() == 1


def test_the_same_build_created_twice_is_one_build(client):
    answers = [client.post("/v1/build", build_add(), format="json", headers=KEY) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert Build.objects.count() == 1


def test_without_a_key_each_request_is_its_own(client):
    answers = [client.post("/v1/build", build_add(), format="json") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 409]
    assert not KeptAnswer.objects.exists()


@pytest.mark.parametrize(
    "other",
    [
        lambda client, build: press(client, build, query="?tagName=2"),
        lambda client, build: press(client, build, prefix="/api"),
        lambda client, build: client.put(f"/v1/build/{build.pk}", build_add(), format="json", headers=KEY),
        lambda client, build: client.post("/v1/build", build_add(imageName="new"), format="json", headers=KEY),
    ],
    ids=["another query", "another address", "another method", "another body"],
)
def test_another_request_with_the_key_is_409_that_names_the_header(client, build, other):
    assert press(client, build).status_code == 200
    answer = other(client, build)
    assert answer.json()["code"] == "CCCM1007000"
    assert "Idempotency-Key" in answer.content.decode()
    assert build.runs.count() == Build.objects.count() == 1


@pytest.mark.parametrize("key", ["", " ", "a" * 256, "schlüssel", "a\tb"])
def test_a_key_that_is_none_is_400_on_the_header(client, build, key):
    answer = press(client, build, key=key)
    assert (answer.status_code, answer.json()["code"]) == (400, "CCCM1004000")
    assert [error["field"] for error in answer.json()["errors"]] == ["Idempotency-Key"]
    assert not build.runs.exists()


def test_a_key_of_255_signs_is_one(client, build):
    assert press(client, build, key="~" * 255).status_code == 200


def test_reading_and_deleting_need_no_key_and_do_not_look_at_it(client, build):
    for _ in range(2):
        assert client.get(f"/v1/build/{build.pk}", headers=KEY).status_code == 200
    assert not KeptAnswer.objects.exists()


def test_a_refusal_is_kept_as_the_first_answer(client, build, run):
    first = press(client, build)
    assert (first.status_code, first.json()["code"]) == (409, "CCCM1007000")
    BuildRun.objects.filter(pk=run.pk).delete()
    second = press(client, build)
    assert (second.status_code, second.json()) == (409, first.json())
    assert second["Idempotency-Replayed"] == "true"


@pytest.mark.parametrize(("prefix", "status"), [("/v1", 404), ("/api", 200)])
def test_what_a_refused_deed_left_behind_is_undone_and_the_refusal_kept(client, build, monkeypatch, prefix, status):
    def refuse(**_given):
        Build.objects.update(name="half done")
        raise NotFound("There is no such thing.")

    with monkeypatch.context() as patch:
        patch.setattr(runs, "start_run", refuse)
        assert press(client, build, prefix=prefix).json()["code"] == "CCCM1048000"
    assert Build.objects.get().name == "hello"
    assert KeptAnswer.objects.get().status == status
    assert press(client, build, prefix=prefix).json()["code"] == "CCCM1048000"


@pytest.mark.parametrize("prefix", ["/v1", "/api"])
def test_answers_that_say_nothing_about_the_deed_are_not_kept(as_, viewer, operator, build, monkeypatch, prefix):
    assert press(as_(viewer), build, prefix=prefix).status_code == 403
    assert not KeptAnswer.objects.exists()

    def fail(**_given):
        raise ZeroDivisionError

    client = as_(operator)
    with monkeypatch.context() as patch:
        patch.setattr(runs, "start_run", fail)
        assert press(client, build, prefix=prefix).json()["code"] == "CCCM2027000"
    assert not KeptAnswer.objects.exists()
    assert "buildRunSeq" in press(client, build, prefix=prefix).content.decode()
    assert build.runs.count() == 1


def test_each_token_has_keys_of_its_own(as_, operator, make_build):
    one, two = make_build(), make_build()
    assert press(as_(operator), one).status_code == press(as_(operator), two).status_code == 200
    assert KeptAnswer.objects.count() == 2


def test_a_session_has_keys_of_its_own(api, operator, build):
    api.force_login(operator)
    answers = [press(api, build) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert KeptAnswer.objects.get().caller == f"user:{operator.pk}"


def test_a_key_is_new_again_after_24_hours_and_old_answers_are_forgotten(client, build):
    first = press(client, build)
    build.runs.update(when_running="QUEUE")
    Build.objects.update(when_running="QUEUE")
    KeptAnswer.objects.update(created_at=timezone.now() - timedelta(hours=23, minutes=59))
    assert press(client, build).json() == first.json()
    KeptAnswer.objects.update(created_at=timezone.now() - timedelta(hours=24, seconds=1))
    assert press(client, build).json()["buildRunSeq"] > first.json()["buildRunSeq"]
    assert forget_old_answers() == 0
    KeptAnswer.objects.update(created_at=timezone.now() - timedelta(hours=25))
    assert forget_old_answers() == 1


def test_a_body_that_is_too_large_is_413_with_a_key_too(client):
    answer = client.post("/v1/build", b"[" * (2 * 1024**2 + 1), content_type="application/json", headers=KEY)
    assert (answer.status_code, answer.json()["code"]) == (413, "CKSY1400000")
    assert not KeptAnswer.objects.exists()


def test_an_unreadable_body_is_400_and_the_same_400_again(client):
    answers = [client.post("/v1/build", b"{", content_type="application/json", headers=KEY) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [400, 400]
    assert answers[1]["Idempotency-Replayed"] == "true"


def test_an_upload_is_read_with_a_key_and_another_boundary_is_the_same_request(client):
    def send(name):
        file = SimpleUploadedFile("build.zip", b"no zip at all")
        return client.post("/v1/build/import", {"dataFile": file, "imageName": name}, headers=KEY)

    def send_raw(boundary):
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="dataFile"; filename="a.zip"\r\n\r\nno zip\r\n'
        body, kind = f"{head}--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"
        return client.post("/v1/build/import", body, content_type=kind, headers={"Idempotency-Key": "import-1"})

    assert send("a").json()["code"] == "CCBD1018000"
    assert send("b").json()["code"] == "CCCM1007000"
    first, second = send_raw("one"), send_raw("two")
    assert first.json()["code"] == "CCBD1018000"
    assert second["Idempotency-Replayed"] == "true"


def test_a_token_that_only_reads_gets_no_kept_answer_of_another(as_, operator, build):
    assert press(as_(operator), build).status_code == 200
    answer = press(as_(operator, scopes=[Scope.READ]), build)
    assert answer.status_code == 403
