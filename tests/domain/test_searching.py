"""Searching lines as they are read, and the places around them."""

import json
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builds.domain.log.searching import lines_with, ranges_around, readable


@pytest.mark.parametrize(
    ("printed", "read"),
    [
        ("\x1b[1;31mred\x1b[0m dish", "red dish"),
        ("10 %\r20 %\r\n30 %\r40 %", "20 %\r\n40 %"),
        ("\x1b]8;;http://a\x07link\x1b]8;;\x1b\\ x", "link x"),
        ("\x1b]0;never ended\nnext", "\nnext"),
    ],
)
def test_a_line_is_read_without_colours_and_what_was_drawn_over(printed, read):
    assert readable(printed) == read


def test_a_line_is_found_once_in_any_case_and_over_colours():
    text = "one Error error\nno\nan \x1b[31merr\x1b[0mor\nSTRASSE\nerror\rgone"
    assert list(lines_with("eRRor", text)) == [0, 2]
    assert list(lines_with("straße", text)) == [3]
    assert list(lines_with("gone", text)) == [4]


@given(st.lists(st.text("ab\x1b[m\r", max_size=6), max_size=20), st.text("ab", min_size=1, max_size=2))
def test_the_lines_are_those_that_hold_it_one_by_one(lines, wanted):
    expected = [index for index, line in enumerate(lines) if wanted in readable(line)]
    assert list(lines_with(wanted, "\n".join(lines))) == expected


@given(st.sets(st.integers(1, 60)), st.integers(0, 5))
def test_places_hold_each_hit_with_its_context_and_never_touch(numbers, context):
    ranges = list(ranges_around(sorted(numbers), context, 60))
    shown = {n for first, last in ranges for n in range(first, last + 1)}
    assert shown == {n for hit in numbers for n in range(hit - context, hit + context + 1) if 1 <= n <= 60}
    assert all(later[0] > earlier[1] + 1 for earlier, later in pairwise(ranges))


VECTORS = json.loads((Path(__file__).parents[1] / "vectors/ansi.json").read_text())
# What is drawn of a mark is no text of the line, and a search may find what it stands for.
WITHOUT_MARKS = [one for one in VECTORS if not any("ansi-mark" in piece[1] for piece in one["pieces"])]


@pytest.mark.parametrize("vector", WITHOUT_MARKS, ids=[one["name"] for one in WITHOUT_MARKS])
def test_a_line_is_read_as_it_is_drawn(vector):
    assert readable(vector["text"]).rstrip("\r") == "".join(piece[0] for piece in vector["pieces"])
