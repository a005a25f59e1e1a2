"""The range in which a run will probably end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builds.domain.estimates import range_of


@pytest.mark.parametrize("durations", [[], [1.0], [1.0, 2.0]])
def test_below_three_runs_there_is_no_range(durations):
    assert range_of(durations) is None


def test_the_range_is_from_the_25th_to_the_90th_percentile():
    assert range_of([30, 10, 20, 50, 40]) == pytest.approx((20, 46))


@given(durations=st.lists(st.floats(0, 1e6), min_size=3))
def test_the_range_lies_within_what_was_seen(durations):
    low, high = range_of(durations)
    assert min(durations) <= low <= high <= max(durations) * (1 + 1e-9)
