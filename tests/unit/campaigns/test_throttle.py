"""So many calls to a number or a prefix in a minute, a quarter, an hour; whichever campaign places them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from dialer.campaigns import throttle
from dialer.campaigns.throttle import EVERY_DIGIT, HOUR, MINUTE, Throttle, ThrottleRule

NOW = datetime(2026, 11, 20, 17, 30, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MIAMI = ThrottleRule("+1305", 4, ((MINUTE, 2), (HOUR, 5)))


def test_a_prefix_is_full_until_its_first_call_is_a_minute_old() -> None:
    throttled = Throttle([MIAMI])
    for second in (0, 20):
        assert throttled.earliest("+13055550001", NOW + second * SECOND) == NOW + second * SECOND
        throttled.dialed(f"+1305555000{second}", NOW + second * SECOND)
    assert throttled.earliest("+13055559999", NOW + 30 * SECOND) == NOW + MINUTE
    assert throttled.earliest("+12125559999", NOW + 30 * SECOND) == NOW + 30 * SECOND


def test_each_number_for_itself() -> None:
    throttled = Throttle([ThrottleRule("+", EVERY_DIGIT, ((HOUR, 1),))])
    throttled.dialed("+13055550001", NOW)
    assert throttled.earliest("+13055550001", NOW + MINUTE) == NOW + HOUR
    assert throttled.earliest("+13055550002", NOW + MINUTE) == NOW + MINUTE


def test_groups_by_their_first_digits() -> None:
    throttled = Throttle([ThrottleRule("+1", 7, ((MINUTE, 1),))])
    throttled.dialed("+13055550001", NOW)
    assert throttled.earliest("+13055550002", NOW) == NOW + MINUTE
    assert throttled.earliest("+13055560002", NOW) == NOW


def test_a_call_from_the_future_counts_for_the_clock_may_have_been_set_back() -> None:
    throttled = Throttle([ThrottleRule("+", EVERY_DIGIT, ((HOUR, 1),))])
    throttled.dialed("+13055550001", NOW + HOUR)
    assert throttled.earliest("+13055550001", NOW) == NOW + 2 * HOUR


def test_a_call_that_came_to_nothing_takes_no_room() -> None:
    throttled = Throttle([MIAMI])
    for _ in range(5):
        throttled.dialed("+13055550001", NOW)
        throttled.not_dialed("+13055550001")
    assert throttled.earliest("+13055550001", NOW) == NOW


def test_what_matters_no_more_is_dropped() -> None:
    throttled = Throttle([ThrottleRule("+", EVERY_DIGIT, ((HOUR, 1),))])
    for number in range(throttle.MOST_GROUPS):
        throttled.dialed(f"+1{number:010}", NOW)
    throttled.dialed("+44", NOW + 2 * HOUR)
    assert len(throttled._calls) == 1


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 1000)), max_size=60))
def test_whoever_asks_first_never_dials_too_many(calls: list[tuple[int, int]]) -> None:
    throttled, now = Throttle([MIAMI]), NOW
    dialed: list[datetime] = []
    for last, seconds in calls:
        now += seconds * SECOND
        number = f"+1305555000{last}"
        when = throttled.earliest(number, now)
        assert when >= now
        if when == now:
            throttled.dialed(number, now)
            dialed.append(now)
        else:
            assert throttled.earliest(number, when) >= when
    for span, most in MIAMI.limits:
        for end in dialed:
            assert sum(end - span < at <= end for at in dialed) <= most
