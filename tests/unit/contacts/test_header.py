from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer.contacts.header import Field, map_header
from dialer.errors import ContactsError

DOCS = Path(__file__).parents[3] / "docs" / "contacts.md"


def fields(*header: str) -> dict[str, str]:
    mapped = map_header(header)
    return {field.value: mapped.names[index] for field, index in mapped.positions.items()}


@pytest.mark.parametrize("field", Field)
def test_every_column_has_its_place_in_the_docs(field: Field) -> None:
    assert f"\n| `{field.value}` |" in DOCS.read_text(encoding="utf-8")


def test_the_documented_names_mean_what_they_say() -> None:
    header = [field.value for field in Field]
    assert fields(*header) == {name: name for name in header}


@pytest.mark.parametrize(
    "phone",
    [
        "Phone", "PHONE NUMBER", "phone_number", "Phone-Number", "PhoneNumber", " Mobile ", "Cell Phone", "E.164",
        "MSISDN", "Numer telefonu", "Telefon komórkowy", "TELEFON KOMORKOWY", "Телефон", "Номер телефона",
        "Telefonnummer", "رقم الهاتف", "Teléfono", "Téléphone", "Numéro de téléphone", "Handynummer",
    ],
)  # fmt: skip
def test_phone_columns_in_several_languages(phone: str) -> None:
    assert list(fields("id", phone)) == ["phone"]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (("Imię i nazwisko", "Telefon", "Kod pocztowy"), {"name", "phone", "postal_code"}),
        (("ФИО", "Мобильный телефон", "Часовой пояс"), {"name", "phone", "time_zone"}),
        (("Fornavn", "Etternavn", "Mobil", "Postnummer"), {"first_name", "last_name", "phone", "postal_code"}),
        (("الاسم الكامل", "الجوال"), {"name", "phone"}),
        (("Nombre", "Móvil", "Código Postal"), {"name", "phone", "postal_code"}),
        (("Prénom", "Nom", "Tel"), {"first_name", "last_name", "phone"}),
        (("Vorname", "Nachname", "Rufnummer", "PLZ"), {"first_name", "last_name", "phone", "postal_code"}),
    ],
)
def test_headers_in_several_languages(header: tuple[str, ...], expected: set[str]) -> None:
    assert set(fields(*header)) == expected


def test_other_columns_are_kept_for_messages() -> None:
    mapped = map_header(["Phone", "First name", "", "Clinic", "Due date"])
    assert mapped.extra == (("First name", 1), ("Clinic", 3), ("Due date", 4))


def test_an_explicit_column_wins_and_frees_the_known_one() -> None:
    mapped = map_header(["Phone", "Other phone"], {"phone": "other phone"})
    assert mapped.positions == {Field.PHONE: 1}
    assert mapped.extra == (("Phone", 0),)


def test_a_column_given_another_meaning_is_not_the_phone_any_more() -> None:
    mapped = map_header(["Number", "Mobile"], {"name": "Number"})
    assert mapped.positions == {Field.NAME: 0, Field.PHONE: 1}


@pytest.mark.parametrize(
    ("header", "explicit", "message", "hint"),
    [
        (
            ["name", "city"],
            {},
            "no column is known to be the phone number; the columns are name, city",
            "--column phone=",
        ),
        (["Phone", "Mobile"], {}, "'Phone' and 'Mobile'", "--column phone='Phone'"),
        (["Phone", "Zip", "Postcode"], {}, "'Zip' and 'Postcode'", "--column postal_code="),
        (["Phone", "note", "note"], {}, "'note'", "name of its own"),
        (["+13055550123", "Ann"], {}, "instead of column names", "phone,name"),
        (["Phone"], {"phone": "Telephone"}, "no column 'Telephone'", "Phone"),
        (["Phone"], {"fone": "Phone"}, "no field 'fone'", "phone"),
        (["", ""], {}, "no column is known", "--column phone="),
    ],
)
def test_headers_that_leave_doubt(header: list[str], explicit: dict[str, str], message: str, hint: str) -> None:
    with pytest.raises(ContactsError) as caught:
        map_header(header, explicit)
    assert message in caught.value.message
    assert hint in caught.value.hint


@given(st.lists(st.text(max_size=12), max_size=6))
def test_any_header_maps_or_says_why_not(header: list[str]) -> None:
    try:
        mapped = map_header(header)
    except ContactsError:
        return
    assert Field.PHONE in mapped.positions
