from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from dialer.contacts.zone_names import zone_named, zones_of_country


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("America/New_York", "America/New_York"),
        (" america/new york ", "America/New_York"),
        ("US/Eastern", "US/Eastern"),
        ("America/Argentina/Buenos_Aires", "America/Argentina/Buenos_Aires"),
    ],
)
def test_zones_of_places_are_known(text: str, zone: str) -> None:
    assert zone_named(text) == zone
    ZoneInfo(zone)


@pytest.mark.parametrize(
    "text", ["EST", "EST5EDT", "UTC", "Etc/GMT+5", "Eastern", "America", "America/Springfield", ""]
)
def test_offsets_abbreviations_and_inventions_are_not(text: str) -> None:
    assert zone_named(text) is None


def test_countries_have_their_zones() -> None:
    assert zones_of_country("PL") == {"Europe/Warsaw"}
    assert zones_of_country("ES") == {"Europe/Madrid", "Africa/Ceuta", "Atlantic/Canary"}
    assert zones_of_country("001") == frozenset()
