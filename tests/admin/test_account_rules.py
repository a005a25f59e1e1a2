"""Accounts, members and switches in the admin obey the services' rules, and each deed is in Activity."""

import pytest
from axes.models import AccessAttempt
from django.contrib.auth.models import Permission, User

from builds.models import Account, Activity, Build, KnownHost, Membership

ACCOUNT = {"name": "second", "time_zone": "UTC", "build_limit": 5}


@pytest.fixture
def newcomer(db) -> User:
    return User.objects.create_user("newcomer")


def acts(by) -> list[tuple[str, str]]:
    return list(Activity.objects.filter(by=by).order_by("pk").values_list("did", "detail"))


def test_every_change_of_an_account_is_in_activity(admin, administrator, account):
    admin.post("/admin/builds/account/add/", ACCOUNT)
    path = f"/admin/builds/account/{Account.objects.get(name='second').pk}"
    admin.post(f"{path}/change/", {**ACCOUNT, "name": "renamed", "parallel_limit": 2, "parallel_refuse": "on"})
    renamed = Account.objects.get(name="renamed")
    assert (renamed.build_limit, renamed.parallel_limit, renamed.parallel_refuse) == (5, 2, True)
    assert admin.post(f"{path}/delete/", {"post": "yes"}).status_code == 302
    assert not Account.objects.filter(name="renamed").exists()
    said = [("created the account", "second"), ("changed the account", "renamed"), ("removed the account", "renamed")]
    assert acts(administrator) == said


@pytest.mark.parametrize(
    ("change", "place", "sentence"),
    [
        ({"name": ""}, "name", "Give the account a name of 1 to 100 characters on one line."),
        ({"name": "x" * 101}, "name", "Give the account a name of 1 to 100 characters on one line."),
        ({"name": "default"}, "name", "There is an account default already; choose another name."),
        ({"time_zone": ""}, "time_zone", "Choose a zone such as UTC or Asia/Seoul."),
    ],
)
def test_an_account_is_refused_in_the_words_of_the_services(admin, account, change, place, sentence):
    answer = admin.post("/admin/builds/account/add/", {**ACCOUNT, **change})
    assert answer.context["adminform"].form.errors == {place: [sentence]}
    assert Account.objects.count() == 1


def test_an_account_with_builds_stays(admin, build):
    answer = admin.post(f"/admin/builds/account/{build.account_id}/delete/", {"post": "yes"}, follow=True)
    assert answer.status_code in (200, 403)  # Django's own question names the builds that protect it
    assert Account.objects.filter(pk=build.account_id).exists()


def test_every_change_of_a_member_is_in_activity(admin, administrator, account, newcomer):
    given = {"user": newcomer.pk, "account": account.pk, "role": "OPERATOR"}
    admin.post("/admin/builds/membership/add/", given)
    path = f"/admin/builds/membership/{Membership.objects.get(user=newcomer).pk}"
    admin.post(f"{path}/change/", {"role": "VIEWER"})
    assert admin.post(f"{path}/delete/", {"post": "yes"}).status_code == 302
    assert acts(administrator) == [
        ("added a member", "newcomer: operator"),
        ("changed a role", "newcomer: viewer"),
        ("removed a member", "newcomer: viewer"),
    ]
    assert not Membership.objects.filter(user=newcomer).exists()


@pytest.mark.parametrize(
    ("change", "place", "sentence"),
    [
        ({"user": ""}, "user", "There is no such user; ask an administrator to create the user."),
        ({"role": "EMPEROR"}, "role", "Choose one of VIEWER, OPERATOR, ADMIN."),
    ],
)
def test_a_member_is_refused_in_the_words_of_the_services(admin, account, newcomer, change, place, sentence):
    given = {"user": newcomer.pk, "account": account.pk, "role": "VIEWER", **change}
    answer = admin.post("/admin/builds/membership/add/", given)
    assert answer.context["adminform"].form.errors[place] == [sentence]
    assert not Membership.objects.filter(user=newcomer).exists()


def test_who_is_a_member_already_is_not_added_again(admin, account, newcomer):
    given = {"user": newcomer.pk, "account": account.pk, "role": "VIEWER"}
    admin.post("/admin/builds/membership/add/", given)
    answer = admin.post("/admin/builds/membership/add/", given)
    sentence = "newcomer is a member already; change the role instead."
    assert answer.context["adminform"].form.errors["user"] == [sentence]


def test_nobody_raises_the_own_role_in_the_admin_either(admin, administrator, account):
    row = Membership.objects.create(user=administrator, account=account, role="VIEWER")
    answer = admin.post(f"/admin/builds/membership/{row.pk}/change/", {"role": "ADMIN"}, follow=True)
    assert "Nobody raises the own role" in answer.content.decode()
    row.refresh_from_db()
    assert row.role == "VIEWER"


def test_staff_with_djangos_permission_but_no_role_changes_no_account(client_of, account):
    staff = User.objects.create_user("staff", is_staff=True)
    staff.user_permissions.add(*Permission.objects.filter(codename__endswith="_account"))
    answer = client_of(staff).post(f"/admin/builds/account/{account.pk}/change/", ACCOUNT, follow=True)
    assert f"There is no account {account.pk}." in answer.content.decode()
    account.refresh_from_db()
    assert account.name == "default"


def test_who_has_no_role_switches_no_build(client, build, newcomer):
    newcomer.is_staff = True
    newcomer.save()
    newcomer.user_permissions.set(Permission.objects.filter(codename__in=["view_build", "change_build"]))
    client.force_login(newcomer)
    answer = client.post(f"/admin/builds/build/{build.pk}/change/", {}, follow=True)
    assert f"There is no build {build.pk}." in answer.content.decode()
    assert Build.objects.get(pk=build.pk).in_use


def test_the_switch_of_a_build_is_in_activity(admin, administrator, build):
    path = f"/admin/builds/build/{build.pk}/change/"
    admin.post(path, {})
    assert not Build.objects.get(pk=build.pk).in_use
    admin.post(path, {"in_use": "on"})
    assert Build.objects.get(pk=build.pk).in_use
    assert acts(administrator) == [("edited the build", "taken out of use"), ("edited the build", "put in use")]


def test_known_hosts_and_unlocked_names_are_in_activity(admin, administrator, account):
    admin.post("/admin/builds/knownhost/add/", {"host": "git.example", "lines": "git.example ssh-ed25519 AAAA"})
    known = KnownHost.objects.get()
    admin.post(f"/admin/builds/knownhost/{known.pk}/delete/", {"post": "yes"})
    attempt = AccessAttempt.objects.create(username="operator", ip_address="192.0.2.7", failures_since_start=9)
    admin.post("/admin/axes/accessattempt/", {"action": "unlock", "_selected_action": [attempt.pk]})
    assert acts(administrator) == [
        ("changed the known hosts", "git.example"),
        ("changed the known hosts", "git.example"),
        ("unlocked a sign-in", "operator"),
    ]
