"""Where called people may be, as far as the law asks: remembered, for finding out takes longer than any check."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import NamedTuple

from dialer.compliance.consent import is_landline
from dialer.contacts.contact import Contact
from dialer.contacts.zones import CandidateZones, candidate_zones, jurisdictions, place_key, whereabouts_key
from dialer.errors import ComplianceError

MOST = 100_000  # whereabouts that are remembered
LANDLINE, ANY_LINE = "landline", "any"


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """Where a called person may be, and on what kind of line. One Whereabouts has one of each."""

    jurisdictions: tuple[str, ...]
    zones: tuple[str, ...]
    landline: bool  # confirmed to be no mobile

    @property
    def key(self) -> str:
        """What tells this place from others, as a text to be kept; ``Whereabouts.of_key`` reads it."""
        line = LANDLINE if self.landline else ANY_LINE
        return "|".join((" ".join(self.jurisdictions), " ".join(self.zones), line))


class Known(NamedTuple):
    """What is known of one contact's whereabouts: the places are those on a landline and on any other line."""

    zones: CandidateZones
    landline: Place
    mobile: Place


class Whereabouts:
    """Finds the place of contacts."""

    def __init__(self) -> None:
        self._known: dict[Hashable, Known] = {}
        self._places: dict[Hashable, Place] = {}
        self._found: dict[Hashable, Place] = {}

    def known(self, contact: Contact) -> Known:
        """The contact's zones with their evidence, and its place on either kind of line."""
        key = whereabouts_key(contact)
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= MOST:
                self._known.clear()
            zones = candidate_zones(contact)
            where = jurisdictions(contact)
            known = Known(
                zones, self._place(where, zones.zones, landline=True), self._place(where, zones.zones, landline=False)
            )
            self._known[key] = known
        return known

    def place(self, contact: Contact) -> Place:
        """The contact's place."""
        landline = is_landline(contact)
        key = (landline, place_key(contact))
        place = self._found.get(key)
        if place is None:
            if len(self._found) >= MOST:
                self._found.clear()
            known = self.known(contact)
            place = self._found[key] = known.landline if landline else known.mobile
        return place

    def of_key(self, key: str) -> Place:
        """The place that this key was made of. Raises ComplianceError when it is none."""
        where, zones, line = key.split("|") if key.count("|") == 2 else ("", "", "")
        if line not in (LANDLINE, ANY_LINE):
            raise ComplianceError(f"{key!r} is no place")
        return self._place(tuple(where.split()), tuple(zones.split()), landline=line == LANDLINE)

    def _place(self, where: tuple[str, ...], zones: tuple[str, ...], *, landline: bool) -> Place:
        return self._places.setdefault((where, zones, landline), Place(where, zones, landline))
