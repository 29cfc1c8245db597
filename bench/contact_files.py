"""A contact file as operators have them, made from a seed: many columns, many ways to write numbers, a few bad rows."""

from __future__ import annotations

import csv
import random
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import phonenumbers
import zipcodes
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from dialer.contacts.nanp import SUBDIVISIONS, SUBDIVISIONS_OF_AREA_CODE

HEADER = (
    "Phone", "First name", "Last name", "ZIP", "State", "Time zone", "Language", "Consent", "Consent date",
    "Consent source", "Consent seller", "Account", "Appointment",
)  # fmt: skip
BAD_SHARE, DUPLICATE_SHARE, ABROAD_SHARE, CONSENT_SHARE, ZONE_SHARE = 0.01, 0.01, 0.08, 0.6, 0.1

_AMERICAN = ("({}) {}-{}",) * 4 + ("{}-{}-{}",) * 3 + ("{}{}{}",) * 3 + ("+1{}{}{}",) * 4 + (
    "{}.{}.{}", "1-{}-{}-{}", "1{}{}{}", "+1 {} {} {}", "+1 ({}) {}-{}", "+1-{}-{}-{}",
)  # fmt: skip
_ABROAD = ("GB", "DE", "FR", "MX", "PL", "ES", "BR", "IN")
_BAD_NUMBERS = ("", "n/a", "555-0123", "(999) 555-0123", "3.05555E+09", "305 555 01234 567", "(305) 555-0123 ext. 4")
_FIRST = ("Ann", "Bob", "María José", "Łucja", "Cid", "Dee", "Émile", "Fay", "Gus", "Zoë", "Ivan", "Jo")
_LAST = ("Smith", "García", "O'Neil", "Żółć", "Nguyen", "de la Cruz", "Brown", "Müller", "Lee", "Kim", "Patel", "Roe")
_SOURCES = ("web form 12", "web form 14", "intake call", "paper, folder 3")


def write_file(path: Path, rows: int, seed: int) -> None:
    """A file of so many rows under a header; the same seed makes the same file."""
    with path.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(HEADER)
        writer.writerows(_rows(rows, random.Random(seed)))  # noqa: S311  repeatable, not secret


def _rows(count: int, rng: random.Random) -> Iterator[tuple[str, ...]]:
    areas = sorted((area, states[0]) for area, states in SUBDIVISIONS_OF_AREA_CODE.items())
    zips: defaultdict[str, list[str]] = defaultdict(list)
    listed: Any = zipcodes.list_all()  # type: ignore[no-untyped-call]
    for each in listed:
        zips[each["state"]].append(each["zip_code"])
    abroad = [
        example
        for region in _ABROAD
        if (example := phonenumbers.example_number_for_type(region, PhoneNumberType.MOBILE)) is not None
    ]
    seen: list[tuple[str, ...]] = []
    for index in range(count):
        kind = rng.random()
        if seen and kind < DUPLICATE_SHARE:
            yield rng.choice(seen)
            continue
        area, state = rng.choice(areas)
        zone = code = ""
        if kind < DUPLICATE_SHARE + BAD_SHARE:
            phone = rng.choice(_BAD_NUMBERS)
        elif kind < DUPLICATE_SHARE + BAD_SHARE + ABROAD_SHARE:
            phone, state = _foreign(rng, abroad), ""
        else:
            phone = rng.choice(_AMERICAN).format(area, rng.randrange(200, 1000), f"{rng.randrange(10_000):04}")
            if rng.random() < ZONE_SHARE:
                zone = SUBDIVISIONS[state].zones[0]
            elif zips[state]:
                code = rng.choice(zips[state])
        consent: tuple[str, ...] = ("", "", "", "")
        if rng.random() < CONSENT_SHARE:
            day = f"20{rng.randrange(23, 26)}-{rng.randrange(1, 13):02}-{rng.randrange(1, 29):02}"
            at = day if rng.random() < 0.5 else f"{day}T{rng.randrange(24):02}:{rng.randrange(60):02}:00-05:00"
            consent = (rng.choice(("express", "written")), at, rng.choice(_SOURCES), "Sunrise Clinic LLC")
        names = rng.choice(_FIRST), rng.choice(_LAST)
        when = f"{rng.choice(('Mon', 'Tue', 'Fri'))} {rng.randrange(8, 18)}:{rng.choice(('00', '30'))}"
        row = (phone, *names, code, state, zone, rng.choice(("en", "es")), *consent, f"A-{index:07}", when)
        if len(seen) < 1000:
            seen.append(row)
        yield row


def _foreign(rng: random.Random, examples: list[phonenumbers.PhoneNumber]) -> str:
    example = rng.choice(examples)
    number = phonenumbers.PhoneNumber()
    number.merge_from(example)
    number.national_number = (example.national_number or 0) // 100_000 * 100_000 + rng.randrange(100_000)
    form = rng.choice((PhoneNumberFormat.E164, PhoneNumberFormat.INTERNATIONAL))
    return phonenumbers.format_number(number, form)
