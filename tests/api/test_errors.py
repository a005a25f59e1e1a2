"""Errors are problems: routes, methods, media types, what fails below, and what nobody foresaw."""

import pytest
from django.db import OperationalError
from django.http import HttpResponse

from builds.api.exceptions import CODES, of_status
from builds.api.middleware import ProblemMiddleware
from builds.api.views import builds, runs

PROBLEM = ["type", "title", "status", "detail", "code", "errors", "requestId"]


@pytest.mark.parametrize(
    "path",
    [
        "/v1",
        "/v1/",
        "/v1/nothing",
        "/v1/build/1/2/3",
        "/v1/build/run/log",
        "/v1/build/run/cancel",
        "/v1/build/count",
    ],
)
@pytest.mark.parametrize("method", ["get", "post", "delete"])
def test_an_unknown_route_is_a_problem(api, path, method):
    answer = getattr(api, method)(path)
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")
    assert list(answer.json()) == PROBLEM
    assert (answer.json()["code"], answer.json()["type"]) == ("CKSY1404000", "/docs/errors/CKSY1404000")


@pytest.mark.parametrize("path", ["/v1/build", "/v1/build/{}", "/v1/build/run/{run}", "/v1/build/run/{run}/log.txt"])
def test_a_trailing_slash_is_accepted(as_, operator, run, path):
    whole = path.format(run.build_id, run=run.pk)
    client = as_(operator)
    assert client.get(whole).status_code == client.get(f"{whole}/").status_code == 200


def test_a_line_end_behind_a_number_is_no_number(as_, operator, build):
    assert as_(operator).get(f"/v1/build/{build.pk}%0A").status_code == 400


@pytest.mark.parametrize(
    ("method", "path"), [("put", "/v1/build"), ("get", "/v1/build/run/cancel/1"), ("patch", "/v1/build/1")]
)
def test_another_method_is_405_with_those_that_are_allowed(as_, operator, method, path):
    answer = getattr(as_(operator), method)(path)
    assert (answer.status_code, answer.json()["code"]) == (405, "CKSY1405000")
    assert answer["Allow"]


def test_what_nobody_foresaw_is_500_with_a_request_id_and_no_trace(as_, operator, monkeypatch, caplog):
    def fail(*_args, **_kwargs):
        raise ZeroDivisionError("the inside of it")

    monkeypatch.setattr(builds, "visible_builds", fail)
    answer = as_(operator).get("/v1/build")
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (500, "CCCM2027000")
    assert problem["requestId"] in problem["detail"]
    assert b"inside" not in answer.content
    assert b"Traceback" not in answer.content
    assert any(problem["requestId"] in record.getMessage() for record in caplog.records)


@pytest.mark.parametrize("key", [{}, {"Idempotency-Key": "press-1"}])
def test_an_answer_that_cannot_be_written_down_is_a_500_that_the_log_explains(
    as_, operator, build, monkeypatch, caplog, key
):
    monkeypatch.setattr(runs, "answer_now", lambda *_given: {"imageSize": float("nan")})
    answer = as_(operator).post(f"/v1/build/run/{build.pk}", headers=key)
    assert (answer.status_code, answer["Content-Type"]) == (500, "application/problem+json")
    assert any(answer.json()["requestId"] in record.getMessage() for record in caplog.records)
    assert build.runs.exists() == (not key)  # with a key, act and answer are one


def test_a_name_that_is_half_a_surrogate_is_told_as_the_client_wrote_it(as_, operator):
    body = rb'{"\ud800": 1, "\ud800": 2}'
    answer = as_(operator).post("/v1/build", body, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (400, "CKSY1400000")
    assert rb"\ud800" in answer.content


def test_the_request_id_of_the_answer_is_that_of_the_error(as_, operator, monkeypatch):
    monkeypatch.setattr(builds, "visible_builds", None)
    answer = as_(operator).get("/v1/build", headers={"X-Request-Id": "my-request-0001"})
    assert answer.json()["requestId"] == answer["X-Request-Id"] == "my-request-0001"


def test_a_database_that_does_not_answer_is_502_with_a_sentence(as_, operator, monkeypatch):
    def gone(*_args, **_kwargs):
        raise OperationalError("connection to server at 10.0.0.5 failed")

    client = as_(operator)
    monkeypatch.setattr(runs, "with_facts", gone)
    answer = client.get("/v1/build/run/1")
    assert (answer.status_code, answer.json()["code"]) == (502, "CCCM2020000")
    assert answer.json()["detail"].startswith("The database does not answer now")
    assert b"10.0.0.5" not in answer.content
    assert answer["Retry-After"]


def test_a_foreign_host_name_is_a_problem_too(as_, operator):
    answer = as_(operator).get("/v1/build", headers={"Host": "evil.example"})
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")


def test_every_status_has_a_code_with_a_title_and_a_sentence():
    assert all(of_status(status).detail and of_status(status).title for status in CODES)


def test_an_error_page_of_something_before_the_views_becomes_a_problem(rf):
    middleware = ProblemMiddleware(lambda _request: HttpResponse("<html>", status=403, headers={"X-Request-Id": "abc"}))
    answer = middleware(rf.get("/v1/build"))
    assert (answer.status_code, answer["Content-Type"]) == (403, "application/problem+json")
    assert answer["X-Request-Id"] == "abc"
    assert middleware(rf.get("/builds/new")).content == b"<html>"
