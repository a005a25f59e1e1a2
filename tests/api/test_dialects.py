"""Two dialects, one service: /v1 is plain, /api enveloped, and so is /v1 where the setting says so."""

import pytest

from builds.api.renderers import ENVELOPED, PLAIN, renderer_of, with_tags
from builds.models import Build
from builds.services.accounts.access import caller_for
from builds.services.runs.start import start_run
from tests.api.making import build_add, image_step

ERROR = ["code", "message", "status", "errors", "requestId"]


@pytest.fixture
def client(as_, operator):
    return as_(operator)


def test_a_success_is_the_same_model_in_an_envelope(client, run):
    plain = client.get(f"/v1/build/{run.build_id}").json()
    answer = client.get(f"/api/build/{run.build_id}")
    assert answer.status_code == 200
    assert list(answer.json()) == ["code", "status", "result"]
    assert (answer.json()["code"], answer.json()["status"]) == ("200", "ok")
    assert answer.json()["result"].keys() == plain.keys()


def test_a_client_of_the_envelope_creates_runs_reads_cancels_and_removes(client):
    build = client.post("/api/build", build_add(imageName="whole"), format="json").json()["result"]
    run = client.post(f"/api/build/run/{build['buildSeq']}").json()["result"]
    seq = run["buildRunSeq"]
    assert client.get(f"/api/build/run/{seq}").json()["result"]["runState"] == "CREATED"
    assert client.get(f"/api/build/run/log/{seq}").json()["result"]["buildRunSeq"] == seq
    cancel = client.put(f"/api/build/run/cancel/{seq}").json()["result"]
    assert (cancel["runType"], cancel["runState"]) == ("CANCEL", "DONE")
    assert client.delete(f"/api/build/run/{seq}").json()["result"]["buildRunSeq"] == seq


def test_the_image_url_has_its_tag_in_the_envelope_only(client, run):
    plain = client.get(f"/v1/build/run/{run.pk}").json()
    enveloped = client.get(f"/api/build/run/{run.pk}").json()["result"]
    assert plain["imageUrl"] == "127.0.0.1:5000/ops/hello"
    assert enveloped["imageUrl"] == f"{plain['imageUrl']}:{plain['tagName']}"
    assert enveloped["imageRef"] == plain["imageRef"]


def test_images_and_steps_have_their_own_tags():
    model = {
        "tags": [{"imageUrl": "h/a", "tag": "1"}],
        "buildSteps": [{"buildStepConfig": {"imageUrl": "h/b", "imageTag": "2"}}, {"imageUrl": None, "imageTag": "3"}],
        "imageUrl": "h/c",
        "tagName": None,
    }
    assert with_tags(model) == {
        "tags": [{"imageUrl": "h/a:1", "tag": "1"}],
        "buildSteps": [
            {"buildStepConfig": {"imageUrl": "h/b:2", "imageTag": "2"}},
            {"imageUrl": None, "imageTag": "3"},
        ],
        "imageUrl": "h/c",
        "tagName": None,
    }
    assert model["tags"][0]["imageUrl"] == "h/a"


def test_an_edit_is_answered_without_result_in_the_envelope_only(client, build):
    body = {**client.get(f"/v1/build/{build.pk}").json(), "editType": "U"}
    assert client.put(f"/api/build/{build.pk}", body, format="json").json() == {"code": "200", "status": "ok"}
    assert client.put(f"/v1/build/{build.pk}", body, format="json").json()["buildSeq"] == build.pk


def test_a_log_is_a_list_in_the_plain_dialect_and_an_object_in_the_envelope(client, run):
    plain = client.get(f"/v1/build/run/log/{run.pk}").json()
    assert [log["buildRunSeq"] for log in plain] == [run.pk]
    assert client.get(f"/api/build/run/log/{run.pk}").json()["result"] == with_tags(plain[0])


