from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from dialer.contacts.contact import Number, NumberKind
from dialer.contacts.numbers import NumberProblem, NumberProblemCode, parse_number, region_named
from dialer.errors import ContactsError

REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)
FORMATS = [
    PhoneNumberFormat.E164,
    PhoneNumberFormat.INTERNATIONAL,
    PhoneNumberFormat.NATIONAL,
    PhoneNumberFormat.RFC3966,
]
ARABIC_INDIC = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
FULL_WIDTH = str.maketrans("0123456789+", "０１２３４５６７８９＋")


def number(text: str, region: str | None = None) -> Number:
    read = parse_number(text, region)
    assert isinstance(read, Number), read
    return read


def problem(text: str, region: str | None = None) -> NumberProblemCode:
    read = parse_number(text, region)
    assert isinstance(read, NumberProblem), read
    assert read.reason
    assert "\n" not in read.reason
    return read.code


@pytest.mark.parametrize("region", REGIONS)
def test_example_numbers_of_every_region_read_back_from_every_format(region: str) -> None:
    for number_type in PhoneNumberType.values():
        example = phonenumbers.example_number_for_type(region, number_type)
        if example is None or phonenumbers.region_code_for_number(example) is None:
            continue
        e164 = phonenumbers.format_number(example, PhoneNumberFormat.E164)
        for form in FORMATS:
            written = phonenumbers.format_number(example, form)
            for text in (written, written.translate(ARABIC_INDIC), written.translate(FULL_WIDTH)):
                assert number(text, region).e164 == e164, text


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("+13055550123", None),
        ("+1 (305) 555-0123", None),
        ("1-305-555-0123", "US"),
        ("(305) 555-0123", "US"),
        ("305.555.0123", "US"),
        ("0013055550123", "PL"),
        ("011 1 305 5550123", "US"),
        ("tel:+1-305-555-0123", None),
        ("TEL:+1-305-555-0123", "PL"),
        ("tel:5550123;phone-context=+1305", None),
        ("\u200e+1\u00a0305\u2011555\u20110123\u202c", None),
        ("'+13055550123", None),
    ],
)
def test_one_number_in_many_spellings(text: str, region: str | None) -> None:
    assert number(text, region) == Number("+13055550123", "US", NumberKind.FIXED_OR_MOBILE)


def test_00_is_read_where_another_prefix_is_dialed() -> None:
    for text in ("0044 20 7946 0123", "011 44 20 7946 0123", "+44 (0)20 7946 0123"):
        assert number(text, "US") == Number("+442079460123", "GB", NumberKind.FIXED)


@pytest.mark.parametrize(
    ("e164", "region"),
    [
        ("+13055550123", "US"),
        ("+14165550123", "CA"),
        ("+17875550123", "PR"),
        ("+18765550123", "JM"),
        ("+16715550123", "GU"),
        ("+80012345678", "001"),
    ],
)
def test_a_shared_country_code_tells_its_countries_apart(e164: str, region: str) -> None:
    assert number(e164).region == region


@pytest.mark.parametrize(
    ("text", "region", "kind"),
    [
        ("1-800-FLOWERS", "US", NumberKind.TOLL_FREE),
        ("+19005550123", None, NumberKind.PREMIUM),
        ("+15005550123", None, NumberKind.PERSONAL),
        ("+442079460123", None, NumberKind.FIXED),
        ("+48512345678", None, NumberKind.MOBILE),
        ("911", "US", NumberKind.EMERGENCY),
        ("+1911", None, NumberKind.EMERGENCY),
        ("112", "US", NumberKind.EMERGENCY),
        ("112", "PL", NumberKind.EMERGENCY),
        ("+48112", None, NumberKind.EMERGENCY),
        ("٩١١", "US", NumberKind.EMERGENCY),
        ("999", "GB", NumberKind.EMERGENCY),
        ("000", "AU", NumberKind.EMERGENCY),
        *((f"{n}11", "US", NumberKind.SHORT_CODE) for n in (2, 3, 4, 5, 6, 7, 8)),
        ("988", "US", NumberKind.SHORT_CODE),
    ],
)
def test_what_must_not_be_dialed_is_told_by_its_kind(text: str, region: str | None, kind: NumberKind) -> None:
    assert number(text, region).kind is kind


