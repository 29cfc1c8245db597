"""Numbers that are plainly written, read ten times faster than any text: for imports, and every decision of the gate.

The patterns and rules are those of the phonenumbers package, and so is every answer; a test holds the two equal. What
is not plainly a subscriber's number is handed to :func:`dialer.contacts.numbers.parse_number`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, SUPPORTED_REGIONS, PhoneMetadata

from dialer.contacts.contact import Number, NumberKind
from dialer.contacts.numbers import SPREADSHEET, NumberProblem, parse_number

_E164 = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)
_PLAIN = re.compile(r"(\+?)[0-9 ().-]{7,40}", re.ASCII)
_NO_PUNCTUATION = str.maketrans("", "", "+ ().-")
_FEWEST_DIGITS = 7  # fewer may be a short code
_REGIONS = {str(code): regions for code, regions in COUNTRY_CODE_TO_REGION_CODE.items()}
_NO_COUNTRY = "001"
_IN_ORDER = (  # in which phonenumbers asks, before fixed lines and mobiles
    ("premium_rate", NumberKind.PREMIUM),
    ("toll_free", NumberKind.TOLL_FREE),
    ("shared_cost", NumberKind.SHARED_COST),
    ("voip", NumberKind.VOIP),
    ("personal_number", NumberKind.PERSONAL),
    ("pager", NumberKind.PAGER),
    ("uan", NumberKind.COMPANY),
    ("voicemail", NumberKind.VOICEMAIL),
)
_FIXED, _MOBILE, _FIXED_OR_MOBILE = NumberKind.FIXED, NumberKind.MOBILE, NumberKind.FIXED_OR_MOBILE  # quicker so
_Fits = tuple[frozenset[int], re.Pattern[str]]


@dataclass(frozen=True, slots=True)
class _Plan:
    """The numbering plan of one region, compiled."""

    region: str
    code: str  # of the country
    general: _Fits
    special: tuple[tuple[_Fits, NumberKind], ...]
    any_special: re.Pattern[str] | None  # what none of them matches, is of no special kind
    fixed: _Fits | None
    mobile: _Fits | None
    same: bool  # fixed lines and mobiles share their patterns
    leading: re.Pattern[str] | None
    national_prefix: re.Pattern[str] | None
    instead_of_prefix: str  # what to write for what national_prefix found; empty: nothing
    international_prefix: re.Pattern[str] | None

    def kind_of(self, national: str) -> NumberKind | None:
        if not _fits(national, self.general):
            return None
        if self.any_special is not None and self.any_special.fullmatch(national):
            for pattern, kind in self.special:
                if _fits(national, pattern):
                    return kind
        if self.fixed is not None and _fits(national, self.fixed):
            return _FIXED_OR_MOBILE if self.same or _fits(national, self.mobile) else _FIXED
        return _MOBILE if not self.same and _fits(national, self.mobile) else None

    def without_prefix(self, digits: str) -> str:
        """Less the trunk prefix and a carrier's code, unless the number is one with it and none without."""
        if self.national_prefix is None or (found := self.national_prefix.match(digits)) is None:
            return digits
        if self.instead_of_prefix and found.group(self.national_prefix.groups) is not None:
            rest = found.expand(self.instead_of_prefix) + digits[found.end() :]
        else:
            rest = digits[found.end() :]
        pattern = self.general[1]
        return digits if pattern.fullmatch(digits) and not pattern.fullmatch(rest) else rest

    def significant(self, digits: str) -> str:
        """The national number that is dialed as ``digits`` within the country."""
        rest = self.without_prefix(digits)
        lengths = self.general[0]
        return rest if len(rest) in lengths or len(rest) > max(lengths) else digits


def number_of_e164(e164: str) -> Number | NumberProblem:
    """What ``parse_number(e164, None)`` says."""
    found = _of_international(e164[1:]) if _E164.fullmatch(e164) else None
    return found or parse_number(e164, None)


def read_number(text: str, default_region: str | None) -> Number | NumberProblem:
    """What ``parse_number`` says of the same; sooner where it is plainly written: +13055550123, (305) 555-0123."""
    found = None
    if (plain := _PLAIN.fullmatch(text)) and not ("." in text and SPREADSHEET.fullmatch(text)):
        digits = text.translate(_NO_PUNCTUATION)
        if len(digits) >= _FEWEST_DIGITS:
            if plain[1]:
                found = _of_international(digits)
            elif default_region in SUPPORTED_REGIONS:
                found = _of_national(digits, default_region)
    return found or parse_number(text, default_region)


def _of_international(digits: str) -> Number | None:
    for length in (1, 2, 3):
        code = digits[:length]
        if code in _REGIONS:
            return _of_country(code, digits[length:])
    return None


def _of_country(code: str, digits: str) -> Number | None:
    """With what may be a trunk prefix still in front."""
    main = _REGIONS[code][0]
    return None if main == _NO_COUNTRY else _of_significant(code, _plan(main).significant(digits))


def _of_national(digits: str, region: str) -> Number | None:
    """As somebody in this region writes it."""
    plan = _plan(region)
    if plan.international_prefix is not None and plan.international_prefix.match(digits):
        return None
    if digits.startswith(plan.code):
        rest = plan.without_prefix(digits[len(plan.code) :])
        lengths, pattern = plan.general
        if len(digits) > max(lengths) or (not pattern.fullmatch(digits) and pattern.fullmatch(rest)):
            return _of_country(plan.code, rest)
    return _of_significant(plan.code, plan.significant(digits))


def _of_significant(code: str, national: str) -> Number | None:
    regions = _REGIONS[code]
    for region in regions:
        plan = _plan(region)
        if len(regions) > 1 and plan.leading is not None and not plan.leading.match(national):
            continue
        kind = plan.kind_of(national)
        if kind is not None:
            return Number(f"+{code}{national}", region, kind)
        if plan.leading is not None:
            return None
    return None


def _fits(national: str, pattern: _Fits | None) -> bool:
    return pattern is not None and len(national) in pattern[0] and pattern[1].fullmatch(national) is not None


@lru_cache(maxsize=512)
def _plan(region: str) -> _Plan:
    metadata: Any = PhoneMetadata.metadata_for_region(region, None)
    lengths = metadata.general_desc.possible_length
    general = _compiled(metadata.general_desc, lengths)
    if general is None:
        raise LookupError(f"phonenumbers has no numbers for {region}")
    special = tuple(
        (pattern, kind) for name, kind in _IN_ORDER if (pattern := _compiled(getattr(metadata, name), lengths))
    )
    return _Plan(
        region=region,
        code=str(metadata.country_code),
        general=general,
        special=special,
        any_special=re.compile("|".join(f"(?:{each.pattern})" for (_, each), _ in special)) if special else None,
        fixed=_compiled(metadata.fixed_line, lengths),
        mobile=_compiled(metadata.mobile, lengths),
        same=bool(metadata.same_mobile_and_fixed_line_pattern),
        leading=_pattern(metadata.leading_digits),
        national_prefix=_pattern(metadata.national_prefix_for_parsing),
        instead_of_prefix=metadata.national_prefix_transform_rule or "",
        international_prefix=_pattern(metadata.international_prefix),
    )


def _pattern(text: str | None) -> re.Pattern[str] | None:
    return re.compile(text) if text else None


def _compiled(description: Any, lengths_of_all: tuple[int, ...]) -> _Fits | None:
    if description is None or description.national_number_pattern in (None, "NA"):
        return None
    return frozenset(description.possible_length or lengths_of_all), re.compile(description.national_number_pattern)
