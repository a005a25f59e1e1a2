"""Which tag a run gets."""

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builds.domain.tags import AutoTagSeqType, TagMissing, TagRule, check_prefix, check_tag, next_tag

NOW = datetime(2022, 12, 2, 8, 42, 43, tzinfo=UTC)
BY_DATE = TagRule(automatic=True, prefix="test", sequence=AutoTagSeqType.DATETIME)
BY_NUMBER = TagRule(automatic=True, prefix="test", sequence=AutoTagSeqType.SEQUENCE)


def tag(rule, *, build_no=12, now=NOW, asked=None, taken=()) -> str:
    return next_tag(rule, build_no=build_no, now=now, asked=asked, taken=frozenset(taken).__contains__)


def test_a_sequence_is_the_number_in_five_digits_and_grows_beyond():
    assert tag(BY_NUMBER) == "test-00012"
    assert tag(BY_NUMBER, build_no=1_234_567) == "test-1234567"


def test_a_date_is_of_the_accounts_zone():
    assert tag(BY_DATE) == "test-20221202-084243"
    assert tag(BY_DATE, now=NOW.astimezone(ZoneInfo("Asia/Seoul"))) == "test-20221202-174243"


def test_two_runs_in_one_second_get_different_tags():
    assert tag(BY_DATE, taken=["test-20221202-084243"]) == "test-20221202-084243-2"
    assert tag(BY_DATE, taken=["test-20221202-084243", "test-20221202-084243-2"]) == "test-20221202-084243-3"


def test_an_automatic_rule_ignores_the_tag_that_is_asked_for():
    assert tag(BY_NUMBER, asked="mine") == "test-00012"


def test_without_a_rule_the_asked_tag_wins_over_the_builds_own():
    rule = TagRule(automatic=False, tag="own")
    assert tag(rule, asked="mine") == "mine"
    assert tag(rule) == "own"
    assert tag(rule, asked="", taken=["own"]) == "own"


@pytest.mark.parametrize(
    "rule",
    [TagRule(automatic=False), TagRule(automatic=True, prefix="v"), TagRule(True, "", AutoTagSeqType.SEQUENCE)],
)
def test_neither_rule_nor_tag_is_told_with_the_remedy(rule):
    with pytest.raises(TagMissing, match="give"):
        tag(rule)


def test_a_time_without_zone_is_refused():
    with pytest.raises(ValueError, match="time zone"):
        tag(BY_DATE, now=NOW.replace(tzinfo=None))


PREFIXES = st.from_regex(r"[a-z0-9]([a-z0-9._-]{0,106}[a-z0-9])?", fullmatch=True)
TIMES = st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(9999, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis asks for naive bounds


@given(prefix=PREFIXES, build_no=st.integers(1, 2**31), now=TIMES, sequence=st.sampled_from(AutoTagSeqType))
def test_every_valid_prefix_gives_a_valid_tag(prefix, build_no, now, sequence):
    assert check_prefix(prefix) is None
    made = tag(TagRule(automatic=True, prefix=prefix, sequence=sequence), build_no=build_no, now=now)
    assert made.startswith(f"{prefix}-")
    assert check_tag(made) is None


@given(presses=st.lists(st.integers(0, 3), max_size=30))
def test_dated_tags_never_repeat(presses):
    given_out: list[str] = []
    for second in presses:
        given_out.append(tag(BY_DATE, now=NOW.replace(second=second), taken=given_out))
    assert len(set(given_out)) == len(presses)


@given(numbers=st.sets(st.integers(1, 10**7)))
def test_numbered_tags_never_repeat(numbers):
    assert len({tag(BY_NUMBER, build_no=number) for number in numbers}) == len(numbers)


@given(text=st.text(max_size=140))
def test_a_tag_that_passes_the_check_is_of_the_contracts_shape(text):
    shaped = re.fullmatch(r"[a-z0-9]([a-z0-9._-]{0,126}[a-z0-9])?", text) is not None
    assert (check_tag(text) is None) is shaped


@pytest.mark.parametrize(
    ("wrong", "part"),
    [
        ("", "empty"),
        ("V1", "write it as v1"),
        ("-a", "letter or digit"),
        ("a.", "letter or digit"),
        ("a b", "lower-case"),
        ("a\n", "lower-case"),
        ("a/b", "lower-case"),
        ("ä", "lower-case"),
        ("a" * 129, "129 characters"),
    ],
)
def test_what_is_wrong_with_a_tag_is_said(wrong, part):
    assert part in (check_tag(wrong) or "")


def test_a_prefix_leaves_room_for_the_date():
    assert check_prefix("a" * 108) is None
    assert "at most 108" in (check_prefix("a" * 109) or "")
    assert "needs a prefix" in (check_prefix("") or "")
