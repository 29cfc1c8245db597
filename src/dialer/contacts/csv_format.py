"""How a contact file is written: its encoding and its delimiter, told from its first bytes.

UTF-8 and UTF-16 give themselves away. The one-byte encodings do not: any file reads as any of them, only with wrong
names, so they are used when the operator says so and never guessed.
"""

from __future__ import annotations

import codecs
import csv
from collections import Counter
from dataclasses import dataclass
from io import StringIO
from itertools import islice

from dialer.errors import ContactsError

HEAD_BYTES = 65_536  # enough for detect_format; less will do for a shorter file
DELIMITERS = (",", ";", "\t", "|")

# What may be declared -> Python's codec.
ENCODINGS = {
    "utf-8": "utf-8",
    "utf-16": "utf-16",
    "latin-1": "iso8859-1",
    "latin-2": "iso8859-2",
    "windows-1250": "cp1250",
    "windows-1251": "cp1251",
    "windows-1252": "cp1252",
    "windows-1256": "cp1256",
}
ENCODING_HINT = f"say which encoding it is with --encoding: {', '.join(ENCODINGS)}"

_BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # XLSX and ODS are ZIP archives, XLS is an OLE file
_SAMPLE_ROWS = 200


@dataclass(frozen=True, slots=True)
class CsvFormat:
    """How to read a file: ``encoding`` is a Python codec that swallows the byte order mark if there is one."""

    encoding: str
    delimiter: str


def detect_format(head: bytes, declared_encoding: str | None = None) -> CsvFormat:
    """The format of the file that begins with ``head``, its first HEAD_BYTES or all of it.

    Raises ContactsError for an empty file, a spreadsheet's own format, an encoding that is unknown or does not fit, and
    bytes that are no Unicode when no encoding was declared.
    """
    if not head:
        raise ContactsError("the file is empty", hint="the first line has to name the columns")
    if head.startswith(_WORKBOOKS):
        raise ContactsError("this is a spreadsheet's own file, not CSV", hint="save it as CSV UTF-8 and import that")
    encoding = _encoding(head, declared_encoding)
    whole = len(head) < HEAD_BYTES
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(head, final=whole)
    except UnicodeDecodeError as error:
        line = head.count(b"\n", 0, error.start) + 1
        raise not_text_in(encoding, line) from error
    return CsvFormat(encoding, _delimiter(text))


def not_text_in(encoding: str, line: int) -> ContactsError:
    """The error for bytes at or after ``line`` that do not decode."""
    name = next((name for name, codec in ENCODINGS.items() if codec == encoding), encoding)
    return ContactsError(f"line {line} or a line soon after it is not text in {name}", hint=ENCODING_HINT)


def _encoding(head: bytes, declared: str | None) -> str:
    marked = next((codec for bom, codec in _BOMS.items() if head.startswith(bom)), None)
    wanted = _declared_codec(declared) if declared else None
    if marked:
        if wanted and not marked.startswith(wanted):
            raise ContactsError(
                f"the file begins with the mark of {marked[:6].rstrip('-')}, so it is not {declared}",
                hint="leave --encoding out",
            )
        return marked
    if wanted and wanted != "utf-16":
        return wanted
    by_zeros = _utf_16_without_mark(head)
    if wanted and not by_zeros:
        raise ContactsError("the file is not UTF-16", hint=ENCODING_HINT)
    if not by_zeros and b"\0" in head:
        raise ContactsError("the file is not text", hint="contacts are imported from CSV")
    return by_zeros or "utf-8"


def _declared_codec(declared: str) -> str:
    try:
        codec = codecs.lookup(ENCODINGS.get(declared.lower(), declared)).name
    except LookupError:
        codec = ""
    if codec not in ENCODINGS.values():
        raise ContactsError(f"encoding {declared!r} is not supported", hint=f"use one of {', '.join(ENCODINGS)}")
    return codec


def _utf_16_without_mark(head: bytes) -> str | None:
    """Delimiters, digits and line ends leave a zero in every other byte: the high one comes first in big-endian."""
    even, odd = head[0::2].count(0), head[1::2].count(0)
    fewer, more = sorted((even, odd))
    if more * 10 < len(head) or fewer * 10 > more:
        return None
    return "utf-16-be" if even > odd else "utf-16-le"


def _delimiter(text: str) -> str:
    """The one that cuts the most rows into as many cells as the header; a file of one column has none to find."""
    best, best_score = DELIMITERS[0], (0.0, 0, 1)
    for delimiter in DELIMITERS:
        reader = csv.reader(StringIO(text, newline=""), delimiter=delimiter)
        try:
            rows = [row for row in islice(reader, _SAMPLE_ROWS) if row]
        except csv.Error:
            continue
        if not rows or len(rows[0]) == 1:
            continue
        widths = Counter(len(row) for row in rows)
        stray_quotes = sum('"' in cell for row in rows for cell in row)
        score = (widths[len(rows[0])] / len(rows), -stray_quotes, len(rows[0]))
        if score > best_score:
            best, best_score = delimiter, score
    return best
