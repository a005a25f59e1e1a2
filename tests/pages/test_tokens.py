"""`/account/tokens`: a token is shown once, works, and stops when it is revoked."""

import pytest
from django.test import Client

from builds.models import Account, ApiToken
from builds.pages import shown_once
from builds.services.accounts.access import caller_for
from tests.pages.reading import read
from tests.pages.test_safety import EVIL
from tests.support.people import make_build, make_person

FIELDS = {"name": "ci", "scopes": ["read", "run"], "days": "30", "allowedRanges": "127.0.0.0/8\r\n10.1.2.3",
          "blockedRanges": "10.0.0.0/8", "requestsPerMinute": "60"}  # fmt: skip


def issue(client: Client, **changes: object) -> str:
    """Issue a token through the form and return it."""
    return read(client.post("/account/tokens", FIELDS | changes, follow=True)).one("data-secret").text


def listed(word: str, path: str = "/v1/build") -> int:
    """Call the API with a token; return the status."""
    return Client().get(path, headers={"Authorization": f"Bearer {word}"}).status_code


def test_a_token_is_shown_once_works_and_is_never_shown_again(as_, operator, account):
    client = as_(operator)
    page = read(client.post("/account/tokens", FIELDS, follow=True))
    word = page.one("data-secret").text
    assert word.startswith("bh_")
    assert f'curl -H "Authorization: Bearer {word}" http://testserver/v1/build' in page.main_text
    assert listed(word) == 200
    assert word not in client.get("/account/tokens").content.decode()
    stored = ApiToken.objects.get()
    assert (stored.owner, stored.account, stored.scopes) == (operator.user, account, ["read", "run"])
    assert (stored.allowed_ranges, stored.blocked_ranges) == (["127.0.0.0/8", "10.1.2.3/32"], ["10.0.0.0/8"])
    assert (stored.requests_per_minute, stored.limited_to_builds) == (60, False)
    assert stored.expires_at is not None
    assert word not in stored.digest


def test_issuing_leads_to_a_page_that_can_be_loaded_again_and_no_address_has_the_secret(as_, operator):
    client = as_(operator)
    answer = client.post("/account/tokens", FIELDS)
    assert (answer.status_code, answer["Location"]) == (302, "/account/tokens")
    kept = str(dict(client.session))
    word = read(client.get(answer["Location"])).one("data-secret").text
    assert word not in kept  # where it waited it was encrypted
    assert not read(client.get(answer["Location"])).with_("data-secret")
    assert "shown_once" not in str(dict(client.session))
    assert ApiToken.objects.count() == 1


def test_a_token_that_nobody_came_to_see_is_not_shown_later(as_, operator, monkeypatch):
    client = as_(operator)
    client.post("/account/tokens", FIELDS)
    monkeypatch.setattr(shown_once, "KEPT_SECONDS", -1)
    assert not read(client.get("/account/tokens")).with_("data-secret")
    monkeypatch.undo()
    assert not read(client.get("/account/tokens")).with_("data-secret")


def test_a_token_without_days_does_not_expire(as_, operator):
    issue(as_(operator), days="")
    assert ApiToken.objects.get().expires_at is None


def test_a_token_can_be_limited_to_builds(as_, operator, build):
    other = make_build(operator, "FROM scratch\n", name="other")
    word = issue(as_(operator), onlyBuilds="1", builds=[str(build.pk)])
    assert listed(word, f"/v1/build/{build.pk}") == 200
    assert listed(word, f"/v1/build/{other.pk}") == 404


def test_a_foreign_build_is_refused_on_its_field(as_, operator, stranger, build):
    theirs = make_build(stranger, "FROM scratch\n", name="theirs")
    page = read(as_(operator).post("/account/tokens", FIELDS | {"onlyBuilds": "1", "builds": [theirs.pk]}), 400)
    assert page.one("id", "builds-error").text
    assert "theirs" not in page.main_text
    assert not ApiToken.objects.exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", ""), ("name", "x" * 101), ("scopes", []), ("scopes", ["root"]), ("days", "soon"), ("days", "0"),
     ("allowedRanges", "10.0.0.0/99"), ("blockedRanges", "everywhere"), ("requestsPerMinute", "-5")],
)  # fmt: skip
def test_a_wrong_field_is_refused_beside_it_and_what_was_typed_is_kept(as_, operator, field, value):
    page = read(as_(operator).post("/account/tokens", FIELDS | {field: value}), 400)
    assert page.one("id", f"{field}-error").text
    assert "1 field needs a change" in page.main_text
    assert page.one("id", "days").attributes["value"] == (value if field == "days" else "30")
    assert not ApiToken.objects.exists()


def test_revoking_asks_first_and_stops_the_token(as_, operator):
    client = as_(operator)
    word, token = issue(client), ApiToken.objects.get()
    question = read(client.get(f"/account/tokens/{token.pk}/revoke"))
    assert "data-confirm" in question.html
    assert listed(word) == 200
    assert client.post(f"/account/tokens/{token.pk}/revoke")["Location"] == "/account/tokens"
    assert listed(word) == 401
    row = read(client.get("/account/tokens")).one("data-token")
    assert row.attributes["data-token-state"] == "revoked"
    assert "Revoke…" not in row.text


def test_others_see_of_a_token_what_their_role_allows(as_, page, operator, viewer, admin, stranger):
    issue(as_(operator))
    token = ApiToken.objects.get()
    assert not page("/account/tokens", viewer).with_("data-token")
    assert not page("/account/tokens", stranger).with_("data-token")
    row = page("/account/tokens", admin).one("data-token")
    assert "of operator" in row.text
    assert "127.0.0.0/8" not in row.text
    for caller in (viewer, stranger):
        assert as_(caller).post(f"/account/tokens/{token.pk}/revoke").status_code == 404
    assert ApiToken.objects.get().revoked_at is None
    assert as_(admin).post(f"/account/tokens/{token.pk}/revoke").status_code == 302
    assert ApiToken.objects.get().revoked_at is not None


def test_names_become_no_markup(as_, operator):
    client = as_(operator)
    answer = client.post("/account/tokens", FIELDS | {"name": EVIL}, follow=True)
    assert answer.status_code == 200
    for html in (
        answer.content.decode(),
        client.get(f"/account/tokens/{ApiToken.objects.get().pk}/revoke").content.decode(),
    ):
        assert "<script>alert" not in html
        assert "<img src=x" not in html


def test_no_token_is_issued_for_an_account_of_others(as_, operator, account):
    theirs = Account.objects.create(name="theirs")
    assert as_(operator).post(f"/account/tokens?account={theirs.pk}", FIELDS).status_code == 404
    lonely = caller_for(make_person("lonely", None, None))
    assert as_(lonely).post("/account/tokens", FIELDS).status_code == 404
    assert not ApiToken.objects.exists()


def test_older_tokens_are_on_the_next_page(as_, page, operator, account):
    ApiToken.objects.bulk_create(
        ApiToken(name=f"old-{n}", owner=operator.user, account=account, digest=f"{n:064}", scopes=["read"])
        for n in range(51)
    )
    first = page("/account/tokens", operator)
    assert len(first.with_("data-token")) == 50
    rest = page(first.one("rel", "next").attributes["href"].replace("&amp;", "&"), operator)
    assert [row.text.split()[0] for row in rest.with_("data-token")] == ["old-0"]
