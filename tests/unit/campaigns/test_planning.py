"""Whom to call next: the places whose hours end first, and the exact moment of the next opening."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from dialer.campaigns.planning import WaitingPlace, plan
from dialer.compliance.windows import Opening

NOW = datetime(2026, 11, 20, 17, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)


def a_place(place_id: int, *, due: timedelta = -HOUR, opens: timedelta = -HOUR, closes: float = 3.0) -> WaitingPlace:
    return WaitingPlace(place_id, NOW + due, Opening(NOW + opens, NOW + closes * HOUR))


def test_the_place_that_closes_first_comes_first_whatever_was_due_longer() -> None:
    found = plan([a_place(1, due=-5 * HOUR, closes=6), a_place(2, closes=1), a_place(3, closes=3)], NOW)
    assert found.places == (2, 3, 1)
    assert found.next_at == NOW


def test_of_two_that_close_together_the_one_due_longer_comes_first() -> None:
    assert plan([a_place(1, due=-HOUR), a_place(2, due=-2 * HOUR)], NOW).places == (2, 1)


def test_when_everything_is_shut_it_waits_for_the_first_opening() -> None:
    found = plan([a_place(1, opens=5 * HOUR, closes=9), a_place(2, opens=2 * HOUR, closes=9)], NOW)
    assert (found.places, found.next_at) == ((), NOW + 2 * HOUR)


def test_a_contact_that_is_due_after_the_opening_is_waited_for_until_it_is_due() -> None:
    found = plan([a_place(1, due=HOUR), a_place(2, due=3 * HOUR, opens=2 * HOUR)], NOW)
    assert (found.places, found.next_at) == ((), NOW + HOUR)


def test_nobody_waits_for_ever_where_no_hours_are_to_come() -> None:
    never = WaitingPlace(7, NOW - HOUR, None)
    always = WaitingPlace(8, NOW - HOUR, Opening(NOW - HOUR, None))
    assert plan([never, always, a_place(1)], NOW).places == (1, 7, 8)


def test_nobody_waits() -> None:
    assert plan([], NOW).next_at is None


hours = st.integers(-50, 50).map(lambda n: n * HOUR / 2)
places = st.builds(
    lambda number, due, opens, lasts: WaitingPlace(
        number, NOW + due, None if lasts == 0 else Opening(NOW + opens, NOW + opens + lasts * HOUR)
    ),
    st.integers(0, 99),
    hours,
    hours,
    st.integers(0, 40),
)


@given(st.lists(places, max_size=20, unique_by=lambda each: each.place_id))
def test_it_takes_all_that_may_be_called_and_sleeps_no_longer_than_it_must(waiting: list[WaitingPlace]) -> None:
    found = plan(waiting, NOW)

    def may_begin(each: WaitingPlace) -> datetime:
        return max(each.next_due, each.opening.opens_at) if each.opening else each.next_due

    assert set(found.places) == {each.place_id for each in waiting if may_begin(each) <= NOW}
    if not found.places:
        assert found.next_at == min((may_begin(each) for each in waiting), default=None)
