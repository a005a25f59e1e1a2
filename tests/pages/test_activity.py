"""`/activity`: who did what and when, for whom, and narrowed by user, act and build."""

import re

import pytest
from django.utils import timezone

from builds.domain.access import Role
from builds.models import Activity, Build, BuildRun, Did
from builds.services.accounts.access import caller_for
from builds.services.accounts.tokens import issue_token
from builds.services.connections.servers import ServerDraft, create_server
from tests.pages import making
from tests.pages.reading import Page
from tests.support.people import make_build, make_person


@pytest.fixture
def root(account):
    return caller_for(make_person("root", Role.INSTANCE_ADMIN, account))


def rows(found: Page) -> list[str]:
    return [element.text for element in found.with_("data-activity")]


def links(found: Page) -> list[str]:
    within = [e for e in found.elements if any("data-activity" in p.attributes for p in e.parents)]
    return [e.attributes["href"] for e in within if e.name == "a"]


def test_an_act_is_told_with_user_run_detail_and_time_newest_first(page, viewer, operator, build):
    run = making.pressed(build, operator)
    Activity.record(by=operator.user, did=Did.MOVE_TO_FRONT, run=run, detail="a release waits for it")
    found = page("/activity", viewer)
    newest, pressed, created = rows(found)
    assert newest == f"just now operator moved to the front of the queue {build.name} #1 a release waits for it"
    assert "pressed Build" in pressed
    assert f"created the build {build.name}" in created
    assert {f"/runs/{run.pk}", f"/builds/{build.pk}", "?who=operator"} <= set(links(found))
    assert found.one("aria-current", "page").text == "Activity"


def test_what_was_removed_keeps_its_name_and_has_no_link(page, viewer, operator, build):
    run = making.done_run(build, operator)
    BuildRun.objects.filter(pk=run.pk).update(removed_at=timezone.now())
    found = page("/activity", viewer)
    assert f"{build.name} #1 removed" in rows(found)[0]
    assert f"/runs/{run.pk}" not in links(found)
    Build.objects.filter(pk=build.pk).update(removed_at=timezone.now())
    found = page("/activity", viewer)
    assert f"{build.name} removed" in rows(found)[-1]
    assert f"/builds/{build.pk}" not in links(found)


def test_acts_of_a_removed_user_stay_and_name_nobody(page, viewer, operator, build):
    Activity.objects.update(by=None)
    assert "a removed user created the build" in rows(page("/activity", viewer))[0]


@pytest.mark.parametrize(
    ("who", "seen"),
    [
        ("viewer", {"created the build"}),
        ("operator", {"created the build", "created a token"}),  # the own one
        ("admin", {"created the build", "created a token", "changed the account"}),
        ("stranger", set()),
        ("root", {"created the build", "created a token", "changed the account", "added a build server"}),
    ],
)
def test_each_reader_sees_what_his_role_is_for(request, page, account, operator, build, root, admin, who, seen):
    issue_token(owner=operator.user, account=account, name="ci", scopes=["read"])
    Activity.record(by=admin.user, did=Did.CHANGE_ACCOUNT, account_id=account.pk)
    create_server(caller=root, draft=ServerDraft(name="far", url="tcp://build.example:2376"))
    listed = rows(page("/activity", request.getfixturevalue(who)))
    assert {did.value for did in Did if any(did.value in row for row in listed)} == seen
    assert len(listed) == len(seen)


def test_a_member_no_more_sees_not_even_the_own_acts(page, operator, build):
    operator.user.memberships.all().delete()
    assert "Nothing was done yet" in page("/activity", operator).main_text


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("who=OPERATOR", 3),
        ("who=oper", 0),
        ("did=pressed+Build", 1),
        ("did=flew", 4),
        ("build=ell", 3),
        ("build={build}", 3),
        ("build={build}&who=admin", 0),
        ("build=999999999999999999999", 0),
        ("who=%00", 4),
        ("after={newest}", 3),
        ("after=x", 4),
    ],
)
def test_the_address_narrows(page, admin, operator, build, query, count):
    run = making.pressed(build, operator)
    Activity.record(by=operator.user, did=Did.CANCEL_RUN, run=run)
    make_build(admin, making.DOCKERFILE, name="other")
    newest = Activity.objects.latest("pk").pk
    assert len(rows(page(f"/activity?{query.format(build=build.pk, newest=newest)}", admin))) == count


def test_the_filters_are_shown_as_asked_and_an_empty_answer_says_so(page, viewer, build):
    found = page("/activity?who=nobody&did=pressed+Build&build=x", viewer)
    assert (found.one("id", "who").attributes["value"], found.one("id", "build").attributes["value"]) == ("nobody", "x")
    assert "selected" in found.one("value", "pressed Build").attributes
    assert "Nothing that you may see matches these filters." in found.main_text


def test_fifty_stand_on_a_page_and_the_next_one_keeps_the_filter(page, as_, viewer, operator, build):
    for number in range(54):
        Activity.record(by=operator.user, did=Did.EDIT_BUILD, build=build, detail=f"number {number}")
    found = page("/activity?did=edited+the+build", viewer)
    assert len(rows(found)) == 50
    following = re.sub("&amp;", "&", found.one("rel", "next").attributes["href"])
    rest = page(f"/activity{following}", viewer)
    assert [row.split("number ")[1] for row in rows(rest)] == ["3", "2", "1", "0"]
    assert not rest.with_("rel", "next")


def test_the_statements_do_not_grow_with_rows(as_, admin, operator, django_assert_max_num_queries):
    for number in range(30):
        making.pressed(make_build(operator, making.DOCKERFILE, name=f"build-{number}"), operator)
    client = as_(admin)
    with django_assert_max_num_queries(5):
        client.get("/activity")


def test_it_needs_a_session(client, db):
    assert client.get("/activity")["Location"] == "/accounts/login/?next=/activity"
