"""A contact file, row by row.

Nothing here opens a file: the caller does, and hands over its bytes. All that is kept of the rows is which number stood
on which line.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import BinaryIO

import msgspec

from dialer.contacts.csv_format import HEAD_BYTES, CsvFormat, detect_format, not_text_in
from dialer.contacts.header import Field, HeaderMap, map_header
from dialer.contacts.numbers import region_named
from dialer.contacts.rows import Defaults, Imported, RejectionCode, RowReader, RowRejection
from dialer.errors import ContactsError


class Row(msgspec.Struct, frozen=True):
    """The cells of one row, which begins on ``line`` of the file."""

    line: int
    cells: Sequence[str]


@dataclass(frozen=True, slots=True)
class ContactFile:
    """What was found out about an open contact file, and its rows, to be read once."""

    format: CsvFormat
    header: HeaderMap
    rows: Iterator[Imported | RowRejection]


def read_file(
    file: BinaryIO,
    defaults: Defaults,
    *,
    encoding: str | None = None,
    columns: Mapping[str, str] | None = None,
) -> ContactFile:
    """Read a contact file from its open, seekable bytes; rows are read as they are taken from the result.

    ``encoding`` is one of csv_format.ENCODINGS, or None to find out; ``columns`` maps fields to column names where the
    header does not tell. For progress, ``file.tell()`` says how far reading has come. Raises ContactsError, here or
    while rows are taken, when the file as a whole cannot be read: then nothing of it should be kept. A default region
    without a numbering plan raises it, too.
    """
    if defaults.region is not None:
        defaults = replace(defaults, region=region_named(defaults.region))
    found = detect_format(file.read(HEAD_BYTES), encoding)
    file.seek(0)
    text = io.TextIOWrapper(file, encoding=found.encoding, newline="")
    rows = split_rows(_decoded(text, found.encoding), found.delimiter)
    first = next(rows, None)
    if first is None:
        raise ContactsError("the file has no lines", hint="the first line has to name the columns")
    if isinstance(first, RowRejection):
        raise ContactsError(f"the header cannot be read: {first.text}", hint="the first line has to name the columns")
    header = map_header(first.cells, columns)
    return ContactFile(found, header, read_contacts(rows, header, defaults))


def read_contacts(
    rows: Iterable[Row | RowRejection], header: HeaderMap, defaults: Defaults
) -> Iterator[Imported | RowRejection]:
    """The contacts of ``rows``. The first row with a number stands, later ones with the same number are rejected."""
    lines: dict[int, int] = {}  # by the digits of the number: half as much memory as by its text
    reader = RowReader(header, defaults)
    phone = header.names[header.positions[Field.PHONE]]
    for row in rows:
        if isinstance(row, RowRejection):
            yield row
            continue
        read = reader.read(row.cells, row.line)
        if isinstance(read, RowRejection):
            yield read
            continue
        earlier = lines.setdefault(int(read.plain[0]), row.line)
        if earlier == row.line:
            yield read
        else:
            text = f"duplicate of line {earlier}"
            yield RowRejection(row.line, RejectionCode.DUPLICATE, phone, text, tuple(row.cells))


def split_rows(text: Iterable[str], delimiter: str) -> Iterator[Row | RowRejection]:
    """Cut CSV lines (RFC 4180) into rows, leaving empty ones out. A row with bad quotes is rejected by itself.

    Raises ContactsError when a quote is open over several lines without a proper end: what it swallowed may be rows.
    """
    reader = csv.reader(text, delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if reader.line_num > line or "end of data" in str(error):
                raise ContactsError(
                    f"a quote that opens on line {line} has no end", hint="mend the quotes of that line"
                ) from error
            yield RowRejection(line, RejectionCode.MALFORMED, "", f"quotes that do not pair: {error}")
            continue
        written = "".join(cells)
        if written and not written.isspace():
            yield Row(line, cells)


def _decoded(text: io.TextIOWrapper, encoding: str) -> Iterator[str]:
    line = 0
    try:
        for line, decoded in enumerate(text, start=1):  # noqa: B007  (the error below tells it)
            yield decoded
    except UnicodeDecodeError as error:
        raise not_text_in(encoding, line + 1) from error
    finally:
        if not text.closed:
            text.detach()  # the file is the caller's to close
