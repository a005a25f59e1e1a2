"""A hundred copies of one press at the same moment: one run, one answer for all of them."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections
from rest_framework.test import APIClient

from builds.domain.access import Role, Scope
from builds.models import Build, BuildRun, KeptAnswer
from builds.services.accounts.access import caller_for
from builds.services.accounts.tokens import issue_token
from builds.services.builds.edit import create_build
from tests.api.making import a_draft, make_member

pytestmark = pytest.mark.django_db(transaction=True)
THREADS = 20


@pytest.fixture
def press(account):
    """Press the one build many times at once, each time with the key that is given for that call."""
    user = make_member("operator", account, Role.OPERATOR)
    build = create_build(caller=caller_for(user), draft=a_draft())
    word = issue_token(owner=user, account=account, name="test", scopes=list(Scope))

    def one(key):
        client = APIClient(raise_request_exception=False)
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {word}")
        try:
            return client.post(f"/v1/build/run/{build.pk}", headers={"Idempotency-Key": key})
        finally:
            connections.close_all()

    def many(keys):
        with ThreadPoolExecutor(THREADS) as pool:
            return list(pool.map(one, keys))

    return many


def test_a_hundred_presses_with_one_key_are_one_run_and_one_answer(press):
    answers = press(["storm"] * 100)
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert sum("Idempotency-Replayed" not in answer.headers for answer in answers) == 1
    assert (BuildRun.objects.count(), KeptAnswer.objects.count()) == (1, 1)


def test_presses_with_keys_of_their_own_follow_the_rule_of_the_build(press):
    Build.objects.update(when_running="QUEUE", auto_tag=True, auto_tag_prefix="v", auto_tag_sequence="SEQUENCE")
    answers = press([f"storm-{number % 10}" for number in range(40)])
    assert {answer.status_code for answer in answers} == {200}
    numbers = {answer.json()["buildNo"] for answer in answers}
    assert numbers == set(range(1, 11))
    assert BuildRun.objects.count() == 10
