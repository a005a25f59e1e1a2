"""What is cut from a log is counted and said."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builds.domain.log.limits import LogLimit, clip_remedy
from builds.domain.log.lines import LogLine


def lines_of(*sizes: int) -> list[LogLine]:
    return [LogLine(b"x" * (size - 1) + b"\n", "v", 1, t) for t, size in enumerate(sizes)]


SIZES = st.lists(st.integers(1, 30), max_size=60)


@given(sizes=SIZES, limit=st.integers(2, 400), batch=st.integers(1, 7))
def test_head_and_tail_are_kept_and_the_rest_is_counted(sizes, limit, batch):
    lines = lines_of(*sizes)
    keeper = LogLimit(limit)
    head = [line for at in range(0, len(lines), batch) for line in keeper.admit(lines[at : at + batch])]
    mark, tail = keeper.release()
    missing = lines[len(head) : len(lines) - len(tail)]
    assert head + missing + tail == lines
    assert (keeper.missing_lines, keeper.missing_bytes) == (len(missing), sum(len(line.raw) for line in missing))
    assert sum(len(line.raw) for line in head + tail) <= limit
    assert (mark is None) is (not missing)


@given(sizes=SIZES)
def test_a_log_within_half_of_its_limit_passes_at_once(sizes):
    lines = lines_of(*sizes)
    keeper = LogLimit(2 * sum(sizes) + 2)
    assert keeper.admit(lines) == lines
    assert keeper.release() == (None, [])


def test_the_mark_says_how_much_is_missing_and_who_can_change_it():
    keeper = LogLimit(40)
    assert len(keeper.admit(lines_of(*[10] * 10))) == 2
    mark, tail = keeper.release()
    assert [line.t for line in tail] == [8, 9]
    assert mark is not None
    assert "6 lines (60 bytes) are missing here" in mark
    assert "BUILDHUB_LOG_LIMIT_MB" in mark


def test_nothing_passes_any_more_once_a_line_was_held_back():
    keeper = LogLimit(40)
    assert [line.t for line in keeper.admit(lines_of(15, 15, 1))] == [0]
    assert [line.t for line in keeper.release()[1]] == [1, 2]


def test_the_tail_is_bounded_whatever_the_limit_is():
    keeper = LogLimit(1000, tail_bytes=20)
    assert len(keeper.admit(lines_of(*[10] * 200))) == 98
    assert len(keeper.release()[1]) == 2


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("[output clipped, log limit 200KiB/s reached]", "faster than 200KiB/s"),
        ("[output clipped, log limit 1MiB reached]", "more than 1MiB"),
        ("[output clipped, log limit -1B reached]\r", "more than -1B"),
    ],
)
def test_the_engines_own_cut_is_explained_with_the_remedy(text, limit):
    sentence = clip_remedy(text) or ""
    assert limit in sentence
    assert "BUILDKIT_STEP_LOG_MAX_SIZE=1073741824" in sentence
    assert "BUILDKIT_STEP_LOG_MAX_SPEED=1073741824" in sentence


@pytest.mark.parametrize(
    "text", ["", "a [output clipped, log limit 1MiB reached]", "[output clipped]", "output clipped, log limit 1MiB"]
)
def test_other_lines_are_no_cut(text):
    assert clip_remedy(text) is None
