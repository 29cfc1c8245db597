"""Which column of a contact file means what."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from dialer.contacts.numbers import NumberProblem, parse_number
from dialer.errors import ContactsError


class Field(StrEnum):
    """What a column can mean. The values are the documented column names."""

    PHONE = "phone"
    NAME = "name"
    FIRST_NAME = "first_name"
    LAST_NAME = "last_name"
    TIME_ZONE = "time_zone"
    POSTAL_CODE = "postal_code"
    STATE = "state"
    ADDRESS = "address"
    RECIPIENT = "recipient"
    LINE_TYPE = "line_type"
    RELATIONSHIP = "relationship"
    LANGUAGE = "language"
    PRIORITY = "priority"
    CONSENT_KIND = "consent_kind"
    CONSENT_DATE = "consent_date"
    CONSENT_SOURCE = "consent_source"
    CONSENT_TEXT = "consent_text"
    CONSENT_SELLER = "consent_seller"
    CONSENT_EXPIRES = "consent_expires"
    CONSENT_SIGNATURE = "consent_signature"
    CONSENT_RECORDED = "consent_recorded"
    CONSENT_FREE = "consent_free"
    CONSENT_EVIDENCE = "consent_evidence"


# Compared without case, spaces, punctuation and accents.
_ALIASES: dict[Field, str] = {
    Field.PHONE: """phone, phone number, telephone, telephone number, tel, mobile, mobile phone, mobile number, cell,
        cell phone, number, msisdn, e164,
        telefon, numer, numer telefonu, nr telefonu, telefon komórkowy, komórka, телефон, номер, номер телефона,
        мобильный, мобильный телефон, telefonnummer, mobil, mobilnummer, رقم الهاتف, الهاتف, هاتف, الجوال, رقم الجوال,
        teléfono, número de teléfono, móvil, celular, téléphone, numéro de téléphone, handynummer, rufnummer""",
    Field.NAME: """name, full name, contact, contact name, customer name, imię i nazwisko, имя, фио, полное имя, navn,
        fullt navn, الاسم, اسم, الاسم الكامل, nombre, nombre completo, nom complet, vollständiger name""",
    Field.FIRST_NAME: """first name, given name, forename, imię, fornavn, الاسم الأول, prénom, vorname""",
    Field.LAST_NAME: """last name, surname, family name, nazwisko, фамилия, etternavn, اسم العائلة, apellido, apellidos,
        nom, nom de famille, nachname""",
    Field.TIME_ZONE: """time zone, tz, strefa czasowa, часовой пояс, tidssone, المنطقة الزمنية, zona horaria,
        fuseau horaire, zeitzone""",
    Field.POSTAL_CODE: """postal code, postcode, zip, zip code, kod pocztowy, индекс, почтовый индекс, postnummer,
        الرمز البريدي, código postal, code postal, plz, postleitzahl""",
    Field.STATE: """state, province, us state, województwo, область, fylke, الولاية, estado, provincia, bundesland""",
    Field.ADDRESS: """address, street address, street, adres, адрес, adresse, العنوان, dirección, anschrift""",
    Field.RECIPIENT: """recipient, recipient type""",
    Field.LINE_TYPE: """line type, phone type""",
    Field.RELATIONSHIP: """relationship""",
    Field.LANGUAGE: """language, lang, język, язык, språk, اللغة, idioma, langue, sprache""",
    Field.PRIORITY: """priority, call priority""",
    Field.CONSENT_KIND: """consent kind, consent, consent type""",
    Field.CONSENT_DATE: """consent date, consent given at, opt in date""",
    Field.CONSENT_SOURCE: """consent source, opt in source""",
    Field.CONSENT_TEXT: """consent text, consent wording""",
    Field.CONSENT_SELLER: """consent seller""",
    Field.CONSENT_EXPIRES: """consent expires, consent until, consent expiry""",
    Field.CONSENT_SIGNATURE: """consent signature, signature""",
    Field.CONSENT_RECORDED: """consent recorded, authorises recorded, authorizes recorded""",
    Field.CONSENT_FREE: """consent free, not a condition, no purchase necessary""",
    Field.CONSENT_EVIDENCE: """consent evidence, consent proof, consent ip""",
}


@dataclass(frozen=True, slots=True)
class HeaderMap:
    """The columns of one file: ``positions`` of what they mean, and the ``extra`` ones that messages may use."""

    names: tuple[str, ...]
    positions: Mapping[Field, int]
    extra: tuple[tuple[str, int], ...]


def map_header(header: Sequence[str], explicit: Mapping[str, str] | None = None) -> HeaderMap:
    """Tell each column's meaning by its name, in English or one of a few other languages.

    ``explicit`` maps field names to column names ("phone" -> "Tel. 2") and wins over the known names. Raises
    ContactsError when no column is the phone number, when two columns would mean the same or have the same name, and
    when ``explicit`` names a field or a column that does not exist.
    """
    names = tuple(" ".join(unicodedata.normalize("NFC", name).split()) for name in header)
    keys = [_key(name) for name in names]
    twice = [name for name, count in Counter(names).items() if name and count > 1]
    if twice:
        raise ContactsError(f"two columns are called {twice[0]!r}", hint="give each column a name of its own")

    positions = _explicit_positions(names, keys, explicit or {})
    given = set(positions.values())
    for field in Field:
        if field in positions:
            continue
        found = [index for index, key in enumerate(keys) if index not in given and _FIELD_OF.get(key) is field]
        if len(found) > 1:
            columns = " and ".join(repr(names[index]) for index in found)
            raise ContactsError(
                f"columns {columns} could both be the {field.value}",
                hint=f"choose one with --column {field.value}={names[found[0]]!r}",
            )
        if found:
            positions[field] = found[0]
    if Field.PHONE not in positions:
        raise _no_phone(names)
    used = {index for field, index in positions.items() if field not in _ALSO_EXTRA}
    extra = tuple((name, index) for index, name in enumerate(names) if name and index not in used)
    return HeaderMap(names, positions, extra)


_ALSO_EXTRA = {Field.FIRST_NAME, Field.LAST_NAME}  # a message may greet by the first name alone


def _explicit_positions(names: Sequence[str], keys: Sequence[str], explicit: Mapping[str, str]) -> dict[Field, int]:
    positions: dict[Field, int] = {}
    for field_name, column in explicit.items():
        try:
            field = Field(field_name)
        except ValueError:
            fields = ", ".join(Field)
            raise ContactsError(f"--column: there is no field {field_name!r}", hint=f"fields are {fields}") from None
        if _key(column) not in keys:
            raise ContactsError(
                f"--column: the file has no column {column!r}", hint=f"its columns are {', '.join(filter(None, names))}"
            )
        positions[field] = names.index(column) if column in names else keys.index(_key(column))
    return positions


def _no_phone(names: Sequence[str]) -> ContactsError:
    if any(not isinstance(parse_number(name, "US"), NumberProblem) for name in names):
        return ContactsError(
            "the first line holds a number instead of column names", hint="put a line such as phone,name on top"
        )
    columns = ", ".join(filter(None, names))
    return ContactsError(
        f"no column is known to be the phone number; the columns are {columns}",
        hint="name the column with --column phone=COLUMN",
    )


def _key(name: str) -> str:
    """The letters and digits alone, without case and accents."""
    return "".join(c for c in unicodedata.normalize("NFKD", name.casefold()) if c.isalnum())


_FIELD_OF = {_key(alias): field for field, aliases in _ALIASES.items() for alias in aliases.split(",")}
