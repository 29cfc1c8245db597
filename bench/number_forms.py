"""Telephone numbers as people and machines write them, made from a seed, and how our readers' answers are held against
phonenumbers: ``python -m bench.import --prove 1000000``, and with fewer tests/unit/contacts/test_number_forms.py.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import phonenumbers
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata, PhoneNumberFormat, PhoneNumberType, shortnumberinfo

from dialer.contacts.contact import Number, NumberKind
from dialer.contacts.numbers import KINDS, NumberProblem, NumberProblemCode, parse_number
from dialer.contacts.plan import number_of_e164, read_number

REGIONS = tuple(sorted(phonenumbers.SUPPORTED_REGIONS))
NO_COUNTRY = tuple(sorted(code for code, regions in COUNTRY_CODE_TO_REGION_CODE.items() if regions[0] == "001"))
_KEYS = ("0", "1", "ABC", "DEF", "GHI", "JKL", "MNO", "PQRS", "TUV", "WXYZ")
_OTHER_DIGITS = ("٠١٢٣٤٥٦٧٨٩", "०१२३४५६७८९", "０１２３４５６７８９", "߀߁߂߃߄߅߆߇߈߉")
_EXTENSIONS = (" ext. 12", "x12", ";ext=12", " #12", ",,12", " доб. 12", "~12", " - 12#", " ext 1234567")
_SEPARATORS = (" ", "-", ".", "/", "  ", " - ", "‐", "\u00a0", ") ", " (", "−", "~", "][", "\u2060", "\u200e")


@dataclass(frozen=True, slots=True)
class Written:
    """One text, the region that its reader takes for granted, and what kind of text it is."""

    text: str
    region: str | None
    form: str
    of: str  # the region or country code whose number it began as


@dataclass(slots=True)
class Proof:
    """What was compared. ``differences`` must stay empty."""

    asked: int = 0
    valid: int = 0
    forms: Counter[str] = field(default_factory=Counter)
    regions: Counter[str] = field(default_factory=Counter)
    stricter: Counter[str] = field(default_factory=Counter)  # texts that phonenumbers takes and we do not, by reason
    more: Counter[str] = field(default_factory=Counter)  # texts that we take and phonenumbers does not, by reason
    differences: list[str] = field(default_factory=list)


def written_numbers(count: int, seed: int) -> Iterator[Written]:
    """So many texts; the same seed makes the same ones."""
    rng = random.Random(seed)  # noqa: S311  repeatable, not secret
    everything: tuple[str | int, ...] = (*REGIONS, *NO_COUNTRY)
    bases = {str(of): _bases(of) for of in everything}
    names = sorted(bases)
    forms = sorted(_FORMS)
    for index in range(count):
        of = names[index % len(names)]
        metadata = bases[of][0]
        form = forms[rng.randrange(len(forms))]
        text = _FORMS[form](_national(rng, bases[of][1]), metadata, rng)
        taken = rng.random()
        own = of if of in phonenumbers.SUPPORTED_REGIONS else None
        region = own if taken < 0.7 else rng.choice(REGIONS) if taken < 0.9 else None
        yield Written(text, region, form, of)


def prove(count: int, seed: int) -> Proof:
    """Hold both readers against each other and against phonenumbers itself, over so many texts."""
    proof = Proof()
    for each in written_numbers(count, seed):
        compare(each, proof)
    return proof


def compare(each: Written, proof: Proof) -> None:
    """One text, told to ``proof``."""
    proof.asked += 1
    proof.forms[each.form] += 1
    proof.regions[each.of] += 1
    read = read_number(each.text, each.region)
    whole = parse_number(each.text, each.region)
    if read != whole:
        proof.differences.append(f"{each}: read {read}, parsed {whole}")
    if isinstance(read, Number):
        proof.valid += 1
        if number_of_e164(read.e164) != parse_number(read.e164, None):
            proof.differences.append(f"{each}: {read.e164} is read otherwise")
    why = _against_phonenumbers(each, read, proof)
    if why:
        proof.differences.append(f"{each}: read {read}, but {why}")


def _against_phonenumbers(each: Written, read: Number | NumberProblem, proof: Proof) -> str:
    """How phonenumbers' own answer differs, where nothing that is documented explains it; empty when it does not."""
    seen = _cleaned(each.text)
    parsed = _valid(seen, each.region)
    if isinstance(read, Number) and read.kind in {NumberKind.EMERGENCY, NumberKind.SHORT_CODE}:
        proof.more["short codes, there to be refused"] += 1
        return "" if _is_short(read) else "this is no short code"
    if isinstance(read, Number):
        if parsed is None:
            digits = phonenumbers.normalize_digits_only(seen)
            parsed = _valid(f"+{digits[2:]}", None) if digits.startswith("00") else None
            proof.more["00 where another prefix is dialed"] += parsed is not None
        if parsed is None:
            return "phonenumbers says it is not valid"
        proof.more["behind an apostrophe or invisible marks"] += seen != each.text and not _valid(
            each.text, each.region
        )
        theirs = Number(
            phonenumbers.format_number(parsed, PhoneNumberFormat.E164),
            phonenumbers.region_code_for_number(parsed) or "",
            KINDS[phonenumbers.number_type(parsed)],
        )
        return "" if read == theirs else f"phonenumbers says {theirs}"
    if parsed is None:
        return ""
    proof.stricter[read.code.value] += 1
    return "" if _is_stricter(read.code, seen, parsed) else "phonenumbers says it is valid"


