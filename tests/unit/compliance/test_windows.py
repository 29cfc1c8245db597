from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from dialer.compliance.policy import DailyHours
from dialer.compliance.rules import RuleTable, builtin_rules, load_rules
from dialer.compliance.windows import CallingWindow
from dialer.contacts.contact import Contact, Number
from dialer.contacts.numbers import parse_number
from dialer.contacts.zones import candidate_zones, jurisdictions

RULES = builtin_rules()
MINUTE = timedelta(minutes=1)


def at(text: str, zone: str = "UTC") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


def window_of(number: str, **more: str) -> CallingWindow:
    read = parse_number(number, None)
    assert isinstance(read, Number)
    contact = Contact(read, **more)  # type: ignore[arg-type]
    return CallingWindow(RULES, jurisdictions(contact), candidate_zones(contact).zones)


def daily(*spans: tuple[str, str]) -> RuleTable:
    hours = ", ".join(f"[{opens}:00, {closes}:00]" for opens, closes in spans)
    return load_rules(
        {
            "zed.toml": f"""
            [[row]]
            jurisdiction = "ZZ"
            name = "Zedland"
            status = "verified"
            citation = "Calls Act"
            marketing = "express"
            [row.hours]
            mon_fri = [{hours}]
            sat = [{hours}]
            sun = [{hours}]
            holidays = "same"
            """
        }
    )


def in_zedland(zone: str, *spans: tuple[str, str]) -> CallingWindow:
    return CallingWindow(daily(*spans), ("ZZ",), (zone,))


def test_pensacola_may_be_on_eastern_time_as_far_as_its_area_code_tells() -> None:
    window = window_of("+18505550123")
    evening = at("2026-11-20T20:30", "America/New_York")  # 19:30 in Pensacola, and Florida closes at 20:00
    assert not window.lawful_at(evening)
    assert window.next_opening(evening) == at("2026-11-21T08:00", "America/Chicago")
    confirmed = window_of("+18505550123", time_zone="America/Chicago")
    assert confirmed.lawful_at(evening)


def test_norway_keeps_the_seventeenth_of_may() -> None:
    window = window_of("+4722555012")
    monday = at("2027-05-17T12:00", "Europe/Oslo")
    assert window.next_opening(monday) == at("2027-05-18T09:00", "Europe/Oslo")


def test_france_eats_at_one() -> None:
    window = window_of("+33199001234")
    assert window.lawful_at(at("2026-11-20T12:59:59.999999", "Europe/Paris"))
    lunch = at("2026-11-20T13:00", "Europe/Paris")
    assert not window.lawful_at(lunch)
    assert window.next_opening(lunch) == at("2026-11-20T14:00", "Europe/Paris")
    assert window.next_opening(at("2026-11-20T20:00", "Europe/Paris")) == at("2026-11-23T10:00", "Europe/Paris")


def test_pennsylvania_changes_its_law_at_its_own_midnight() -> None:
    window, zone = window_of("+12155550123"), "America/New_York"
    assert window.lawful_at(at("2026-10-17T20:59", zone))
    assert window.next_opening(at("2026-10-17T21:00", zone)) == at("2026-10-19T09:00", zone)
    assert not window.lawful_at(at("2026-10-19T19:00", zone))


def test_mississippi_names_central_standard_time_in_summer_too() -> None:
    window, zone = window_of("+16015550123"), "America/Chicago"
    assert window.next_opening(at("2027-07-06T07:00", zone)) == at("2027-07-06T09:00", zone)  # 08:00 standard time
    assert not window.lawful_at(at("2027-07-06T20:00", zone))
    assert window.next_opening(at("2027-01-12T07:00", zone)) == at("2027-01-12T08:00", zone)
    asked = {
        (reading.zone, hours.source) for reading in window.readings(at("2027-07-06T09:00")) for hours in reading.hours
    }
    assert asked == {(zone, "US"), (zone, "US-MS"), ("Etc/GMT+6", "US-MS")}


def test_a_half_hour_zone() -> None:
    window = window_of("+17095550123", time_zone="America/St_Johns")
    assert window.next_opening(at("2026-11-20T11:00")) == at("2026-11-20T12:30")  # 09:00 at UTC-3:30


def test_recorded_messages_keep_their_narrower_hours() -> None:
    window, zone = window_of("+13125550123"), "America/Chicago"  # Illinois: live 08-21, recorded 09-21
    assert window.next_opening(at("2026-11-20T08:00", zone)) == at("2026-11-20T09:00", zone)


def test_nebraska_lets_recordings_begin_at_one_on_holidays() -> None:
    window, zone = window_of("+14025550123", time_zone="America/Chicago"), "America/Chicago"
    assert window.next_opening(at("2026-11-26T09:00", zone)) == at("2026-11-26T13:00", zone)


