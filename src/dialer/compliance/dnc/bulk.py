"""A version of a registry as arrays: written, compared, and asked for many numbers at once."""

from __future__ import annotations

import os
import zlib
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from dialer.compliance.dnc.volume import (
    BY_AREA_CODE,
    LINES,
    MAGIC,
    NANP,
    NO_AREA,
    PAGE,
    PRELUDE,
    Header,
    Section,
    Volume,
)

Bitmap = NDArray[np.uint8]
Numbers = NDArray[np.uint64]


def contains_many(volume: Volume, digits: Numbers) -> NDArray[np.bool_]:
    """Which of these numbers are listed, in their order."""
    if not volume.is_bitmap:
        known = content_of(volume)[NO_AREA]
        if not len(known):
            return np.zeros(len(digits), bool)
        places = np.minimum(np.searchsorted(known, digits), len(known) - 1)
        return np.asarray(known[places] == digits)
    offsets = np.full(1000, -1, np.int64)
    for code, section in volume.header.sections.items():
        offsets[code] = section.offset
    mapped = np.frombuffer(volume.mapped, np.uint8)
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
        bits = np.left_shift(mapped[at], (line & 7).astype(np.uint8))
        found[start : start + len(part)] = (bits & 128 != 0) & ~missing
    return found


def content_of(volume: Volume) -> Mapping[int, Bitmap | Numbers]:
    """Each section, mapped: bitmaps by area code, or the sorted numbers."""
    found: dict[int, Bitmap | Numbers] = {}
    for area, section in volume.header.sections.items():
        content = np.frombuffer(volume.mapped[section.offset : section.offset + section.size], np.uint8)
        found[area] = content if volume.is_bitmap else content.view(np.uint64)
    return found


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
        encoded = MAGIC + PRELUDE.pack(len(text), zlib.crc32(text)) + text
        needed = -(-len(encoded) // PAGE) * PAGE
        if needed == start:
            return encoded, start
        start = needed
