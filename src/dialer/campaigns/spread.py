"""Retries spread over different parts of the day and kinds of day: who is out in the morning may be in at night.

The window of a local day, from its first opening to its last close, is quartered into its parts. The next try goes to
the first part not tried yet, on a kind of day not tried yet where that can be had; without either there is nothing
to gain from waiting, and it goes as soon as the law allows.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import IntEnum, StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo

from dialer.campaigns.retry import RetryPlan, Spread
from dialer.compliance.windows import SEARCH, CallingWindow, clock_of

DAY = timedelta(days=1)
SATURDAY = 5


class PartOfDay(IntEnum):
    """A quarter of the open window of a day, whatever the hour that it begins at."""

    MORNING = 0
    MIDDAY = 1
    AFTERNOON = 2
    EVENING = 3


class KindOfDay(StrEnum):
    """Whether most people are at work. Public holidays are taken for what their weekday is."""

    WORKDAY = "workday"  # Monday to Friday
    WEEKEND = "weekend"


@dataclass(frozen=True, slots=True)
class DayOpening:
    """A stretch of time in which a call is lawful; both ends aware, ``closes_at`` is no longer in it."""

    opens_at: datetime
    closes_at: datetime


Opens = Callable[[datetime], DayOpening | None]
"""The whole opening that contains a moment, else the first one after it; None: none that is worth waiting for.

It is asked about the past as well, for the times already tried.
"""


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Open time within one part of one day."""

    begins: datetime
    ends: datetime
    part: PartOfDay
    kind: KindOfDay


def next_try(
    earliest: datetime, tried: Iterable[datetime], zones: Sequence[str], opens: Opens, plan: RetryPlan
) -> datetime:
    """When to dial a contact again: at or after ``earliest``, within an opening (aware, UTC).

    ``tried`` are the times of its earlier attempts, ``zones`` the IANA names of its candidate zones; openings are
    lawful on all of their clocks, and the first one's says which day it is. With ``Spread.EARLIEST``, or when
    everything has been tried, it is the earliest lawful moment. With ``Spread.PARTS_OF_DAY`` it is the first moment of
    a part of that same day that was not tried; where none is ahead, the first within ``plan.horizon`` of the earliest
    lawful moment whose part and kind of day are both new, else whose part is, else whose kind is. Without any opening,
    or any zone, it is ``earliest``: the gate then says why not.
    """
    first = opens(earliest)
    if first is None or not zones:
        return earliest
    lawful = max(earliest, first.opens_at).astimezone(UTC)
    if plan.spread is Spread.EARLIEST:
        return lawful
    clock = clock_of(zones[0])
    last = lawful + plan.horizon
    today = lawful.astimezone(clock).date()
    parts_tried, kinds_tried = _slots_of(tried, clock, opens)
    best, newest = lawful, (False, False)
    for stretch in _stretches(today, last, clock, opens):
        begins = max(stretch.begins, lawful)
        if begins >= stretch.ends or begins > last:
            continue
        new = stretch.part not in parts_tried, stretch.kind not in kinds_tried
        if new[0] and stretch.begins.astimezone(clock).date() == today:
            return begins
        if new > newest:
            best, newest = begins, new
    return best


def openings_of(window: CallingWindow) -> Opens:
    """The openings of a calling window, cut at the midnights of its first zone. It remembers days: keep it a while."""

    @lru_cache(maxsize=64)
    def on(day: date) -> tuple[DayOpening, ...]:
        clock = clock_of(window.zones[0])
        tomorrow = _midnight(day + DAY, clock)
        found: list[DayOpening] = []
        opens_at = window.next_opening(_midnight(day, clock))
        while opens_at is not None and opens_at < tomorrow:
            closes_at = window.closes_before(opens_at, tomorrow) or tomorrow
            found.append(DayOpening(opens_at.astimezone(UTC), closes_at.astimezone(UTC)))
            opens_at = window.next_opening(closes_at)
        return tuple(found)

    def opens(at: datetime) -> DayOpening | None:
        if not window.zones:
            return None
        today = at.astimezone(clock_of(window.zones[0])).date()
        days = (today + timedelta(days=ahead) for ahead in range(SEARCH.days + 1))
        return next((opening for day in days for opening in on(day) if opening.closes_at > at), None)

    return opens


def _slots_of(tried: Iterable[datetime], clock: ZoneInfo, opens: Opens) -> tuple[set[PartOfDay], set[KindOfDay]]:
    """The parts and kinds of day in which there was a try. One outside the hours counts for the nearest part."""
    parts, kinds = set(), set()
    for at in tried:
        day = at.astimezone(clock).date()
        kinds.add(_kind(day))
        if quarters := _quarters(_openings_on(day, clock, opens)):
            parts.add(PartOfDay(min(3, max(0, bisect_right(quarters, at) - 1))))
    return parts, kinds


def _stretches(day: date, until: datetime, clock: ZoneInfo, opens: Opens) -> Iterator[_Stretch]:
    """Open time from the beginning of ``day``, in order."""
    while _midnight(day, clock) <= until:
        openings = _openings_on(day, clock, opens)
        quarters = _quarters(openings)
        for part, begins, ends in zip(PartOfDay, quarters, quarters[1:], strict=False):
            for opening in openings:
                if opening.opens_at < ends and begins < opening.closes_at:
                    yield _Stretch(max(begins, opening.opens_at), min(ends, opening.closes_at), part, _kind(day))
        day += DAY


def _openings_on(day: date, clock: ZoneInfo, opens: Opens) -> list[DayOpening]:
    """The openings of a local day, in order, cut at its midnights."""
    start, end = _midnight(day, clock), _midnight(day + DAY, clock)
    found: list[DayOpening] = []
    at = start
    while at < end and (opening := opens(at)) is not None and opening.opens_at < end:
        found.append(DayOpening(max(opening.opens_at, start), min(opening.closes_at, end)))
        at = opening.closes_at
    return found


def _quarters(openings: Sequence[DayOpening]) -> list[datetime]:
    """Where the four parts of a day begin, and where the last one ends; empty for a day without an opening."""
    if not openings:
        return []
    begins, ends = openings[0].opens_at, openings[-1].closes_at
    return [begins + (ends - begins) * quarter / 4 for quarter in range(5)]


def _kind(day: date) -> KindOfDay:
    return KindOfDay.WEEKEND if day.weekday() >= SATURDAY else KindOfDay.WORKDAY


def _midnight(day: date, clock: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), clock).astimezone(UTC)
