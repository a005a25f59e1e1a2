"""The ledger at the API: what was told to whom, every attempt, and sending again."""

import pytest
from django.db.models.functions import Now

from builds.domain.access import Scope
from builds.models import Activity, BuildRun, CallbackDelivery, DeliveryAttempt
from builds.services import callbacks
from builds.services.accounts.access import caller_for
from builds.services.runs.parameters import RunAsk
from builds.services.runs.start import start_run

URL = "https://hooks.example/a?key=1"
FIELDS = "number event what url state webhookId attemptCount dueAt deliveredAt created attempts"
ATTEMPT_FIELDS = "number beginTime endTime status answer error askedBy"


@pytest.fixture
def told_run(build, operator) -> BuildRun:
    """A run with one delivery that has failed once."""
    run = start_run(build_id=build.pk, caller=caller_for(operator), ask=RunAsk(callback_url=URL))
    delivery = CallbackDelivery.objects.get(run=run)
    DeliveryAttempt.objects.create(
        delivery=delivery, number=1, begin_time=Now(), end_time=Now(), status=500, answer="no"
    )
    return run


def test_the_ledger_of_a_run_has_every_field(told_run, viewer, as_):
    answer = as_(viewer).get(f"/v1/build/run/{told_run.pk}/callbacks")
    assert answer.status_code == 200
    (delivery,) = answer.json()
    assert list(delivery) == FIELDS.split()
    assert (delivery["number"], delivery["what"], delivery["url"]) == (1, "accepted", URL)
    assert (delivery["state"], delivery["attemptCount"], delivery["deliveredAt"]) == ("WAITING", 1, None)
    (attempt,) = delivery["attempts"]
    assert list(attempt) == ATTEMPT_FIELDS.split()
    assert (attempt["status"], attempt["answer"], attempt["error"], attempt["askedBy"]) == (500, "no", None, None)


def test_the_enveloped_dialect_carries_the_same(told_run, viewer, as_):
    plain = as_(viewer).get(f"/v1/build/run/{told_run.pk}/callbacks").json()
    enveloped = as_(viewer).get(f"/api/build/run/{told_run.pk}/callbacks").json()
    assert (enveloped["status"], enveloped["result"]) == ("ok", plain)


def test_sending_again_answers_the_delivery_with_who_asked(told_run, operator, as_):
    answer = as_(operator).post(f"/v1/build/run/{told_run.pk}/callbacks/1/resend")
    assert answer.status_code == 200
    delivery = answer.json()
    assert (delivery["number"], delivery["state"]) == (1, "WAITING")
    assert [attempt["askedBy"] for attempt in delivery["attempts"]] == [None, "operator"]
    assert delivery["attempts"][1]["endTime"] is None
    assert Activity.objects.filter(run=told_run, did="sent a callback again", detail="callback 1").exists()


def test_sending_again_twice_opens_one_attempt(told_run, operator, as_):
    for _ in range(2):
        delivery = as_(operator).post(f"/v1/build/run/{told_run.pk}/callbacks/1/resend").json()
    assert delivery["attemptCount"] == 2


@pytest.mark.parametrize(("who", "scopes", "status"), [("viewer", None, 403), ("operator", [Scope.READ], 403)])
def test_sending_again_needs_role_and_scope(told_run, as_, request, who, scopes, status):
    client = as_(request.getfixturevalue(who), scopes=scopes)
    assert client.post(f"/v1/build/run/{told_run.pk}/callbacks/1/resend").status_code == status


def test_foreign_runs_and_unknown_numbers_are_not_found(told_run, operator, stranger, as_):
    path = f"/v1/build/run/{told_run.pk}/callbacks"
    assert as_(stranger).get(path).status_code == 404
    assert as_(stranger).post(f"{path}/1/resend").status_code == 404
    assert as_(operator).post(f"{path}/2/resend").status_code == 404
    assert as_(operator).post(f"{path}/x/resend").status_code == 400


def test_the_ledger_is_read_with_the_same_queries_however_long(
    told_run, operator, as_, django_assert_max_num_queries, django_assert_num_queries
):
    client = as_(operator)
    path = f"/v1/build/run/{told_run.pk}/callbacks"
    client.get(path)
    with django_assert_max_num_queries(20) as captured:
        client.get(path)
        for_one = len(captured)
    for _ in range(5):
        callbacks.note_run(told_run.pk, what="step")
    for number, delivery in enumerate(CallbackDelivery.objects.filter(run=told_run), start=2):
        DeliveryAttempt.objects.create(
            delivery=delivery, number=number, begin_time=Now(), end_time=Now(), status=200, asked_by=operator
        )
    client.get(path)
    with django_assert_num_queries(for_one + 1):  # and one for who asked
        assert len(client.get(path).json()) == 6
