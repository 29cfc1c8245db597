"""The files that registries come in, read as arrays of E.164 digits, a stretch at a time.

The American registry's forms are its own: flat (``AAA,NNNNNNN`` or ``AAANNNNNNN``, one a line), XML (numbers within
area codes), and change lists (area code, number, time, A or D). All others are tables with a column of numbers.
Each may be plain, gzipped or in a ZIP file.
"""

from __future__ import annotations

import csv
import gzip
import io
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NamedTuple
from xml.etree import ElementTree

import numpy as np

from dialer.compliance.dnc.bulk import Numbers
from dialer.compliance.dnc.history import Form
from dialer.compliance.dnc.volume import LINES, NANP
from dialer.contacts.numbers import NumberProblem, parse_number
from dialer.errors import RegistryError

STRETCH = 64 << 20  # bytes of a flat file that are read at once
RECORD = 11  # bytes of "AAANNNNNNN\n"
MOST_UNREADABLE = 0.01  # of a table's numbers; more: it is another column, or another country's
Progress = Callable[[int], None]  # told how many bytes were read


@dataclass(frozen=True, slots=True)
class Columns:
    """Where a table has its numbers: by name, or by place (from 1) when it has no header."""

    number: str = "1"
    delimiter: str = ","
    encoding: str = "utf-8-sig"
    region: str | None = None  # of numbers in national form


class Changes(NamedTuple):
    """A change list: in order of time, so that the last word counts."""

    added: Numbers
    deleted: Numbers


def form_of(path: Path) -> Form:
    """Told by the first bytes. Raises RegistryError for what is no form of the American registry."""
    with opened(path, lambda _: None) as file:
        head = file.read(4096) or b""
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith(b"<"):
        if b"<!" in text.replace(b"<!--", b""):
            raise RegistryError(f"{path}: a document type is declared in it, which the registry's files do not do")
        return Form.XML
    first = text.splitlines()[0] if text else b""
    fields = first.replace(b'"', b"").split(b",")
    if len(fields) >= 4 and fields[-1].strip() in {b"A", b"D"}:
        return Form.CHANGES
    if first.replace(b",", b"").strip().isdigit():
        return Form.FLAT
    raise RegistryError(
        f"{path}: its first line is neither a number nor XML",
        hint="a table needs --column, the name of its number column",
    )


@contextmanager
def opened(path: Path, progress: Progress) -> Iterator[io.RawIOBase]:
    """The file's content, unpacked. Raises RegistryError: missing, not readable, damaged, several files in one ZIP."""
    try:
        with path.open("rb") as raw:
            magic = raw.read(4)
            raw.seek(0)
            if magic.startswith(b"PK"):
                with zipfile.ZipFile(raw) as archive:
                    yield _Members(archive, progress)
            elif magic.startswith(b"\x1f\x8b"):
                with gzip.open(raw) as unpacked:
                    yield _Counted(unpacked, progress)
            else:
                yield _Counted(raw, progress)
    except (OSError, EOFError, zipfile.BadZipFile, ElementTree.ParseError, UnicodeDecodeError) as error:
        raise RegistryError(
            f"{path}: cannot be read: {error}", hint="download it again; nothing was changed"
        ) from error


class _Counted(io.RawIOBase):
    """A file whose reading is told."""

    def __init__(self, file: IO[bytes] | gzip.GzipFile, progress: Progress) -> None:
        self._file = file
        self._progress = progress

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        data = self._file.read(size)
        self._progress(len(data))
        return data

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


class _Members(_Counted):
    """The files of a ZIP one after another, as if they were one; each one's CRC is checked by reading it."""

    def __init__(self, archive: zipfile.ZipFile, progress: Progress) -> None:
        names = [name for name in archive.namelist() if not name.endswith("/")]
        if not names:
            raise zipfile.BadZipFile("there is no file in it")
        self._waiting = [archive.open(name) for name in names]
        super().__init__(self._waiting.pop(0), progress)

    def read(self, size: int = -1, /) -> bytes:
        data = super().read(size)
        while not data and self._waiting:
            self._file = self._waiting.pop(0)
            data = super().read(size)
        return data


def flat_numbers(path: Path, progress: Progress) -> Iterator[Numbers]:
    """The numbers of a flat file. Raises RegistryError naming the line that is no number."""
    lines = 0
    rest = b""
    with opened(path, progress) as file:
        while data := file.read(STRETCH) or b"":
            data = rest + data
            end = data.rfind(b"\n") + 1
            rest = data[end:]
            numbers = _parsed(data[:end], path, lines)
            lines += len(numbers)
            yield numbers
    if rest.strip():
        yield _parsed(rest.rstrip() + b"\n", path, lines)


