"""Who calls: tokens, sessions, and nobody."""

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from builds.domain.access import Role, Scope
from builds.models import ApiToken, Membership
from builds.services.accounts.tokens import issue_token


def with_header(value):
    client = APIClient(raise_request_exception=False)
    client.credentials(HTTP_AUTHORIZATION=value)
    return client


@pytest.mark.parametrize("method", ["get", "post", "put", "delete"])
@pytest.mark.parametrize("path", ["/v1/build", "/v1/build/1", "/v1/build/run/1", "/v1/build/run/cancel/1"])
def test_nobody_gets_401_with_a_challenge_whatever_is_asked(api, method, path):
    answer = getattr(api, method)(path)
    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Bearer")
    assert (answer.json()["code"], answer["Content-Type"]) == ("CCCM1009000", "application/problem+json")


@pytest.mark.parametrize(
    "header",
    ["Bearer", "Bearer ", "Bearer bh_x", "bearer bh_" + "a" * 49, "Bearer a b c", "Bearer bh_\xff\xfe", "Basic YTpi"],
)
def test_a_word_that_is_no_token_is_401(header):
    answer = with_header(header).get("/v1/build")
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer")


def test_a_token_acts_as_its_owner_and_remembers_its_use(operator, account, build):
    word = issue_token(owner=operator, account=account, name="ci", scopes=[Scope.READ])
    assert with_header(f"Bearer {word}").get(f"/v1/build/{build.pk}").status_code == 200
    assert ApiToken.objects.get(name="ci").last_used_at is not None


@pytest.mark.parametrize(
    "change",
    [{"revoked_at": timezone.now()}, {"expires_at": timezone.now()}, {"owner__is_active": False}],
    ids=lambda change: next(iter(change)),
)
def test_a_token_that_is_revoked_expired_or_of_an_inactive_user_is_401(operator, account, change):
    word = issue_token(owner=operator, account=account, name="ci", scopes=list(Scope))
    if "owner__is_active" in change:
        operator.is_active = False
        operator.save()
    else:
        ApiToken.objects.update(**change)
    answer = with_header(f"Bearer {word}").get("/v1/build")
    assert (answer.status_code, answer.json()["code"]) == (401, "CCCM1009000")


def test_a_token_loses_what_its_owner_loses(operator, as_, build):
    client = as_(operator)
    Membership.objects.filter(user=operator).update(role=Role.VIEWER)
    assert client.post(f"/v1/build/run/{build.pk}").status_code == 403
    Membership.objects.filter(user=operator).delete()
    assert client.get(f"/v1/build/{build.pk}").status_code == 404


def test_a_token_sees_only_its_account_although_its_owner_sees_more(superuser, as_, build, other_account, account):
    assert as_(superuser, account=account).get(f"/v1/build/{build.pk}").status_code == 200
    assert as_(superuser, account=other_account).get(f"/v1/build/{build.pk}").status_code == 404


def test_a_token_for_some_builds_sees_no_other(operator, account, make_build):
    seen, unseen = make_build(), make_build()
    word = issue_token(owner=operator, account=account, name="narrow", scopes=list(Scope))
    token = ApiToken.objects.get(name="narrow")
    token.builds.add(seen)
    ApiToken.objects.filter(pk=token.pk).update(limited_to_builds=True)
    client = with_header(f"Bearer {word}")
    assert [build["buildSeq"] for build in client.get("/v1/build").json()] == [seen.pk]
    assert client.post(f"/v1/build/run/{unseen.pk}").status_code == 404


@pytest.fixture
def session(operator):
    """A signed-in browser that has its CSRF token checked."""
    client = APIClient(enforce_csrf_checks=True, raise_request_exception=False)
    client.force_login(operator)
    return client


def test_a_session_reads_without_and_writes_only_with_the_csrf_token(session, build):
    assert session.get(f"/v1/build/{build.pk}").status_code == 200
    refused = session.post(f"/v1/build/run/{build.pk}")
    assert (refused.status_code, refused.json()["code"]) == (403, "CCCM1044000")
    assert not build.runs.exists()
    session.cookies["csrftoken"] = "a" * 32
    accepted = session.post(f"/v1/build/run/{build.pk}", headers={"X-CSRFToken": "a" * 32})
    assert accepted.status_code == 200, accepted.content


def test_a_signed_out_session_is_401_and_not_403(session, build):
    session.logout()
    assert session.post(f"/v1/build/run/{build.pk}").status_code == 401


FOREIGN = [
    ("get", "/v1/build/{build}"),
    ("put", "/v1/build/{build}"),
    ("delete", "/v1/build/{build}"),
    ("post", "/v1/build/run/{build}"),
    ("get", "/v1/build/run?buildSeq={build}"),
    ("get", "/v1/build/run/{run}"),
    ("delete", "/v1/build/run/{run}"),
    ("put", "/v1/build/run/cancel/{run}"),
    ("get", "/v1/build/run/log/{run}"),
    ("get", "/v1/build/run/{run}/lines"),
    ("get", "/v1/build/run/{run}/log.txt"),
]


@pytest.mark.parametrize(("method", "path"), FOREIGN)
@pytest.mark.parametrize("who", ["stranger", "nobody"])
def test_what_one_may_not_see_is_404(request, as_, run, method, path, who):
    client = as_(request.getfixturevalue(who))
    answer = getattr(client, method)(path.format(build=run.build_id, run=run.pk))
    assert (answer.status_code, answer.json()["code"]) == (404, "CCCM1048000")
    run.refresh_from_db()
    assert run.cancel_requested_at is None


def test_lists_of_a_stranger_are_empty(as_, stranger, run):
    client = as_(stranger)
    assert client.get("/v1/build").json() == []
    assert client.get("/v1/build", {"accountSeq": run.account_id}).json() == []
    assert client.get("/v1/build/queue").json()["waiting"] == []
