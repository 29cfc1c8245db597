from __future__ import annotations

import json
import random
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import phonenumbers
import pytest
import zipcodes
from hypothesis import given, settings
from hypothesis import strategies as st
from phonenumbers import PhoneNumberType
from phonenumbers.timezone import UNKNOWN_TIMEZONE, time_zones_for_number
from phonenumbers.tzdata import TIMEZONE_DATA

from dialer.contacts import zones
from dialer.contacts.contact import Contact, Number
from dialer.contacts.nanp import SUBDIVISIONS
from dialer.contacts.numbers import KINDS, parse_number
from dialer.contacts.zone_names import zone_named, zones_of_country
from dialer.contacts.zones import (
    ZoneBasis,
    _listed_zones,
    _number_key,
    candidate_zones,
    jurisdictions,
    place_key,
    whereabouts_key,
)


def number(e164: str) -> Number:
    read = parse_number(e164, None)
    assert isinstance(read, Number), read
    return read


def zones_of(e164: str) -> set[str]:
    return set(candidate_zones(Contact(number(e164))).zones)


CHICAGO, NEW_YORK, DENVER = "America/Chicago", "America/New_York", "America/Denver"
BOISE, LOS_ANGELES, PHOENIX = "America/Boise", "America/Los_Angeles", "America/Phoenix"


@pytest.mark.parametrize(
    ("area_codes", "expected"),
    [
        ("305 212 786", {NEW_YORK}),
        ("312 214", {CHICAGO}),
        ("850 448 219 574 812 930 270 364 423 606 906 502 859 931", {CHICAGO, NEW_YORK}),
        ("308 605 620 701 785 402 531 432 915", {CHICAGO, DENVER}),
        ("208 986", {BOISE, DENVER, LOS_ANGELES}),
        ("541 458", {DENVER, LOS_ANGELES}),
        ("775", {BOISE, DENVER, LOS_ANGELES}),
        ("928", {DENVER, PHOENIX}),
        ("602", {PHOENIX}),
        ("907", {"America/Anchorage", "America/Adak", "America/Juneau", "Pacific/Honolulu"}),
        ("250 236 672 778", {"America/Edmonton", "America/Vancouver"}),
        ("418 581 367", {"America/Halifax", "America/Toronto"}),
        ("709 879", {"America/Halifax", "America/St_Johns"}),
        ("807", {"America/Toronto", "America/Winnipeg"}),
    ],
)
def test_split_area_codes_and_their_overlays_have_every_zone(area_codes: str, expected: set[str]) -> None:
    for area_code in area_codes.split():
        found = zones_of(f"+1{area_code}5550123")
        assert expected <= found, area_code
        if len(expected) == 1:
            assert found == expected


@pytest.mark.parametrize("exchange", ["432", "555", "222"])
def test_pensacola_and_tallahassee_cannot_be_told_apart_by_the_number(exchange: str) -> None:
    assert zones_of(f"+1850{exchange}0123") == {CHICAGO, NEW_YORK}


@pytest.mark.parametrize(
    ("e164", "expected"),
    [
        ("+48221234567", {"Europe/Warsaw"}),
        ("+353851234567", {"Europe/Dublin"}),
        ("+447400123456", {"Europe/London"}),
        ("+4740612345", {"Europe/Oslo"}),
        ("+33612345678", {"Europe/Paris"}),
        ("+34612345678", {"Europe/Madrid", "Atlantic/Canary", "Africa/Ceuta"}),
        ("+34928123456", {"Atlantic/Canary"}),
        ("+74012123456", {"Europe/Kaliningrad"}),
        ("+74951234567", {"Europe/Moscow"}),
        ("+77011234567", set(zones_of_country("KZ"))),
        ("+212612345678", {"Africa/Casablanca"}),
        ("+972502345678", {"Asia/Jerusalem"}),
        ("+551123456789", {"America/Sao_Paulo"}),
        ("+5511961234567", {"America/Sao_Paulo"}),
        ("+18765550123", {"America/Jamaica"}),
        ("+17875550123", {"America/Puerto_Rico"}),
        ("+80012345678", set()),
        ("+18005550123", set()),
        ("+15005550123", set()),
    ],
)
def test_zones_of_numbers(e164: str, expected: set[str]) -> None:
    assert zones_of(e164) == expected


def test_a_russian_mobile_may_be_anywhere_from_kaliningrad_to_kamchatka() -> None:
    found = zones_of("+79161234567")
    assert {"Europe/Kaliningrad", "Europe/Moscow", "Asia/Vladivostok", "Asia/Kamchatka", "Asia/Anadyr"} <= found
    assert "Europe/Bucharest" not in found


def test_an_australian_mobile_may_be_on_an_island() -> None:
    assert {"Australia/Perth", "Australia/Sydney", "Australia/Darwin", "Indian/Cocos"} <= zones_of("+61412345678")


def test_landlines_that_phonenumbers_takes_for_their_neighbours() -> None:
    assert "Australia/Brisbane" in zones_of("+61730000000")
    assert "Australia/Darwin" in zones_of("+61889123456")
    assert "America/Recife" in zones_of("+558133334444")
    assert "America/Belem" in zones_of("+559133334444")
    assert "Europe/Saratov" in zones_of("+78452123456")


