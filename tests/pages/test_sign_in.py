"""Signing in and out."""

import pytest
from django.test import Client

from tests.pages.reading import read


@pytest.mark.parametrize(
    "path", ["/", "/builds/new", "/builds/1", "/runs/1", "/runs/1/plain", "/runs/1/log.txt", "/runs/1/cancel"]
)
def test_a_page_without_session_leads_to_sign_in_and_back(db, path):
    answer = Client().get(path)
    assert (answer.status_code, answer["Location"]) == (302, f"/accounts/login/?next={path}")


def test_signing_in_leads_back_to_the_page_that_was_asked_for(operator):
    form = {"username": "operator", "password": "operator-password", "next": "/builds/new"}
    answer = Client().post("/accounts/login/", form)
    assert (answer.status_code, answer["Location"]) == (302, "/builds/new")


def test_a_foreign_next_is_not_followed(operator):
    form = {"username": "operator", "password": "operator-password", "next": "//evil.example/"}
    assert Client().post("/accounts/login/", form)["Location"] == "/"


def test_a_wrong_password_keeps_the_name_and_says_so(operator):
    page = read(Client().post("/accounts/login/", {"username": "operator", "password": "wrong"}))
    assert page.one("name", "username").attributes["value"] == "operator"
    assert "correct username and password" in page.main_text


def test_the_sign_in_page_says_what_to_do_without_an_account(db):
    assert "Ask an administrator" in read(Client().get("/accounts/login/")).main_text


def test_signing_out_is_a_form_and_ends_the_session(operator, as_):
    client = as_(operator)
    assert client.get("/accounts/logout/").status_code == 405
    assert client.post("/accounts/logout/").status_code == 302
    assert client.get("/").status_code == 302


def test_a_form_without_its_protection_is_refused_with_a_page(operator, build):
    client = Client(enforce_csrf_checks=True)
    client.force_login(operator.user)
    page = read(client.post(f"/builds/{build.pk}/run"), 403)
    assert "Nothing was changed" in page.main_text
    assert not build.runs.exists()
