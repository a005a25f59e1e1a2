"""The commit of a run on the pages: with a link where its forge is known, short in the lists."""

import pytest

from builds.models import BuildRun
from tests.pages import making
from tests.pages.test_source_form import FIELDS, REPOSITORY, save

__all__ = ["save"]
COMMIT = "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d"
FOUND = {"commit_id": COMMIT, "commit_branch": "main", "commit_author": "Ada", "commit_subject": "Fix the <door>"}
GITHUB = "git@github.com:team/app.git"


@pytest.fixture
def ran(save, operator):
    """Make a run of a repository whose code was fetched."""

    def make(address: str, **found: str) -> BuildRun:
        run = making.pressed(save(REPOSITORY | {"repositoryUrl": address}), operator)
        BuildRun.objects.filter(pk=run.pk).update(**{**FOUND, **found})
        return run

    return make


def test_the_page_of_a_run_tells_its_commit_with_a_link_to_its_forge(ran, page, operator):
    found = page(f"/runs/{ran(GITHUB).pk}", operator)
    text = found.one("data-commit", COMMIT).text
    assert all(word in text for word in ("main", "1a2b3c4", "Fix the <door> (Ada)"))
    assert found.one("href", f"https://github.com/team/app/commit/{COMMIT}").text == "1a2b3c4"


def test_of_an_unknown_forge_there_is_no_link(ran, page, operator):
    found = page(f"/runs/{ran('https://git.example/team/app.git').pk}", operator)
    assert "1a2b3c4" in found.one("data-commit", COMMIT).text
    assert not [element for element in found.with_("href") if "commit" in element.attributes["href"]]


def test_lists_tell_the_commit_short(ran, page, operator):
    run = ran(GITHUB)
    for path in ("/", f"/builds/{run.build_id}"):
        assert "main 1a2b3c4" in page(path, operator).one("data-commit", COMMIT).text


def test_a_run_whose_code_was_not_fetched_tells_none(ran, save, page, operator):
    run = ran(GITHUB, commit_id="", commit_branch="", commit_author="", commit_subject="")
    typed = making.pressed(save(FIELDS | {"imageName": "typed"}), operator)
    for path in ("/", f"/builds/{run.build_id}", f"/runs/{run.pk}", f"/runs/{typed.pk}"):
        assert not page(path, operator).with_("data-commit")
