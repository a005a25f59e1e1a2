"""The button Check of the form: a real repository is asked, nothing is stored, and no secret comes back."""

import pytest

from builds.models import Build
from tests.pages.reading import Page, read
from tests.pages.test_source_form import REPOSITORY, save
from tests.support.two_branches import SECRET, guarded, may_go_there, served

__all__ = ["guarded", "may_go_there", "save", "served"]
PART = {"X-Requested-With": "buildhub"}


@pytest.fixture
def check(as_, operator):
    """Press Check; return the part of the page that comes back."""

    def pressed(fields: dict[str, str], query: str = "") -> Page:
        address = f"/builds/source/check?part=source{query}"
        return read(as_(operator).post(address, fields, headers=PART))

    return pressed


def of(server, **changes: str) -> dict[str, str]:
    return {**REPOSITORY, "repositoryUrl": server.url(), "branchName": "", **changes}


def signed(server, **changes: str) -> dict[str, str]:
    return {**of(server), "commonType": "PRIVATE", "userId": "ada", "password": SECRET, **changes}


def test_a_repository_that_is_reached_gives_its_branches(check, served):
    part = check(of(served))
    assert part.one("data-report").attributes["data-report"] == "ok"
    assert "2 branches" in part.one("data-report").text
    assert [e.attributes["value"] for e in part.elements if e.name == "option"] == ["main", "dev"]
    assert not Build.objects.exists()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"repositoryUrl": "http://127.0.0.1:1/team/app.git"}, "127.0.0.1:1"),
        ({"repositoryUrl": ""}, "address is missing"),
        ({"repositoryUrl": "ftp://git.example/app"}, "Only https, http and ssh"),
        ({"branchName": "nowhere"}, "nowhere"),
        ({"commonType": "PRIVATE", "password": SECRET}, "User"),
    ],
)
def test_what_is_wrong_is_said_with_its_remedy(check, served, changes, said):
    part = check(of(served, **changes))
    assert part.one("data-report").attributes["data-report"] == "refused"
    assert said in part.one("data-report").text
    assert SECRET not in part.html


def test_an_address_that_may_not_be_reached_is_refused(check, served, settings):
    settings.OUTBOUND_ALLOW = ()
    assert check(of(served)).one("data-report").attributes["data-report"] == "refused"


def test_a_typed_login_is_used_and_never_comes_back(check, guarded):
    assert check(of(guarded)).one("data-report").attributes["data-report"] == "refused"
    wrong = check(signed(guarded, password="wrong-canary"))
    assert wrong.one("data-report").attributes["data-report"] == "refused"
    assert "wrong-canary" not in wrong.html
    right = check(signed(guarded))
    assert right.one("data-report").attributes["data-report"] == "ok"
    assert SECRET not in right.html


def test_a_stored_login_is_used_for_its_own_address_only(check, save, guarded, served):
    build = save(signed(guarded))
    query = f"&build={build.pk}"
    assert check(signed(guarded, password=""), query).one("data-report").attributes["data-report"] == "ok"
    other = check(signed(served, password=""), query)
    assert other.one("data-report").attributes["data-report"] == "refused"
    assert "password" in other.one("data-report").text


def test_without_scripts_the_form_comes_back_with_the_answer(as_, operator, save, guarded):
    build = save(signed(guarded))
    sent = signed(guarded, imageName="renamed", branchName="dev")
    found = read(as_(operator).post(f"/builds/source/check?build={build.pk}", sent))
    assert found.one("data-report").attributes["data-report"] == "ok"
    assert found.one("id", "imageName").attributes["value"] == "renamed"
    assert found.one("data-keep").attributes["action"] == f"/builds/{build.pk}/edit"
    assert SECRET not in found.html
    assert "type it once more" in found.one("id", "password-hint").text
    build.refresh_from_db()
    assert build.image_name == "my-app"


def test_without_scripts_what_is_refused_stands_beside_its_field(as_, operator):
    refused = read(as_(operator).post("/builds/source/check", REPOSITORY | {"repositoryUrl": ""}), 400)
    assert refused.one("id", "repositoryUrl-error").text
    assert refused.one("data-keep").attributes["action"] == "/builds/new"


def test_only_who_may_edit_asks(as_, viewer, stranger, save, served):
    build = save(of(served))
    for query in ("", f"?build={build.pk}"):
        assert as_(viewer).post(f"/builds/source/check{query}", of(served)).status_code == 403
    answer = as_(stranger).post(f"/builds/source/check?build={build.pk}", of(served))
    assert answer.status_code == 404


def test_it_is_asked_by_post_alone(as_, operator):
    answer = as_(operator).get("/builds/source/check")
    assert (answer.status_code, answer["Location"]) == (302, "/builds/new")
