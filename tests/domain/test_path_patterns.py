"""Which files of a folder patterns mean, and which folders have to be looked into for them."""

import pytest

from builds.domain.path_patterns import PathPattern, read_patterns


@pytest.mark.parametrize(
    ("pattern", "path", "is_meant"),
    [
        ("dist/*.jar", "dist/a.jar", True),
        ("dist/*.jar", "dist/lib/a.jar", False),
        ("dist/*.jar", "dist/a.jar/b", False),
        ("./dist//a.jar", "dist/a.jar", True),
        ("*", ".hidden", True),
        ("*", "a/b", False),
        ("**/*.jar", "a.jar", True),
        ("**/*.jar", "x/y/a.jar", True),
        ("dist/**", "dist/x/y", True),
        ("dist/**", "other/x", False),
        ("a/**/b/*", "a/b/c", True),
        ("a/**/b/*", "a/x/b/b/c", True),
        ("a/**/b/*", "a/x/c", False),
        ("**/**/a", "a", True),
        ("[ab]?.txt", "b1.txt", True),
        ("[!ab]?.txt", "b1.txt", False),
        ("A.txt", "a.txt", False),
    ],
)
def test_a_pattern_means_these_files(pattern, path, is_meant):
    assert PathPattern(pattern).matches(path) is is_meant


@pytest.mark.parametrize(
    ("pattern", "folder", "may_hold"),
    [
        ("dist/*.jar", "dist", True),
        ("dist/*.jar", "dist/lib", False),
        ("dist/*.jar", "other", False),
        ("**/a", "x/y/z", True),
        ("a/**/b", "a/x", True),
        ("a/**/b", "x", False),
    ],
)
def test_a_folder_is_looked_into_where_it_may_hold_such_files(pattern, folder, may_hold):
    assert PathPattern(pattern).may_hold(folder) is may_hold


@pytest.mark.parametrize(
    ("pattern", "fixed"),
    [("a.jar", ""), ("dist/a.jar", "dist"), ("dist/*.jar", "dist"), ("x/y/**/a", "x/y"), ("*/a", ""), ("x*/a", "")],
)
def test_the_fixed_part_is_the_folder_before_the_first_wildcard(pattern, fixed):
    assert PathPattern(pattern).fixed == fixed


def test_patterns_have_commas_between_them():
    assert [each.path for each in read_patterns(" a.txt, b/*.jar,, ")] == ["a.txt", "b/*.jar"]


def test_a_pattern_of_many_wildcards_is_soon_done():
    assert not PathPattern("/".join(["**", "*a" * 60] * 20)).matches("/".join(["a" * 120 + "b"] * 40))
