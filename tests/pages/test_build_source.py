"""What the page of a build says of its source."""

import pytest

from tests.pages.reading import Element
from tests.pages.test_source_form import FIELDS, REPOSITORY, code_of, image_of, save

__all__ = ["save"]


def below_source(element: Element) -> bool:
    return any(one.attributes.get("id") == "source" for one in element.parents)


def test_a_repository_is_shown_with_its_link_and_paths_within_it(save, page, operator):
    build = save(REPOSITORY)
    found = page(f"/builds/{build.pk}", operator)
    facts = [element.text for element in found.elements if element.name in ("dt", "dd") and below_source(element)]
    assert dict(zip(facts[::2], facts[1::2], strict=True)) == {
        "Git repository": "https://git.example/team/app.git",
        "Branch, tag or commit": "release/1",
        "Dockerfile": "docker/Dockerfile",
        "Context folder": "the whole repository",
    }


@pytest.mark.parametrize(
    ("address", "links"),
    [("https://git.example/app.git", 1), ("http://git.example/app", 1), ("git@git.example:app.git", 0)],
)
def test_only_what_a_browser_opens_is_a_link(save, page, operator, address, links):
    found = page(f"/builds/{save(REPOSITORY | {'repositoryUrl': address}).pk}", operator)
    assert len(found.with_("href", address)) == links
    assert address in found.one("id", "source").text


def test_without_a_branch_it_is_the_default_one(save, page, operator):
    build = save(REPOSITORY | {"branchName": "", "contextPath": ""})
    text = page(f"/builds/{build.pk}", operator).one("id", "source").text
    assert "the default branch" in text
    assert "Context" not in text


def test_a_dockerfile_that_is_not_built_is_not_shown(save, page, operator):
    build = save(FIELDS)
    save(REPOSITORY, build)
    assert image_of(build).config["docker_file"] == "FROM busybox\nRUN true\n"
    found = page(f"/builds/{build.pk}", operator)
    assert not found.with_("id", "dockerfile")
    assert "RUN true" not in found.main_text


def test_a_typed_dockerfile_stands_beside_the_repository_of_its_files(save, page, operator):
    build = save(REPOSITORY | {"source": "BOTH", "dockerFile": "FROM busybox"})
    found = page(f"/builds/{build.pk}", operator)
    assert "FROM busybox" in found.one("id", "dockerfile").text
    assert "Dockerfile" not in found.one("id", "source").text


def test_a_repository_out_of_use_is_told_as_such(save, page, operator):
    build = save(REPOSITORY)
    save(FIELDS | {"source": "HERE"}, build)
    found = page(f"/builds/{build.pk}", operator)
    assert not found.with_("id", "source")
    assert found.one("data-step-kind").attributes["data-step-kind"] == "Code download"
    assert "not in use" in found.one("data-step-kind").text


def test_a_press_asks_for_the_branch_of_a_repository_and_of_nothing_else(save, as_, page, operator):
    build = save(REPOSITORY)
    assert page(f"/builds/{build.pk}", operator).one("id", "branchName")
    as_(operator).post(f"/builds/{build.pk}/run", {"branchName": "hot/fix"})
    run = build.runs.get()
    assert run.steps.get(step_type="CODE_DOWN").config["branch_name"] == "hot/fix"
    assert code_of(build).config["branch_name"] == "release/1"
    other = save(FIELDS | {"imageName": "other"})
    assert not page(f"/builds/{other.pk}", operator).with_("id", "branchName")


def test_the_page_of_a_run_shows_no_dockerfile_that_was_not_built(save, as_, page, operator):
    build = save(FIELDS)
    save(REPOSITORY, build)
    as_(operator).post(f"/builds/{build.pk}/run")
    assert "RUN true" not in page(f"/runs/{build.runs.get().pk}", operator).main_text
