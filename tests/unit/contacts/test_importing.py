from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer.contacts.header import map_header
from dialer.contacts.importing import Row, read_contacts, read_file, split_rows
from dialer.contacts.rows import Defaults, Imported, RejectionCode, RowRejection
from dialer.errors import ContactsError


def read(text: str | bytes, encoding: str | None = None, **columns: str) -> list[Imported | RowRejection]:
    file = io.BytesIO(text if isinstance(text, bytes) else text.encode())
    return list(read_file(file, Defaults(region="US"), encoding=encoding, columns=columns).rows)


def summary(rows: list[Imported | RowRejection]) -> list[tuple[int, str]]:
    return [(row.line, row.contact.number.e164 if isinstance(row, Imported) else row.code.value) for row in rows]


NAMES = "Łukasz Żółć", "Юрий Щёкин", "Bjørn Åsen", "عبد الله"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_names_survive_every_unicode_encoding_and_line_end(encoding: str, line_end: str) -> None:
    lines = ["phone;name", *(f"+1305555010{index};{name}" for index, name in enumerate(NAMES))]
    rows = read(line_end.join(lines).encode(encoding))
    assert [row.contact.name for row in rows if isinstance(row, Imported)] == list(NAMES)


@pytest.mark.parametrize(
    ("encoding", "codec", "name"),
    [
        ("latin-2", "iso8859-2", "Łukasz Żółć"),
        ("windows-1251", "cp1251", "Юрий Щёкин"),
        ("latin-1", "latin-1", "Bjørn Åsen"),
        ("windows-1256", "cp1256", "عبد الله"),
    ],
)
def test_names_survive_declared_encodings(encoding: str, codec: str, name: str) -> None:
    (row,) = read(f"phone,name\n+13055550123,{name}\n".encode(codec), encoding)
    assert isinstance(row, Imported)
    assert row.contact.name == name


def test_windows_text_declared_as_latin_1_is_noticed() -> None:
    (row,) = read("phone,name\n+13055550123,“Å”\n".encode("cp1252"), "latin-1")
    assert isinstance(row, RowRejection)
    assert row.code is RejectionCode.CONTROL_CHARACTERS


def test_the_first_row_with_a_number_stands() -> None:
    rows = read("phone,name\n(305) 555-0123,Ann\n+1 305 555 0124,Bob\n+13055550123,Cid\n001 305 555 0123,Dee\n")
    assert summary(rows) == [(2, "+13055550123"), (3, "+13055550124"), (4, "duplicate"), (5, "duplicate")]
    duplicate = rows[2]
    assert isinstance(duplicate, RowRejection)
    assert (duplicate.text, duplicate.column, duplicate.cells) == (
        "duplicate of line 2",
        "phone",
        ("+13055550123", "Cid"),
    )


def test_a_rejected_row_does_not_take_the_number_from_a_good_one() -> None:
    rows = read("phone,relationship\n+13055550123,frend\n+13055550123,warm\n")
    assert summary(rows) == [(2, "word"), (3, "+13055550123")]


def test_lines_are_those_of_the_file() -> None:
    rows = read('\nphone,name\n\n+13055550123,"two\nlines"\n,,\nbad,\n+13055550124,Bob')
    assert summary(rows) == [(4, "+13055550123"), (7, "number"), (8, "+13055550124")]


def test_quotes_that_do_not_pair_cost_their_own_row_only() -> None:
    rows = read('phone,name\n+13055550123,"Ann" Lee\n+13055550124,Bob\n')
    assert summary(rows) == [(2, "malformed"), (3, "+13055550124")]


@pytest.mark.parametrize(
    "text",
    [
        'phone,name\n+13055550122,Al\n+13055550123,"Ann\n+13055550124,Bob\n',
        'phone,name\n+13055550122,Al\n+13055550123,"Ann\n+13055550124,"Bob"\n',
        'phone,name\n+13055550122,Al\n+13055550123,"Ann',
        'phone,name\n+13055550122,Al\n+13055550123,"' + "Ann\n" * 50_000 + '"\n',
    ],
)
def test_a_quote_that_swallows_rows_fails_the_file(text: str) -> None:
    with pytest.raises(ContactsError, match="line 3"):
        read(text)


def test_bytes_that_stop_being_text_far_into_the_file_fail_it_with_the_line() -> None:
    good = b"".join(b"+1305555%04d,Ann\n" % number for number in range(8000))
    with pytest.raises(ContactsError) as caught:
        read(b"phone,name\n" + good + "+13065550000,Björn\n".encode("latin-1"))
    assert "line" in caught.value.message
    assert "--encoding" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "words"),
    [("", "empty"), ("\n\n", "no lines"), ('"phone\n', "no end"), ('"phone"x\n+13055550123\n', "header")],
)
def test_files_without_a_header(text: str, words: str) -> None:
    with pytest.raises(ContactsError, match=words):
        read(text)


def test_a_default_region_is_a_country() -> None:
    file = io.BytesIO(b"phone\n(305) 555-0123\n")
    assert summary(list(read_file(file, Defaults(region="us")).rows)) == [(2, "+13055550123")]
    with pytest.raises(ContactsError, match="'UK'"):
        read_file(file, Defaults(region="UK"))


def test_a_header_alone_is_an_empty_list() -> None:
    assert read("phone,name\n") == []


def test_columns_can_be_named() -> None:
    rows = read("Phone,Second\nx,+13055550123\n", phone="Second")
    assert summary(rows) == [(2, "+13055550123")]


def test_progress_can_be_read_off_the_file() -> None:
    text = b"phone\n" + b"".join(b"+1305555%04d\n" % number for number in range(10_000))
    file = io.BytesIO(text)
    rows = read_file(file, Defaults()).rows
    next(rows)
    assert 0 < file.tell() < len(text) / 2
    assert len(list(rows)) == 9999
    assert file.tell() == len(text)


@pytest.mark.parametrize("closed_first", [True, False])
def test_reading_can_be_given_up_halfway(tmp_path: Path, closed_first: bool) -> None:
    path = tmp_path / "contacts.csv"
    path.write_bytes(b"phone\n+13055550123\n+13055550124\n")
    with path.open("rb") as file:
        contacts = read_file(file, Defaults())
        next(contacts.rows)
        if not closed_first:
            del contacts
            assert file.seek(0) == 0


def test_rows_come_from_anywhere() -> None:
    header = map_header(["phone"])
    rows: list[Row | RowRejection] = [
        Row(1, ["+13055550123"]),
        RowRejection(2, RejectionCode.MALFORMED, "", "quotes"),
        Row(3, ["+13055550123"]),
    ]
    assert summary(list(read_contacts(rows, header, Defaults()))) == [
        (1, "+13055550123"),
        (2, "malformed"),
        (3, "duplicate"),
    ]


@given(st.lists(st.lists(st.text(max_size=8), min_size=1, max_size=4), max_size=6))
def test_what_python_writes_splits_into_the_same_rows(rows: list[list[str]]) -> None:
    written = io.StringIO(newline="")
    csv.writer(written, quoting=csv.QUOTE_ALL).writerows(rows)
    written.seek(0)
    split = [row.cells for row in split_rows(written, ",") if isinstance(row, Row)]
    assert split == [row for row in rows if any(cell.strip() for cell in row)]


@given(st.binary(max_size=200))
def test_any_bytes_are_rows_or_one_clear_error(data: bytes) -> None:
    for content in (data, b"phone,name\n" + data):
        try:
            rows = read(content)
        except ContactsError:
            continue
        assert all(isinstance(row, Imported | RowRejection) for row in rows)
