"""Every table has its list, its search and its pages; history cannot be written; nobody else gets in."""

import re
from datetime import timedelta

import pytest
from django.apps import apps
from django.contrib import admin as django_admin
from django.contrib.auth.models import Permission, User
from django.utils import timezone

from builds.models import ApiToken, Build, BuildRun, Registry
from tests.api.making import begin, end
from tests.support.people import make_build
from tests.support.runs import press

# answers to other people's requests, counts of a minute, counts that the lists show, bytes, the text of a moment:
# nothing more to read
UNSHOWN = {"keptanswer", "wrongtokens", "buildcounts", "buildtag", "contextchunk", "openlines"}
MODELS = sorted(
    {model.__name__.lower() for model in apps.get_app_config("builds").get_models(include_auto_created=False)} - UNSHOWN
)
READ_ONLY = [
    *("activity", "apitoken", "buildrun", "buildstep", "callbackdelivery", "deliveryattempt", "installation"),
    *("logchunk", "runevent", "runstep", "uploadedcontext", "workercluster", "workerhost"),
]
# a word that finds the row of the full world, and one that finds none; {run} is its number
SEARCHES = {
    "account": "default", "activity": "pressed", "apitoken": "robot", "build": "hello", "buildrun": "{run}",
    "buildserver": "default", "buildstep": "hello", "callbackdelivery": "{run}", "deliveryattempt": "{run}",
    "installation": "test", "knownhost": "git.example", "logchunk": "{run}",
    "membership": "operator", "registry": "127.0.0.1", "runevent": "{run}", "runstep": "{run}",
    "uploadedcontext": "hello", "workercluster": "one", "workerhost": "one",
}  # fmt: skip


def fields_of(html: str) -> list[str]:
    """Return the names of the form's fields on an admin page, without Django's own."""
    main = html[html.index('<div id="content-main">') :]
    names = re.findall(r'<(?:input|select|textarea)[^>]* name="([^"]+)"', main)
    return [name for name in names if not name.startswith(("csrf", "_"))]


def test_every_model_is_registered_and_the_table_of_searches_is_complete():
    registered = {model.__name__.lower() for model in django_admin.site._registry}
    assert set(MODELS) <= registered
    assert not UNSHOWN & registered
    assert sorted(SEARCHES) == MODELS


@pytest.mark.parametrize("name", MODELS)
def test_a_list_shows_its_rows_and_its_search_finds_them(admin, full_world, name):
    word = SEARCHES[name].format(run=full_world.pk)
    listed = admin.get(f"/admin/builds/{name}/")
    found = admin.get(f"/admin/builds/{name}/", {"q": word})
    nothing = admin.get(f"/admin/builds/{name}/", {"q": "987654321987"})
    assert [listed.status_code, found.status_code, nothing.status_code] == [200, 200, 200]
    assert len(listed.context["cl"].result_list) > 0
    assert len(found.context["cl"].result_list) > 0
    assert len(nothing.context["cl"].result_list) == 0


@pytest.mark.parametrize("name", ["buildrun", "logchunk", "runevent", "runstep", "build"])
@pytest.mark.parametrize("word", ["9" * 40, "²", "'x", "-7777", "a%b", "987654321 987654322"])
def test_an_odd_search_finds_nothing_and_breaks_nothing(admin, full_world, name, word):
    answer = admin.get(f"/admin/builds/{name}/", {"q": word})
    assert answer.status_code == 200
    assert len(answer.context["cl"].result_list) == 0


@pytest.mark.parametrize("name", READ_ONLY)
def test_history_has_no_form_to_add_change_or_delete(admin, full_world, name):
    row = apps.get_model("builds", name).objects.first()
    page = admin.get(f"/admin/builds/{name}/{row.pk}/change/")
    assert page.status_code == 200
    assert fields_of(page.content.decode()) == []
    assert admin.get(f"/admin/builds/{name}/add/").status_code == 403
    assert admin.post(f"/admin/builds/{name}/{row.pk}/change/", {"name": "changed"}).status_code == 403
    assert admin.post(f"/admin/builds/{name}/{row.pk}/delete/", {"post": "yes"}).status_code == 403
    assert apps.get_model("builds", name).objects.filter(pk=row.pk).exists()


