"""`/docs`: error pages for everybody, the API's page for who is signed in."""

import pytest
from django.test import Client

from builds.api.openapi import openapi_document
from builds.domain.error_codes import ErrorCode
from tests.pages.reading import read
from tests.pages.test_safety import INLINE


@pytest.mark.parametrize("code", sorted(ErrorCode))
def test_each_code_has_a_page_that_is_open_and_says_what_to_do(db, code):
    page = read(Client().get(f"/docs/errors/{code}"))
    for text in (code, code.summary, code.happened, code.remedy, "application/problem+json"):
        assert " ".join(text.split()) in page.main_text
    documented = openapi_document("/v1")["components"]["examples"][code]["value"]["status"]
    assert f'"status": {documented},' in page.main_text
    assert not INLINE.search(page.html)


def test_the_index_leads_to_every_code(db):
    links = {e.attributes["href"] for e in read(Client().get("/docs/errors")).with_("href")}
    assert {f"/docs/errors/{code}" for code in ErrorCode} <= links


def test_the_type_of_a_problem_leads_to_its_page(as_, operator, build):
    problem = as_(operator).get("/v1/build/999999").json()
    page = read(Client().get(problem["type"]))
    assert problem["title"] in page.main_text


@pytest.mark.parametrize("code", ["CCCM9999999", "x", "CCCM1004000x"])
def test_an_unknown_code_is_not_there(db, code):
    assert Client().get(f"/docs/errors/{code}").status_code == 404


def test_the_api_page_needs_sign_in_and_has_no_inline_script(as_, viewer):
    assert Client().get("/docs/api")["Location"] == "/accounts/login/?next=/docs/api"
    page = read(as_(viewer).get("/docs/api"))
    assert page.one("data-api").attributes["data-schema"] == "/v1/openapi.json"
    assert page.one("data-api").attributes["data-csrf"]
    assert not INLINE.search(page.html)
