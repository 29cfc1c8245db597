"""Where the next try goes: parts and kinds of day, on any clock."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from dialer.campaigns.retry import RetryPlan, Spread
from dialer.campaigns.spread import DayOpening, KindOfDay, Opens, PartOfDay, next_try, openings_of
from dialer.compliance.policy import DailyHours
from dialer.compliance.rules import builtin_rules
from dialer.compliance.windows import CallingWindow

ZONE = "America/New_York"
CLOCK = ZoneInfo(ZONE)
DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
PLAN = RetryPlan(3, timedelta(hours=1), {}, Spread.PARTS_OF_DAY)
EARLIEST = RetryPlan(3, timedelta(hours=1), {})
WINDOW = CallingWindow(builtin_rules(), ("US", "US-NY"), (ZONE,), DailyHours(time(9), time(17)))

Spans = dict[int, list[tuple[time, time]]]  # weekday -> openings


def local(text: str, zone: str = ZONE) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


def opens_by(spans: Spans, zone: str = ZONE) -> Opens:
    """Openings by the wall clock, written another way than in the program."""
    clock = ZoneInfo(zone)

    def opens(at: datetime) -> DayOpening | None:
        first = at.astimezone(clock).date()
        for day in (first + timedelta(days=ahead) for ahead in range(15)):
            for begins, ends in spans.get(day.weekday(), []):
                opening = DayOpening(*(datetime.combine(day, each, clock).astimezone(UTC) for each in (begins, ends)))
                if opening.opens_at < opening.closes_at and opening.closes_at > at:
                    return opening
        return None

    return opens


NINE_TO_FIVE = opens_by({day: [(time(9), time(17))] for day in range(7)})  # parts begin at 9, 11, 13 and 15


def test_it_goes_to_the_next_part_of_the_day() -> None:
    tried = [local("2026-11-17T09:30")]  # a Tuesday
    assert next_try(local("2026-11-17T09:45"), tried, [ZONE], NINE_TO_FIVE, PLAN) == local("2026-11-17T11:00")
    assert next_try(local("2026-11-17T14:10"), tried, [ZONE], NINE_TO_FIVE, PLAN) == local("2026-11-17T14:10")
    assert next_try(local("2026-11-17T09:45"), tried, [ZONE], NINE_TO_FIVE, EARLIEST) == local("2026-11-17T09:45")


def test_a_part_of_today_is_better_than_another_kind_of_day() -> None:
    friday = [local("2026-11-20T12:00")]
    assert next_try(local("2026-11-20T12:30"), friday, [ZONE], NINE_TO_FIVE, PLAN) == local("2026-11-20T13:00")


def test_where_today_has_nothing_new_another_kind_of_day_is_waited_for() -> None:
    evenings = [local("2026-11-18T15:30"), local("2026-11-19T16:00")]
    friday_evening = local("2026-11-20T15:30")
    assert next_try(friday_evening, evenings, [ZONE], NINE_TO_FIVE, PLAN) == local("2026-11-21T09:00")
    wednesday_evening = local("2026-11-18T15:31")
    saturday = local("2026-11-21T09:00")
    assert next_try(wednesday_evening, evenings[:1], [ZONE], NINE_TO_FIVE, PLAN) == saturday
    soon = RetryPlan(3, timedelta(hours=1), {}, Spread.PARTS_OF_DAY, horizon=DAY)
    assert next_try(wednesday_evening, evenings[:1], [ZONE], NINE_TO_FIVE, soon) == local("2026-11-19T09:00")


def test_when_every_part_was_tried_the_other_kind_of_day_is_still_new() -> None:
    tried = [local(f"2026-11-1{day}T{hour}:10") for day, hour in ((6, "09"), (7, "11"), (8, "13"), (9, "15"))]
    assert next_try(local("2026-11-20T10:00"), tried, [ZONE], NINE_TO_FIVE, PLAN) == local("2026-11-21T09:00")
    tried.append(local("2026-11-15T10:00"))  # a Sunday: now there is nothing new
    assert next_try(local("2026-11-20T10:00"), tried, [ZONE], NINE_TO_FIVE, PLAN) == local("2026-11-20T10:00")


def test_a_break_at_midday_makes_no_parts_of_its_own() -> None:
    opens = opens_by({day: [(time(9), time(12)), (time(14), time(17))] for day in range(7)})
    tried = [local("2026-11-17T11:30")]
    assert next_try(local("2026-11-17T11:40"), tried, [ZONE], opens, PLAN) == local("2026-11-17T14:00")


def test_without_an_opening_or_a_zone_the_gate_is_asked_at_once() -> None:
    at = local("2026-11-17T09:30")
    assert next_try(at, [], [ZONE], lambda _: None, PLAN) == at
    assert next_try(at, [], [], NINE_TO_FIVE, PLAN) == at


def test_openings_are_those_of_the_window() -> None:
    opens = openings_of(WINDOW)
    friday = DayOpening(local("2026-11-20T09:00"), local("2026-11-20T17:00"))
    assert opens(local("2026-11-20T03:00")) == friday
    assert opens(local("2026-11-20T16:59")) == friday
    assert opens(local("2026-11-20T17:00")) == DayOpening(local("2026-11-21T09:00"), local("2026-11-21T17:00"))
    assert openings_of(CallingWindow(builtin_rules(), ("US",), ()))(local("2026-11-20T03:00")) is None


def test_a_window_without_hours_is_cut_at_midnight() -> None:
    always = openings_of(CallingWindow(builtin_rules(), (), (ZONE,)))
    assert always(local("2026-11-20T03:00")) == DayOpening(local("2026-11-20T00:00"), local("2026-11-21T00:00"))


minutes = st.integers(0, 24 * 60 - 1).map(lambda minute: time(minute // 60, minute % 60))
days = st.lists(minutes, min_size=2, max_size=4, unique=True).map(
    lambda marks: list(zip(sorted(marks)[0::2], sorted(marks)[1::2], strict=False))
)
weeks = st.dictionaries(st.integers(0, 6), days, min_size=1)
moments = st.datetimes(datetime(2026, 10, 20), datetime(2026, 11, 20), timezones=st.just(UTC))  # noqa: DTZ001
zones = st.sampled_from([ZONE, "America/Phoenix", "Asia/Kolkata", "Pacific/Auckland"])
horizons = st.integers(0, 7).map(lambda day: timedelta(days=day))


def part_of(at: datetime, spans: Spans, zone: str) -> PartOfDay:
    """By dividing, not by looking up."""
    clock = ZoneInfo(zone)
    day = at.astimezone(clock).date()
    edges = [datetime.combine(day, mark, clock).astimezone(UTC) for span in spans[day.weekday()] for mark in span]
    return PartOfDay(max(0, min(3, int(4 * (at - edges[0]) / (edges[-1] - edges[0])))))


def kind_of(day: date) -> KindOfDay:
    return KindOfDay.WEEKEND if day.isoweekday() > 5 else KindOfDay.WORKDAY


@given(moments, st.lists(st.integers(1, 20 * 24 * 60), max_size=5), weeks, zones, horizons)
def test_what_holds_of_every_next_try(
    earliest: datetime, ago: list[int], spans: Spans, zone: str, horizon: timedelta
) -> None:
    opens = opens_by(spans, zone)
    tried = [earliest - minute * MINUTE for minute in ago]
    plan = RetryPlan(6, timedelta(hours=1), {}, Spread.PARTS_OF_DAY, horizon)
    at = next_try(earliest, tried, [zone], opens, plan)
    first = opens(earliest)
    if first is None:
        assert at == earliest
        return
    lawful = max(earliest, first.opens_at)
    assert next_try(earliest, tried, [zone], opens, EARLIEST) == lawful
    assert earliest <= at <= lawful + horizon
    inside = opens(at)
    assert inside is not None
    assert inside.opens_at <= at < inside.closes_at

    clock = ZoneInfo(zone)
    parts = {
        part_of(each, spans, zone) for each in tried if opens(each) and spans.get(each.astimezone(clock).weekday())
    }
    kinds = {kind_of(each.astimezone(clock).date()) for each in tried}

    def new(moment: datetime) -> tuple[bool, bool]:
        return part_of(moment, spans, zone) not in parts, kind_of(moment.astimezone(clock).date()) not in kinds

    def untried_ahead(until: datetime) -> list[datetime]:
        """Lawful moments from the earliest on, a quarter of an hour apart."""
        found, moment = [], lawful
        while moment <= until:
            there = opens(moment)
            if there is None:
                break
            if there.opens_at <= moment:
                found.append(moment)
            moment = max(moment + 15 * MINUTE, there.opens_at)
        return found

    today = lawful.astimezone(clock).date()
    ahead = untried_ahead(lawful + horizon)
    of_today = [moment for moment in ahead if moment.astimezone(clock).date() == today and new(moment)[0]]
    if of_today:
        assert at <= of_today[0], "never later when an untried part of today is ahead"
    if at.astimezone(clock).date() != today or not new(at)[0]:
        assert not of_today
        if best := max((new(moment) for moment in ahead), default=None):
            assert new(at) >= best
    if not tried:
        assert at == lawful


@given(moments)
def test_openings_agree_with_the_window_minute_by_minute(at: datetime) -> None:
    opening = openings_of(WINDOW)(at)
    assert opening is not None
    assert WINDOW.lawful_at(opening.opens_at)
    assert not WINDOW.lawful_at(opening.opens_at - MINUTE)
    assert WINDOW.lawful_at(opening.closes_at - MINUTE)
    assert not WINDOW.lawful_at(opening.closes_at)
    assert WINDOW.lawful_at(at) == (opening.opens_at <= at)
