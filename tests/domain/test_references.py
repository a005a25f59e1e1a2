"""Names and references: what is refused, with words, and how they are composed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builds.domain.references import ImageReference, check_image_name, check_project, check_reference

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize("name", ["hello", "team/hello", "a/b/c", "a-b", "a--b", "a__b", "a.b_c-d", "0", "a" * 255])
def test_valid_image_names_pass(name):
    assert check_image_name(name) is None


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("", "empty"),
        ("/a", "end or beginning"),
        ("a/", "end or beginning"),
        ("a//b", "in a row"),
        ("Team/hello", "write it as team"),
        ("a/-b", "letter or digit"),
        ("a..b", "in a row"),
        ("a.-b", "in a row"),
        ("a___b", "in a row"),
        ("a\0", "lower-case"),
        ("a\n", "lower-case"),
        ("hello:1", "lower-case"),
        ("a@b", "lower-case"),
        ("ümlaut", "lower-case"),
        ("a" * 256, "256 characters"),
    ],
)
def test_what_is_wrong_with_an_image_name_is_said(name, part):
    assert part in (check_image_name(name) or "")


def test_a_project_is_one_part_and_may_be_empty():
    assert check_project("") is None
    assert check_project("ops") is None
    assert "The project" in (check_project("ops/app") or "")
    assert "write it as ops" in (check_project("Ops") or "")


@pytest.mark.parametrize(
    "text",
    [
        "127.0.0.1:5000/ops/app:1.2",
        "registry.example/app",
        "[::1]:5000/app:1",
        "app",
        f"localhost:5000/app:1@{DIGEST}",
        "UPPER.example/app:V1",
    ],
)
def test_valid_references_pass(text):
    assert check_reference(text) is None


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "empty"),
        ("app\n", "blank or control"),
        ("app :1", "blank or control"),
        ("a\u2028b", "blank or control"),
        ("host/App", "lower"),
        ("host/app:", "valid"),
        ("host/app:-1", "valid"),
        ("host/app:" + "a" * 129, "valid"),
        ("host/app@sha256:abc", "valid"),
        ("host/app@md5:" + "a" * 32, "valid"),
        ("https://host/app", "valid"),
        ("user:pw@host/app", "valid"),
        ("a" * 2000, "2000 characters"),
    ],
)
def test_what_is_wrong_with_a_reference_is_said(text, part):
    assert part in (check_reference(text) or "")


@given(text=st.text(max_size=30))
def test_any_text_is_either_valid_or_refused_with_a_sentence(text):
    for check in (check_project, check_image_name, check_reference):
        sentence = check(text)
        assert sentence is None or sentence.endswith(".")


def test_a_reference_is_composed_without_empty_parts():
    image = ImageReference("127.0.0.1:5000", "team/x", "ops", "my/app", "1.2")
    assert image.repository == "team/x/ops/my/app"
    assert image.image == "127.0.0.1:5000/team/x/ops/my/app"
    assert image.tagged == "127.0.0.1:5000/team/x/ops/my/app:1.2"
    assert image.pinned(DIGEST) == f"127.0.0.1:5000/team/x/ops/my/app:1.2@{DIGEST}"
    assert ImageReference("h.example", "", "", "app").tagged == "h.example/app"


NAMES = st.from_regex(r"[a-z0-9]{1,8}(-[a-z0-9]{1,4})?", fullmatch=True)


@given(prefix=st.just("") | NAMES, project=st.just("") | NAMES, name=NAMES, tag=NAMES)
def test_what_is_composed_of_valid_names_is_a_valid_reference(prefix, project, name, tag):
    image = ImageReference("127.0.0.1:5000", prefix, project, name, tag)
    assert check_reference(image.tagged) is None
    assert check_reference(image.pinned(DIGEST)) is None
