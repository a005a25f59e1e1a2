"""Odd requests against every address, signed in or not: an error of the dialect, never a page."""

import re

import pytest
from rest_framework.test import APIClient

from builds.api.urls import TAILS
from builds.models import Build

ANSWERS = ("application/json", "application/problem+json")
OPEN = ("openapi.json",)


def addresses() -> list[str]:
    """Return each tail of the API with 1 for every number."""
    words = [re.sub(r"\(\?P<\w+>[^()]*\)", "1", re.sub(r"\(\?!.*?\$\)\)", "", str(tail.pattern))) for tail in TAILS]
    return sorted({word.removeprefix("^").removesuffix(r"/?\Z").replace("\\", "") for word in words if word})


def error_status(answer) -> int:
    """Return the status of an error, that which the code stands for where the envelope hides it."""
    codes = {"CKSY1404000": 404, "CKSY1405000": 405, "CCCM1009000": 401, "CKSY1406000": 406, "CKSY1400000": 400}
    return codes[answer.json()["code"]]


def test_the_addresses_are_those_of_the_contract():
    assert {"build", "build/1", "build/run/1", "build/run/cancel/1", "build/run/1/log.txt"} <= set(addresses())
    assert not [address for address in addresses() if set("()?^[]\\") & set(address)]


ODD = [
    *("/{0}/{1}//", "/{0}//{1}", "/%2f{0}/{1}", "/{0}/{1};.jsp", "/{0};.jsp/{1}", "/{0}/{1}%2f", "/{0}/{1}.json"),
    *("/{0}/{1}%00", "/{0}/{1}/..%2f", "/{0}/x/../{1}", "/{0}/%2e%2e/{0}/{1}", "/{0}/{1}/%ff"),
]


@pytest.mark.parametrize("tail", [tail for tail in addresses() if tail not in OPEN])
def test_nobody_gets_401_and_nothing_else(api, tail):
    for prefix in ("v1", "api"):
        for method in ("get", "head", "post", "put", "delete", "patch", "options", "trace"):
            answer = getattr(api, method)(f"/{prefix}/{tail}")
            assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Bearer"), method
            assert answer["Content-Type"] in ANSWERS


@pytest.mark.parametrize("form", ODD)
@pytest.mark.parametrize("method", ["get", "post"])
def test_an_odd_form_of_an_address_is_an_error_without_login_and_never_a_page(api, form, method):
    for tail in addresses():
        for prefix in ("v1", "api"):
            answer = getattr(api, method)(form.format(prefix, tail))
            assert answer["Content-Type"] in ANSWERS, tail
            assert tail in OPEN or error_status(answer) in (401, 404, 405), tail


@pytest.mark.parametrize("prefix", ["V1", "Api", "v1;x", "%2f%2fv1", "v1.", "api~"])
def test_what_only_looks_like_an_address_of_the_api_gets_no_page_either(api, prefix):
    answer = api.get(f"/{prefix}/build")
    assert (answer["Content-Type"] in ANSWERS, error_status(answer)) == (True, 404)


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE", "PATCH", "CONNECT", "PROPFIND", "G\u00c9T"])
def test_a_method_that_is_none_of_the_contracts_is_405(as_, operator, build, method):
    answer = as_(operator).generic(method, f"/v1/build/{build.pk}")
    assert (answer.status_code, answer.json()["code"]) == (405, "CKSY1405000")
    assert "TRACE" not in answer.headers.get("Allow", "")


@pytest.mark.parametrize("header", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"])
def test_a_header_that_names_another_method_is_not_looked_at(as_, operator, build, header):
    answer = as_(operator).post(f"/v1/build/run/{build.pk}?_method=DELETE", headers={header: "DELETE"})
    assert answer.status_code == 200
    build.refresh_from_db()
    assert build.removed_at is None
    assert as_(operator).get("/v1/build", headers={header: "DELETE"}).status_code == 200


@pytest.mark.parametrize(
    "accept",
    [
        "*/*",
        "application/json; charset=utf-8",
        "text/html, application/xhtml+xml, */*;q=0.8",
        "application/json;q=0",
        "",
        "text/html",
        "application/xml",
        "image/*",
        "json",
        ";;;",
        "*/*;q=abc",
        "application/json; a=" + "b" * 100,
        ",".join(["text/x"] * 500),
        "\xff\xfe",
    ],
)
def test_any_accept_is_answered_as_json(as_, operator, accept):
    for prefix in ("/v1", "/api"):
        answer = as_(operator).get(f"{prefix}/build", headers={"Accept": accept})
        assert answer["Content-Type"] in ANSWERS
        assert answer.status_code == 200


@pytest.mark.parametrize(
    "name", ["", "short", "a" * 65, "a b c d e", "<script>alert(1)</script>", "abc\u00e9defgh", "../../etc/passwd"]
)
def test_a_request_id_that_is_not_harmless_is_replaced(api, name):
    answer = api.get("/v1/nothing", headers={"X-Request-Id": name})
    assert answer["X-Request-Id"] != name
    assert answer.json()["requestId"] == answer["X-Request-Id"]
    assert len(answer["X-Request-Id"]) == 16


@pytest.mark.parametrize("path", ["/v1/build", "/v1", "/api/x", "/v1/build/run/{run}/log.txt", "/%2fv1/x"])
def test_every_answer_has_a_request_id(api, as_, operator, run, path):
    for client in (api, as_(operator)):
        answer = client.get(path.format(run=run.pk), headers={"X-Request-Id": "my-request-0001"})
        assert answer["X-Request-Id"] == "my-request-0001"


def test_a_body_over_the_limit_is_413(as_, operator):
    for prefix, status in (("/v1", 413), ("/api", 200)):
        body = b" " * (2 * 1024**2 + 1)
        answer = as_(operator).post(f"{prefix}/build", body, content_type="application/json")
        assert (answer.status_code, answer.json()["code"]) == (status, "CKSY1400000")
    assert not Build.objects.exists()


def test_a_signed_in_page_user_without_csrf_token_gets_no_page(operator, build):
    client = APIClient(enforce_csrf_checks=True, raise_request_exception=False)
    client.force_login(operator)
    for prefix in ("/v1", "/api"):
        answer = client.post(f"{prefix}/build/run/{build.pk}", headers={"Origin": "https://evil.example"})
        assert (answer.status_code, answer.json()["code"]) == (403, "CCCM1044000")
    assert not build.runs.exists()


@pytest.mark.parametrize(
    "content_type",
    ["multipart/form-data", "application/x-www-form-urlencoded; charset=utf-16", "multipart/form-data; boundary=\xe9"],
)
def test_a_form_that_cannot_be_searched_for_its_csrf_token_is_a_400(operator, content_type):
    client = APIClient(enforce_csrf_checks=True, raise_request_exception=False)
    client.force_login(operator)
    client.cookies["csrftoken"] = "a" * 32
    answer = client.generic("POST", "/v1/build/import", b"a=b", content_type=content_type)
    assert (answer.status_code, answer.json()["code"]) == (400, "CKSY1400000")
