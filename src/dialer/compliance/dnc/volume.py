"""One version of a registry, as a file that says everything of itself and is mapped, never read whole.

Layout: a magic line, the header's length and CRC-32, the header as JSON, then from a page's boundary on the sections.
North American numbers have a bitmap of 10^7 bits for each area code (most significant bit first); all others are sorted
64-bit little-endian integers, the digits of the E.164 number.
"""

from __future__ import annotations

import mmap
import os
import struct
import zlib
from bisect import bisect_left
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from dialer.errors import RegistryError

MAGIC = b"dialer registry 1\n"
PAGE = 4096
NANP = 10**10  # E.164 digits of the country code 1, without the number
LINES = 10**7  # numbers of one area code
BITMAP_BYTES = LINES // 8
NO_AREA = 0  # the section of a registry whose numbers are kept sorted
BY_AREA_CODE = {"us_national", "ca_dncl"}  # registries that a subscriber has for some area codes only
_PRELUDE = struct.Struct("<II")

Bitmap = NDArray[np.uint8]
Numbers = NDArray[np.uint64]


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
        self.header = _read_header(path, self._map)
        self._is_bitmap = self.header.calling_code == 1
        self._offsets = {area: section.offset for area, section in self.header.sections.items()}
        whole = None if self._is_bitmap else self.header.sections[NO_AREA]
        self._sorted = memoryview(self._map)[whole.offset : whole.offset + whole.size].cast("Q") if whole else None
        self._bytes: Bitmap = np.frombuffer(self._map, np.uint8)

    def area_of(self, digits: int) -> int:
        """The section that an E.164 number (its digits) belongs to, whether or not this version has it."""
        return (digits - NANP) // LINES if self._is_bitmap else NO_AREA

    def contains(self, digits: int) -> bool:
        """Whether the number is listed; False for an area code that this version does not have."""
        if self._sorted is not None:
            place = bisect_left(self._sorted, digits)
            return place < len(self._sorted) and self._sorted[place] == digits
        area, line = divmod(digits - NANP, LINES)
        offset = self._offsets.get(area)
        return offset is not None and bool(self._map[offset + (line >> 3)] << (line & 7) & 128)

    def contains_many(self, digits: Numbers) -> NDArray[np.bool_]:
        """The same for many numbers, in their order."""
        if self._sorted is not None:
            known = np.frombuffer(self._sorted, np.uint64)
            if not len(known):
                return np.zeros(len(digits), bool)
            places = np.minimum(np.searchsorted(known, digits), len(known) - 1)
            return np.asarray(known[places] == digits)
        offsets = np.full(1000, -1, np.int64)
        for code, offset in self._offsets.items():
            offsets[code] = offset
        found = np.zeros(len(digits), bool)
        for start in range(0, len(digits), 1 << 18):  # what fits the processor's cache
            part = digits[start : start + (1 << 18)].astype(np.int64) - NANP
            area = part // LINES
            line = part - area * LINES
            outside = (area < 0) | (area > 999)
            area[outside] = 0
            at = offsets[area]
            missing = outside | (at < 0)
            at[missing] = 0
            at += line >> 3
            bits = np.left_shift(self._bytes[at], (line & 7).astype(np.uint8))
            found[start : start + len(part)] = (bits & 128 != 0) & ~missing
        return found

    def numbers(self) -> Mapping[int, Bitmap | Numbers]:
        """The content of each section, mapped: bitmaps by area code, or the sorted numbers."""
        found: dict[int, Bitmap | Numbers] = {}
        for area, section in self.header.sections.items():
            content = self._bytes[section.offset : section.offset + section.size]
            found[area] = content if self._is_bitmap else content.view(np.uint64)
        return found

    def verify(self) -> None:
        """Read all of it and raise RegistryError when any byte is not as it was written."""
        for area, section in self.header.sections.items():
            data = self._bytes[section.offset : section.offset + section.size]
            if zlib.crc32(data.data) != section.crc:
                where = f"area code {area}" if self._is_bitmap else "the numbers"
                raise _damaged(self.path, f"{where}: the checksum is another")


def write_volume(
    path: Path, registry: str, version: str, calling_code: int, loaded_at: datetime,
    sections: Mapping[int, Bitmap | Numbers], origin: Mapping[int, tuple[date, str]],
) -> Header:  # fmt: skip
    """Write a version and have it on the disk before this returns. ``origin``: date and SHA-256 of each section."""
    placed: dict[int, Section] = {}
    offset = 0
    for area, content in sorted(sections.items()):
        data_date, sha256 = origin[area]
        placed[area] = Section(
            offset=offset,
            size=content.nbytes,
            count=count_of(content),
            crc=zlib.crc32(content.data),
            data_date=data_date,
            sha256=sha256,
        )
        offset += -(-content.nbytes // PAGE) * PAGE
    header = Header(
        registry=registry,
        version=version,
        calling_code=calling_code,
        loaded_at=loaded_at,
        count=sum(section.count for section in placed.values()),
        by_area_code=registry in BY_AREA_CODE,
        sections=placed,
    )
    encoded, start = _placed_after_header(header)
    with path.open("wb") as file:
        file.write(encoded)
        for area, section in placed.items():
            file.seek(start + section.offset)
            file.write(sections[area].data.cast("B"))
        file.truncate(start + offset)
        file.flush()
        os.fsync(file.fileno())
    return header


def count_of(content: Bitmap | Numbers) -> int:
    """How many numbers a section holds."""
    return len(content) if content.dtype == np.uint64 else int(np.bitwise_count(content.view(np.uint64)).sum())


def _placed_after_header(header: Header) -> tuple[bytes, int]:
    """The encoded header, with sections' offsets from the file's beginning; and where they begin."""
    start = 0
    while True:
        moved = {
            area: msgspec.structs.replace(section, offset=start + section.offset)
            for area, section in header.sections.items()
        }
        text = msgspec.json.encode(msgspec.structs.replace(header, sections=moved))
        encoded = MAGIC + _PRELUDE.pack(len(text), zlib.crc32(text)) + text
        needed = -(-len(encoded) // PAGE) * PAGE
        if needed == start:
            return encoded, start
        start = needed


def _read_header(path: Path, mapped: mmap.mmap) -> Header:
    begin = len(MAGIC) + _PRELUDE.size
    if mapped[: len(MAGIC)] != MAGIC or len(mapped) < begin:
        raise _damaged(path, "it is no registry")
    length, crc = _PRELUDE.unpack(mapped[len(MAGIC) : begin])
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