def test_every_country_whose_zones_phonenumbers_does_not_know_falls_back_to_all_of_them() -> None:
    months = [datetime(2026, month, 15, 12, tzinfo=UTC) for month in range(1, 13)]

    def offsets(names: set[str] | frozenset[str]) -> set[tuple[object, ...]]:
        return {tuple(at.astimezone(ZoneInfo(name)).utcoffset() for at in months) for name in names}

    listed: dict[str, set[str]] = {}
    for prefix, names in TIMEZONE_DATA.items():
        for country_code, regions in phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items():
            if country_code not in {1, 7} and prefix.startswith(str(country_code)) and "001" not in regions:
                listed.setdefault(regions[0], set()).update(names)
    incomplete = {
        region
        for region, names in listed.items()
        if names <= zones_of_country(region) and offsets(zones_of_country(region)) - offsets(names)
    }
    assert incomplete - {"AU"} <= zones._LISTED_INCOMPLETELY  # Darwin is added by prefix


@pytest.mark.parametrize("region", sorted(phonenumbers.SUPPORTED_REGIONS))
def test_example_numbers_of_every_country_have_zones_of_that_country(region: str) -> None:
    for number_type in (PhoneNumberType.FIXED_LINE, PhoneNumberType.MOBILE):
        example = phonenumbers.example_number_for_type(region, number_type)
        if example is None or phonenumbers.region_code_for_number(example) != region:
            continue
        found = zones_of(phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164))
        assert found
        if region not in {"US", "CA", "AU"} and zones_of_country(region):
            assert found <= zones_of_country(region)


class TestPlacesTogether:
    def test_a_confirmed_zone_stands_alone(self) -> None:
        told = candidate_zones(Contact(number("+18505550123"), time_zone=CHICAGO, postal_code="90001", state="TX"))
        assert told.zones == (CHICAGO,)
        assert told.basis is ZoneBasis.CONFIRMED

    def test_a_zone_that_does_not_exist_allows_nothing(self) -> None:
        told = candidate_zones(Contact(number("+13055550123"), time_zone="America/Springfield"))
        assert told.zones == ()
        assert told.basis is ZoneBasis.UNKNOWN

    @pytest.mark.parametrize(
        ("postal_code", "zone", "state"),
        [
            ("79901", DENVER, "US-TX"),
            ("97914", BOISE, "US-OR"),
            ("49801", "America/Menominee", "US-MI"),
            ("86503", DENVER, "US-AZ"),
            ("32501-1234", CHICAGO, "US-FL"),
            ("325011234", CHICAGO, "US-FL"),
            ("00901", "America/Puerto_Rico", "US-PR"),
            ("96910", "Pacific/Guam", "US-GU"),
        ],
    )
    def test_a_zip_code_adds_its_zone_and_state_to_the_number_s(self, postal_code: str, zone: str, state: str) -> None:
        contact = Contact(number("+12125550123"), postal_code=postal_code)
        told = candidate_zones(contact)
        assert told.zones == tuple(sorted({zone, NEW_YORK}))
        assert told.basis is ZoneBasis.POSTAL_CODE
        assert jurisdictions(contact) == ("US", *sorted({"US-NY", state}))

    def test_a_canadian_postal_code_tells_the_province(self) -> None:
        contact = Contact(number("+12125550123"), postal_code="V6B 1A1")
        assert {NEW_YORK, "America/Vancouver"} <= set(candidate_zones(contact).zones)
        assert jurisdictions(contact) == ("CA", "US", "CA-BC", "US-NY")

    def test_a_state_adds_its_zones(self) -> None:
        contact = Contact(number("+12125550123"), state="TX")
        told = candidate_zones(contact)
        assert told.zones == (CHICAGO, DENVER, NEW_YORK)
        assert told.basis is ZoneBasis.STATE
        assert jurisdictions(contact) == ("US", "US-NY", "US-TX")

    def test_an_unknown_zip_code_leaves_the_rest_and_is_told(self) -> None:
        told = candidate_zones(Contact(number("+12125550123"), postal_code="00000"))
        assert told.zones == (NEW_YORK,)
        assert told.basis is ZoneBasis.NUMBER
        assert told.evidence["postal_code"]["problem"]

    def test_military_mail_allows_nothing(self) -> None:
        told = candidate_zones(Contact(number("+12125550123"), postal_code="09002", state="NY"))
        assert told.zones == ()
        assert told.basis is ZoneBasis.UNKNOWN

    def test_a_village_that_the_zip_data_misnames_gets_all_of_alaska(self) -> None:
        assert "America/Adak" in candidate_zones(Contact(number("+12125550123"), postal_code="99634")).zones

    def test_postal_codes_of_other_countries_are_not_taken_for_zip_codes(self) -> None:
        contact = Contact(number("+33123456789"), postal_code="75001", state="TX")
        assert candidate_zones(contact).zones == ("Europe/Paris",)
        assert jurisdictions(contact) == ("FR",)


