"""One row of a contact file becomes a Contact, or the reason why it does not."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from enum import StrEnum
from types import MappingProxyType
from typing import TypeVar

from dialer.contacts.contact import (
    USUAL_PRIORITY,
    Consent,
    ConsentKind,
    Contact,
    LineType,
    NumberKind,
    Recipient,
    Relationship,
)
from dialer.contacts.header import Field, HeaderMap
from dialer.contacts.nanp import SUBDIVISIONS
from dialer.contacts.numbers import NumberProblem
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
    try:
        return _contact(cells, header, defaults)
    except _RejectedError as rejected:
        column = rejected.column
        if rejected.field is not None and rejected.field in header.positions:
            column = header.names[header.positions[rejected.field]]
        return RowRejection(line, rejected.code, column, rejected.text, tuple(cells))


def _contact(cells: Sequence[str], header: HeaderMap, defaults: Defaults) -> Contact:
    width = len(header.names)
    if any(cell.strip() for cell in cells[width:]):
        raise _RejectedError(
            RejectionCode.CELLS, None, f"{len(cells)} cells, but the header names {width} columns: is a quote missing?"
        )
    texts = [_text(cell, name) for cell, name in zip(cells, header.names, strict=False)]
    texts += [""] * (width - len(texts))
    given = {field: texts[index] for field, index in header.positions.items() if texts[index]}

    number = read_number(given.get(Field.PHONE, ""), defaults.region)
    if isinstance(number, NumberProblem):
        raise _RejectedError(RejectionCode.NUMBER, Field.PHONE, number.reason)
    if number.kind in {NumberKind.EMERGENCY, NumberKind.SHORT_CODE}:
        raise _RejectedError(
            RejectionCode.NOT_A_SUBSCRIBER, Field.PHONE, f"{number.kind.replace('_', ' ')}, nobody's own number"
        )
    north_american = number.region in NORTH_AMERICA
    return Contact(
        number=number,
        name=given.get(Field.NAME) or _joined_name(given),
        time_zone=_time_zone(given.get(Field.TIME_ZONE, "")),
        postal_code=_postal_code(given.get(Field.POSTAL_CODE, ""), north_american=north_american),
        state=_state(given.get(Field.STATE, ""), north_american=north_american),
        address=given.get(Field.ADDRESS, ""),
        recipient=_word(given, Field.RECIPIENT, Recipient, defaults.recipient),
        line_type=_word(given, Field.LINE_TYPE, LineType, defaults.line_type),
        relationship=_word(given, Field.RELATIONSHIP, Relationship, defaults.relationship),
        language=_language(given.get(Field.LANGUAGE, "")) or defaults.language,
        consent=_consent(given),
        priority=_priority(given.get(Field.PRIORITY, "")),
        extra=MappingProxyType({name: texts[index] for name, index in header.extra}),
    )


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


def _joined_name(given: dict[Field, str]) -> str:
    return " ".join(filter(None, (given.get(Field.FIRST_NAME), given.get(Field.LAST_NAME))))


def _time_zone(text: str) -> str | None:
    if not text:
        return None
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
    if not (north_american and _ZIP_LIKE.fullmatch(text)) or len(text.replace("-", "")) in {5, 9}:
        return text
    raise _RejectedError(
        RejectionCode.POSTAL_CODE,
        Field.POSTAL_CODE,
        f"{text!r} is no ZIP code: it has 5 digits, or 5-4 (spreadsheets drop zeros in front)",
    )


_STATE_CODES = {sub.name.casefold(): code for code, sub in SUBDIVISIONS.items()} | {
    code.casefold(): code for code in SUBDIVISIONS
}


def _state(text: str, *, north_american: bool) -> str:
    if not text or not north_american:
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
    if not text:
        return USUAL_PRIORITY
    if re.fullmatch(r"[1-9]", text) is None:
        raise _RejectedError(RejectionCode.PRIORITY, Field.PRIORITY, f"{text!r} is no priority: 1 (called first) to 9")
    return int(text)


_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")  # RFC 5646, as far as its shape goes


def _language(text: str) -> str:
    if text and not _LANGUAGE.fullmatch(text):
        raise _RejectedError(
            RejectionCode.LANGUAGE, Field.LANGUAGE, f"{text!r} is no language tag, such as en, es or pt-BR"
        )
    primary, *rest = text.split("-")
    return "-".join((primary.lower(), *rest))


_Word = TypeVar("_Word", Recipient, LineType, Relationship)


def _word(given: dict[Field, str], field: Field, words: type[_Word], default: _Word) -> _Word:
    text = given.get(field)
    if text is None:
        return default
    try:
        return words(text.lower())
    except ValueError:
        raise _RejectedError(RejectionCode.WORD, field, f"{text!r} is none of {', '.join(words)}") from None


_CONSENT_KINDS = {
    "express": ConsentKind.EXPRESS,
    "pec": ConsentKind.EXPRESS,
    "written": ConsentKind.WRITTEN,
    "pewc": ConsentKind.WRITTEN,
    "none": None,
}
_CONSENT_EVIDENCE = (Field.CONSENT_DATE, Field.CONSENT_SOURCE)


def _consent(given: dict[Field, str]) -> Consent | None:
    """None without consent; half a consent is bad data, which is to be mended rather than guessed at."""
    kind_text = given.get(Field.CONSENT_KIND)
    if kind_text is None:
        stray = next((field for field in _CONSENT_EVIDENCE if field in given), None)
        if stray is not None:
            raise _RejectedError(
                RejectionCode.CONSENT_INCOMPLETE, stray, "a consent's date or source, but not which kind of consent"
            )
        return None
    if kind_text.lower() not in _CONSENT_KINDS:
        allowed = ", ".join(_CONSENT_KINDS)
        raise _RejectedError(RejectionCode.WORD, Field.CONSENT_KIND, f"{kind_text!r} is none of {allowed}")
    kind = _CONSENT_KINDS[kind_text.lower()]
    if kind is None:
        return None
    for field in _CONSENT_EVIDENCE:
        if field not in given:
            raise _RejectedError(
                RejectionCode.CONSENT_INCOMPLETE, Field.CONSENT_KIND, f"consent without its {field.replace('_', ' ')}"
            )
    return Consent(
        kind=kind,
        given_at=_consent_date(given[Field.CONSENT_DATE], Field.CONSENT_DATE),
        source=given[Field.CONSENT_SOURCE],
        text=given.get(Field.CONSENT_TEXT, ""),
        seller=given.get(Field.CONSENT_SELLER, ""),
        expires_at=_consent_date(until, Field.CONSENT_EXPIRES) if (until := given.get(Field.CONSENT_EXPIRES)) else None,
        signature=given.get(Field.CONSENT_SIGNATURE, ""),
        authorises_recorded=_yes(given, Field.CONSENT_RECORDED),
        not_a_condition=_yes(given, Field.CONSENT_FREE),
        evidence=given.get(Field.CONSENT_EVIDENCE, ""),
    )


def _yes(given: dict[Field, str], field: Field) -> bool:
    word = given.get(field, "no").lower()
    if word not in {"yes", "no"}:
        raise _RejectedError(RejectionCode.WORD, field, f"{word!r} is none of yes, no")
    return word == "yes"


_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_EARLIEST_YEAR, _LATEST_YEAR = 1970, 2100


def _consent_date(text: str, field: Field) -> datetime:
    """ISO 8601. A date alone counts from its first second in UTC.

    The earlier end of the day is the careful one: consent grows old from there, and an opt-out on the same day is the
    later word.
    """
    problem = f"{text!r} is not a date in ISO 8601: write 2026-02-01, or 2026-02-01T14:30-05:00"
    try:
        if _ISO_DATE.fullmatch(text):
            at = datetime.combine(date.fromisoformat(text), time(), UTC)
        else:
            at = datetime.fromisoformat(text)
    except ValueError:
        raise _RejectedError(RejectionCode.CONSENT_DATE, field, problem) from None
    if at.tzinfo is None:
        problem = (
            f"{text!r} does not say its offset from UTC: write it (2026-02-01T14:30-05:00), or give the date alone"
        )
        raise _RejectedError(RejectionCode.CONSENT_DATE, field, problem)
    if not _EARLIEST_YEAR <= at.year <= _LATEST_YEAR:
        raise _RejectedError(RejectionCode.CONSENT_DATE, field, f"{text!r} cannot be a consent's date")
    return at.astimezone(UTC)
