from __future__ import annotations

from datetime import date

import pytest
from holidays import country_holidays

from dialer.compliance.closed_days import closed_days


@pytest.mark.parametrize("year", range(2020, 2060))
def test_good_friday_and_mardi_gras_are_where_easter_puts_them(year: int) -> None:
    friday = country_holidays("GB", years=year).get_named("Good Friday")
    assert closed_days((), ("good friday",), year) == set(friday)
    assert closed_days((), ("mardi gras",), year) == set(
        country_holidays("US", "LA", years=year).get_named("Mardi Gras")
    )


def test_the_legal_holidays_of_pennsylvania_in_2026() -> None:
    days = closed_days(("US",), ("good friday", "06-14", "election day"), 2026)
    assert sorted(f"{day:%m-%d}" for day in days) == [
        "01-01", "01-19", "02-16", "04-03", "05-25", "06-14", "06-15", "06-19", "07-03", "07-04", "09-07", "10-12",
        "11-03", "11-11", "11-26", "12-25",
    ]  # fmt: skip


@pytest.mark.parametrize(("year", "also"), [(2026, date(2026, 10, 30)), (2027, date(2027, 11, 1)), (2028, None)])
def test_a_day_on_a_weekend_is_kept_on_the_nearest_weekday_too(year: int, also: date | None) -> None:
    saturday_in_2026 = closed_days((), ("10-31",), year)
    assert saturday_in_2026 == {date(year, 10, 31)} | ({also} if also else set())


def test_every_region_together_closes_what_any_region_closes() -> None:
    spain = closed_days(("ES-*",), (), 2027)
    assert closed_days(("ES",), (), 2027) < spain
    assert closed_days(("ES-CT",), (), 2027) | closed_days(("ES-AN",), (), 2027) <= spain


@pytest.mark.parametrize(
    ("calendars", "extra"), [(("XX",), ()), (("US-XX",), ()), (("US",), ("13-01",)), ((), ("yule",))]
)
def test_an_unknown_calendar_or_day_is_an_error(calendars: tuple[str, ...], extra: tuple[str, ...]) -> None:
    with pytest.raises(LookupError):
        closed_days(calendars, extra, 2026)