def test_the_list_of_runs_does_not_ask_more_for_more_runs(
    admin, build, caller, django_assert_max_num_queries, django_assert_num_queries
):
    end(begin(press(build, caller)))
    admin.get("/admin/builds/buildrun/")
    with django_assert_max_num_queries(12) as one:
        admin.get("/admin/builds/buildrun/")
    for number in range(5):
        press(make_build(caller, "FROM scratch\n", name=f"more-{number}"), caller)
    with django_assert_num_queries(len(one)):
        admin.get("/admin/builds/buildrun/")


def test_of_a_build_only_in_use_can_be_switched_and_its_count_is_kept(admin, build, caller):
    page = admin.get(f"/admin/builds/build/{build.pk}/change/")
    assert fields_of(page.content.decode()) == ["in_use"]
    press(build, caller)  # while the page is open
    answer = admin.post(f"/admin/builds/build/{build.pk}/change/", {"name": "renamed"})
    assert answer.status_code == 302
    stored = Build.objects.get(pk=build.pk)
    assert (stored.in_use, stored.name, stored.last_build_no) == (False, "hello", 1)


def test_a_delivery_shows_its_attempts_with_the_answers_as_text(admin, full_world):
    delivery = full_world.callbacks.get()
    page = admin.get(f"/admin/builds/callbackdelivery/{delivery.pk}/change/").content.decode()
    assert "&lt;b&gt;busy&lt;/b&gt;" in page
    assert "<b>busy" not in page


def test_a_log_chunk_shows_its_text_and_not_its_bytes(admin, full_world):
    chunk = full_world.chunks.get()
    page = admin.get(f"/admin/builds/logchunk/{chunk.pk}/change/").content.decode()
    assert "said" in page
    assert "field-raw" not in page


def test_a_tokens_digest_is_on_no_page_and_revoking_keeps_the_first_time(admin, full_world):
    token = ApiToken.objects.get()
    before = timezone.now() - timedelta(days=1)
    old = ApiToken.objects.create(name="old", owner=token.owner, digest="0" * 64, revoked_at=before)
    pages = [admin.get("/admin/builds/apitoken/"), admin.get(f"/admin/builds/apitoken/{token.pk}/change/")]
    assert all(token.digest not in page.content.decode() for page in pages)
    answer = admin.post(
        "/admin/builds/apitoken/", {"action": "revoke", "_selected_action": [token.pk, old.pk]}, follow=True
    )
    assert f"Token {token.pk} is revoked" in answer.content.decode()
    assert f"Token {old.pk}" not in answer.content.decode()
    token.refresh_from_db()
    old.refresh_from_db()
    assert token.revoked_at is not None
    assert old.revoked_at == before


@pytest.mark.parametrize("path", ["", "builds/buildrun/", "builds/apitoken/", "builds/registry/add/"])
def test_an_operator_who_is_not_staff_is_sent_away(client_of, caller, path):
    answer = client_of(caller.user).get(f"/admin/{path}")
    assert answer.status_code == 302
    assert answer.url.startswith("/admin/login/")


def test_staff_without_rights_see_no_table_and_press_nothing(client_of, run):
    helper = User.objects.create_user("helper", is_staff=True)
    client = client_of(helper)
    assert client.get("/admin/builds/buildrun/").status_code == 403
    answer = client.post("/admin/builds/buildrun/", {"action": "cancel", "_selected_action": [run.pk]})
    assert answer.status_code == 403
    assert BuildRun.objects.get().run_state == "CREATED"


def test_staff_who_may_only_look_at_registries_see_no_password_field(client_of, account):
    reader = User.objects.create_user("reader", is_staff=True)
    reader.user_permissions.add(Permission.objects.get(codename="view_registry"))
    page = client_of(reader).get(f"/admin/builds/registry/{Registry.objects.get().pk}/change/")
    assert page.status_code == 200
    assert fields_of(page.content.decode()) == []


def test_a_filter_or_a_choice_that_no_row_can_have_is_a_400(admin, build):
    assert admin.get("/admin/builds/membership/?role=%00").status_code == 400
    chosen = {"action": "press_build", "_selected_action": [build.pk, "x"]}
    assert admin.post("/admin/builds/build/", chosen).status_code == 400
    assert not build.runs.exists()
