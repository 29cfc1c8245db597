"""Calling windows: on which instants a person may be called, judged on every clock they may live by.

An instant is lawful when, in every candidate time zone, the local wall clock stands inside the hours of every rule row
in force on that local date, and inside the campaign's own. The answer can only change where a wall clock reaches one of
those hours or midnight, or jumps (daylight saving time); the next opening is found by asking at exactly those instants.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, cached_property, lru_cache
from itertools import chain
from typing import NamedTuple
from zoneinfo import ZoneInfo

from dialer.compliance.policy import DailyHours
from dialer.compliance.rules import Day, RuleTable, Span

SEARCH = timedelta(days=14)  # a window that does not open within this is treated as never opening
DAY = timedelta(days=1)


@cache
def clock_of(zone: str) -> ZoneInfo:
    """The zone's rules, kept: zoneinfo itself keeps but eight, and some numbers may be in sixteen."""
    return ZoneInfo(zone)


class Hours(NamedTuple):
    """The hours that one source sets for one local date."""

    source: str  # jurisdiction, or "campaign"
    citation: str
    spans: Day


class Reading(NamedTuple):
    """One clock at one instant, with the hours asked of it."""

    zone: str
    local: datetime
    hours: tuple[Hours, ...]

    @property
    def shut(self) -> tuple[Hours, ...]:
        """Those hours that the clock stands outside of."""
        moment = self.local.time()
        return tuple(each for each in self.hours if not any(s.opens <= moment < s.closes for s in each.spans))


class Opening(NamedTuple):
    """Hours in which a person may be called; ``opens_at`` may be earlier than they really began, when they have."""

    opens_at: datetime
    closes_at: datetime | None  # None: no end in sight

    def open_at(self, at: datetime) -> bool:
        """Whether ``at`` lies in these hours."""
        return self.opens_at <= at and (self.closes_at is None or at < self.closes_at)


@dataclass(frozen=True)
class CallingWindow:
    """When one person may be called. Instants are aware; ``zones`` are IANA names, and without any it never opens."""

    rules: RuleTable
    jurisdictions: tuple[str, ...]
    zones: tuple[str, ...]
    own: DailyHours | None = None
    emergency: bool = False  # hours of countries that except emergencies do not bind then

    def readings(self, at: datetime) -> tuple[Reading, ...]:
        """Every clock that is asked, as it stands at ``at``."""
        clocks = []
        for zone, only in self._clocks:
            local = at.astimezone(clock_of(zone))
            clocks.append(Reading(zone, local, self._hours(local.date(), only)))
        return tuple(clocks)

    def lawful_at(self, at: datetime) -> bool:
        """Whether a call may be placed at ``at``."""
        return bool(self.zones) and not any(reading.shut for reading in self.readings(at))

    def next_opening(self, at: datetime) -> datetime | None:
        """The first lawful instant at or after ``at``; None when there is none within ``SEARCH``."""
        if self.lawful_at(at):
            return at
        return next((instant for instant in self._changes(at, at + SEARCH) if self.lawful_at(instant)), None)

    def closes_before(self, at: datetime, end: datetime) -> datetime | None:
        """The first instant after ``at`` and not after ``end`` that is no longer lawful."""
        return next((instant for instant in self._changes(at, end) if not self.lawful_at(instant)), None)

    def next_change(self, at: datetime, end: datetime) -> datetime | None:
        """The first instant after ``at`` and not after ``end`` at which the answer, or a date, may be another."""
        return next(self._changes(at, end), None)

    @cached_property
    def _clocks(self) -> tuple[tuple[str, str], ...]:
        """(zone, jurisdiction whose row names that clock, or empty: every row is asked)."""
        named = {
            (zone, row.jurisdiction): None
            for row in self.rules.rows
            if row.jurisdiction in self.jurisdictions
            for zone in row.zones
            if zone not in self.zones
        }
        return (*((zone, "") for zone in self.zones), *named)

    def _hours(self, day: date, only: str) -> tuple[Hours, ...]:
        return _binding_hours(self.rules, self.jurisdictions, self.own, self.emergency, day, only)

    def _changes(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """All instants in (after, until] at which the answer may change, in order."""
        start = datetime.combine(after.astimezone(UTC).date(), time(), UTC)
        while start <= until:
            found = {
                instant
                for zone, only in self._clocks
                for instant in chain(self._boundaries(zone, only, start), _jumps(zone, start))
                if after < instant <= until and start <= instant < start + DAY
            }
            yield from sorted(found)
            start += DAY

    def _boundaries(self, zone: str, only: str, start: datetime) -> Iterator[datetime]:
        """When the wall clock reaches midnight or one of the hours of a local date around the UTC day ``start``."""
        clock = clock_of(zone)
        for day in (start.date() - DAY, start.date(), start.date() + DAY):
            moments = {time(), *(t for hours in self._hours(day, only) for span in hours.spans for t in span)}
            for moment in moments:
                for fold in (0, 1):  # where clocks are set back, one reading comes twice
                    yield datetime.combine(day, moment, clock).replace(fold=fold).astimezone(UTC)


@lru_cache(maxsize=4096)
def _binding_hours(
    rules: RuleTable, jurisdictions: tuple[str, ...], own: DailyHours | None, emergency: bool, day: date, only: str
) -> tuple[Hours, ...]:
    """All hours that bind on a local date: those of one jurisdiction ``only``, or of all and the campaign's own."""
    rows = rules.rows_for(jurisdictions, day)
    excepting = {row.country for row in rows if row.emergency_citation} if emergency else set()
    found = [
        Hours(row.jurisdiction + kind, row.citation, week.on(day))
        for row in rows
        if row.country not in excepting and only in ("", row.jurisdiction)
        for week, kind in ((row.hours, ""), (row.recorded_hours, " (recorded)"))
        if week is not None
    ]
    if not only:
        found += [Hours(each, "no rule in force", ()) for each in rules.unruled(jurisdictions, day)]
        if own is not None:
            found.append(Hours("campaign", "the campaign's own hours", (Span(own.opens, own.closes),)))
    return tuple(found)


def _jumps(zone: str, start: datetime) -> Iterator[datetime]:
    """The instant within a UTC day at which a zone's clocks are put forward or back, if they are."""
    clock = clock_of(zone)

    def offset(instant: datetime) -> timedelta | None:
        return instant.astimezone(clock).utcoffset()

    before, after = start, start + DAY
    if offset(before) == offset(after):
        return
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) // 2
        middle = middle.replace(microsecond=0)
        if offset(middle) == offset(before):
            before = middle
        else:
            after = middle
    yield after