def test_the_campaigns_own_hours_only_narrow() -> None:
    window = CallingWindow(RULES, ("GB",), ("Europe/London",), DailyHours(time(6), time(10)))
    assert window.next_opening(at("2026-11-20T06:30")) == at("2026-11-20T08:00")
    assert window.next_opening(at("2026-11-20T10:00")) == at("2026-11-21T08:00")


def test_hours_that_never_meet_open_never() -> None:
    window = CallingWindow(RULES, ("GB",), ("Europe/London",), DailyHours(time(5), time(8)))
    assert window.next_opening(at("2026-11-20T06:30")) is None


def test_without_a_zone_nobody_is_called() -> None:
    window = CallingWindow(RULES, ("US", "US-NY"), ())
    assert not window.lawful_at(at("2026-11-20T18:00"))
    assert window.next_opening(at("2026-11-20T18:00")) is None


def test_without_a_rule_nobody_is_called() -> None:
    assert CallingWindow(RULES, ("CN",), ("Asia/Shanghai",)).next_opening(at("2026-11-20T04:00")) is None


def test_emergencies_are_excepted_where_a_citation_says_so() -> None:
    night = at("2026-11-20T03:00", "America/New_York")
    assert CallingWindow(RULES, ("US", "US-NY"), ("America/New_York",), emergency=True).lawful_at(night)
    mississippi = CallingWindow(RULES, ("US", "US-MS"), ("America/Chicago",), emergency=True)
    assert mississippi.lawful_at(night)
    assert not CallingWindow(RULES, ("GB",), ("Europe/London",), emergency=True).lawful_at(at("2026-11-20T03:00"))
    own = DailyHours(time(7), time(8))
    assert not CallingWindow(RULES, ("US", "US-NY"), ("America/New_York",), own, emergency=True).lawful_at(night)


class TestClocksThatJump:
    def test_an_opening_moves_with_summer_time(self) -> None:
        window = window_of("+12125550123")
        assert window.next_opening(at("2027-03-13T11:00")) == at("2027-03-13T13:00")
        assert window.next_opening(at("2027-03-14T11:00")) == at("2027-03-14T12:00")
        assert window.next_opening(at("2027-11-07T11:00")) == at("2027-11-07T13:00")

    def test_hours_inside_the_lost_hour_do_not_happen(self) -> None:
        window = in_zedland("America/New_York", ("02:15", "02:45"))
        assert window.next_opening(at("2027-03-14T06:00")) == at("2027-03-15T06:15")

    def test_hours_that_begin_in_the_lost_hour_begin_after_it(self) -> None:
        window = in_zedland("America/New_York", ("02:30", "05:00"))
        assert window.next_opening(at("2027-03-14T06:00")) == at("2027-03-14T07:00")  # 03:00 summer time

    def test_hours_inside_the_repeated_hour_happen_twice(self) -> None:
        window = in_zedland("America/New_York", ("01:15", "01:45"))
        assert window.next_opening(at("2027-11-07T05:00")) == at("2027-11-07T05:15")
        assert window.closes_before(at("2027-11-07T05:15"), at("2027-11-07T06:00")) == at("2027-11-07T05:45")
        assert window.next_opening(at("2027-11-07T05:45")) == at("2027-11-07T06:15")
        assert window.next_opening(at("2027-11-07T06:45")) == at("2027-11-08T06:15")

    def test_a_clock_set_back_into_the_hours_opens_at_the_jump(self) -> None:
        window = in_zedland(
            "America/New_York", ("01:30", "02:00")
        )  # 02:00 becomes 01:00: closed until 01:30 comes again
        assert window.next_opening(at("2027-11-07T06:00")) == at("2027-11-07T06:30")
        window = in_zedland("America/New_York", ("00:30", "01:30"))  # shut at 01:30, open again when it is 01:00 again
        assert window.next_opening(at("2027-11-07T05:30")) == at("2027-11-07T06:00")

    def test_lord_howe_moves_by_half_an_hour(self) -> None:
        window = in_zedland("Australia/Lord_Howe", ("02:10", "03:00"))
        spring = datetime(2026, 10, 3, 15, tzinfo=UTC)
        assert window.next_opening(spring) == datetime(2026, 10, 3, 15, 30, tzinfo=UTC)  # 02:00 becomes 02:30


ZONES = ["America/New_York", "America/Chicago", "America/St_Johns", "Pacific/Honolulu", "Europe/Paris", "Asia/Kolkata"]
ZONES += ["Australia/Lord_Howe", "Pacific/Apia", "Pacific/Chatham", "America/Santiago", "Asia/Kathmandu"]
STATES = ["NY", "FL", "PA", "RI", "TX", "NE"]
LAWS: list[tuple[str, ...]] = [("FR",), ("NO",), ("GB",), ("AU",), ("CA", "CA-BC"), ("US", "US-FL", "US-AL")]
LAWS += [("US", f"US-{state}") for state in STATES]


