"""Deeds as plain forms: press, cancel, remove; refusals come back as a banner with the right status."""

import pytest

from builds.models import BuildRun
from tests.pages import making
from tests.pages.reading import read

OWN = {"X-Requested-With": "buildhub"}


def banner(page):
    """Return the sentence of the page's banner."""
    shown = page.one("data-banner")
    assert "hidden" not in shown.attributes
    return shown.text


def test_pressing_build_leads_to_the_new_run(as_, operator, build):
    answer = as_(operator).post(f"/builds/{build.pk}/run")
    run = BuildRun.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, f"/runs/{run.pk}")
    assert (run.run_state, run.tag_name, run.requested_by) == ("CREATED", "v-00001", operator.user)


def test_pressing_build_on_the_list_leads_back_to_it(as_, operator, build):
    assert as_(operator).post(f"/builds/{build.pk}/run", {"from": "builds"})["Location"] == "/"


def test_a_second_press_is_refused_on_the_page_where_it_was_made(as_, operator, build):
    run = making.pressed(build, operator)
    client = as_(operator)
    for data, mark in (({"from": "builds"}, "data-rows"), ({}, "data-next-tag"), ({"run": str(run.pk)}, "data-log")):
        page = read(client.post(f"/builds/{build.pk}/run", data), 409)
        assert "Another run of this build waits or runs" in banner(page)
        assert page.with_(mark) or mark == "data-next-tag"
    assert build.runs.count() == 1


def test_the_pages_own_script_gets_the_sentence_alone(as_, operator, build):
    making.pressed(build, operator)
    answer = as_(operator).post(f"/builds/{build.pk}/run", headers=OWN)
    assert (answer.status_code, answer["Content-Type"]) == (409, "text/plain; charset=utf-8")
    assert answer.content.decode().startswith("Another run of this build")


def test_a_wrong_tag_is_refused_with_its_sentence(as_, operator, build):
    build.auto_tag, build.tag_name = False, "1"
    build.save()
    page = read(as_(operator).post(f"/builds/{build.pk}/run", {"tagName": "Wrong!"}), 400)
    assert "lower-case" in banner(page)


def test_a_viewer_is_refused_and_nothing_starts(as_, viewer, build):
    page = read(as_(viewer).post(f"/builds/{build.pk}/run"), 403)
    assert "role operator" in banner(page)
    assert not build.runs.exists()


@pytest.mark.parametrize("deed", ["cancel", "remove"])
def test_a_question_is_an_open_dialog_whose_button_confirms(page, operator, build, deed):
    run = making.pressed(build, operator) if deed == "cancel" else making.done_run(build, operator)
    found = page(f"/runs/{run.pk}/{deed}", operator)
    (dialog,) = [element for element in found.elements if element.name == "dialog"]
    assert "open" in dialog.attributes
    assert dialog in found.one("data-confirm").parents
    link = page(f"/runs/{run.pk}", operator).one("data-action", deed.upper())
    assert link.attributes["href"] == f"/runs/{run.pk}/{deed}"


def test_a_question_names_what_is_lost(page, operator, build):
    run = making.done_run(build, operator)
    said = page(f"/runs/{run.pk}/remove", operator).main_text
    assert run.tag_name in said
    assert run.image_digest in said


def test_asking_changes_nothing_and_confirming_cancels(as_, operator, build):
    run = making.pressed(build, operator)
    client = as_(operator)
    client.get(f"/runs/{run.pk}/cancel")
    run.refresh_from_db()
    assert run.cancel_requested_at is None
    assert client.post(f"/runs/{run.pk}/cancel")["Location"] == f"/runs/{run.pk}"
    run.refresh_from_db()
    assert (run.run_state, run.end_reason) == ("ERROR", "CANCELLED")


def test_cancelling_an_ended_run_is_refused_on_its_page(as_, operator, build):
    run = making.done_run(build, operator)
    assert "already ended" in banner(read(as_(operator).post(f"/runs/{run.pk}/cancel"), 409))


def test_removing_a_run_leads_to_its_build_which_says_so(as_, operator, build):
    run = making.done_run(build, operator)
    page = read(as_(operator).post(f"/runs/{run.pk}/remove", follow=True))
    assert "is being removed" in page.main_text
    assert build.runs.filter(run_type="REMOVE", target=run).exists()


def test_removing_a_build_needs_the_role(as_, operator, admin, build):
    page = read(as_(operator).post(f"/builds/{build.pk}/remove"), 403)
    assert "account admin" in banner(page)
    assert as_(admin).post(f"/builds/{build.pk}/remove")["Location"] == "/"
    assert build.runs.filter(run_type="REMOVE", target=None).exists()


def test_what_is_foreign_is_not_there(as_, stranger, operator, build):
    run = making.done_run(build, operator)
    client = as_(stranger)
    for path in (
        f"/builds/{build.pk}",
        f"/builds/{build.pk}/edit",
        f"/runs/{run.pk}",
        f"/runs/{run.pk}/plain",
        f"/runs/{run.pk}/log.txt",
        f"/runs/{run.pk}/remove",
        f"/builds/{build.pk}/remove",
    ):
        assert client.get(path).status_code == 404, path
    for path in (
        f"/builds/{build.pk}/run",
        f"/runs/{run.pk}/cancel",
        f"/runs/{run.pk}/remove",
        f"/builds/{build.pk}/remove",
    ):
        assert client.post(path).status_code == 404, path
    assert build.name not in client.get("/").content.decode()


@pytest.mark.parametrize(
    ("path", "leads_to"),
    [
        ("/builds/{build}/run", "/builds/{build}"),
        ("/runs/{run}/push", "/runs/{run}"),
        ("/runs/{run}/callbacks/1/resend", "/runs/{run}/callbacks"),
        ("/builds/import", "/builds/new"),
        ("/account/members/1/role", "/account/members"),
    ],
)
def test_reading_the_address_of_a_deed_does_nothing_and_leads_to_its_page(as_, operator, build, path, leads_to):
    run = making.failed_run(build, operator)
    numbers = {"build": build.pk, "run": run.pk}
    answer = as_(operator).get(path.format(**numbers))
    assert (answer.status_code, answer["Location"]) == (302, leads_to.format(**numbers))
    assert build.runs.count() == 1


def test_a_press_after_the_session_has_ended_leads_through_sign_in_to_the_build(client, as_, operator, build):
    answer = client.post(f"/builds/{build.pk}/run")
    assert answer["Location"] == f"/accounts/login/?next=/builds/{build.pk}/run"
    assert as_(operator).get(f"/builds/{build.pk}/run", follow=True).redirect_chain[-1][0] == f"/builds/{build.pk}"
    assert not build.runs.exists()
