from __future__ import annotations

import unicodedata
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer.contacts.contact import Consent, ConsentKind, Contact, LineType, Recipient, Relationship
from dialer.contacts.header import map_header
from dialer.contacts.rows import Defaults, RejectionCode, RowRejection, read_row

DOCS = Path(__file__).parents[3] / "docs" / "contacts.md"


@pytest.mark.parametrize("code", RejectionCode)
def test_every_reason_has_its_place_in_the_docs(code: RejectionCode) -> None:
    assert f"\n| `{code.value}` |" in DOCS.read_text(encoding="utf-8")


def read(defaults: Defaults | None = None, /, **cells: str) -> Contact | RowRejection:
    cells = {"phone": "+13055550123"} | cells
    return read_row(list(cells.values()), map_header(list(cells)), defaults or Defaults(), 7)


def contact(defaults: Defaults | None = None, /, **cells: str) -> Contact:
    got = read(defaults, **cells)
    assert isinstance(got, Contact), got
    return got


def rejection(**cells: str) -> RowRejection:
    got = read(**cells)
    assert isinstance(got, RowRejection), got
    assert got.line == 7
    assert got.text
    assert "\n" not in got.text
    return got


CONSENT = {"consent_kind": "written", "consent_date": "2026-02-01", "consent_source": "web form"}


def test_every_column_at_once() -> None:
    got = contact(
        phone="+1 305 555 0123",
        name="  Zoë \n van  Dyk ",
        time_zone="america/new_york",
        postal_code="33101",
        state="florida",
        address="1 Main St",
        recipient="Household",
        line_type="MOBILE",
        relationship="customer",
        language="ES-mx",
        consent_kind="PEWC",
        consent_date="2026-02-01T14:30-05:00",
        consent_source="web form",
        consent_text="I agree to recorded calls",
        consent_seller="Clinic Ltd",
        appointment="3 May",
    )
    assert (got.number.e164, got.name, got.time_zone) == ("+13055550123", "Zoë van Dyk", "America/New_York")
    assert (got.postal_code, got.state, got.address, got.language) == ("33101", "FL", "1 Main St", "es-mx")
    assert (got.recipient, got.line_type, got.relationship) == (
        Recipient.HOUSEHOLD,
        LineType.MOBILE,
        Relationship.CUSTOMER,
    )
    assert got.consent == Consent(
        ConsentKind.WRITTEN,
        datetime(2026, 2, 1, 19, 30, tzinfo=UTC),
        "web form",
        "I agree to recorded calls",
        "Clinic Ltd",
    )
    assert got.extra == {"appointment": "3 May"}


def test_empty_cells_take_the_defaults() -> None:
    defaults = Defaults("PL", Recipient.BUSINESS, LineType.LANDLINE, Relationship.WARM, "pl")
    got = contact(
        defaults,
        phone="22 123 45 67",
        **dict.fromkeys(["recipient", "line_type", "relationship", "language", "time_zone", "consent_kind"], " "),
    )
    assert got.number.e164 == "+48221234567"
    assert (got.recipient, got.line_type, got.relationship) == (
        Recipient.BUSINESS,
        LineType.LANDLINE,
        Relationship.WARM,
    )
    assert (got.language, got.time_zone, got.consent) == ("pl", None, None)


@pytest.mark.parametrize(
    "name",
    [
        "Łukasz Żółć",
        "Юрий Щёкин",
        "Bjørn Åsen",
        "عبد الله بن محمد",
        "می\u200cخواهم",
        "Nguyễn Thị Ánh",
        "李小龍",
    ],
)
def test_names_in_any_script(name: str) -> None:
    assert contact(name=unicodedata.normalize("NFD", name)).name == unicodedata.normalize("NFC", name)


def test_first_and_last_name_make_a_name_and_stay_columns() -> None:
    got = contact(first_name="Ann", last_name="Lee")
    assert got.name == "Ann Lee"
    assert got.extra == {"first_name": "Ann", "last_name": "Lee"}


def test_missing_cells_at_the_end_are_empty_and_empty_ones_beyond_it_nothing() -> None:
    header = map_header(["phone", "name", "clinic"])
    for cells in (["+13055550123"], ["+13055550123", "", "", "", " "]):
        got = read_row(cells, header, Defaults(), 2)
        assert isinstance(got, Contact)
        assert got.extra == {"clinic": ""}


@pytest.mark.parametrize(
    ("cells", "code", "words"),
    [
        ({"phone": ""}, RejectionCode.NUMBER, "no number"),
        ({"phone": "305 555 0123"}, RejectionCode.NUMBER, "region"),
        ({"phone": "+1 305 555 0123 x9"}, RejectionCode.NUMBER, "extension"),
        ({"phone": "+1911"}, RejectionCode.NOT_A_SUBSCRIBER, "emergency"),
        ({"phone": "+1411"}, RejectionCode.NOT_A_SUBSCRIBER, "short code"),
        ({"name": "Ann\x1b[2J"}, RejectionCode.CONTROL_CHARACTERS, "encoding"),
        ({"name": "Jos\x82"}, RejectionCode.CONTROL_CHARACTERS, "encoding"),
        ({"clinic": "a\0b"}, RejectionCode.CONTROL_CHARACTERS, "encoding"),
        ({"time_zone": "Eastern"}, RejectionCode.TIME_ZONE, "America/New_York"),
        ({"time_zone": "EST"}, RejectionCode.TIME_ZONE, "IANA"),
        ({"postal_code": "2134"}, RejectionCode.POSTAL_CODE, "zeros"),
        ({"postal_code": "331010"}, RejectionCode.POSTAL_CODE, "ZIP"),
        ({"state": "Floridia"}, RejectionCode.STATE, "Florida"),
        ({"language": "Spanish!"}, RejectionCode.LANGUAGE, "pt-BR"),
        ({"recipient": "house"}, RejectionCode.WORD, "household, business, unknown"),
        ({"line_type": "cell"}, RejectionCode.WORD, "landline, mobile, voip, unknown"),
        ({"relationship": "frend"}, RejectionCode.WORD, "cold, warm, customer"),
        ({"consent_kind": "yes"}, RejectionCode.WORD, "express, pec, written, pewc, none"),
    ],
)
def test_rejections(cells: dict[str, str], code: RejectionCode, words: str) -> None:
    got = rejection(**cells)
    assert (got.code, got.column) == (code, next(iter(cells)))
    assert words in got.text
    assert got.cells[-1] == list(cells.values())[-1]


