"""`manage.py create_token`: the token alone on the last line, or a sentence that says what to do."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from rest_framework.test import APIClient

from builds.models import ApiToken, Membership


def create(*words):
    out, err = StringIO(), StringIO()
    call_command("create_token", *words, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_the_last_line_is_a_token_that_works(operator, build):
    out, err = create("operator")
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {out.splitlines()[-1]}")
    assert client.get(f"/v1/build/{build.pk}").status_code == 200
    assert err == ""


def test_the_token_has_name_scopes_days_and_account(operator, account, other_account):
    Membership.objects.create(account=other_account, user=operator, role="VIEWER")
    create("operator", "--account", str(other_account.pk), "--name", "ci", "--scopes", "run,read", "--days", "2")
    token = ApiToken.objects.get(name="ci")
    assert (token.account, token.scopes) == (other_account, ["read", "run"])
    assert token.expires_at is not None


def test_a_user_without_account_gets_a_token_that_sees_nothing_and_a_warning(nobody, build):
    out, err = create("nobody")
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {out.strip()}")
    assert client.get("/v1/build").json() == []
    assert "sees nothing" in err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["somebody"], "no user somebody"),
        (["operator", "--account", "99999"], "no account 99999"),
        (["operator", "--scopes", "all"], "read, run, write"),
        (["operator", "--days", "0"], "--days"),
        (["operator", "--name", " "], "--name"),
    ],
)
def test_what_cannot_be_made_says_what_to_do(operator, words, says):
    with pytest.raises(CommandError, match=says):
        create(*words)
    assert not ApiToken.objects.exists()


def test_a_foreign_account_is_refused(operator, other_account):
    with pytest.raises(CommandError, match="add the membership first"):
        create("operator", "--account", str(other_account.pk))
