"""Patterns of a .dockerignore, as the docker command reads them."""

import pytest

from builds.engine.errors import PatternInvalid
from builds.engine.ignore import Ignored


def is_out(patterns: list[str], path: str) -> bool:
    """Ask from the top down, as a walk does."""
    ignored = Ignored(patterns)
    parts, matches, out = path.split("/"), ignored.at_top, False
    for end in range(1, len(parts) + 1):
        out, matches = ignored.look("/".join(parts[:end]), matches)
    return out


@pytest.mark.parametrize(
    ("patterns", "left_out", "kept"),
    [
        ([], [], ["a", "a/b"]),
        (["", "  "], [], ["a"]),
        (["a"], ["a", "a/b", "a/b/c"], ["A", "b/a", "ab"]),
        (["/a/"], ["a", "a/b"], ["b/a"]),
        (["./a/../b"], ["b"], ["a"]),
        (["."], [], ["a", ".a"]),
        (["*"], ["a", ".a", "a/b"], []),
        (["*.go"], ["a.go", ".go"], ["a.g", "a/a.go", "aXgo"]),
        (["*/a"], ["x/a", "x/a/b"], ["a", "x/y/a"]),
        (["a?"], ["ab", "aü"], ["a", "a/", "abc"]),
        (["**"], ["a", "a/b"], []),
        (["**/a"], ["a", "x/a", "x/y/a", "x/a/b"], ["xa", "ax"]),
        (["**/*.go"], ["a.go", "x/a.go"], ["a.g"]),
        (["a/**"], ["a/b", "a/b/c"], ["a", "ab"]),
        (["a/**/b"], ["a/b", "a/x/b", "a/x/y/b"], ["a/xb", "b"]),
        (["**.go"], ["a.go", "x/a.go"], ["a.g"]),
        (["a**"], ["a", "ab", "a/b"], ["b"]),
        (["a[b-d]"], ["ab", "ac", "ad"], ["ae", "a-", "a"]),
        (["a[^b-d]"], ["ae", "a-"], ["ab"]),
        (["a[!b]"], ["a!", "ab"], ["ac"]),
        (["a[[&]b"], ["a[b", "a&b"], ["ab"]),
        ([r"a[\]\-c]"], ["a]", "a-", "ac"], ["ab"]),
        ([r"\*"], ["*"], ["a", r"\*"]),
        ([r"a\b"], ["ab"], [r"a\b"]),
        (["a.b", "c+", "(d)", "e|f", "^h", "i$"], ["a.b", "c+", "(d)", "e|f", "^h", "i$"], ["aXb", "cc", "e", "h"]),
        (["a\nb*"], ["a\nbc"], ["a"]),
        (["*", "!a"], ["b"], ["a", "a/b"]),
        (["*", "!a", "a/b"], ["b", "a/b", "a/b/c"], ["a", "a/c"]),
        (["!a", "*"], ["a"], []),
        (["a", "!a/b"], ["a", "a/c"], ["a/b", "a/b/c"]),
        (["a", "!a/b", "a/b/c"], ["a", "a/b/c", "a/b/c/d"], ["a/b", "a/b/d"]),
        (["a", "!**/*.md", "a/no.md"], ["a/x", "a/no.md"], ["a/x.md", "a/b/x.md"]),
        (["**/node_modules", "!x/node_modules"], ["node_modules/a", "y/node_modules"], ["x/node_modules/a"]),
        (["a/*", "!a/b/"], ["a/c"], ["a", "a/b", "a/b/d"]),
        (["caf\udce9"], ["caf\udce9"], ["cafe"]),
    ],
)  # fmt: skip
def test_what_is_left_out_and_what_stays(patterns, left_out, kept):
    assert [path for path in left_out if not is_out(patterns, path)] == []
    assert [path for path in kept if is_out(patterns, path)] == []


@pytest.mark.parametrize("pattern", ["!", "a[", "a[]", "[b-a]", "a\\", "x/[a"])
def test_a_pattern_that_cannot_be_read_is_named(pattern):
    with pytest.raises(PatternInvalid, match=r"\.dockerignore") as caught:
        Ignored(["a", pattern])
    assert caught.value.pattern == pattern


@pytest.mark.parametrize(
    ("patterns", "folder", "could"),
    [
        (["a"], "a", False),
        (["a", "!a/b"], "a", True),
        (["a", "!a/b"], "a/c", False),
        (["a", "!ab"], "a", False),
        (["a", "!a/*/c"], "a/b", True),
        (["a", "!b/*/c"], "a", False),
        (["a", "!**/c"], "a", True),
    ],
)
def test_a_folder_left_out_is_looked_into_only_where_an_exception_could_lie(patterns, folder, could):
    assert Ignored(patterns).may_hold_exceptions(folder) is could
