"""The time zones there are, from the IANA database that the tzdata package carries."""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from importlib import resources

# "EST" and "Etc/GMT+5" name a fixed offset: in summer it would be an hour off for those who mean New York by it.
_PLACES = {
    "Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific",
    "Brazil", "Canada", "Chile", "Mexico", "US",
}  # fmt: skip


@cache
def _names() -> dict[str, str]:
    listed = resources.files("tzdata").joinpath("zones").read_text(encoding="ascii").split()
    return {name.casefold(): name for name in listed if name.partition("/")[0] in _PLACES and "/" in name}


@cache
def _countries() -> dict[str, frozenset[str]]:
    zones: defaultdict[str, set[str]] = defaultdict(set)
    table = resources.files("tzdata").joinpath("zoneinfo", "zone.tab").read_text(encoding="utf-8")
    for line in table.splitlines():
        if not line.startswith("#"):
            country, _coordinates, zone, *_comment = line.split("\t")
            zones[country].add(zone)
    return {country: frozenset(names) for country, names in zones.items()}


def zone_named(text: str) -> str | None:
    """The name as IANA spells it ("america/new york" -> "America/New_York"); None if it is no zone of a place."""
    return _names().get(text.strip().replace(" ", "_").casefold())


def zones_of_country(country: str) -> frozenset[str]:
    """Every zone of a country by its ISO 3166 code; empty when IANA lists none."""
    return _countries().get(country, frozenset())
