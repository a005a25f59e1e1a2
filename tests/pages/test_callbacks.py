"""The ledger of callbacks: every attempt, sending again by right, answers as text."""

import pytest
from django.utils import timezone

from builds.models import CallbackDelivery
from builds.services.runs.parameters import RunAsk
from builds.services.runs.start import start_run
from tests.pages.reading import read
from tests.pages.test_safety import EVIL

URL = "https://receiver.example/hook?token=the-one-canary"


@pytest.fixture
def run(build, operator):
    """A run with a callback URL: its acceptance is noted."""
    return start_run(build_id=build.pk, caller=operator, ask=RunAsk(callback_url=URL))


@pytest.fixture
def tried(run) -> CallbackDelivery:
    """Its first delivery, which failed twice."""
    delivery = run.callbacks.get(number=1)
    now = timezone.now()
    delivery.attempts.create(number=1, begin_time=now, end_time=now, status=503, answer=EVIL)
    delivery.attempts.create(number=2, begin_time=now, end_time=now, error="The receiver did not answer in time.")
    delivery.attempt_count = 2
    delivery.save()
    return delivery


def test_the_ledger_shows_every_attempt_in_words_and_the_answer_as_text(page, viewer, run, tried):
    found = page(f"/runs/{run.pk}/callbacks", viewer)
    first, second = found.with_("data-attempt")
    assert "503 Service Unavailable" in first.text
    assert "<script>alert(1)</script>" in first.text
    assert "<script>alert" not in found.html
    assert "No answer" in second.text
    assert "did not answer in time" in second.text
    assert "will be tried again" in found.one("data-delivery").text


def test_the_query_of_an_address_is_shown_to_nobody(page, admin, run, tried):
    found = page(f"/runs/{run.pk}/callbacks", admin)
    assert "https://receiver.example/hook?…" in found.main_text
    assert "the-one-canary" not in found.html


def test_the_run_page_leads_there_with_a_count_and_a_mark_when_one_failed(page, viewer, run, tried):
    fact = page(f"/runs/{run.pk}", viewer).one("data-callbacks")
    assert "1 delivery" in fact.text
    assert "1 failed so far" in fact.text


def test_a_delivery_that_waits_for_an_earlier_one_says_so_and_names_no_time(page, viewer, run, tried):
    later = CallbackDelivery.objects.get(pk=tried.pk)
    later.pk, later.number, later.webhook_id, later.attempt_count = None, 2, "msg_2", 0
    later.save()
    later.pk, later.number, later.webhook_id, later.url = None, 3, "msg_3", "https://other.example/hook"
    later.save()
    first, second, third = (e.text for e in page(f"/runs/{run.pk}/callbacks", viewer).with_("data-delivery"))
    assert "will be tried again" in first
    assert "Next attempt" in first
    assert "Waits for delivery 1" in second
    assert "Next attempt" not in second
    assert "Waits to be sent" in third  # another receiver: nobody is before it


def test_a_delivery_that_is_sent_again_waits_for_none(page, viewer, run, tried):
    later = CallbackDelivery.objects.get(pk=tried.pk)
    later.pk, later.number, later.webhook_id, later.delivered_at = None, 2, "msg_2", timezone.now()
    later.save()
    _first, second = page(f"/runs/{run.pk}/callbacks", viewer).with_("data-delivery")
    assert "Waits for" not in second.text


def test_a_run_without_callbacks_says_how_to_get_some(page, build, operator):
    run = start_run(build_id=build.pk, caller=operator)
    assert not page(f"/runs/{run.pk}", operator).with_("data-callbacks")
    found = page(f"/runs/{run.pk}/callbacks", operator)
    assert "Give one with the press" in found.main_text
    assert f"/builds/{build.pk}" in [e.attributes.get("href") for e in found.elements]


def test_an_operator_sends_a_delivery_again(as_, operator, run, tried):
    CallbackDelivery.objects.update(state="GIVEN_UP")
    answer = as_(operator).post(f"/runs/{run.pk}/callbacks/1/resend")
    assert (answer.status_code, answer["Location"]) == (302, f"/runs/{run.pk}/callbacks")
    tried.refresh_from_db()
    assert tried.state == "WAITING"


def test_a_viewer_has_no_button_and_is_refused(as_, page, viewer, run, tried):
    CallbackDelivery.objects.update(state="GIVEN_UP")
    found = page(f"/runs/{run.pk}/callbacks", viewer)
    assert not [e for e in found.elements if e.name == "button" and "Send again" in e.text]
    assert "role operator" in found.main_text
    refused = read(as_(viewer).post(f"/runs/{run.pk}/callbacks/1/resend"), 403)
    assert "role operator" in refused.one("data-banner").text
    tried.refresh_from_db()
    assert tried.state == "GIVEN_UP"


def test_what_is_foreign_or_not_there_is_404(as_, stranger, operator, run, tried):
    assert as_(stranger).get(f"/runs/{run.pk}/callbacks").status_code == 404
    assert as_(stranger).post(f"/runs/{run.pk}/callbacks/1/resend").status_code == 404
    assert as_(operator).post(f"/runs/{run.pk}/callbacks/99/resend").status_code == 404


def test_the_ledger_needs_no_more_statements_for_more_deliveries(
    as_, operator, run, tried, django_assert_max_num_queries, django_assert_num_queries
):
    client = as_(operator)
    with django_assert_max_num_queries(14) as one:
        client.get(f"/runs/{run.pk}/callbacks")
    for number in range(2, 9):
        more = CallbackDelivery.objects.get(pk=tried.pk)
        more.pk, more.number, more.webhook_id = None, number, f"msg_{number}"
        more.save()
    with django_assert_num_queries(len(one)):
        client.get(f"/runs/{run.pk}/callbacks")
