"""Holidays on which the law lets nobody call, from the ``holidays`` package and the days that it lacks.

Loading the package takes 60 ms, for every country's calendar comes with it. So what it says of the calendars that the
law names stands in closed_days.csv, which ``scripts/closed-days`` writes. The table counts only where the package is
installed in the very version that it was made from; for other calendars and years the package is asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path

TABLE = Path(__file__).with_name("closed_days.csv")


@lru_cache(maxsize=1024)
def closed_days(calendars: tuple[str, ...], extra: tuple[str, ...], year: int) -> frozenset[date]:
    """The holidays of ``year`` in any of ``calendars``, and the ``extra`` ones.

    A calendar is a country ("US"), a part of one ("US-AL"), or all parts of one ("ES-*"). An extra day is "MM-DD",
    kept on the nearest weekday too when it falls on a weekend, or one of "good friday", "mardi gras", "election day".
    Raises LookupError for a name it does not know.
    """
    days = {day for calendar in calendars for day in _calendar_days(calendar, year)}
    for name in extra:
        days |= _extra_days(name, year)
    return frozenset(days)


def _calendar_days(calendar: str, year: int) -> set[date]:
    known = _table().get(f"{calendar},{year}")
    if known is None:
        return days_of_package(calendar, year)
    return {date(year, int(day[:2]), int(day[2:])) for day in known.split()}


@cache
def _table() -> Mapping[str, str]:
    """Days as "0101 0704" by calendar and year; empty when another version of the package is installed."""
    first, *rows = TABLE.read_text(encoding="ascii").splitlines()
    package = find_spec("holidays")
    if package is None or package.origin is None or not Path(package.origin).parents[1].joinpath(first).is_dir():
        return {}
    return {calendar_and_year: days for calendar_and_year, _, days in (row.rpartition(",") for row in rows)}


def days_of_package(calendar: str, year: int) -> set[date]:
    """The days of a calendar by the package itself. Raises LookupError for one that it does not have."""
    from holidays import country_holidays

    country, _, part = calendar.partition("-")
    try:
        parts = country_holidays(country).subdivisions if part == "*" else (part or None,)
        return {day for each in parts for day in country_holidays(country, subdiv=each, years=year)}
    except NotImplementedError as error:
        raise LookupError(f"no holiday calendar {calendar!r}: {error}") from error


def _extra_days(name: str, year: int) -> set[date]:
    if name == "good friday":
        return {_easter(year) - timedelta(days=2)}
    if name == "mardi gras":
        return {_easter(year) - timedelta(days=47)}
    if name == "election day":  # the Tuesday after the first Monday of November
        return {next(day for n in range(2, 9) if (day := date(year, 11, n)).weekday() == 1)}
    try:
        day = date.fromisoformat(f"{year}-{name}")
    except ValueError as error:
        raise LookupError(f"no holiday is called {name!r}") from error
    to_weekday = {5: -1, 6: 1}.get(day.weekday(), 0)  # Saturday: Friday; Sunday: Monday
    return {day, day + timedelta(days=to_weekday)}


def _easter(year: int) -> date:
    """Easter Sunday of the Gregorian calendar (the anonymous algorithm of 1876)."""
    golden, (century, rest) = year % 19, divmod(year, 100)
    epact = (19 * golden + century - century // 4 - (century - (century + 8) // 25 + 1) // 3 + 15) % 30
    weekday = (32 + 2 * (century % 4) + 2 * (rest // 4) - epact - rest % 4) % 7
    shift = (golden + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * shift + 114, 31)
    return date(year, month, day + 1)