def _is_stricter(code: NumberProblemCode, text: str, parsed: phonenumbers.PhoneNumber) -> bool:
    """Whether the text really has what we refuse and phonenumbers reads over."""
    match code:
        case NumberProblemCode.EXTENSION:
            return bool(parsed.extension)
        case NumberProblemCode.LETTERS:
            return parsed.country_code != 1 and re.search("[A-Za-z]", text) is not None
        case NumberProblemCode.SPREADSHEET:
            return re.fullmatch(r"'?\s*\+?\d+[.,]?\d*([eE]\+?\d+)?\s*", text) is not None
        case NumberProblemCode.NOT_A_NUMBER:
            return re.search(r"[^\w\s()\[\]./~+＋‐-―−ー－～'-]|(?<=.)[+＋]|[^\x00-\x7f]|_", text) is not None
        case _:
            return False


def _valid(text: str, region: str | None) -> phonenumbers.PhoneNumber | None:
    try:
        parsed = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    return parsed if phonenumbers.is_valid_number(parsed) else None


def _is_short(read: Number) -> bool:
    digits = read.e164.removeprefix(f"+{phonenumbers.country_code_for_region(read.region)}")
    if shortnumberinfo.is_emergency_number(digits, read.region):
        return read.kind is NumberKind.EMERGENCY
    return shortnumberinfo.is_valid_short_number_for_region(phonenumbers.parse(digits, read.region), read.region)


def _cleaned(text: str) -> str:
    return re.sub("[\u200e\u200f\u2060\ufeff\u202a-\u202e]", "", text).strip().removeprefix("'").lstrip()


def _bases(of: str | int) -> tuple[Any, list[str]]:
    """The metadata of a region or country code, and an example of each kind of number that it has."""
    metadata: Any = (
        PhoneMetadata.metadata_for_nongeo_region(of, None)
        if isinstance(of, int)
        else PhoneMetadata.metadata_for_region(of, None)
    )
    examples = []
    for kind in PhoneNumberType.values():
        example = (
            phonenumbers.example_number_for_non_geo_entity(of)
            if isinstance(of, int)
            else phonenumbers.example_number_for_type(of, kind)
        )
        if example is not None:
            examples.append(phonenumbers.national_significant_number(example))
    return metadata, sorted(set(examples))


def _national(rng: random.Random, examples: list[str]) -> str:
    """An example with other digits at its end; at times too short, too long, or of any digits."""
    national = rng.choice(examples)
    shape = rng.random()
    keep = len(national) - min(len(national), rng.choice((0, 1, 2, 3, 4, 5, 6, 7, 9)))
    national = national[:keep] + _digits(rng, len(national) - keep)
    if shape < 0.06:
        return national[: -rng.randrange(1, 4)]
    if shape < 0.12:
        return national + _digits(rng, rng.randrange(1, 4))
    if shape < 0.17:
        return _digits(rng, rng.randrange(1, 16))
    return national


def _digits(rng: random.Random, count: int) -> str:
    return "".join(rng.choices("0123456789", k=count))


def _spread(digits: str, rng: random.Random, separators: tuple[str, ...] = _SEPARATORS) -> str:
    """With something between the digits, here and there."""
    return "".join(digit + (rng.choice(separators) if rng.random() < 0.25 else "") for digit in digits)


def _formatted(number: str, metadata: Any, form: int) -> str:
    parsed = phonenumbers.PhoneNumber(country_code=metadata.country_code, national_number=int(number or "0"))
    if number.startswith("0") and int(number or "0"):
        zeros = len(number) - len(number.lstrip("0"))
        parsed = phonenumbers.PhoneNumber(
            country_code=metadata.country_code,
            national_number=int(number),
            italian_leading_zero=True,
            number_of_leading_zeros=zeros,
        )
    return phonenumbers.format_number(parsed, form)