def test_text_is_never_enveloped(client, run):
    answer = client.get(f"/api/build/run/{run.pk}/log.txt")
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/plain; charset=utf-8")
    assert b"".join(answer.streaming_content) == b""


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("get", "/api/build/999999", "CCCM1048000"),
        ("get", "/api/build/x", "CCCM1004000"),
        ("get", "/api/nothing", "CKSY1404000"),
        ("get", "/api", "CKSY1404000"),
        ("post", "/api/", "CKSY1404000"),
        ("patch", "/api/build/1", "CKSY1405000"),
    ],
)
def test_an_error_is_200_with_its_code_and_a_message(client, method, path, code):
    answer = getattr(client, method)(path)
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/json")
    assert list(answer.json()) == ERROR
    assert (answer.json()["code"], answer.json()["status"]) == (code, "error")
    assert answer.json()["message"]
    assert answer.json()["requestId"] == answer["X-Request-Id"]


def test_a_message_holds_every_field_that_is_wrong(client):
    body = build_add(imageName="Not Valid", registryName="-", buildSteps=[image_step(dockerFile="")])
    problem = client.post("/v1/build", body, format="json").json()
    answer = client.post("/api/build", body, format="json").json()
    assert len(problem["errors"]) >= 3
    assert answer["errors"] == problem["errors"]
    assert all(f"{error['field']}: {error['message']}" in answer["message"] for error in problem["errors"])


def test_not_signed_in_and_no_right_keep_their_status(api, as_, viewer, build):
    nobody = api.get("/api/build")
    assert (nobody.status_code, nobody["WWW-Authenticate"]) == (401, "Bearer")
    assert (nobody.json()["code"], nobody.json()["status"]) == ("CCCM1009000", "error")
    refused = as_(viewer).post(f"/api/build/run/{build.pk}")
    assert (refused.status_code, refused.json()["code"]) == (403, "CCCM1044000")
    assert "operator" in refused.json()["message"]


def test_a_setting_makes_v1_speak_the_envelope_too(client, run, settings):
    settings.V1_ENVELOPE = True
    assert client.get(f"/v1/build/run/{run.pk}").json()["result"]["buildRunSeq"] == run.pk
    answer = client.get("/v1/build/999999")
    assert (answer.status_code, answer.json()["code"]) == (200, "CCCM1048000")
    assert client.get("/v1").json()["code"] == "CKSY1404000"


def test_the_dialect_is_that_of_the_first_word(settings):
    assert [renderer_of(path) for path in ("/v1/x", "/v1", "/", "/apix")] == [PLAIN] * 4
    assert [renderer_of(path) for path in ("/api/x", "/api", "//API/x")] == [ENVELOPED] * 3


@pytest.mark.parametrize("prefix", ["/v1", "/api"])
def test_a_next_page_stays_under_its_prefix_with_all_parameters(client, build, operator, prefix):
    Build.objects.filter(pk=build.pk).update(when_running="QUEUE")
    for _ in range(3):
        start_run(build_id=build.pk, caller=caller_for(operator))
    seen, link = [], f"{prefix}/build/run?buildSeq={build.pk}&limit=2&runType=BUILD"
    while link:
        answer = client.get(link)
        model = answer.json()
        seen += [run["buildRunSeq"] for run in (model["result"] if prefix == "/api" else model)]
        link = answer.headers.get("Link", "").partition(">")[0].removeprefix("<")
        assert not link or (link.startswith(f"{prefix}/build/run?") and "runType=BUILD" in link)
    assert seen == sorted(build.runs.values_list("pk", flat=True), reverse=True)
    assert answer["X-Total-Count"] == "3"


def test_a_long_list_is_counted_up_to_a_bound_and_says_so(client, run, monkeypatch):
    monkeypatch.setattr("builds.api.pagination.MOST_COUNTED", 0)
    answer = client.get(f"/v1/build/run?buildSeq={run.build_id}")
    assert (answer["X-Total-Count"], answer["X-Total-Estimated"]) == ("0", "true")
    monkeypatch.setattr("builds.api.pagination.MOST_COUNTED", 1)
    answer = client.get(f"/v1/build/run?buildSeq={run.build_id}")
    assert (answer["X-Total-Count"], answer.headers.get("X-Total-Estimated")) == ("1", None)
