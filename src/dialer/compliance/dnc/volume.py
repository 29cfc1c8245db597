"""One version of a registry, as a file that says everything of itself and is mapped, never read whole.

Single look-ups, as the gate makes them, need no numpy, which takes 70 ms to load; what does is in ``bulk``.

Layout: a magic line, the header's length and CRC-32, the header as JSON, then from a page's boundary on the sections.
North American numbers have a bitmap of 10^7 bits for each area code (most significant bit first); all others are sorted
64-bit little-endian integers, the digits of the E.164 number.
"""

from __future__ import annotations

import mmap
import struct
import zlib
from bisect import bisect_left
from datetime import date, datetime
from pathlib import Path

import msgspec

from dialer.errors import RegistryError

MAGIC = b"dialer registry 1\n"
PAGE = 4096
NANP = 10**10  # E.164 digits of the country code 1, without the number
LINES = 10**7  # numbers of one area code
BITMAP_BYTES = LINES // 8
NO_AREA = 0  # the section of a registry whose numbers are kept sorted
BY_AREA_CODE = {"us_national", "ca_dncl"}  # registries that a subscriber has for some area codes only
PRELUDE = struct.Struct("<II")


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """Where the numbers of one area code lie, or all of a foreign registry, and where they came from."""

    offset: int
    size: int  # bytes
    count: int  # numbers
    crc: int  # CRC-32
    data_date: date
    sha256: str  # of the file that they came with


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """What a version says of itself."""

    registry: str
    version: str
    calling_code: int  # of the numbers: 1, 44
    loaded_at: datetime
    count: int
    by_area_code: bool  # it is had area code by area code: nothing is known of those that are not in it
    sections: dict[int, Section]  # by area code


class Volume:
    """A version that is open for looking numbers up."""

    def __init__(self, path: Path) -> None:
        """Raises RegistryError for a file that is missing, cut off or damaged in its header."""
        self.path = path
        try:
            with path.open("rb") as file:
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:
            raise _damaged(path, str(error)) from error
        self.mapped = memoryview(self._map)
        self.header = _read_header(path, self._map)
        self.is_bitmap = self.header.calling_code == 1
        self._offsets = {area: section.offset for area, section in self.header.sections.items()}
        whole = None if self.is_bitmap else self.header.sections[NO_AREA]
        self._sorted = self.mapped[whole.offset : whole.offset + whole.size].cast("Q") if whole else None

    def area_of(self, digits: int) -> int:
        """The section that an E.164 number (its digits) belongs to, whether or not this version has it."""
        return (digits - NANP) // LINES if self.is_bitmap else NO_AREA

    def contains(self, digits: int) -> bool:
        """Whether the number is listed; False for an area code that this version does not have."""
        if self._sorted is not None:
            place = bisect_left(self._sorted, digits)
            return place < len(self._sorted) and self._sorted[place] == digits
        area, line = divmod(digits - NANP, LINES)
        offset = self._offsets.get(area)
        return offset is not None and bool(self._map[offset + (line >> 3)] << (line & 7) & 128)

    def verify(self) -> None:
        """Read all of it and raise RegistryError when any byte is not as it was written."""
        for area, section in self.header.sections.items():
            if zlib.crc32(self.mapped[section.offset : section.offset + section.size]) != section.crc:
                where = f"area code {area}" if self.is_bitmap else "the numbers"
                raise _damaged(self.path, f"{where}: the checksum is another")


def _read_header(path: Path, mapped: mmap.mmap) -> Header:
    begin = len(MAGIC) + PRELUDE.size
    if mapped[: len(MAGIC)] != MAGIC or len(mapped) < begin:
        raise _damaged(path, "it is no registry")
    length, crc = PRELUDE.unpack(mapped[len(MAGIC) : begin])
    text = mapped[begin : begin + length]
    if zlib.crc32(text) != crc:
        raise _damaged(path, "its header's checksum is another")
    try:
        header = msgspec.json.decode(text, type=Header)
    except msgspec.MsgspecError as error:
        raise _damaged(path, str(error)) from error
    for section in header.sections.values():
        if section.offset + section.size > len(mapped):
            raise _damaged(path, "it is cut off")
    return header


def _damaged(path: Path, why: str) -> RegistryError:
    return RegistryError(f"{path} cannot be used: {why}", hint="load the registry again: `dialer dnc load`")
