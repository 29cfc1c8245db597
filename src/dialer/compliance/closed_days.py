"""Holidays on which the law lets nobody call, from the ``holidays`` package and the days that it lacks."""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache


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
    from holidays import country_holidays  # every country's calendar comes with it: most questions need none

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