@pytest.mark.parametrize(
    ("e164", "expected"),
    [
        ("+13055550123", ("US", "US-FL")),
        ("+12025550123", ("US", "US-DC")),
        ("+17875550123", ("US", "US-PR")),
        ("+13405550123", ("US", "US-VI")),
        ("+16715550123", ("US", "US-GU")),
        ("+16705550123", ("US", "US-MP")),
        ("+16846331234", ("US", "US-AS")),
        ("+16045550123", ("CA", "CA-BC")),
        ("+19025550123", ("CA", "CA-NS", "CA-PE")),
        ("+18675550123", ("CA", "CA-NT", "CA-NU", "CA-YT")),
        ("+18005550123", ("US",)),
        ("+18765550123", ("JM",)),
        ("+48221234567", ("PL",)),
        ("+80012345678", ()),
    ],
)
def test_jurisdictions_of_numbers(e164: str, expected: tuple[str, ...]) -> None:
    assert jurisdictions(Contact(number(e164))) == expected


def test_the_freely_associated_states_are_countries() -> None:
    assert jurisdictions(Contact(number("+16715550123"), postal_code="96940")) == ("PW", "US", "US-GU")


def test_evidence_is_json_and_keeps_the_number_to_itself() -> None:
    told = candidate_zones(Contact(number("+12125550123"), postal_code="79901", state="TX"))
    written = json.dumps(told.evidence)
    assert "79901" in written
    assert "5550123" not in written


@settings(max_examples=200, deadline=None)
@given(postal_code=st.text(max_size=10), state=st.text(max_size=3), time_zone=st.none() | st.text(max_size=20))
def test_whatever_the_columns_hold_zones_are_real(postal_code: str, state: str, time_zone: str | None) -> None:
    contact = Contact(number("+12125550123"), postal_code=postal_code, state=state, time_zone=time_zone)
    told = candidate_zones(contact)
    assert list(told.zones) == sorted(set(told.zones))
    assert (told.basis is ZoneBasis.UNKNOWN) == (not told.zones)
    for zone in told.zones:
        ZoneInfo(zone)
    assert jurisdictions(contact)[0] in {"CA", "US"}


def test_numbers_of_one_key_are_in_one_place() -> None:
    rng = random.Random(7)
    known: dict[tuple[str | None, ...], tuple[object, ...]] = {}
    shared = 0
    for prefix in TIMEZONE_DATA:
        for length in (9, 10, 11, 12):
            digits = prefix + "".join(rng.choice("0123456789") for _ in range(length - len(prefix)))
            read = parse_number(f"+{digits}", None)
            if not isinstance(read, Number):
                continue
            contact = Contact(read)
            place = (candidate_zones(contact), jurisdictions(contact))
            key = whereabouts_key(contact)
            shared += key in known
            assert known.setdefault(key, place) == place, read
    assert shared > 100


def test_what_else_tells_the_place_is_part_of_the_key() -> None:
    pensacola = Contact(number("+18504320123"))
    keys = {
        whereabouts_key(each)
        for each in (
            pensacola,
            replace(pensacola, time_zone=CHICAGO),
            replace(pensacola, postal_code="32501"),
            replace(pensacola, state="FL"),
        )
    }
    assert len(keys) == 4


def test_zones_are_those_that_phonenumbers_lists() -> None:
    """Old and new are the same question: what phonenumbers says of the whole number, and we of its beginning."""
    rng = random.Random(11)
    asked = 0
    for prefix in TIMEZONE_DATA:
        for length in (8, 10, 11, 12):
            digits = prefix + "".join(rng.choice("0123456789") for _ in range(length - len(prefix)))
            read = parse_number(f"+{digits}", None)
            if not isinstance(read, Number) or read.kind not in KINDS.values():
                continue
            theirs = frozenset(time_zones_for_number(phonenumbers.parse(read.e164))) - {UNKNOWN_TIMEZONE}
            region, kind, _, listed = _number_key(read.e164, read.region, read.kind)
            assert _listed_zones(region, kind, listed) == theirs, read
            asked += 1
    assert asked > 2000


def test_zip_codes_of_one_state_and_zone_share_a_key() -> None:
    miami = Contact(number("+13055550123"), postal_code="33101", state="FL")
    assert place_key(miami) == place_key(replace(miami, postal_code="33131-0001"))
    others = ("32501", "", "10001")
    assert len({place_key(each) for each in (miami, *(replace(miami, postal_code=code) for code in others))}) == 4
    assert place_key(replace(miami, postal_code="00000")) == place_key(replace(miami, postal_code="")), "no such code"


def test_every_zip_code_has_its_own_place() -> None:
    listed: Any = zipcodes.list_all()  # type: ignore[no-untyped-call]
    for row in listed[::997]:
        told = candidate_zones(Contact(number("+18005550123"), postal_code=row["zip_code"]))
        if row["state"] in SUBDIVISIONS:
            assert told.zones == (zone_named(row["timezone"]),)
            assert jurisdictions(Contact(number("+18005550123"), postal_code=row["zip_code"]))[-1][3:] == row["state"]