def _idd(metadata: Any) -> str:
    plain = metadata.preferred_international_prefix or metadata.international_prefix or "00"
    return re.sub("[^0-9]", "", plain) or "00"


def _in_other_digits(text: str, rng: random.Random) -> str:
    return text.translate(dict(zip(map(ord, "0123456789"), rng.choice(_OTHER_DIGITS), strict=True)))


def _vanity(digits: str, rng: random.Random) -> str:
    cut = rng.randrange(len(digits) + 1)
    return digits[:cut] + "".join(rng.choice(_KEYS[int(digit)]) for digit in digits[cut:])


_Form = Callable[[str, Any, random.Random], str]
_FORMS: dict[str, _Form] = {
    "E.164": lambda n, m, _: f"+{m.country_code}{n}",
    "E.164, spread": lambda n, m, rng: "+" + _spread(f"{m.country_code}{n}", rng),
    "E.164, plainly spread": lambda n, m, rng: "+" + _spread(f"{m.country_code}{n}", rng, (" ", "-", ".", ") (")),
    "international, formatted": lambda n, m, _: _formatted(n, m, PhoneNumberFormat.INTERNATIONAL),
    "international with (0)": lambda n, m, _: f"+{m.country_code} (0) {n}",
    "international with trunk prefix": lambda n, m, _: f"+{m.country_code}{m.national_prefix or '0'}{n}",
    "RFC 3966": lambda n, m, _: _formatted(n, m, PhoneNumberFormat.RFC3966),
    "RFC 3966 with context": lambda n, m, _: f"tel:{n};phone-context=+{m.country_code}",
    "no plus": lambda n, m, _: f"{m.country_code}{n}",
    "no plus, spread": lambda n, m, rng: _spread(f"{m.country_code}{n}", rng),
    "00": lambda n, m, rng: _spread(f"00{m.country_code}{n}", rng),
    "own international prefix": lambda n, m, rng: f"{_idd(m)} {m.country_code} {_spread(n, rng)}",
    "national": lambda n, m, _: n,
    "national, formatted": lambda n, m, _: _formatted(n, m, PhoneNumberFormat.NATIONAL),
    "national, spread": lambda n, m, rng: _spread(n, rng),
    "national, plainly spread": lambda n, m, rng: _spread(n, rng, (" ", "-", ".", ") (")),
    "national with trunk prefix": lambda n, m, _: f"{m.national_prefix or '0'}{n}",
    "trunk prefix in brackets": lambda n, m, rng: f"({m.national_prefix or '0'}) {_spread(n, rng)}",
    "trunk prefix twice": lambda n, m, _: 2 * (m.national_prefix or "0") + n,
    "local part": lambda n, m, _: n[-7:],
    "short": lambda n, m, rng: n[: rng.randrange(1, 7)],
    "extension": lambda n, m, rng: f"+{m.country_code}{n}{rng.choice(_EXTENSIONS)}",
    "national with extension": lambda n, m, rng: f"{m.national_prefix or ''}{n}{rng.choice(_EXTENSIONS)}",
    "digits of other scripts": lambda n, m, rng: _in_other_digits(f"+{m.country_code}{_spread(n, rng)}", rng),
    "national, other digits": lambda n, m, rng: _in_other_digits(f"{m.national_prefix or ''}{n}", rng),
    "full-width plus": lambda n, m, rng: f"＋{m.country_code}{n}",
    "vanity": lambda n, m, rng: _vanity(n, rng),
    "international vanity": lambda n, m, rng: f"+{m.country_code} {_vanity(n, rng)}",
    "apostrophe": lambda n, m, rng: rng.choice(("'", "' ", " '")) + rng.choice((f"+{m.country_code}{n}", n)),
    "blanks and marks": lambda n, m, rng: f"\u200e {rng.choice((f'+{m.country_code}{n}', n))}\u202c ",
    "spreadsheet": lambda n, m, rng: rng.choice((f"{n}.0", f"{n},00", f"{int(n or '0'):.5E}", f"{n[:6]}.{n[6:]}")),
    "brackets round the plus": lambda n, m, rng: f"(+{m.country_code}) {_spread(n, rng)}",
    "two pluses": lambda n, m, rng: rng.choice((f"++{m.country_code}{n}", f"+{m.country_code}+{n}")),
    "with a remark": lambda n, m, rng: rng.choice(
        (f"Tel: {n}", f"{n} (home)", f"+{m.country_code}{n} or", f"{n}; {n}")
    ),
    "two numbers": lambda n, m, rng: f"{n}{rng.choice((' / ', '/x', ' / x', ', ', ' '))}{n}",
    "only digits, any": lambda n, m, rng: _digits(rng, rng.randrange(18)),
}
