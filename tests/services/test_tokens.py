"""Tokens: what can be issued, who may revoke and see them, and the limits that each carries."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connections
from django.utils import timezone

from builds.domain.access import Role, Scope
from builds.domain.address_ranges import check_range, refused_address
from builds.domain.errors import Invalid, NoRight, NotFound
from builds.models import Account, Activity, ApiToken, Membership
from builds.services.accounts.access import caller_for
from builds.services.accounts.tokens import (
    address_refused,
    count_request,
    find_token,
    issue_token,
    revoke_token,
    tokens_of,
)
from tests.support.people import make_build, make_person, operator_of


def issue(owner, account, **changes):
    word = issue_token(**{"owner": owner, "account": account, "name": "ci", "scopes": [Scope.READ], **changes})
    return word, ApiToken.objects.latest("pk")


def test_only_a_hash_is_stored_and_the_word_finds_the_token(caller, account):
    word, token = issue(caller.user, account)
    assert word.startswith("bh_")
    assert find_token(word) == token
    assert all(word not in str(value) for value in ApiToken.objects.values().get().values())
    assert find_token(word[:-1] + ("a" if word[-1] != "a" else "b")) is None


def test_all_fields_of_a_token_are_kept(caller, account, build):
    _, token = issue(
        caller.user,
        account,
        name=" nightly ",
        scopes=[Scope.RUN, Scope.READ],
        days=30,
        build_ids=[build.pk],
        allowed_ranges=["192.0.2.7", "2001:db8::/32"],
        blocked_ranges=["192.0.2.0/24"],
        requests_per_minute=60,
    )
    assert (token.name, token.scopes, token.limited_to_builds) == ("nightly", ["read", "run"], True)
    assert list(token.builds.all()) == [build]
    assert (token.allowed_ranges, token.blocked_ranges) == (["192.0.2.7/32", "2001:db8::/32"], ["192.0.2.0/24"])
    assert token.requests_per_minute == 60
    assert timedelta(days=29) < token.expires_at - timezone.now() <= timedelta(days=30)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "a" * 101}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"scopes": []}, "scopes"),
        ({"days": 0}, "days"),
        ({"days": 36_501}, "days"),
        ({"build_ids": []}, "builds"),
        ({"build_ids": [2**40]}, "builds"),
        ({"allowed_ranges": ["10.0.0.5/8"]}, "allowedRanges"),
        ({"blocked_ranges": ["example.com"]}, "blockedRanges"),
        ({"blocked_ranges": ["10.0.0.0/8"] * 101}, "blockedRanges"),
        ({"requests_per_minute": -1}, "requestsPerMinute"),
        ({"requests_per_minute": 10**7}, "requestsPerMinute"),
    ],
    ids=str,
)
def test_a_wrong_field_is_named_with_a_sentence_and_nothing_is_issued(caller, account, change, field):
    with pytest.raises(Invalid) as refused:
        issue(caller.user, account, **change)
    assert [error.field for error in refused.value.errors] == [field]
    assert not ApiToken.objects.exists()


def test_all_wrong_fields_are_named_at_once(caller, account):
    with pytest.raises(Invalid) as refused:
        issue(caller.user, account, name="", scopes=[], days=-1, allowed_ranges=["x", "y"])
    assert [error.field for error in refused.value.errors] == [
        "name",
        "scopes",
        "days",
        "allowedRanges",
        "allowedRanges",
    ]


def test_nobody_issues_a_token_beyond_the_own_accounts_and_builds(caller, build):
    other = Account.objects.create(name="other")
    with pytest.raises(Invalid) as refused:
        issue(caller.user, other)
    assert refused.value.errors[0].field == "account"
    theirs = make_build(operator_of(other, "their-operator"), "FROM scratch\n", name="theirs")
    with pytest.raises(Invalid, match="There is no build"):
        issue(caller.user, build.account, build_ids=[build.pk, theirs.pk])


def test_a_token_is_revoked_by_its_owner_and_stays_so(caller, account):
    word, token = issue(caller.user, account)
    revoke_token(token_id=token.pk, caller=caller)
    first = ApiToken.objects.get().revoked_at
    revoke_token(token_id=token.pk, caller=caller)
    assert ApiToken.objects.get().revoked_at == first
    assert find_token(word) is None
    acts = Activity.objects.filter(did="revoked a token")
    assert [(act.account_id, act.detail, act.by) for act in acts] == [(account.pk, "ci", caller.user)]


def test_an_account_admin_sees_and_revokes_the_tokens_of_the_account_only(caller, account):
    admin = caller_for(make_person("admin", Role.ADMIN, account))
    other = Account.objects.create(name="other")
    Membership.objects.create(account=other, user=caller.user, role=Role.OPERATOR)
    _, ours = issue(caller.user, account)
    _, theirs = issue(caller.user, other)
    assert list(tokens_of(admin)) == [ours]
    assert list(tokens_of(caller)) == [theirs, ours]
    revoke_token(token_id=ours.pk, caller=admin)
    with pytest.raises(NotFound):
        revoke_token(token_id=theirs.pk, caller=admin)


def test_an_operator_does_not_know_of_the_tokens_of_others(caller, account):
    _, token = issue(caller.user, account)
    colleague = operator_of(account, "colleague")
    assert not tokens_of(colleague).exists()
    with pytest.raises(NotFound):
        revoke_token(token_id=token.pk, caller=colleague)


def test_an_instance_admin_sees_every_token_and_a_token_only_those_of_its_account(caller, account):
    other = Account.objects.create(name="other")
    root = make_person("root", Role.INSTANCE_ADMIN, account)
    _, ours = issue(caller.user, account)
    _, own = issue(root, other, scopes=[Scope.READ])
    assert set(tokens_of(caller_for(root))) == {ours, own}
    assert set(tokens_of(caller_for(root, own))) == {own}
    with pytest.raises(NoRight, match="scope write"):
        revoke_token(token_id=own.pk, caller=caller_for(root, own))


@pytest.mark.parametrize(
    ("address", "allowed", "blocked", "refused"),
    [
        ("203.0.113.9", [], [], False),
        ("", [], [], False),
        ("192.0.2.7", ["192.0.2.0/24"], [], False),
        ("192.0.3.7", ["192.0.2.0/24"], [], True),
        ("192.0.2.7", [], ["192.0.2.7/32"], True),
        ("192.0.2.8", [], ["192.0.2.7/32"], False),
        ("192.0.2.7", ["192.0.2.0/24"], ["192.0.2.7/32"], True),
        ("::ffff:192.0.2.7", ["192.0.2.0/24"], [], False),
        ("::ffff:192.0.2.7", [], ["192.0.2.0/24"], True),
        ("2001:db8::1", ["2001:db8::/32"], [], False),
        ("fe80::1%eth0", ["fe80::/10"], [], False),
        ("2001:db8::1", ["0.0.0.0/0"], [], True),
        ("", ["0.0.0.0/0", "::/0"], [], True),
        ("testserver", [], ["10.0.0.0/8"], True),
    ],
)
def test_blocked_ranges_win_over_allowed_ones(address, allowed, blocked, refused):
    sentence = refused_address(address, allowed=allowed, blocked=blocked)
    assert (sentence is not None) is refused


def test_a_range_with_host_bits_is_refused_with_what_to_write():
    assert "10.0.0.0/8" in str(check_range("10.0.0.5/8"))
    assert check_range("10.0.0.0/8") is check_range("::1") is None


def test_a_token_says_why_an_address_is_refused(caller, account):
    _, token = issue(caller.user, account, blocked_ranges=["192.0.2.0/24"])
    assert "192.0.2.7" in str(address_refused(token, "192.0.2.7"))
    assert address_refused(token, "198.51.100.1") is None


def test_a_token_counts_its_requests_and_says_when_to_come_again(caller, account):
    _, token = issue(caller.user, account, requests_per_minute=3)
    assert [count_request(token) for _ in range(3)] == [None] * 3
    seconds = count_request(token)
    assert seconds is not None
    assert 1 <= seconds <= 60
    ApiToken.objects.update(minute_began_at=timezone.now() - timedelta(seconds=61))
    assert count_request(token) is None
    assert ApiToken.objects.get().minute_count == 1


def test_a_token_without_limit_is_not_counted(caller, account):
    _, token = issue(caller.user, account)
    assert count_request(token) is None
    assert ApiToken.objects.get().minute_count == 0


@pytest.mark.django_db(transaction=True)
def test_requests_of_many_at_the_same_moment_are_counted_exactly(caller, account):
    _, token = issue(caller.user, account, requests_per_minute=20)

    def count(_number):
        try:
            return count_request(token)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(count, range(40)))
    assert answers.count(None) == 20
