"""`/account` and `/account/members`: settings, webhook secret and members, by role."""

import pytest

from builds.domain.access import Role
from builds.models import Account, Membership
from builds.services.accounts.access import caller_for
from tests.pages.reading import read
from tests.support.people import make_person


def banner(page):
    """Return the sentence of the page's banner."""
    shown = page.one("data-banner")
    assert "hidden" not in shown.attributes
    return shown.text


def inputs(page):
    """Return the names of the fields in <main>."""
    return {e.attributes["name"] for e in page.with_("name") if e.parents and "main" in {p.name for p in e.parents}}


@pytest.fixture
def second(admin) -> Account:
    """An account of which the admin is a viewer."""
    account = Account.objects.create(name="second")
    Membership.objects.create(account=account, user=admin.user, role=Role.VIEWER)
    return account


@pytest.mark.parametrize(("who", "may_change"), [("viewer", False), ("operator", False), ("admin", True)])
def test_the_account_page_shows_the_role_and_lets_only_admins_change_it(request, page, account, who, may_change):
    found = page("/account", request.getfixturevalue(who))
    assert ("timeZone" in inputs(found)) is may_change
    assert ("webhook-secret" in found.html) is may_change
    assert ("account admin" if who == "admin" else who) in found.main_text
    assert found.one("aria-current", "page").text == "Account"


def test_an_admin_changes_name_and_time_zone(as_, admin, account):
    answer = as_(admin).post("/account", {"name": "Platform", "timeZone": "Europe/Vienna"})
    assert (answer.status_code, answer["Location"]) == (302, "/account")
    account.refresh_from_db()
    assert (account.name, account.time_zone) == ("Platform", "Europe/Vienna")


def test_a_wrong_time_zone_is_refused_beside_its_field_and_kept_as_typed(as_, admin):
    page = read(as_(admin).post("/account", {"name": "Platform", "timeZone": "Mars/Olympus"}), 400)
    field = page.one("id", "timeZone")
    assert (field.attributes["aria-invalid"], field.attributes["value"]) == ("true", "Mars/Olympus")
    assert page.one("id", "timeZone-error").text


def test_an_operator_cannot_change_the_account(as_, operator, account):
    page = read(as_(operator).post("/account", {"name": "Mine", "timeZone": "UTC"}), 403)
    assert "account admin" in banner(page)
    account.refresh_from_db()
    assert account.name == "default"


def test_a_webhook_secret_is_asked_for_shown_once_and_never_again(as_, admin):
    client = as_(admin)
    question = read(client.get("/account/webhook-secret"))
    assert question.one("data-confirm").text == "Make a new secret"
    secret = read(client.post("/account/webhook-secret", follow=True)).one("data-secret").text
    assert secret.startswith("whsec_")
    assert secret not in client.get("/account").content.decode()
    assert read(client.post("/account/webhook-secret", follow=True)).one("data-secret").text != secret


def test_making_a_webhook_secret_leads_to_a_page_that_can_be_loaded_again(as_, admin):
    client = as_(admin)
    answer = client.post("/account/webhook-secret")
    assert (answer.status_code, answer["Location"]) == (302, "/account")


def test_an_operator_cannot_make_a_webhook_secret(as_, operator):
    page = read(as_(operator).post("/account/webhook-secret"), 403)
    assert not page.with_("data-secret")


def test_a_member_of_two_accounts_chooses_and_stays_there(as_, page, admin, second):
    found = page(f"/account?account={second.pk}", admin)
    assert "viewer" in found.main_text
    assert "timeZone" not in inputs(found)
    links = {e.attributes["href"] for e in found.with_("href")}
    assert f"/account/tokens?account={second.pk}" in links
    assert as_(admin).post(f"/account?account={second.pk}", {"name": "x", "timeZone": "UTC"}).status_code == 403


@pytest.mark.parametrize("path", ["/account", "/account/tokens", "/account/members", "/account/webhook-secret"])
@pytest.mark.parametrize("wanted", ["{}", "999999", "x", "-1"])
def test_a_foreign_account_is_not_there(as_, stranger, account, path, wanted):
    asked = f"{path}?account={wanted.format(account.pk)}"
    assert as_(stranger).get(asked).status_code == 404
    assert as_(stranger).post(asked, {"name": "mine", "timeZone": "UTC"}).status_code == 404
    account.refresh_from_db()
    assert account.name == "default"


@pytest.mark.parametrize("path", ["/account", "/account/tokens", "/account/members"])
def test_somebody_without_account_is_told_what_to_do(page, account, path):
    lonely = caller_for(make_person("lonely", None, None))
    assert "You belong to no account" in page(path, lonely).main_text


def test_an_instance_admin_reaches_every_account(page, account):
    root = caller_for(make_person("root", Role.INSTANCE_ADMIN, None))
    theirs = Account.objects.create(name="theirs")
    found = page(f"/account?account={theirs.pk}", root)
    assert "timeZone" in inputs(found)
    assert "theirs" in found.main_text
