"""Versions of registries with numbers that a test chose."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
from hypothesis import strategies as st

from dialer.compliance.dnc.bulk import Bitmap, write_volume
from dialer.compliance.dnc.volume import BITMAP_BYTES, NANP, NO_AREA, Volume

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
ORIGIN = (date(2026, 11, 18), "ab" * 32)


def bitmaps(path: Path, numbers: set[int]) -> Volume:
    maps: dict[int, Bitmap] = {}
    for number in numbers:
        area, line = divmod(number - NANP, 10**7)
        bits = maps.setdefault(area, np.zeros(BITMAP_BYTES, np.uint8))
        bits[line >> 3] |= 128 >> (line & 7)
    write_volume(path, "us_national", "v1", 1, NOW, maps, dict.fromkeys(maps, ORIGIN))
    return Volume(path)


def sorted_numbers(path: Path, numbers: set[int]) -> Volume:
    content = {NO_AREA: np.array(sorted(numbers), np.uint64)}
    write_volume(path, "gb_tps", "v1", 44, NOW, content, {NO_AREA: ORIGIN})
    return Volume(path)


AMERICAN = st.builds(
    lambda area, line: NANP + area * 10**7 + line, st.sampled_from([201, 305, 989]), st.integers(0, 10**7 - 1)
)
BRITISH = st.integers(44 * 10**9, 45 * 10**9 - 1)
