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
_PUNCTUATION = b" ().-"
_LONGEST_TEXT = 40
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
_KINDS: dict[str | None, NumberKind] = {kind.value: kind for kind in NumberKind}


@dataclass(frozen=True, slots=True)
class _Plan:
    """The numbering plan of one region, compiled."""

    region: str
    code: str  # of the country
    lengths: frozenset[int]
    general: re.Pattern[str]
    kinds: re.Pattern[str]  # of the national number: the name of the group that matches is its kind
    plainly: re.Pattern[str] | None  # the same, of digits that begin like no prefix
    leading: re.Pattern[str] | None
    national_prefix: re.Pattern[str] | None
    instead_of_prefix: str  # what to write for what national_prefix found; empty: nothing
    international_prefix: re.Pattern[str] | None

    def kind_of(self, national: str) -> NumberKind | None:
        found = self.kinds.fullmatch(national)
        return _KINDS[found.lastgroup] if found else None

    def plain(self, digits: str) -> Number | None:
        """What takes one look to read: most numbers there are."""
        found = self.plainly.fullmatch(digits) if self.plainly else None
        return Number(f"+{self.code}{digits}", self.region, _KINDS[found.lastgroup]) if found else None

    def without_prefix(self, digits: str) -> str:
        """Less the trunk prefix and a carrier's code, unless the number is one with it and none without."""
        if self.national_prefix is None or (found := self.national_prefix.match(digits)) is None:
            return digits
        if self.instead_of_prefix and found.group(self.national_prefix.groups) is not None:
            rest = found.expand(self.instead_of_prefix) + digits[found.end() :]
        else:
            rest = digits[found.end() :]
        return digits if self.general.fullmatch(digits) and not self.general.fullmatch(rest) else rest

    def significant(self, digits: str) -> str:
        """The national number that is dialed as ``digits`` within the country."""
        rest = self.without_prefix(digits)
        return rest if len(rest) in self.lengths or len(rest) > max(self.lengths) else digits


def number_of_e164(e164: str) -> Number | NumberProblem:
    """What ``parse_number(e164, None)`` says."""
    found = _of_international(e164[1:]) if _E164.fullmatch(e164) else None
    return found or parse_number(e164, None)


def read_number(text: str, default_region: str | None) -> Number | NumberProblem:
    """What ``parse_number`` says of the same; sooner where it is plainly written: +13055550123, (305) 555-0123."""
    found = None
    international = text.startswith("+")
    # bytes lose their punctuation in a third of the time that text does; of them, only ASCII's digits are digits
    written = text.encode("ascii", "replace").translate(None, _PUNCTUATION)[international:]
    if written.isdigit() and len(written) >= _FEWEST_DIGITS and len(text) <= _LONGEST_TEXT:
        if "." in text and SPREADSHEET.fullmatch(text.strip()):
            return parse_number(text, default_region)
        if international:
            found = _of_international(written.decode())
        elif default_region in SUPPORTED_REGIONS:
            found = _of_national(written.decode(), default_region)
    return found or _parsed(text, default_region)


@lru_cache(maxsize=1000)
def _parsed(text: str, default_region: str | None) -> Number | NumberProblem:
    """What is no number is often written the same way: "n/a", "none"."""
    return parse_number(text, default_region)


def _of_international(digits: str) -> Number | None:
    for length in (1, 2, 3):
        code = digits[:length]
        if code in _REGIONS:
            return _of_country(code, digits[length:])
    return None


def _of_country(code: str, digits: str) -> Number | None:
    """With what may be a trunk prefix still in front."""
    main = _REGIONS[code][0]
    if main == _NO_COUNTRY:
        return None
    plan = _plan(main)
    return plan.plain(digits) or _of_significant(code, plan.significant(digits))


def _of_national(digits: str, region: str) -> Number | None:
    """As somebody in this region writes it."""
    plan = _plan(region)
    if plain := plan.plain(digits):
        return plain
    if plan.international_prefix is not None and plan.international_prefix.match(digits):
        return None
    if digits.startswith(plan.code):
        rest = plan.without_prefix(digits[len(plan.code) :])
        pattern = plan.general
        if len(digits) > max(plan.lengths) or (not pattern.fullmatch(digits) and pattern.fullmatch(rest)):
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


@lru_cache(maxsize=512)
def _plan(region: str) -> _Plan:
    metadata: Any = PhoneMetadata.metadata_for_region(region, None)
    general, kinds, code = metadata.general_desc, _kinds(metadata), str(metadata.country_code)
    prefixes = (code, metadata.national_prefix_for_parsing, metadata.international_prefix)
    no_prefix = "".join(f"(?!{prefix})" for prefix in prefixes if prefix)
    comes_first = _REGIONS[code][0] == region and not metadata.leading_digits
    return _Plan(
        region=region,
        code=code,
        lengths=frozenset(general.possible_length),
        general=re.compile(general.national_number_pattern),
        kinds=re.compile(kinds),
        plainly=re.compile(no_prefix + kinds) if comes_first else None,
        leading=_pattern(metadata.leading_digits),
        national_prefix=_pattern(metadata.national_prefix_for_parsing),
        instead_of_prefix=metadata.national_prefix_transform_rule or "",
        international_prefix=_pattern(metadata.international_prefix),
    )


def _pattern(text: str | None) -> re.Pattern[str] | None:
    return re.compile(text) if text else None


def _kinds(metadata: Any) -> str:
    """One pattern for all that phonenumbers asks in turn: of several groups that match, the first one does."""
    lengths = metadata.general_desc.possible_length
    fixed, mobile = (_written(each, lengths) for each in (metadata.fixed_line, metadata.mobile))
    kinds = [(kind, _written(getattr(metadata, name), lengths)) for name, kind in _IN_ORDER]
    if metadata.same_mobile_and_fixed_line_pattern:
        kinds.append((NumberKind.FIXED_OR_MOBILE, fixed))
    else:
        both = f"(?={mobile}\\Z){fixed}" if fixed and mobile else ""
        kinds += (NumberKind.FIXED_OR_MOBILE, both), (NumberKind.FIXED, fixed), (NumberKind.MOBILE, mobile)
    any_kind = "|".join(f"(?P<{kind.value}>{pattern})" for kind, pattern in kinds if pattern)
    return f"(?={_written(metadata.general_desc, lengths)}\\Z)(?:{any_kind})"


def _written(description: Any, lengths_of_all: tuple[int, ...]) -> str:
    """The pattern of a description's numbers, and of their lengths; empty when it has none."""
    if description is None or description.national_number_pattern in (None, "NA"):
        return ""
    lengths = "|".join(f".{{{length}}}" for length in description.possible_length or lengths_of_all)
    return f"(?=(?:{lengths})\\Z)(?:{description.national_number_pattern})"
