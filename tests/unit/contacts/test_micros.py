from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer.contacts.micros import from_micros, to_micros


@given(st.datetimes(timezones=st.timezones()), st.datetimes(timezones=st.timezones()))
def test_every_instant_comes_back_and_keeps_its_order(one: datetime, other: datetime) -> None:
    assert from_micros(to_micros(one)) == one.astimezone(UTC)
    assert (to_micros(one) < to_micros(other)) == (one.astimezone(UTC) < other.astimezone(UTC))


def test_the_zone_does_not_matter() -> None:
    at = datetime(2026, 11, 1, 1, 30, tzinfo=UTC)
    assert to_micros(at.astimezone(timezone(timedelta(hours=5, minutes=45)))) == to_micros(at)


def test_a_naive_datetime_is_refused() -> None:
    with pytest.raises(ValueError, match="naive"):
        to_micros(datetime(2026, 11, 1))  # noqa: DTZ001  the point of the test
