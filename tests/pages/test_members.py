"""`/account/members`: who belongs to an account, and in which role."""

import pytest

from builds.domain.access import Role
from builds.models import Membership
from tests.pages.reading import read
from tests.pages.test_account import banner
from tests.support.people import make_person


def of(caller, account) -> Membership:
    """Return somebody's membership."""
    return Membership.objects.get(user=caller.user, account=account)


def test_an_admin_sees_the_members_and_adds_one_by_user_name(as_, page, admin, operator, account):
    newcomer = make_person("newcomer", None, None)
    rows = {e.attributes["data-member"] for e in page("/account/members", admin).with_("data-member")}
    assert rows == {str(of(admin, account).pk), str(of(operator, account).pk)}
    answer = as_(admin).post("/account/members", {"userName": "newcomer", "role": "OPERATOR"}, follow=True)
    assert "newcomer is a member now" in answer.content.decode()
    assert Membership.objects.get(user=newcomer).role == Role.OPERATOR


@pytest.mark.parametrize(("sent", "field"), [({"userName": "nobody", "role": "VIEWER"}, "userName"),
                                             ({"userName": "no\0body", "role": "VIEWER"}, "userName"),
                                             ({"userName": "operator", "role": "VIEWER"}, "userName"),
                                             ({"userName": "newcomer", "role": "EMPEROR"}, "role")])  # fmt: skip
def test_what_is_refused_stands_beside_its_field(as_, admin, operator, account, sent, field):
    make_person("newcomer", None, None)
    page = read(as_(admin).post("/account/members", sent), 400)
    assert page.one("id", f"{field}-error").text
    assert page.one("id", "userName").attributes["value"] == sent["userName"]
    assert Membership.objects.filter(account=account).count() == 2


def test_a_role_is_changed(as_, admin, operator, account):
    member = of(operator, account)
    assert as_(admin).post(f"/account/members/{member.pk}/role", {"role": "VIEWER"}).status_code == 302
    member.refresh_from_db()
    assert member.role == Role.VIEWER


def test_the_last_admin_stays_and_the_page_says_why(as_, admin, account):
    member = of(admin, account)
    for path, sent in ((f"/account/members/{member.pk}/role", {"role": "VIEWER"}),
                       (f"/account/members/{member.pk}/remove", {})):  # fmt: skip
        assert "last admin" in banner(read(as_(admin).post(path, sent), 409))
    member.refresh_from_db()
    assert member.role == Role.ADMIN


def test_removing_asks_first_and_then_removes(as_, admin, operator, account):
    member, client = of(operator, account), as_(admin)
    question = read(client.get(f"/account/members/{member.pk}/remove"))
    assert "operator" in question.main_text
    assert "open" in next(e for e in question.elements if e.name == "dialog").attributes
    assert Membership.objects.filter(pk=member.pk).exists()
    assert client.post(f"/account/members/{member.pk}/remove")["Location"] == "/account/members"
    assert not Membership.objects.filter(pk=member.pk).exists()


@pytest.mark.parametrize("who", ["viewer", "operator"])
def test_who_is_no_admin_sees_and_changes_no_members(request, as_, admin, account, who):
    client, member = as_(request.getfixturevalue(who)), of(admin, account)
    page = read(client.get("/account/members"), 403)
    assert "account admin" in banner(page)
    assert not page.with_("data-member")
    assert client.post("/account/members", {"userName": who, "role": "ADMIN"}).status_code == 403
    assert client.post(f"/account/members/{member.pk}/role", {"role": "VIEWER"}).status_code == 404
    assert of(admin, account).role == Role.ADMIN


def test_a_stranger_finds_no_member_of_another_account(as_, stranger, admin, account):
    member, client = of(admin, account), as_(stranger)
    for path in (f"/account/members/{member.pk}/role", f"/account/members/{member.pk}/remove"):
        assert client.post(path, {"role": "VIEWER"}).status_code == 404
    assert of(admin, account).role == Role.ADMIN
