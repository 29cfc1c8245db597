"""Where the called person may be: candidate time zones and jurisdictions.

The law asks for the hour at the called party's location (47 CFR 64.1200(c)(1)), which a number alone does not tell.
So every place to be reckoned with is named, and a call must be lawful in all of them. A person of whom no place is
known gets no zone at all, and without a zone nobody may be called.
"""

from __future__ import annotations

import base64
import re
import zlib
from collections import defaultdict
from collections.abc import Hashable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from phonenumbers import country_code_for_region, is_number_type_geographical
from phonenumbers.tzdata import TIMEZONE_DATA

from dialer.contacts.contact import NumberKind
from dialer.contacts.nanp import (
    PROVINCES_OF_POSTAL_LETTER,
    SUBDIVISIONS,
    SUBDIVISIONS_OF_AREA_CODE,
    ZONES_OF_SHARED_AREA_CODE,
)
from dialer.contacts.numbers import KINDS
from dialer.contacts.zip_places import PLACES, TABLE
from dialer.contacts.zone_names import zone_named, zones_of_country

if TYPE_CHECKING:
    from dialer.contacts.contact import Contact

US_TERRITORIES = frozenset({"AS", "GU", "MP", "PR", "VI"})  # regions of their own in ISO 3166, under federal law
NORTH_AMERICA = US_TERRITORIES | {"US", "CA"}  # where postal codes and states are understood
ASSOCIATED_STATES = frozenset({"FM", "MH", "PW"})  # served by the US mail, but countries of their own


class ZoneBasis(StrEnum):
    """The best evidence that the zones rest on."""

    CONFIRMED = "confirmed"  # the operator knows it
    POSTAL_CODE = "postal_code"
    STATE = "state"
    NUMBER = "number"
    UNKNOWN = "unknown"  # there is no zone