@pytest.mark.parametrize(
    ("text", "region", "code"),
    [
        ("", "US", NumberProblemCode.EMPTY),
        (" \u200e\t", "US", NumberProblemCode.EMPTY),
        ("unknown", "US", NumberProblemCode.NOT_A_NUMBER),
        ("call +13055550123", None, NumberProblemCode.NOT_A_NUMBER),
        ("sip:+13055550123@example.com", None, NumberProblemCode.NOT_A_NUMBER),
        ("305-555-0123, 305-555-0124", "US", NumberProblemCode.NOT_A_NUMBER),
        ("305-555-0123 / 305-555-0124", "US", NumberProblemCode.TOO_LONG),
        ("1.30556E+10", "US", NumberProblemCode.SPREADSHEET),
        ("1,30556E+10", "PL", NumberProblemCode.SPREADSHEET),
        ("4930123456.0", "DE", NumberProblemCode.SPREADSHEET),
        ("030 1234 App 5", "DE", NumberProblemCode.LETTERS),
        ("+1 305 555 0123 x5", None, NumberProblemCode.EXTENSION),
        ("+1 305 555 0123#5", None, NumberProblemCode.EXTENSION),
        ("+7 495 123-45-67 доб. 5", None, NumberProblemCode.EXTENSION),
        ("tel:+1-305-555-0123;ext=5", None, NumberProblemCode.EXTENSION),
        ("305 555 0123", None, NumberProblemCode.NO_REGION),
        ("0044 20 7946 0123", None, NumberProblemCode.NO_REGION),
        ("305 555 0123", "UK", NumberProblemCode.NO_REGION),
        ("+999123456", "US", NumberProblemCode.UNKNOWN_COUNTRY),
        ("555-0123", "US", NumberProblemCode.TOO_SHORT),
        ("+1 305 555 012", None, NumberProblemCode.TOO_SHORT),
        ("+1 305 555 01234", None, NumberProblemCode.TOO_LONG),
        ("1" * 200, "US", NumberProblemCode.TOO_LONG),
        ("+1 555 555 0123", None, NumberProblemCode.NOT_IN_USE),
        ("+1 911 555 0123", None, NumberProblemCode.NOT_IN_USE),
        ("+44 7700 900123", None, NumberProblemCode.NOT_IN_USE),
    ],
)
def test_what_is_no_number_gets_its_reason(text: str, region: str | None, code: NumberProblemCode) -> None:
    assert problem(text, region) is code


MUCH_LIKE_A_NUMBER = st.text(
    st.sampled_from("0123456789٠١٢३４+＋-() ./;,x#~tel:EXTдоб=phone-context\u200e'\n"), max_size=40
)


@settings(max_examples=400, deadline=None)
@given(
    text=st.text(max_size=60) | MUCH_LIKE_A_NUMBER, region=st.none() | st.sampled_from(REGIONS) | st.text(max_size=3)
)
def test_no_text_raises_and_whatever_reads_is_a_number_of_its_plan(text: str, region: str | None) -> None:
    read = parse_number(text, region)
    if isinstance(read, NumberProblem):
        return
    assert read.e164.startswith("+")
    assert read.e164[1:].isascii()
    assert read.e164[1:].isdigit()
    if read.kind not in {NumberKind.EMERGENCY, NumberKind.SHORT_CODE}:
        assert phonenumbers.is_valid_number(phonenumbers.parse(read.e164))
        assert parse_number(read.e164, None) == read


def test_region_names() -> None:
    assert region_named(" us ") == "US"
    with pytest.raises(ContactsError) as caught:
        region_named("UK")
    assert "GB" in caught.value.hint
    with pytest.raises(ContactsError):
        region_named("Poland")