@pytest.mark.parametrize(
    ("change", "column", "words"),
    [
        ({"consent_date": ""}, "consent_kind", "consent date"),
        ({"consent_source": ""}, "consent_kind", "consent source"),
        ({"consent_kind": ""}, "consent_date", "which kind"),
        ({"consent_kind": "", "consent_date": ""}, "consent_source", "which kind"),
    ],
)
def test_half_a_consent_is_rejected(change: dict[str, str], column: str, words: str) -> None:
    got = rejection(**(CONSENT | change))
    assert (got.code, got.column) == (RejectionCode.CONSENT_INCOMPLETE, column)
    assert words in got.text


def test_all_that_makes_a_written_consent_complete() -> None:
    more = {
        "consent_expires": "2027-02-01",
        "consent_signature": "e-sign 88-12",
        "consent_recorded": "Yes",
        "consent_free": "yes",
        "consent_evidence": "ip 203.0.113.4",
    }
    got = contact(**(CONSENT | more)).consent
    assert got is not None
    assert got.expires_at == datetime(2027, 2, 1, tzinfo=UTC)
    assert (got.signature, got.evidence) == ("e-sign 88-12", "ip 203.0.113.4")
    assert got.authorises_recorded
    assert got.not_a_condition
    assert rejection(**(CONSENT | {"consent_free": "maybe"})).column == "consent_free"
    assert rejection(**(CONSENT | {"consent_expires": "soon"})).column == "consent_expires"


@pytest.mark.parametrize("missing", ["consent_date", "consent_source"])
def test_a_consent_whose_column_is_missing_altogether_is_rejected(missing: str) -> None:
    got = rejection(**{name: cell for name, cell in CONSENT.items() if name != missing})
    assert got.code is RejectionCode.CONSENT_INCOMPLETE


def test_the_word_none_is_no_consent() -> None:
    assert contact(**(CONSENT | {"consent_kind": "None"})).consent is None


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-02-01", datetime(2026, 2, 1, tzinfo=UTC)),
        ("2026-02-01T14:30Z", datetime(2026, 2, 1, 14, 30, tzinfo=UTC)),
        ("2026-02-01 14:30:15+02:00", datetime(2026, 2, 1, 12, 30, 15, tzinfo=UTC)),
    ],
)
def test_consent_dates(text: str, at: datetime) -> None:
    consent = contact(**(CONSENT | {"consent_date": text})).consent
    assert consent is not None
    assert consent.given_at == at
    assert consent.given_at.tzinfo is UTC


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("01/02/2026", "ISO 8601"),
        ("1.2.2026", "ISO 8601"),
        ("Feb 1 2026", "ISO 8601"),
        ("45292", "ISO 8601"),
        ("2026-02-30", "ISO 8601"),
        ("2026-02-01T14:30", "offset"),
        ("20260201", "offset"),
        ("0026-02-01", "cannot be"),
        ("9999-12-31T23:59-12:00", "cannot be"),
        ("0001-01-01T00:00+14:00", "cannot be"),
    ],
)
def test_consent_dates_that_could_mean_two_days_or_none(text: str, words: str) -> None:
    got = rejection(**(CONSENT | {"consent_date": text}))
    assert (got.code, got.column) == (RejectionCode.CONSENT_DATE, "consent_date")
    assert words in got.text


def test_too_many_cells() -> None:
    got = read_row(["+13055550123", "Lee", "Ann"], map_header(["phone", "name"]), Defaults(), 3)
    assert isinstance(got, RowRejection)
    assert (got.code, got.column, got.cells) == (RejectionCode.CELLS, "", ("+13055550123", "Lee", "Ann"))


def test_rejections_name_the_column_as_the_file_does() -> None:
    got = read_row(["12"], map_header(["Numer telefonu"]), Defaults("PL"), 2)
    assert isinstance(got, RowRejection)
    assert got.column == "Numer telefonu"


@pytest.mark.parametrize(("postal_code", "state"), [("75001", "Île-de-France"), ("123", ""), ("SW1A 1AA", "London")])
def test_postal_codes_and_states_of_other_countries_stay_as_they_are(postal_code: str, state: str) -> None:
    got = contact(phone="+33123456789", postal_code=postal_code, state=state)
    assert (got.postal_code, got.state) == (postal_code, state)


def test_canadian_postal_codes_and_provinces() -> None:
    got = contact(phone="+16045550123", postal_code="V6B 1A1", state="british columbia")
    assert (got.postal_code, got.state) == ("V6B 1A1", "BC")


@given(
    st.dictionaries(
        st.sampled_from(["name", "time_zone", "postal_code", "state", "language", "recipient", *CONSENT, "clinic"]),
        st.text(max_size=20),
    )
)
def test_any_row_is_a_contact_or_a_rejection(cells: dict[str, str]) -> None:
    got = read(**cells)
    assert isinstance(got, Contact | RowRejection)
    if isinstance(got, Contact) and got.consent:
        assert got.consent.given_at.tzinfo is UTC
