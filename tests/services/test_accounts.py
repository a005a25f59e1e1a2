"""Members, roles and settings of an account: the last admin stays, nobody raises the own role."""

import pytest
from django.contrib.auth.models import User

from builds.domain.access import Role
from builds.domain.errors import Invalid, NoRight, NotFound, NotPossible
from builds.models import Account, Activity, Membership
from builds.services.accounts.access import caller_for
from builds.services.accounts.accounts import change_account
from builds.services.accounts.members import add_member, change_role, members_of, remove_member
from tests.support.people import make_person


@pytest.fixture
def admin(account):
    return caller_for(make_person("admin", Role.ADMIN, account))


@pytest.fixture
def outsider(db):
    return make_person("outsider", None, None)


def membership_of(user):
    return Membership.objects.get(user=user)


def test_an_admin_adds_a_user_who_exists_by_name(admin, account, outsider):
    added = add_member(account_id=account.pk, user_name=" outsider ", role="OPERATOR", caller=admin)
    assert caller_for(outsider).role_in(account.pk) is Role.OPERATOR
    assert list(members_of(account.pk, admin)) == [membership_of(admin.user), added]
    act = Activity.objects.get(did="added a member")
    assert (act.account_id, act.by, act.detail) == (account.pk, admin.user, "outsider: operator")


@pytest.mark.parametrize(
    ("user_name", "role", "fields"),
    [
        ("nobody-here", "VIEWER", ["userName"]),
        ("admin", "VIEWER", ["userName"]),
        ("outsider", "INSTANCE_ADMIN", ["role"]),
        ("", "owner", ["role", "userName"]),
        ("away", "VIEWER", ["userName"]),
    ],
)
def test_a_member_who_cannot_be_added_is_named(admin, account, outsider, user_name, role, fields):
    User.objects.create_user("away", is_active=False)
    with pytest.raises(Invalid) as refused:
        add_member(account_id=account.pk, user_name=user_name, role=role, caller=admin)
    assert [error.field for error in refused.value.errors] == fields
    assert Membership.objects.count() == 1


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
def test_only_an_admin_manages_members(account, admin, outsider, role):
    member = caller_for(make_person("member", role, account))
    other = membership_of(admin.user)
    acts = [
        lambda: members_of(account.pk, member),
        lambda: add_member(account_id=account.pk, user_name="outsider", role="VIEWER", caller=member),
        lambda: change_role(membership_id=other.pk, role="VIEWER", caller=member),
        lambda: change_role(membership_id=membership_of(member.user).pk, role="ADMIN", caller=member),
        lambda: remove_member(membership_id=other.pk, caller=member),
        lambda: change_account(account_id=account.pk, caller=member, name="mine"),
    ]
    for act in acts:
        with pytest.raises(NoRight, match="account admin"):
            act()
    assert membership_of(member.user).role == role
    assert membership_of(admin.user).role == Role.ADMIN


def test_what_belongs_to_another_account_is_not_found(account, admin):
    stranger = caller_for(make_person("stranger", Role.ADMIN, Account.objects.create(name="other")))
    acts = [
        lambda: members_of(account.pk, stranger),
        lambda: change_role(membership_id=membership_of(admin.user).pk, role="VIEWER", caller=stranger),
        lambda: remove_member(membership_id=membership_of(admin.user).pk, caller=stranger),
        lambda: change_account(account_id=account.pk, caller=stranger, name="mine"),
        lambda: remove_member(membership_id=2**40, caller=stranger),
    ]
    for act in acts:
        with pytest.raises(NotFound):
            act()


def test_the_last_admin_stays_until_there_is_another(admin, account, outsider):
    mine = membership_of(admin.user)
    for act in (
        lambda: remove_member(membership_id=mine.pk, caller=admin),
        lambda: change_role(membership_id=mine.pk, role="VIEWER", caller=admin),
    ):
        with pytest.raises(NotPossible, match="last admin"):
            act()
    add_member(account_id=account.pk, user_name="outsider", role="ADMIN", caller=admin)
    assert change_role(membership_id=mine.pk, role="VIEWER", caller=admin).role == Role.VIEWER


def test_an_admin_who_cannot_sign_in_does_not_count_as_another(admin, account, outsider):
    add_member(account_id=account.pk, user_name="outsider", role="ADMIN", caller=admin)
    User.objects.filter(pk=outsider.pk).update(is_active=False)
    with pytest.raises(NotPossible, match="last admin"):
        remove_member(membership_id=membership_of(admin.user).pk, caller=admin)


def test_nobody_raises_the_own_role_not_even_an_instance_admin(account, admin):
    root = make_person("root", Role.INSTANCE_ADMIN, account)
    Membership.objects.filter(user=root).update(role=Role.VIEWER)
    with pytest.raises(NotPossible, match="own role"):
        change_role(membership_id=membership_of(root).pk, role="ADMIN", caller=caller_for(root))
    assert change_role(membership_id=membership_of(root).pk, role="OPERATOR", caller=admin).role == "OPERATOR"


def test_a_removed_member_sees_nothing_any_more(admin, account):
    member = make_person("member", Role.OPERATOR, account)
    remove_member(membership_id=membership_of(member).pk, caller=admin)
    assert caller_for(member).role_in(account.pk) is None


def test_name_and_time_zone_are_changed_and_kept(admin, account):
    change_account(account_id=account.pk, caller=admin, name=" Ops ", time_zone="Asia/Seoul")
    account.refresh_from_db()
    assert (account.name, account.time_zone) == ("Ops", "Asia/Seoul")
    change_account(account_id=account.pk, caller=admin, time_zone="UTC")
    account.refresh_from_db()
    assert (account.name, account.time_zone) == ("Ops", "UTC")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "a" * 101}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"name": "other"}, "name"),
        ({"time_zone": "Mars/Olympus"}, "timeZone"),
        ({"time_zone": "../etc/passwd"}, "timeZone"),
    ],
    ids=str,
)
def test_settings_that_cannot_be_are_refused_with_the_field(admin, account, changes, field):
    Account.objects.create(name="other")
    with pytest.raises(Invalid) as refused:
        change_account(account_id=account.pk, caller=admin, **changes)
    assert [error.field for error in refused.value.errors] == [field]
    assert Account.objects.get(pk=account.pk).name == account.name
