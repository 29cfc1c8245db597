from __future__ import annotations

import codecs
import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer.contacts.csv_format import DELIMITERS, ENCODINGS, HEAD_BYTES, CsvFormat, detect_format
from dialer.errors import ContactsError

TEXT = "phone;name\n+48221234567;Łukasz Żółć\n+4721234567;Bjørn Åsen\n+74951234567;Юрий Щёкин\n+971501234567;عبد الله\n"


@pytest.mark.parametrize(
    ("head", "encoding"),
    [
        (TEXT.encode(), "utf-8"),
        (codecs.BOM_UTF8 + TEXT.encode(), "utf-8-sig"),
        (codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le"), "utf-16"),
        (codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"), "utf-16"),
        (TEXT.encode("utf-16-le"), "utf-16-le"),
        (TEXT.encode("utf-16-be"), "utf-16-be"),
    ],
)
def test_unicode_is_recognised(head: bytes, encoding: str) -> None:
    found = detect_format(head)
    assert found == CsvFormat(encoding, ";")
    assert head.decode(found.encoding) == TEXT


@pytest.mark.parametrize(
    ("declared", "text"),
    [
        ("latin-1", "phone;name\n+4721234567;Bjørn Åsen\n"),
        ("latin-2", "phone;name\n+48221234567;Łukasz Żółć\n"),
        ("windows-1250", "phone;name\n+48221234567;Łukasz Śliwa\n"),
        ("windows-1251", "phone;name\n+74951234567;Юрий Щёкин\n"),
        ("windows-1252", "phone;name\n+4721234567;Bjørn “Å”\n"),
        ("windows-1256", "phone;name\n+971501234567;عبد الله\n"),
    ],
)
def test_one_byte_encodings_are_used_when_told_and_refused_when_not(declared: str, text: str) -> None:
    head = text.encode(ENCODINGS[declared])
    assert head.decode(detect_format(head, declared).encoding) == text
    with pytest.raises(ContactsError) as caught:
        detect_format(head)
    assert "line 2" in caught.value.message
    assert f"--encoding: {', '.join(ENCODINGS)}" in caught.value.hint


@pytest.mark.parametrize("declared", ["CP1251", "Windows-1251", "cp1251"])
def test_encodings_go_by_their_other_names(declared: str) -> None:
    assert detect_format("имя,phone".encode("cp1251"), declared).encoding == "cp1251"


@pytest.mark.parametrize(
    ("head", "declared", "words"),
    [
        (b"", None, "empty"),
        (b"PK\x03\x04\x14\x00", None, "spreadsheet"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", None, "spreadsheet"),
        (b"phone\0\0\0name", None, "not text"),
        ("phone".encode("utf-32-le"), None, "not text"),
        (b"phone,name", "utf-16", "not UTF-16"),
        (b"phone,name", "ebcdic", "not supported"),
        (b"phone,name", "hex", "not supported"),
        (codecs.BOM_UTF8 + b"phone", "latin-1", "not latin-1"),
        ("phone,é".encode("latin-1"), "utf-8", "not text in utf-8"),
        (b"phone,\x81", "windows-1252", "not text in windows-1252"),
    ],
)
def test_what_cannot_be_read_says_so(head: bytes, declared: str | None, words: str) -> None:
    with pytest.raises(ContactsError) as caught:
        detect_format(head, declared)
    assert words in caught.value.message
    assert caught.value.hint


def test_a_character_cut_in_two_by_the_end_of_the_head_is_no_fault() -> None:
    head = b"phone,name\n" + "ł".encode() * HEAD_BYTES
    assert detect_format(head[:HEAD_BYTES]).encoding == "utf-8"


@pytest.mark.parametrize("delimiter", DELIMITERS)
def test_delimiters(delimiter: str) -> None:
    text = "phone|name|note\n+13055550123|Ann|a\n+13055550124|Bob|b\n".replace("|", delimiter)
    assert detect_format(text.encode()).delimiter == delimiter


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("phone\n+13055550123\n", ","),
        ('phone;name (last, first)\n+1;"Smith, Ann"\n+2;"Jones, Bob"\n', ";"),
        ("phone;name (last, first)\n+1;Ann\n+2;Bob\n", ";"),
        ('phone,name\n+1,"a;b"\n+2,"c;d;e"\n', ","),
        ('phone\tname\n+1\t"two\nlines, of text"\n', "\t"),
        ("\n\nphone;name\n+1;Ann\n", ";"),
        ("phone;name;note\n+1;Ann\n+2;Bob;x\n", ";"),
    ],
)
def test_delimiters_where_others_occur_too(text: str, delimiter: str) -> None:
    assert detect_format(text.encode()).delimiter == delimiter


CELL = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=12)


@given(
    rows=st.lists(st.lists(CELL, min_size=3, max_size=3), min_size=1, max_size=8),
    delimiter=st.sampled_from(DELIMITERS),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_a_file_that_python_wrote_is_read_as_it_was_written(
    rows: list[list[str]], delimiter: str, encoding: str
) -> None:
    written = io.StringIO()
    csv.writer(written, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows([["phone", "name", "note"], *rows])
    found = detect_format(written.getvalue().encode(encoding))
    assert found.delimiter == delimiter
    assert written.getvalue().encode(encoding).decode(found.encoding) == written.getvalue()
