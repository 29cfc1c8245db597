"""One row of a contact file becomes a Contact, or the reason why it does not."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from operator import itemgetter

import msgspec

from dialer.contacts.contact import (
    USUAL_PRIORITY,
    ConsentKind,
    Contact,
    LineType,
    NumberKind,
    Recipient,
    Relationship,
)
from dialer.contacts.header import Field, HeaderMap
from dialer.contacts.micros import to_micros
from dialer.contacts.nanp import SUBDIVISIONS
from dialer.contacts.numbers import NumberProblem
from dialer.contacts.plain import PlainConsent, PlainContact, contact_of_plain, plain_extra
from dialer.contacts.plan import read_number
from dialer.contacts.zone_names import zone_named
from dialer.contacts.zones import NORTH_AMERICA


class RejectionCode(StrEnum):
    """Why a row is not imported."""

    NUMBER = "number"
    NOT_A_SUBSCRIBER = "not_a_subscriber"  # an emergency number or a short code
    DUPLICATE = "duplicate"
    CELLS = "cells"  # more cells than the header has columns
    MALFORMED = "malformed"  # quotes that do not pair
    CONTROL_CHARACTERS = "control_characters"
    TIME_ZONE = "time_zone"
    POSTAL_CODE = "postal_code"
    STATE = "state"
    LANGUAGE = "language"
    PRIORITY = "priority"
    WORD = "word"  # none of the words that the column allows
    CONSENT_DATE = "consent_date"
    CONSENT_INCOMPLETE = "consent_incomplete"


@dataclass(frozen=True, slots=True)
class RowRejection:
    """Why one row was not imported. ``column`` is the name in the file's header, empty when the whole row is meant."""

    line: int  # in the file, the first is 1
    code: RejectionCode
    column: str
    text: str
    cells: tuple[str, ...] = ()  # the row as it stood, for the rejects file


class Imported(msgspec.Struct, frozen=True):  # made in a third of the time that a dataclass takes
    """The contact of one row, which begins on ``line`` of the file (the first is 1), as plain values."""

    line: int
    plain: PlainContact
    consent: PlainConsent | None

    @property
    def contact(self) -> Contact:
        """The same as a Contact."""
        return contact_of_plain(self.plain, self.consent)


@dataclass(frozen=True, slots=True)
class Defaults:
    """What holds for rows that do not say otherwise."""

    region: str | None = None  # ISO 3166, for numbers in national form
    recipient: Recipient = Recipient.UNKNOWN
    line_type: LineType = LineType.UNKNOWN
    relationship: Relationship = Relationship.COLD
    language: str = ""


class _RejectedError(Exception):
    def __init__(self, code: RejectionCode, field: Field | None, text: str, column: str = "") -> None:
        super().__init__(text)
        self.code, self.field, self.text, self.column = code, field, text, column


def read_row(cells: Sequence[str], header: HeaderMap, defaults: Defaults, line: int) -> Contact | RowRejection:
    """The contact in one row. ``cells`` may be fewer than the header's, the rest is empty then."""
    read = RowReader(header, defaults).read(cells, line)
    return read.contact if isinstance(read, Imported) else read


