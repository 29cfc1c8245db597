"""The people of the demo: in zones around the world, so that at every hour some may be called and others may not.

Their numbers come from the ranges that regulators keep free for fiction (555-01xx in North America, 020 7946 0xxx in
London, 5550 xxxx in Australia, 01 99 00 xx xx in France, 030 23125 xxx in Berlin, 08-465 004 xx in Stockholm).
"""

from __future__ import annotations

import csv
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

NAMES = (
    "Łucja Wójcik", "Øystein Ås", "Дарья Орлова", "ليلى حسن", "Ana Souza", "Zoë Müller", "Kofi Mensah", "Mei Lin",
    "Noor Khan", "Sam O'Neill", "Pilar Núñez", "Élodie Roux", "Tom Baker", "Ada King", "Jonas Berg", "Ruth Cohen",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """``people`` contacts whose numbers are ``prefix`` and a running number of ``digits`` digits."""

    prefix: str
    digits: int
    people: int
    state: str = ""
    postal_code: str = ""
    first: int = 1


PLACES = (
    Place("+1212555", 4, 10, "NY", "10001", 100),
    Place("+1305555", 4, 10, "FL", "33101", 100),
    Place("+1312555", 4, 10, "IL", "60601", 100),
    Place("+1303555", 4, 8, "CO", "80202", 100),
    Place("+1213555", 4, 10, "CA", "90012", 100),
    Place("+1808555", 4, 16, "HI", "96813", 100),
    Place("+1907555", 4, 6, "AK", "99501", 100),
    Place("+1787555", 4, 14, "PR", "00901", 100),
    Place("+1671555", 4, 32, "GU", "96910", 100),
    Place("+1416555", 4, 8, first=100),
    Place("+4420794600", 2, 26),
    Place("+3319900", 4, 12),
    Place("+493023125", 3, 8),
    Place("+6125550", 4, 10),
    Place("+6185550", 4, 8),
    Place("+46846500", 3, 4, first=400),
    Place("+1850555", 4, 4, first=100),  # Pensacola or Tallahassee: no address, so both zones must be open
    Place("+1800555", 4, 4, first=100),  # toll-free: nobody's telephone
)
WITHOUT_CONSENT = 0.06


def write_contacts(path: Path, now: datetime, seed: int) -> int:
    """Write the demo's list as CSV; return how many rows it has."""
    chance = random.Random(seed)  # noqa: S311  a demo that is the same every time
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["Phone", "Name", "State", "Zip", "Consent", "Consent date", "Consent source", "Appointment"])
        rows = 0
        for place in PLACES:
            for number in range(place.first, place.first + place.people):
                consent = ["", "", ""]
                if chance.random() >= WITHOUT_CONSENT:
                    days = chance.randrange(20, 700)
                    consent = [
                        "express",
                        f"{now.year - 1 - days // 365}-{1 + days % 12:02}-{1 + days % 28:02}",
                        "intake form",
                    ]
                writer.writerow(
                    [
                        f"{place.prefix}{number:0{place.digits}}",
                        chance.choice(NAMES),
                        place.state,
                        place.postal_code,
                        *consent,
                        f"{9 + number % 8}:30",
                    ]
                )
                rows += 1
    return rows
