"""When a callback is sent again: growing waits, wishes of the receiver, the end."""

from datetime import UTC, datetime

import pytest

from builds.domain.callbacks import MOST_ATTEMPTS, WAITS, Outcome, next_wait, retry_after_seconds

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def test_waits_grow_over_hours_and_then_end():
    waits = [next_wait(Outcome(500), attempts=count, chance=0) for count in range(1, MOST_ATTEMPTS + 1)]
    assert waits == [*WAITS, None]
    assert list(WAITS) == sorted(WAITS)
    assert sum(WAITS) > 7.5 * 3600


def test_jitter_lengthens_a_wait_by_a_fifth_at_most():
    assert next_wait(Outcome(None), attempts=5, chance=1) == pytest.approx(144)


@pytest.mark.parametrize(("status", "delivered"), [(200, True), (204, True), (299, True), (301, False), (199, False)])
def test_only_a_2xx_is_delivered(status, delivered):
    assert Outcome(status).is_delivered is delivered
    assert not Outcome(None).is_delivered


def test_gone_ends_it_at_once_and_a_refusal_after_the_fourth():
    assert next_wait(Outcome(410), attempts=1, chance=0) is None
    refused = Outcome(refused=True)
    assert next_wait(refused, attempts=3, chance=0) == WAITS[2]
    assert next_wait(refused, attempts=4, chance=0) is None


def test_a_wish_to_wait_longer_is_honoured_up_to_an_hour_and_never_shortens():
    assert next_wait(Outcome(429, retry_after=900), attempts=1, chance=0) == 900
    assert next_wait(Outcome(429, retry_after=86400), attempts=1, chance=0) == 3600
    assert next_wait(Outcome(429, retry_after=1), attempts=7, chance=0) == WAITS[6]


@pytest.mark.parametrize(
    ("word", "seconds"),
    [
        *[(None, 0), ("", 0), ("120", 120), ("-5", 0), ("soon", 0), ("٣", 0), ("9" * 40, 999_999_999)],
        ("Mon, 23 Nov 2026 12:10:00 GMT", 600),
        ("Mon, 23 Nov 2026 11:00:00 GMT", 0),
        ("Mon, 23 Nov 99999 11:00:00 GMT", 0),
    ],
)
def test_retry_after_is_read_as_seconds_or_date(word, seconds):
    assert retry_after_seconds(word, now=NOW) == seconds