class RowReader:
    """Reads the rows of one file into plain values."""

    def __init__(self, header: HeaderMap, defaults: Defaults) -> None:
        self._header, self._defaults = header, defaults
        nowhere = len(header.names)  # an empty text stands there
        where = [header.positions.get(field, nowhere) for field in Field]
        self._of_person = itemgetter(*where[:_PERSON])
        self._of_consent = itemgetter(*where[_PERSON:])
        self._extra = header.extra

    def read(self, cells: Sequence[str], line: int) -> Imported | RowRejection:
        """As read_row."""
        try:
            return self._read(cells, line)
        except _RejectedError as rejected:
            header, column = self._header, rejected.column
            if rejected.field is not None and rejected.field in header.positions:
                column = header.names[header.positions[rejected.field]]
            return RowRejection(line, rejected.code, column, rejected.text, tuple(cells))

    def _read(self, cells: Sequence[str], line: int) -> Imported:
        texts = [*_texts(cells, self._header.names), ""]
        (
            phone, name, first_name, last_name, time_zone, postal_code, state, address, recipient, line_type,
            relationship, language, priority,
        ) = self._of_person(texts)  # fmt: skip
        defaults = self._defaults
        number = read_number(phone, defaults.region)
        if isinstance(number, NumberProblem):
            raise _RejectedError(RejectionCode.NUMBER, Field.PHONE, number.reason)
        e164, region, kind = number.e164, number.region, number.kind
        if kind is _EMERGENCY or kind is _SHORT_CODE:  # a set would hash them, slowly
            raise _RejectedError(
                RejectionCode.NOT_A_SUBSCRIBER, Field.PHONE, f"{kind.replace('_', ' ')}, nobody's own number"
            )
        north_american = region in NORTH_AMERICA
        consent = self._of_consent(texts)
        contact = (
            e164,
            region,
            kind._value_,  # a third of what `value` takes
            name or (f"{first_name} {last_name}" if first_name and last_name else first_name or last_name),
            _time_zone(time_zone) if time_zone else None,
            postal_code if len(postal_code) in _ANY else _postal_code(postal_code, north_american=north_american),
            _state(state, north_american=north_american) if state else "",
            address,
            _word(recipient, Field.RECIPIENT, Recipient) if recipient else defaults.recipient._value_,
            _word(line_type, Field.LINE_TYPE, LineType) if line_type else defaults.line_type._value_,
            _word(relationship, Field.RELATIONSHIP, Relationship) if relationship else defaults.relationship._value_,
            _language(language) if language else defaults.language,
            plain_extra({name: texts[index] for name, index in self._extra}),
        )
        given = None if consent == _NO_CONSENT else _consent(e164, *consent)
        return Imported(line, (*contact, _priority(priority) if priority else USUAL_PRIORITY), given)


_ANY = frozenset({0, 5})  # postal codes of these lengths are fine everywhere
_EMERGENCY, _SHORT_CODE = NumberKind.EMERGENCY, NumberKind.SHORT_CODE
_PERSON = tuple(Field).index(Field.CONSENT_KIND)  # fields that are not of the consent, and come before it
_NO_CONSENT = ("",) * (len(Field) - _PERSON)


def _texts(cells: Sequence[str], columns: Sequence[str]) -> Sequence[str]:
    """The texts of as many cells as there are columns."""
    if len(cells) != len(columns):
        if any(cell.strip() for cell in cells[len(columns) :]):
            raise _RejectedError(
                RejectionCode.CELLS,
                None,
                f"{len(cells)} cells, but the header names {len(columns)} columns: is a quote missing?",
            )
        cells = [*cells[: len(columns)], *[""] * (len(columns) - len(cells))]
    row = "|".join(cells)
    if not row.isprintable() or "  " in row or "| " in row or " |" in row or row != row.strip():
        return [_text(cell, column) for cell, column in zip(cells, columns, strict=True)]
    if row.isascii() or unicodedata.is_normalized("NFC", row):
        return cells
    return [unicodedata.normalize("NFC", cell) for cell in cells]


def _text(cell: str, column: str) -> str:
    """NFC, with every run of blanks and line ends as one space."""
    text = " ".join(cell.split())
    if text.isascii() and text.isprintable():
        return text
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in text):
        raise _RejectedError(
            RejectionCode.CONTROL_CHARACTERS,
            None,
            "control characters in the text: is this the right encoding?",
            column,
        )
    return unicodedata.normalize("NFC", text)


@lru_cache(maxsize=1000)
def _time_zone(text: str) -> str:
    zone = zone_named(text)
    if zone is None:
        raise _RejectedError(
            RejectionCode.TIME_ZONE,
            Field.TIME_ZONE,
            f"{text!r} is not the IANA name of a place's time zone, such as America/New_York",
        )
    return zone


_ZIP_LIKE = re.compile(r"[0-9]{1,9}|[0-9]{5}-[0-9]{4}")


def _postal_code(text: str, *, north_american: bool) -> str:
    if not north_american or len(text.replace("-", "")) in {5, 9} or not _ZIP_LIKE.fullmatch(text):
        return text
    raise _RejectedError(
        RejectionCode.POSTAL_CODE,
        Field.POSTAL_CODE,
        f"{text!r} is no ZIP code: it has 5 digits, or 5-4 (spreadsheets drop zeros in front)",
    )


_STATE_CODES = {sub.name.casefold(): code for code, sub in SUBDIVISIONS.items()} | {
    code.casefold(): code for code in SUBDIVISIONS
}


@lru_cache(maxsize=1000)
def _state(text: str, *, north_american: bool) -> str:
    if not north_american:
        return text
    code = _STATE_CODES.get(text.casefold())
    if code is None:
        raise _RejectedError(
            RejectionCode.STATE,
            Field.STATE,
            f"{text!r} is no state or province of the US or Canada, such as FL or Florida",
        )
    return code


