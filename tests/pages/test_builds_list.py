"""The list of builds: counters, search, states, order, pages; and health."""

import json

import pytest
from django.db import OperationalError, connection
from django.test import Client

from builds.models import WorkerHost
from builds.pages.screens import builds as screens
from tests.pages import making
from tests.pages.reading import read
from tests.support.people import make_build


def shown(page):
    """Return the numbers of the builds in the list."""
    return [int(element.attributes["data-build"]) for element in page.with_("data-build")]


def test_counters_count_what_the_reader_may_see(page, operator, stranger):
    for number, make in enumerate((making.pressed, making.running_run, making.done_run, making.failed_run)):
        make(make_build(operator, making.DOCKERFILE, name=f"b{number}"), operator)
    counted = {e.attributes["data-count"]: e.text for e in page("/", operator).with_("data-count")}
    assert counted == {"running": "1", "waiting": "1", "failed24h": "1", "done24h": "1"}
    assert {e.text for e in page("/", stranger).with_("data-count")} == {"0"}


def test_search_finds_parts_of_name_and_image_in_any_case(page, operator):
    first = make_build(operator, making.DOCKERFILE, name="ops/payments")
    make_build(operator, making.DOCKERFILE, name="other")
    assert shown(page("/?search=PAYM", operator)) == [first.pk]
    assert page("/?search=PAYM", operator).one("id", "builds-search").attributes["value"] == "PAYM"
    assert "No build fits" in page("/?search=nothing", operator).main_text


def test_states_narrow_the_list(page, operator):
    failed, done = (make_build(operator, making.DOCKERFILE, name=name) for name in ("one", "two"))
    making.failed_run(failed, operator)
    making.done_run(done, operator)
    assert shown(page("/?state=failed", operator)) == [failed.pk]
    assert shown(page("/?state=done", operator)) == [done.pk]
    assert shown(page("/?state=active", operator)) == []


def test_the_list_is_newest_activity_first_and_paged_by_key(page, operator, monkeypatch):
    monkeypatch.setattr(screens, "PAGE", 2)
    builds = [make_build(operator, making.DOCKERFILE, name=f"b{number}").pk for number in range(3)]
    first = page("/", operator)
    assert shown(first) == [builds[2], builds[1]]
    assert shown(page(f"/{first.one('rel', 'next').attributes['href']}", operator)) == [builds[0]]


def test_the_rows_sparkline_says_the_results_in_words(page, build, operator):
    making.done_run(build, operator)
    making.failed_run(build, operator)
    (spark,) = [e for e in page("/", operator).elements if e.attributes.get("class") == "spark"]
    assert spark.attributes["aria-label"] == "Last 2 runs: 1 done, 1 failed"


def test_an_empty_list_says_what_to_do(page, operator, viewer):
    assert "Create the first build" in page("/", operator).main_text
    assert "ask an administrator" in page("/", viewer).main_text


def test_healthz_answers_version_and_commit(db):
    facts = json.loads(Client().get("/healthz").content)
    assert facts["status"] == "ok"
    assert facts.keys() >= {"version", "commit"}


def test_readyz_names_what_is_missing_and_where_engine_and_registry_are(account):
    answer = Client().get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"]["sweeper"] == "has never beaten"
    WorkerHost.objects.create(name="here", workers=2)
    ready = Client().get("/readyz")
    assert (ready.status_code, ready.json()["engine"]) == (200, "unix:///nowhere.sock")
    assert ready.json()["registry"] == "registry.example:5000"
    assert "engine" not in Client(REMOTE_ADDR="203.0.113.9").get("/readyz").json()


@pytest.fixture
def broken_database(db):
    """Every statement fails as it does when the database is away."""

    def fail(*_args):
        raise OperationalError("connection refused")

    with connection.execute_wrapper(fail):
        yield


def test_without_database_a_page_says_so_and_health_stays_true(operator, as_, broken_database):
    client = Client()
    client.cookies["sessionid"] = "a" * 32
    page = read(client.get("/"), 503)
    assert "The database does not answer" in page.main_text
    assert client.get("/readyz").status_code == 503
    assert "database" in client.get("/readyz").json()["checks"]
    assert client.get("/healthz").status_code == 200


def test_the_sign_in_page_needs_no_database(broken_database):
    assert Client().get("/accounts/login/").status_code == 200


def test_an_unknown_page_says_so(page, operator):
    assert "Nothing is here" in page("/nowhere", operator, status=404).main_text


def test_the_old_address_of_the_favicon_leads_to_the_file(db):
    assert Client().get("/favicon.ico")["Location"].endswith("img/favicon.ico")
