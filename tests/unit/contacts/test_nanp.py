"""The tables of nanp.py against those that others keep."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import phonenumbers
import zipcodes
from phonenumbers import PhoneNumberType
from phonenumbers.geocoder import description_for_number
from phonenumbers.tzdata import TIMEZONE_DATA

from dialer.contacts.contact import Contact, Number
from dialer.contacts.nanp import SUBDIVISIONS, SUBDIVISIONS_OF_AREA_CODE, ZONES_OF_SHARED_AREA_CODE
from dialer.contacts.numbers import parse_number
from dialer.contacts.zone_names import zone_named
from dialer.contacts.zones import US_TERRITORIES, candidate_zones


@cache
def offsets(zone: str) -> tuple[timedelta | None, ...]:
    """Two zones that agree on these agree on the calling hours of 2026."""
    return tuple(
        datetime(2026, month, 15, 12, tzinfo=UTC).astimezone(ZoneInfo(zone)).utcoffset() for month in range(1, 13)
    )


def geographic_area_codes() -> dict[str, Number]:
    found = {}
    for area_code in range(200, 1000):
        parsed = phonenumbers.parse(f"+1{area_code}5550123")
        if phonenumbers.number_type(parsed) == PhoneNumberType.FIXED_LINE_OR_MOBILE:
            number = parse_number(f"+1{area_code}5550123", None)
            assert isinstance(number, Number)
            found[str(area_code)] = number
    return found


def test_every_area_code_in_use_has_its_state_and_country() -> None:
    for area_code, number in geographic_area_codes().items():
        if number.region in {"US", "CA"}:
            states = SUBDIVISIONS_OF_AREA_CODE[area_code]
            assert {SUBDIVISIONS[state].country for state in states} == {number.region}, area_code


def test_states_of_area_codes_agree_with_the_geocoder() -> None:
    misspelt = {"British Colombia": "British Columbia", "Washington D.C.": "District of Columbia"}
    compared = 0
    for area_code, states in SUBDIVISIONS_OF_AREA_CODE.items():
        told = description_for_number(phonenumbers.parse(f"+1{area_code}5550123"), "en")
        told = misspelt.get(told, told).removesuffix(" State")
        names = {SUBDIVISIONS[state].name for state in states}
        if told in {"United States", "Canada", ""}:
            continue
        compared += 1
        assert set(told.split("/")) == names or told[-2:] in states, (area_code, told, names)
    assert compared > 390


def test_shared_area_codes_cover_every_exchange_that_phonenumbers_lists() -> None:
    for prefix, zones in TIMEZONE_DATA.items():
        area_code = prefix[1:4]
        if prefix.startswith("1") and area_code in SUBDIVISIONS_OF_AREA_CODE:
            number = parse_number(f"+1{area_code}5550123", None)
            assert isinstance(number, Number)
            candidates = {offsets(zone) for zone in candidate_zones(Contact(number)).zones}
            assert {offsets(zone) for zone in zones} <= candidates, prefix


def test_overlays_have_the_zones_of_what_they_overlay() -> None:
    for one, other in [("850", "448"), ("812", "930"), ("270", "364"), ("541", "458"), ("208", "986"), ("402", "531"),
                       ("418", "581"), ("418", "367"), ("250", "778"), ("306", "639"), ("709", "879")]:  # fmt: skip
        assert ZONES_OF_SHARED_AREA_CODE[one] == ZONES_OF_SHARED_AREA_CODE[other]


def test_states_have_every_zone_that_their_zip_codes_have() -> None:
    seen = set()
    for row in zipcodes.list_all():  # type: ignore[no-untyped-call]
        zone = zone_named(row["timezone"])
        if row["state"] in SUBDIVISIONS and zone:
            seen.add((row["state"], offsets(zone), zone))
    assert len(seen) > 60
    for state, zone_offsets, zone in seen:
        assert zone_offsets in {offsets(own) for own in SUBDIVISIONS[state].zones}, (state, zone)


def test_all_zones_exist() -> None:
    zones = {zone for subdivision in SUBDIVISIONS.values() for zone in subdivision.zones}
    zones |= {zone for shared in ZONES_OF_SHARED_AREA_CODE.values() for zone in shared}
    assert {zone_named(zone) for zone in zones} == zones


def test_the_fifty_states_the_district_the_territories_and_the_provinces_are_there() -> None:
    american = {code for code, subdivision in SUBDIVISIONS.items() if subdivision.country == "US"}
    assert len(american - US_TERRITORIES) == 51
    assert american >= US_TERRITORIES
    assert len(SUBDIVISIONS) - len(american) == 13