@dataclass(frozen=True, slots=True)
class CandidateZones:
    """Every zone that the called person may be in, by IANA name, sorted; ``evidence`` is JSON-ready."""

    zones: tuple[str, ...]
    basis: ZoneBasis
    evidence: dict[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class _Place:
    jurisdictions: tuple[str, ...]
    zones: frozenset[str]


def candidate_zones(contact: Contact) -> CandidateZones:
    """The confirmed zone alone if there is one, else the zones of postal code, state and number together.

    Empty, so that no call is allowed, when nothing tells a zone, and for military mail, which follows its people around
    the world.
    """
    if contact.time_zone is not None:
        confirmed = zone_named(contact.time_zone)
        if confirmed is None:
            return CandidateZones((), ZoneBasis.UNKNOWN, {"confirmed": contact.time_zone, "problem": "no such zone"})
        return CandidateZones((confirmed,), ZoneBasis.CONFIRMED, {"confirmed": confirmed})

    evidence: dict[str, Any] = {}
    zones: set[str] = set()
    basis = ZoneBasis.UNKNOWN
    for source, given, place in _places(contact):
        if place is None:
            evidence[source.value] = {"given": given, "zones": [], "problem": "not known"}
            continue
        evidence[source.value] = {"given": given, "zones": sorted(place.zones)}
        if source is ZoneBasis.POSTAL_CODE and not place.zones:
            evidence[source.value]["problem"] = "military mail has no place"
            return CandidateZones((), ZoneBasis.UNKNOWN, evidence)
        if place.zones and basis is ZoneBasis.UNKNOWN:
            basis = source
        zones |= place.zones
    return CandidateZones(tuple(sorted(zones)), basis, evidence)


def jurisdictions(contact: Contact) -> tuple[str, ...]:
    """Ids of every jurisdiction whose rules may govern the call: "US", "US-FL", "CA-BC", "FR"; countries first.

    States are told for the United States (its territories, too: Puerto Rico is "US" and "US-PR") and Canada, from
    number, postal code and state together. Empty for numbers of no country. "US" without any state means that the state
    could not be told.
    """
    found = {jurisdiction for _, _, place in _places(contact) if place for jurisdiction in place.jurisdictions}
    return tuple(sorted(found, key=lambda jurisdiction: ("-" in jurisdiction, jurisdiction)))


def whereabouts_key(contact: Contact) -> tuple[str | None, ...]:
    """All of a contact that its zones and jurisdictions depend on: contacts of one key have the same."""
    return (
        contact.time_zone,
        contact.postal_code,
        contact.state,
        *_number_key(contact.number.e164, contact.number.region, contact.number.kind),
    )


def place_key(contact: Contact) -> tuple[Hashable, ...]:
    """The same, less the words that they were found out by: people of different ZIP codes can share it."""
    number = contact.number
    return place_key_of(number.e164, number.region, number.kind, contact.time_zone, contact.postal_code, contact.state)


def place_key_of(
    e164: str, region: str, kind: str, time_zone: str | None, postal_code: str, state: str
) -> tuple[Hashable, ...]:
    """The place_key of a contact that has these."""
    if region not in NORTH_AMERICA:
        return (time_zone, *_number_key(e164, region, kind))
    by_code = _place_of_postal_code(postal_code) if postal_code else None
    return (time_zone, by_code, state, *_number_key(e164, region, kind))


def _places(contact: Contact) -> list[tuple[ZoneBasis, str, _Place | None]]:
    """What is known of the contact, and the place it tells: the best evidence first."""
    number = contact.number
    places: list[tuple[ZoneBasis, str, _Place | None]] = []
    if number.region in NORTH_AMERICA and contact.postal_code:
        places.append((ZoneBasis.POSTAL_CODE, contact.postal_code, _place_of_postal_code(contact.postal_code)))
    if number.region in NORTH_AMERICA and contact.state:
        places.append((ZoneBasis.STATE, contact.state, _place_of_state(contact.state)))
    # the number itself stays out: evidence is written to logs
    given = f"area code {number.e164[2:5]}" if number.region in NORTH_AMERICA else number.region
    places.append((ZoneBasis.NUMBER, given, _place_of_number(*_number_key(number.e164, number.region, number.kind))))
    return places


@lru_cache(maxsize=1000)
def _place_of_subdivisions(codes: tuple[str, ...]) -> _Place:
    countries = dict.fromkeys(SUBDIVISIONS[code].country for code in codes)
    ids = [f"{SUBDIVISIONS[code].country}-{code}" for code in codes]
    return _Place((*countries, *ids), frozenset(zone for code in codes for zone in SUBDIVISIONS[code].zones))


def _place_of_state(state: str) -> _Place | None:
    code = state.upper()
    return _place_of_subdivisions((code,)) if code in SUBDIVISIONS else None


_ZIP = re.compile(r"([0-9]{5})(?:-?[0-9]{4})?")
_CANADIAN = re.compile(r"([A-Z])[0-9][A-Z] ?[0-9][A-Z][0-9]", re.IGNORECASE)


@lru_cache(maxsize=50_000)  # all ZIP codes there are, as long as they are written without the last four digits
def _place_of_postal_code(code: str) -> _Place | None:
    if american := _ZIP.fullmatch(code):
        return _place_of_zip(american[1])
    if canadian := _CANADIAN.fullmatch(code):
        provinces = PROVINCES_OF_POSTAL_LETTER.get(canadian[1].upper())
        return _place_of_subdivisions(provinces) if provinces else None
    return None


def _place_of_zip(code: str) -> _Place | None:
    index = _zip_table()[int(code)]
    return _place_of_zip_row(*PLACES[index - 1]) if index else None


@cache
def _zip_table() -> bytes:
    return zlib.decompress(base64.b85decode(TABLE))


@lru_cache(maxsize=1000)
def _place_of_zip_row(state: str, timezone: str) -> _Place:
    zone = zone_named(timezone)
    if state in ASSOCIATED_STATES:
        return _Place((state,), zones_of_country(state))
    if state not in SUBDIVISIONS:
        return _Place(("US",), frozenset())
    place = _place_of_subdivisions((state,))
    return _Place(place.jurisdictions, frozenset({zone})) if zone else place


# Prefixes that phonenumbers 9.0.43 gives a neighbour's zone, or only one of several.
_ZONES_ALSO = {
    "+5581": "America/Recife",
    "+5591": "America/Belem",
    "+5593": "America/Belem",
    "+5597": "America/Eirunepe",
    "+617": "Australia/Brisbane",
    "+618": "Australia/Darwin",
    "+7411": "Asia/Srednekolymsk",
    "+7845": "Europe/Saratov",
}
_LONGEST_ZONE_PREFIX = max(map(len, _ZONES_ALSO))  # and long enough for a North American area code
_OF_ONE_AREA = {NumberKind.FIXED, NumberKind.FIXED_OR_MOBILE}
_MOBILES_OF_ONE_AREA = {"BR", "MX"}  # their area codes stand for a place on mobiles, too
_LISTED_INCOMPLETELY = {"CL", "CN", "PG", "UA"}  # phonenumbers has never heard of some of their zones
_REMOTE_ISLANDS = {"AU": frozenset({"Indian/Christmas", "Indian/Cocos"})}  # whose mobiles look like the mainland's


def _number_key(e164: str, region: str, kind: str) -> tuple[str, str, str, str]:
    return (region, kind, e164[:_LONGEST_ZONE_PREFIX], _listed_prefix(e164[1:]))


def _listed_prefix(digits: str) -> str:
    """The longest that has zones of its own; empty when none has."""
    beginning = digits[:_SHORT]
    for length in _LONG_LENGTHS.get(beginning, ()):
        if digits[:length] in TIMEZONE_DATA:
            return digits[:length]
    return _short_prefix(beginning)


@lru_cache(maxsize=10_000)
def _short_prefix(beginning: str) -> str:
    prefixes = (beginning[:length] for length in range(len(beginning), 0, -1))
    return next((prefix for prefix in prefixes if prefix in TIMEZONE_DATA), "")


def _long_lengths() -> dict[str, tuple[int, ...]]:
    lengths: defaultdict[str, set[int]] = defaultdict(set)
    for prefix in TIMEZONE_DATA:
        if len(prefix) > _SHORT:
            lengths[prefix[:_SHORT]].add(len(prefix))
    return {beginning: tuple(sorted(found, reverse=True)) for beginning, found in lengths.items()}


_SHORT = 4  # digits: as in a North American area code, of which most have no longer prefix
_LONG_LENGTHS = _long_lengths()
"""Of the longer prefixes with zones of their own, by their beginning; longest first."""


@lru_cache(maxsize=50_000)
def _place_of_number(region: str, kind: str, prefix: str, listed_prefix: str) -> _Place | None:
    if region in {"US", "CA"}:
        return _place_of_area_code(region, kind, prefix[2:], listed_prefix)
    if len(region) != 2:
        return None
    own = zones_of_country(region)
    listed = _listed_zones(region, kind, listed_prefix)
    if region == "RU":  # phonenumbers names Kaliningrad by Bucharest, which changes its clocks
        listed = frozenset("Europe/Kaliningrad" if zone == "Europe/Bucharest" else zone for zone in listed)
    of_one_area = kind in _OF_ONE_AREA or region in _MOBILES_OF_ONE_AREA
    if of_one_area and listed and listed <= own and region not in _LISTED_INCOMPLETELY:
        zones = listed | own & {zone for also, zone in _ZONES_ALSO.items() if prefix.startswith(also)}
    else:
        zones = (own or listed) | _REMOTE_ISLANDS.get(region, frozenset())
    if region in US_TERRITORIES:
        return _Place(("US", f"US-{region}"), zones)
    return _Place((region,), zones)


def _place_of_area_code(region: str, kind: str, area_code: str, listed_prefix: str) -> _Place:
    """Toll-free and personal numbers have a country, but no state and no zone."""
    states = SUBDIVISIONS_OF_AREA_CODE.get(area_code)
    if states is None:
        return _Place((region,), frozenset())
    zones = _listed_zones(region, kind, listed_prefix) | ZONES_OF_SHARED_AREA_CODE.get(area_code, frozenset())
    return _Place(_place_of_subdivisions(states).jurisdictions, zones)


def _listed_zones(region: str, kind: str, listed_prefix: str) -> frozenset[str]:
    """What phonenumbers' time_zones_for_number says of numbers that begin so."""
    code = country_code_for_region(region)
    theirs = _IN_PHONENUMBERS.get(kind)
    if theirs is None:
        return frozenset()
    if not is_number_type_geographical(theirs, code):
        listed_prefix = str(code)
    return frozenset(TIMEZONE_DATA.get(listed_prefix, ()))


_IN_PHONENUMBERS: dict[str, int] = {kind: kind_of_theirs for kind_of_theirs, kind in KINDS.items()}
