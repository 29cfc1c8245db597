from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from holidays import country_holidays

from dialer.compliance import closed_days as module
from dialer.compliance.closed_days import TABLE, closed_days, days_of_package
from dialer.compliance.rules import builtin_rules

ROWS = [row.split(",") for row in TABLE.read_text(encoding="ascii").splitlines()[1:]]


@pytest.fixture
def without_a_table(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    other = tmp_path / "closed_days.csv"
    other.write_text(TABLE.read_text(encoding="ascii").replace("holidays-", "holidays-9.", 1), encoding="ascii")
    monkeypatch.setattr(module, "TABLE", other)
    caches = (closed_days, module._table)
    for each in caches:
        each.cache_clear()
    yield
    for each in caches:
        each.cache_clear()


def test_the_table_is_made_from_the_package_that_is_installed() -> None:
    assert module._table(), "scripts/closed-days writes it anew"


@pytest.mark.parametrize("calendar", sorted({calendar for calendar, _, _ in ROWS}))
def test_the_table_says_what_the_package_says(calendar: str) -> None:
    for each, year, days in ROWS:
        if each == calendar:
            assert days.split() == sorted(f"{day:%m%d}" for day in days_of_package(calendar, int(year))), year
            assert closed_days((calendar,), (), int(year)) == days_of_package(calendar, int(year))


def test_every_calendar_that_the_law_names_is_in_it_for_years_to_come() -> None:
    weeks = [week for row in builtin_rules().rows for week in (row.hours, row.recorded_hours) if week is not None]
    named = {calendar for week in weeks for calendar in week.calendars}
    years = {(calendar, int(year)) for calendar, year, _ in ROWS}
    assert years >= {(calendar, year) for calendar in named for year in range(2026, 2037)}


@pytest.mark.usefixtures("without_a_table")
def test_with_another_package_that_is_asked() -> None:
    assert not module._table()
    assert date(2026, 7, 4) in closed_days(("US",), (), 2026)


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