def instants(first: str, last: str) -> st.SearchStrategy[datetime]:
    since, seconds = at(first), int((at(last) - at(first)).total_seconds())
    return st.integers(0, seconds * 1000).map(lambda ms: since + timedelta(milliseconds=ms))


INSTANTS = instants("2026-09-01", "2031-01-01")


def naively_lawful(window: CallingWindow, instant: datetime) -> bool:
    for zone in window.zones:
        local = instant.astimezone(ZoneInfo(zone))
        for row in window.rules.rows_for(window.jurisdictions, local.date()):
            for week in (row.hours, row.recorded_hours):
                if week and not any(opens <= local.time() < closes for opens, closes in week.on(local.date())):
                    return False
        if window.own and not window.own.opens <= local.time() < window.own.closes:
            return False
    return True


@given(
    instant=INSTANTS,
    zones=st.lists(st.sampled_from(ZONES), min_size=1, max_size=3, unique=True),
    law=st.sampled_from(LAWS),
    own=st.sampled_from([None, DailyHours(time(9, 30), time(17, 45)), DailyHours(time(1, 15), time(23, 30))]),
)
def test_the_next_opening_is_the_first_minute_that_a_naive_search_finds(
    instant: datetime, zones: list[str], law: tuple[str, ...], own: DailyHours | None
) -> None:
    window = CallingWindow(RULES, law, tuple(zones), own)
    opening = window.next_opening(instant)
    assert window.lawful_at(instant) == naively_lawful(window, instant)
    if opening == instant:
        return
    minute = instant.replace(second=0, microsecond=0) + MINUTE
    end = instant + timedelta(days=3)
    while minute < end and not naively_lawful(window, minute):
        minute += MINUTE
    if minute < end:
        assert opening == minute
    else:
        assert opening is None or opening >= end


@given(instant=INSTANTS, zone=st.sampled_from(ZONES), law=st.sampled_from(LAWS))
def test_the_closing_is_the_first_minute_that_a_naive_search_finds(
    instant: datetime, zone: str, law: tuple[str, ...]
) -> None:
    window = CallingWindow(RULES, law, (zone,))
    end = instant + timedelta(hours=13)
    minute = instant.replace(second=0, microsecond=0) + MINUTE
    while minute <= end and naively_lawful(window, minute):
        minute += MINUTE
    if window.lawful_at(instant):
        assert window.closes_before(instant, end) == (minute if minute <= end else None)


@given(
    instant=st.one_of(instants("2027-03-13", "2027-03-29"), instants("2027-10-30", "2027-11-08"), INSTANTS),
    zone=st.sampled_from(ZONES),
    times=st.lists(st.integers(0, 60 * 6), min_size=2, max_size=2, unique=True).map(sorted),
)
def test_no_jump_of_a_clock_hides_or_invents_an_opening(instant: datetime, zone: str, times: list[int]) -> None:
    opens, closes = (time(*divmod(minutes, 60)) for minutes in times)
    window = in_zedland(zone, (f"{opens:%H:%M}", f"{closes:%H:%M}"))
    minute = instant.replace(second=0, microsecond=0) + MINUTE
    while not naively_lawful(window, minute):
        minute += MINUTE
    assert window.next_opening(instant) == (instant if naively_lawful(window, instant) else minute)


# One number of each place, all of ranges kept free for fiction; the demonstration's contacts are spread over these.
AROUND_THE_WORLD = [
    "+442079460123", "+441214960123", "+441314960123", "+442920180123", "+442896496123",  # Great Britain
    "+16715550123", "+16715550124", "+16715550125", "+16705550123", "+16705550124",  # Guam, Northern Marianas
    "+18085550123", "+13105550123", "+13035550123", "+12125550123", "+13055550123", "+17875550123",  # to Puerto Rico
    "+14165550123", "+33199001234", "+493023125123", "+61255501234",  # Toronto, France, Berlin, Sydney
]  # fmt: skip


def test_at_any_hour_of_ten_years_some_places_may_be_called_and_some_may_not() -> None:
    windows = Counter((w.jurisdictions, w.zones) for w in map(window_of, AROUND_THE_WORLD))
    for step in range(0, 10 * 365 * 24, 5):  # five and the hours of a week have no common factor
        instant = datetime(2026, 11, 20, 0, 30, tzinfo=UTC) + timedelta(hours=step)
        lawful = sum(n for (law, zones), n in windows.items() if CallingWindow(RULES, law, zones).lawful_at(instant))
        assert len(AROUND_THE_WORLD) / 4 <= lawful <= len(AROUND_THE_WORLD) * 3 / 4, instant
