"""What a token carries holds at every call: address ranges, requests a minute, builds, expiry."""

from datetime import timedelta

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from builds.domain.access import Scope
from builds.models import ApiToken, WrongTokens
from builds.services.accounts.tokens import MOST_WRONG_TOKENS, issue_token


@pytest.fixture
def with_token(operator, account):
    """A client with a token of the operator that has these limits."""

    def client(**limits):
        word = issue_token(owner=operator, account=account, name="ci", scopes=list(Scope), **limits)
        found = APIClient(raise_request_exception=False)
        found.credentials(HTTP_AUTHORIZATION=f"Bearer {word}")
        return found

    return client


@pytest.mark.parametrize("prefix", ["/v1", "/api"])
@pytest.mark.parametrize(
    ("limits", "address", "status"),
    [
        ({"allowed_ranges": ["192.0.2.0/24"]}, "192.0.2.7", 200),
        ({"allowed_ranges": ["192.0.2.0/24"]}, "198.51.100.1", 403),
        ({"blocked_ranges": ["192.0.2.0/24"]}, "192.0.2.7", 403),
        ({"allowed_ranges": ["192.0.2.0/24"], "blocked_ranges": ["192.0.2.7"]}, "192.0.2.7", 403),
        ({"blocked_ranges": ["192.0.2.0/24"]}, "::ffff:192.0.2.7", 403),
        ({"allowed_ranges": ["2001:db8::/32"]}, "2001:db8::7", 200),
    ],
)
def test_a_token_is_used_from_its_addresses_only(with_token, prefix, limits, address, status):
    answer = with_token(**limits).get(f"{prefix}/build", REMOTE_ADDR=address)
    assert answer.status_code == status
    if status == 403:
        told = answer.json()
        assert told["code"] == "CCCM1044000"
        assert address.removeprefix("::ffff:") in (told.get("detail") or told["message"])


def test_a_forwarded_address_is_not_believed(with_token):
    client = with_token(allowed_ranges=["192.0.2.0/24"])
    headers = {"X-Forwarded-For": "192.0.2.7", "X-Real-IP": "192.0.2.7", "Forwarded": "for=192.0.2.7"}
    assert client.get("/v1/build", headers=headers, REMOTE_ADDR="198.51.100.1").status_code == 403


@pytest.mark.parametrize("prefix", ["/v1", "/api"])
def test_over_the_limit_a_call_is_429_with_the_seconds_to_wait(with_token, prefix):
    client = with_token(requests_per_minute=2)
    assert [client.get(f"{prefix}/build").status_code for _ in range(2)] == [200, 200]
    answer = client.get(f"{prefix}/build")
    assert (answer.status_code, answer.json()["code"]) == (429, "CCCM1008000")
    assert 1 <= int(answer["Retry-After"]) <= 60
    ApiToken.objects.update(minute_began_at=timezone.now() - timedelta(minutes=1, seconds=1))
    assert client.get(f"{prefix}/build").status_code == 200


def test_refused_calls_count_too_and_the_limit_is_each_tokens_own(with_token):
    one, other = with_token(requests_per_minute=1), with_token(requests_per_minute=1)
    assert one.get("/v1/build/999999").status_code == 404
    assert one.get("/v1/build").status_code == 429
    assert other.get("/v1/build").status_code == 200


def test_a_call_over_the_limit_does_nothing(with_token, build):
    client = with_token(requests_per_minute=1)
    client.get("/v1/build")
    answer = client.post(f"/v1/build/run/{build.pk}", headers={"Idempotency-Key": "one"})
    assert answer.status_code == 429
    assert not build.runs.exists()


def test_a_session_has_no_limit_of_requests(api, operator, with_token):
    with_token(requests_per_minute=1).get("/v1/build")
    api.force_login(operator)
    assert [api.get("/v1/build").status_code for _ in range(3)] == [200] * 3


def test_a_token_for_some_builds_neither_sees_others_nor_makes_new_ones(with_token, build, make_build):
    other = make_build(imageName="other")
    client = with_token(build_ids=[build.pk])
    assert [found["buildSeq"] for found in client.get("/v1/build").json()] == [build.pk]
    assert client.get(f"/v1/build/{other.pk}").status_code == 404
    assert client.post(f"/v1/build/run/{other.pk}").status_code == 404
    assert client.post(f"/v1/build/run/{build.pk}").status_code == 200


def test_the_last_use_is_remembered_once_a_minute(with_token):
    client = with_token()
    client.get("/v1/build")
    first = ApiToken.objects.get().last_used_at
    client.get("/v1/build")
    assert ApiToken.objects.get().last_used_at == first is not None


def test_an_expired_token_says_so(with_token):
    client = with_token(days=1)
    assert client.get("/v1/build").status_code == 200
    ApiToken.objects.update(expires_at=timezone.now())
    answer = client.get("/v1/build")
    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, 'Bearer error="invalid_token"')


@pytest.fixture
def guess(api):
    """Send a token from an address."""

    def send(word, address="192.0.2.7", path="/v1/build"):
        return api.get(path, headers={"Authorization": f"Bearer {word}"}, REMOTE_ADDR=address)

    return send


@pytest.mark.parametrize("path", ["/v1/build", "/api/build"])
def test_too_many_wrong_tokens_from_an_address_are_429_and_a_right_one_goes_on(guess, operator, account, path):
    word = issue_token(owner=operator, account=account, name="ci", scopes=list(Scope))
    assert {guess(f"bh_{number}", path=path).status_code for number in range(MOST_WRONG_TOKENS)} == {401}
    answer = guess("bh_wrong", path=path)
    assert (answer.status_code, answer.json()["code"]) == (429, "CCCM1008000")
    assert 1 <= int(answer["Retry-After"]) <= 60
    told = answer.json()
    assert f"come again in {answer['Retry-After']} s." in (told.get("detail") or told["message"])
    assert guess(word, path=path).status_code == 200
    assert guess("bh_wrong", address="198.51.100.1").status_code == 401
    WrongTokens.objects.update(minute_began_at=timezone.now() - timedelta(minutes=1, seconds=1))
    assert guess("bh_wrong", path=path).status_code == 401


def test_counts_of_wrong_tokens_are_not_kept(guess):
    guess("bh_wrong")
    WrongTokens.objects.update(minute_began_at=timezone.now() - timedelta(hours=2))
    guess("bh_wrong", address="198.51.100.1")
    assert [row.address for row in WrongTokens.objects.all()] == ["198.51.100.1"]
