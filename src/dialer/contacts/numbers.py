"""Telephone numbers: what someone wrote becomes a Number, or a reason why it cannot.

Numbering plans come from the phonenumbers package (ITU-T E.164 and the national plans). Valid means: of a range that
is handed out in its country, not: somebody answers there.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberType, ValidationResult, shortnumberinfo

from dialer.contacts.contact import Number, NumberKind
from dialer.errors import ContactsError

NANP = 1  # the country code that the United States, Canada and the Caribbean share


class NumberProblemCode(StrEnum):
    """Why a text is no number that can be called."""

    EMPTY = "empty"
    NOT_A_NUMBER = "not_a_number"
    SPREADSHEET = "spreadsheet"  # a spreadsheet turned the number into a fraction or a power of ten
    LETTERS = "letters"  # outside North America nobody can tell letters of a number from a remark
    EXTENSION = "extension"
    NO_REGION = "no_region"  # national form, and nobody said of which country
    UNKNOWN_COUNTRY = "unknown_country"
    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    NOT_IN_USE = "not_in_use"  # right in length, but of no range of its country


@dataclass(frozen=True, slots=True)
class NumberProblem:
    """Why a text is no number that can be called; ``reason`` is one line for the operator."""

    code: NumberProblemCode
    reason: str


KINDS = {
    PhoneNumberType.FIXED_LINE: NumberKind.FIXED,
    PhoneNumberType.MOBILE: NumberKind.MOBILE,
    PhoneNumberType.FIXED_LINE_OR_MOBILE: NumberKind.FIXED_OR_MOBILE,
    PhoneNumberType.VOIP: NumberKind.VOIP,
    PhoneNumberType.TOLL_FREE: NumberKind.TOLL_FREE,
    PhoneNumberType.PREMIUM_RATE: NumberKind.PREMIUM,
    PhoneNumberType.SHARED_COST: NumberKind.SHARED_COST,
    PhoneNumberType.PERSONAL_NUMBER: NumberKind.PERSONAL,
    PhoneNumberType.PAGER: NumberKind.PAGER,
    PhoneNumberType.UAN: NumberKind.COMPANY,
    PhoneNumberType.VOICEMAIL: NumberKind.VOICEMAIL,
}

_PARSE_PROBLEMS = {
    NumberParseException.NOT_A_NUMBER: NumberProblemCode.NOT_A_NUMBER,
    NumberParseException.TOO_SHORT_AFTER_IDD: NumberProblemCode.TOO_SHORT,
    NumberParseException.TOO_SHORT_NSN: NumberProblemCode.TOO_SHORT,
    NumberParseException.TOO_LONG: NumberProblemCode.TOO_LONG,
}

_REASONS = {
    NumberProblemCode.EMPTY: "no number",
    NumberProblemCode.NOT_A_NUMBER: "does not read as one telephone number",
    NumberProblemCode.SPREADSHEET: "a spreadsheet changed this number: format its column as text and export again",
    NumberProblemCode.LETTERS: "has letters in it",
    NumberProblemCode.EXTENSION: "has an extension, which cannot be dialed",
    NumberProblemCode.NO_REGION: "has no country code, and no default region is set",
    NumberProblemCode.UNKNOWN_COUNTRY: "no country has this country code",
    NumberProblemCode.TOO_SHORT: "too few digits, or the area code is missing",
    NumberProblemCode.TOO_LONG: "too many digits for one number",
    NumberProblemCode.NOT_IN_USE: "no such number can exist in its country",
}

_PUNCTUATION = r"\s()\[\]./~\-‐-―−ー－～"
_ONE_NUMBER = re.compile(rf"[+＋]?[\d{_PUNCTUATION}A-Za-z]+")
_RFC_3966 = re.compile(r"tel:([^;]*)((?:;(?:phone-context|isub|ext)=[^;]*)*)", re.IGNORECASE)
SPREADSHEET = re.compile(r"\+?\d+(?:[.,]\d+)?[eE]\+?\d+|\d{6,}[.,]0+")
_LETTER = re.compile(r"[A-Za-z]")
_DIGIT = re.compile(r"\d")
_MOST_SHORT_DIGITS = 6  # the longest short codes there are
_LONGEST_TEXT = 100


def region_named(text: str) -> str:
    """The ISO 3166 code in capitals ("us" -> "US"). Raises ContactsError when no numbering plan has this name."""
    region = text.strip().upper()
    if region not in phonenumbers.SUPPORTED_REGIONS:
        hint = "the United Kingdom is GB" if region == "UK" else "use the two letters of ISO 3166, as in US, GB or PL"
        raise ContactsError(f"{text!r} is not a region that has telephone numbers", hint=hint)
    return region


def parse_number(text: str, default_region: str | None) -> Number | NumberProblem:
    """Read one telephone number; never raises.

    Taken are: international form ("+44 20 7946 0123"); with a ``default_region`` national form ("(305) 555-0123"), the
    region's own international prefix ("011 44 ..." in the US) and 00; RFC 3966 ("tel:+1-305-555-0123"); the digits of
    any script. Letters are read as telephone keys in North American numbers only ("1-800-FLOWERS").
    Emergency numbers, N11 and short codes become a Number of that kind whose ``e164`` is country code and digits: such
    a value is there to be refused, not to be dialed.
    """
    text = _visible(text)
    if not text:
        return _problem(NumberProblemCode.EMPTY)
    if len(text) > _LONGEST_TEXT:
        return _problem(NumberProblemCode.TOO_LONG)
    if SPREADSHEET.fullmatch(text):
        return _problem(NumberProblemCode.SPREADSHEET)

    rfc_3966 = _RFC_3966.fullmatch(text)
    written = rfc_3966[1].strip() if rfc_3966 else text
    international = written.startswith(("+", "＋")) or ";phone-context=+" in text.lower()
    short = None if international else _short_number(text, default_region)
    if short is not None:
        return short
    try:
        parsed = phonenumbers.parse(text, default_region)
    except NumberParseException as error:
        if error.error_type == NumberParseException.INVALID_COUNTRY_CODE:
            return _problem(NumberProblemCode.UNKNOWN_COUNTRY if international else NumberProblemCode.NO_REGION)
        return _problem(_PARSE_PROBLEMS[error.error_type])

    if parsed.extension:
        return _problem(NumberProblemCode.EXTENSION)
    if not _ONE_NUMBER.fullmatch(written):
        return _problem(NumberProblemCode.NOT_A_NUMBER)
    if parsed.country_code != NANP and _LETTER.search(written):
        return _problem(NumberProblemCode.LETTERS)
    return _number(parsed) or _written_with_00(text, default_region) or _why_invalid(parsed)


def _visible(text: str) -> str:
    """Without the direction marks that come along with copied numbers, and the apostrophe spreadsheets keep text by."""
    if not text.isascii():
        text = "".join(character for character in text if unicodedata.category(character) != "Cf")
    return text.strip().removeprefix("'").lstrip()


def _number(parsed: PhoneNumber) -> Number | None:
    kind = KINDS.get(phonenumbers.number_type(parsed))  # every valid number has a type
    region = phonenumbers.region_code_for_number(parsed)
    if kind is None or region is None:
        national = phonenumbers.national_significant_number(parsed)
        return _short_number(national, phonenumbers.region_code_for_country_code(parsed.country_code or 0))
    return Number(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164), region, kind)


def _short_number(text: str, region: str | None) -> Number | None:
    if not 2 <= len(_DIGIT.findall(text)) <= _MOST_SHORT_DIGITS or _LETTER.search(text):
        return None
    if region is None or region not in phonenumbers.SUPPORTED_REGIONS:
        return None
    digits = phonenumbers.normalize_digits_only(text)
    country_code = phonenumbers.country_code_for_region(region)
    if shortnumberinfo.is_emergency_number(digits, region):
        return Number(f"+{country_code}{digits}", region, NumberKind.EMERGENCY)
    try:
        parsed = phonenumbers.parse(digits, region)
    except NumberParseException:
        return None
    if shortnumberinfo.is_valid_short_number_for_region(parsed, region):
        return Number(f"+{country_code}{digits}", region, NumberKind.SHORT_CODE)
    return None


def _written_with_00(text: str, region: str | None) -> Number | None:
    """The number after 00, the prefix that ITU-T E.164 recommends and people write where another one is dialed."""
    digits = phonenumbers.normalize_digits_only(text)
    if region is None or not digits.startswith("00"):
        return None
    try:
        return _number(phonenumbers.parse(f"+{digits[2:]}", None))
    except NumberParseException:
        return None


def _why_invalid(parsed: PhoneNumber) -> NumberProblem:
    match phonenumbers.is_possible_number_with_reason(parsed):
        case ValidationResult.TOO_SHORT | ValidationResult.IS_POSSIBLE_LOCAL_ONLY:
            return _problem(NumberProblemCode.TOO_SHORT)
        case ValidationResult.TOO_LONG:
            return _problem(NumberProblemCode.TOO_LONG)
        case _:
            return _problem(NumberProblemCode.NOT_IN_USE)


def _problem(code: NumberProblemCode) -> NumberProblem:
    return NumberProblem(code, _REASONS[code])