def _priority(text: str) -> int:
    if re.fullmatch(r"[1-9]", text) is None:
        raise _RejectedError(RejectionCode.PRIORITY, Field.PRIORITY, f"{text!r} is no priority: 1 (called first) to 9")
    return int(text)


_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")  # RFC 5646, as far as its shape goes


@lru_cache(maxsize=1000)
def _language(text: str) -> str:
    if not _LANGUAGE.fullmatch(text):
        raise _RejectedError(
            RejectionCode.LANGUAGE, Field.LANGUAGE, f"{text!r} is no language tag, such as en, es or pt-BR"
        )
    primary, *rest = text.split("-")
    return "-".join((primary.lower(), *rest))


@lru_cache(maxsize=1000)
def _word(text: str, field: Field, words: type[StrEnum]) -> str:
    try:
        return words(text.lower()).value
    except ValueError:
        raise _RejectedError(RejectionCode.WORD, field, f"{text!r} is none of {', '.join(words)}") from None


_CONSENT_KINDS = {
    "express": ConsentKind.EXPRESS,
    "pec": ConsentKind.EXPRESS,
    "written": ConsentKind.WRITTEN,
    "pewc": ConsentKind.WRITTEN,
    "none": None,
}


def _consent(
    e164: str,
    kind_text: str,
    date: str,
    source: str,
    text: str,
    seller: str,
    expires: str,
    signature: str,
    recorded: str,
    free: str,
    evidence: str,
) -> PlainConsent | None:
    """None without consent; half a consent is bad data, which is to be mended rather than guessed at."""
    if not kind_text:
        if date or source:
            raise _RejectedError(
                RejectionCode.CONSENT_INCOMPLETE,
                Field.CONSENT_DATE if date else Field.CONSENT_SOURCE,
                "a consent's date or source, but not which kind of consent",
            )
        return None
    if kind_text.lower() not in _CONSENT_KINDS:
        allowed = ", ".join(_CONSENT_KINDS)
        raise _RejectedError(RejectionCode.WORD, Field.CONSENT_KIND, f"{kind_text!r} is none of {allowed}")
    kind = _CONSENT_KINDS[kind_text.lower()]
    if kind is None:
        return None
    if not date or not source:
        missing = Field.CONSENT_SOURCE if date else Field.CONSENT_DATE
        raise _RejectedError(
            RejectionCode.CONSENT_INCOMPLETE, Field.CONSENT_KIND, f"consent without its {missing.replace('_', ' ')}"
        )
    return (
        e164,
        kind._value_,
        _consent_date(date, Field.CONSENT_DATE),
        source,
        text,
        seller,
        _consent_date(expires, Field.CONSENT_EXPIRES) if expires else None,
        signature,
        int(_yes(recorded, Field.CONSENT_RECORDED)) if recorded else 0,
        int(_yes(free, Field.CONSENT_FREE)) if free else 0,
        evidence,
    )


def _yes(text: str, field: Field) -> bool:
    word = text.lower()
    if word not in {"yes", "no"}:
        raise _RejectedError(RejectionCode.WORD, field, f"{word!r} is none of yes, no")
    return word == "yes"


_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DAY = len("2026-02-01")
_EARLIEST_YEAR, _LATEST_YEAR = 1970, 2100


def _consent_date(text: str, field: Field) -> int:
    """ISO 8601, in microseconds. A date alone counts from its first second in UTC.

    The earlier end of the day is the careful one: consent grows old from there, and an opt-out on the same day is the
    later word.
    """
    at = _day(text) if len(text) == _DAY else _moment(text)
    if isinstance(at, str):
        raise _RejectedError(RejectionCode.CONSENT_DATE, field, at)
    return at


@lru_cache(maxsize=10_000)
def _day(text: str) -> int | str:
    return _moment(text)


def _moment(text: str) -> int | str:
    """The date, or what is wrong with it."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return f"{text!r} is not a date in ISO 8601: write 2026-02-01, or 2026-02-01T14:30-05:00"
    if len(text) == _DAY and _ISO_DATE.fullmatch(text):
        at = at.replace(tzinfo=UTC)
    if at.tzinfo is None:
        return f"{text!r} does not say its offset from UTC: write it (2026-02-01T14:30-05:00), or give the date alone"
    if not _EARLIEST_YEAR <= at.year <= _LATEST_YEAR:
        return f"{text!r} cannot be a consent's date"
    return to_micros(at)