def _parsed(data: bytes, path: Path, lines_before: int) -> Numbers:
    """Whole lines as E.164 digits."""
    plain = data.translate(None, b',\r" ').lstrip(b"\xef\xbb\xbf")
    count, odd = divmod(len(plain), RECORD)
    octets = np.frombuffer(plain, np.uint8)
    if odd or not (octets[RECORD - 1 :: RECORD] == 10).all():
        raise _bad_line(data, path, lines_before)
    eight = np.ndarray((count,), "<u8", plain, 0, (RECORD,))
    two = np.ndarray((count,), "<u2", plain, 8, (RECORD,))
    word = eight ^ np.uint64(0x3030303030303030)
    low = two ^ np.uint16(0x3030)
    # A byte above 9, or with 0x76 added above 0x7F, was no digit.
    strange = ((word + np.uint64(0x7676767676767676)) | word) & np.uint64(0x8080808080808080)
    if strange.any() or (((low + np.uint16(0x7676)) | low) & np.uint16(0x8080)).any():
        raise _bad_line(data, path, lines_before)
    # Eight digits in one 64-bit word, added up in pairs: units and tens, then hundreds, then ten thousands.
    word = (word * np.uint64(10) + (word >> np.uint64(8))) & np.uint64(0x00FF00FF00FF00FF)
    word = (word * np.uint64(100) + (word >> np.uint64(16))) & np.uint64(0x0000FFFF0000FFFF)
    word = (word * np.uint64(10000) + (word >> np.uint64(32))) & np.uint64(0xFFFFFFFF)
    last = (low & np.uint16(0xFF)) * np.uint16(10) + (low >> np.uint16(8))
    return np.asarray(word * np.uint64(100) + last + np.uint64(NANP))


def _bad_line(data: bytes, path: Path, lines_before: int) -> RegistryError:
    for place, line in enumerate(data.splitlines(), start=lines_before + 1):
        digits = line.translate(None, b',\r" ').removeprefix(b"\xef\xbb\xbf")
        if len(digits) != RECORD - 1 or not digits.isdigit():
            shown = line[:40].decode("ascii", "replace")
            return RegistryError(
                f"{path}:{place}: {shown!r} is no number of ten digits",
                hint="the file is damaged or of another kind; nothing was changed",
            )
    return RegistryError(f"{path}: it is damaged", hint="nothing was changed")


def xml_numbers(path: Path, progress: Progress) -> Iterator[Numbers]:
    """The numbers of the XML form, whatever its elements are called: a number within its area code, as ``val``."""
    found: list[int] = []
    area = 0
    with opened(path, progress) as file:
        for event, element in ElementTree.iterparse(file, events=("start", "end")):  # noqa: S314  no DOCTYPE, no entities
            value = element.get("val", "")
            if event == "start" and value.isdigit() and len(value) == 3:
                area = int(value)
            elif event == "end":
                if value.isdigit() and len(value) == 7 and area:
                    found.append(NANP + area * LINES + int(value))
                elif value and not (value.isdigit() and len(value) == 3):
                    raise RegistryError(f"{path}: {value[:40]!r} is neither an area code nor a number of seven digits")
                element.clear()
                if len(found) >= 1 << 20:
                    yield np.array(found, np.uint64)
                    found = []
    yield np.array(found, np.uint64)


def changes(path: Path, progress: Progress) -> Changes:
    """A change list. Raises RegistryError naming the line that is none of its records."""
    last: dict[int, tuple[str, int, str]] = {}
    with opened(path, progress) as file:
        text = io.TextIOWrapper(io.BufferedReader(file), encoding="ascii", newline="")
        for place, row in enumerate(csv.reader(text), start=1):
            fields = [field.strip() for field in row]
            if not any(fields):
                continue
            area, number, when, what = (fields + [""] * 4)[:4]
            if not (area.isdigit() and len(area) == 3 and number.isdigit() and len(number) == 7 and what in {"A", "D"}):
                raise RegistryError(
                    f"{path}:{place}: {','.join(row)[:60]!r} is no change", hint="area code,number,time,A or D"
                )
            digits = NANP + int(area) * LINES + int(number)
            last[digits] = max(last.get(digits, ("", 0, "")), (when, place, what))
    added = [digits for digits, (*_, what) in last.items() if what == "A"]
    deleted = [digits for digits, (*_, what) in last.items() if what == "D"]
    return Changes(np.array(sorted(added), np.uint64), np.array(sorted(deleted), np.uint64))


def table_numbers(path: Path, columns: Columns, progress: Progress) -> Iterator[Numbers]:
    """The numbers of a table's column. Raises RegistryError when it is not there or holds something else."""
    found: list[int] = []
    rows = unreadable = 0
    with opened(path, progress) as file:
        text = io.TextIOWrapper(io.BufferedReader(file), encoding=columns.encoding, newline="")
        reader = csv.reader(text, delimiter=columns.delimiter)
        place = _column(reader, columns, path)
        for row in reader:
            if not any(row):
                continue
            rows += 1
            number = parse_number(row[place], columns.region) if place < len(row) else None
            if number is None or isinstance(number, NumberProblem):
                unreadable += 1
                continue
            found.append(int(number.e164[1:]))
    if not rows:
        raise RegistryError(f"{path}: there is no row in it", hint="nothing was changed")
    if unreadable > rows * MOST_UNREADABLE:
        raise RegistryError(
            f"{path}: {unreadable} of {rows} rows have no readable number in column {columns.number!r}",
            hint="--column names another one, --region the country of numbers in national form; nothing was changed",
        )
    yield np.array(found, np.uint64)


def _column(reader: Iterator[list[str]], columns: Columns, path: Path) -> int:
    if columns.number.isdigit():
        return int(columns.number) - 1
    header = [name.strip().casefold() for name in next(reader, [])]
    if columns.number.strip().casefold() not in header:
        raise RegistryError(f"{path}: no column is called {columns.number!r}", hint=f"its columns: {', '.join(header)}")
    return header.index(columns.number.strip().casefold())
