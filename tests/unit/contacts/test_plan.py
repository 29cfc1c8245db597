"""The fast reader and phonenumbers are of one mind."""

from __future__ import annotations

import random

import phonenumbers
import pytest
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneNumberType

from dialer.contacts.contact import Number
from dialer.contacts.numbers import NumberProblem, parse_number
from dialer.contacts.plan import number_of_e164, read_number

CODES = sorted(COUNTRY_CODE_TO_REGION_CODE)


@pytest.mark.parametrize("code", CODES)
def test_every_number_is_read_as_phonenumbers_reads_it(code: int) -> None:
    rng = random.Random(code)
    for region in COUNTRY_CODE_TO_REGION_CODE[code]:
        for kind in PhoneNumberType.values():
            example = phonenumbers.example_number_for_type(region, kind)
            if example is None:
                continue
            e164 = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
            assert number_of_e164(e164) == parse_number(e164, None), e164
            for _ in range(20):  # its neighbours, near and far
                keep = rng.randrange(2, len(e164))
                changed = e164[:keep] + "".join(rng.choice("0123456789") for _ in e164[keep:])
                assert number_of_e164(changed) == parse_number(changed, None), changed


@pytest.mark.parametrize(
    "text", ["", "+", "911", "+1911", "+1305555", "3055550123", "+13055550123 ext 4", "+39" + "0" * 9]
)
def test_what_is_no_subscribers_number_is_read_the_slow_way(text: str) -> None:
    assert number_of_e164(text) == parse_number(text, None)


@pytest.mark.parametrize("text", ["23456789.0", "23456789.0 ", "234567.00", "+23456789.0"])
def test_what_a_spreadsheet_changed_is_no_number(text: str) -> None:
    assert isinstance(read_number(text, "AF"), NumberProblem)
    assert read_number(text, "AF") == parse_number(text, "AF")


@pytest.mark.parametrize(
    "text", ["3055550123", "13055550123", "+1 305 555 0123", "011 44 20 7946 0123", "+1(+305)5550123"]
)
@pytest.mark.parametrize("region", ["US", "CA", "GB", None])
def test_what_begins_like_a_prefix_is_looked_at_twice(text: str, region: str | None) -> None:
    assert read_number(text, region) == parse_number(text, region)


@pytest.mark.parametrize(("text", "region"), [("00800123095", "QA"), ("8102215921", "BY"), ("8106264147", "BY")])
def test_a_number_that_could_begin_with_a_prefix_does(text: str, region: str) -> None:
    assert read_number(text, region) == parse_number(text, region)


@pytest.mark.parametrize("text", ["٣٠٥٥٥٥٠١٢٣", "3055550123\u2060", "\ud800055550123", "305555012\u00b2"])
def test_characters_beyond_ascii_are_read_the_slow_way(text: str) -> None:
    assert read_number(text, "US") == parse_number(text, "US")


def test_a_number_stays_itself() -> None:
    number = number_of_e164("+13055550123")
    assert isinstance(number, Number)
    assert number.e164 == "+13055550123"


AS_WRITTEN = (
    "{0}{1}{2}",
    "({0}) {1}-{2}",
    "{0}-{1}-{2}",
    "{0}.{1}.{2}",
    "1 {0} {1} {2}",
    "1-{0}-{1}-{2}",
    "({0}){1}{2}",
)


@pytest.mark.parametrize("region", ["US", "CA", "PR", "JM", "GB", "DE", None])
def test_numbers_as_people_write_them_are_read_as_phonenumbers_reads_them(region: str | None) -> None:
    rng = random.Random(str(region))
    for _ in range(400):
        area = rng.choice(["212", "305", "800", "876", "911", "555", "011", f"{rng.randrange(1000):03}"])
        parts = area, f"{rng.randrange(1000):03}", f"{rng.randrange(10_000):04}"
        for shape in (*AS_WRITTEN, "+1{0}{1}{2}", "+{0}{1}{2}", "00{0}{1}{2}", "{0}{1}", "'{0}{1}{2}"):
            text = shape.format(*parts)
            assert read_number(text, region) == parse_number(text, region), text
