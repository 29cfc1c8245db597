"""Many numbers at once are looked up as each alone would be, and what was written is what is read."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.compliance.dnc.volumes import AMERICAN, BRITISH, bitmaps, sorted_numbers

from dialer.compliance.dnc.bulk import contains_many, content_of, count_of


@given(st.sets(AMERICAN, min_size=1, max_size=20), st.lists(AMERICAN, max_size=20))
def test_bitmaps_are_asked_for_many(
    tmp_path_factory: pytest.TempPathFactory, numbers: set[int], others: list[int]
) -> None:
    volume = bitmaps(tmp_path_factory.mktemp("v") / "a.dnc", numbers)
    asked = [*numbers, *others, *(each + 1 for each in numbers), 442079460123]
    assert contains_many(volume, np.array(asked, np.uint64)).tolist() == [each in numbers for each in asked]
    assert sum(count_of(each) for each in content_of(volume).values()) == len(numbers)


@given(st.sets(BRITISH, max_size=20), st.lists(BRITISH, max_size=20))
def test_sorted_numbers_too(tmp_path_factory: pytest.TempPathFactory, numbers: set[int], others: list[int]) -> None:
    volume = sorted_numbers(tmp_path_factory.mktemp("v") / "a.dnc", numbers)
    asked = [*numbers, *others, *(each + 1 for each in numbers), 13055550123]
    assert contains_many(volume, np.array(asked, np.uint64)).tolist() == [each in numbers for each in asked]
    assert [content.tolist() for content in content_of(volume).values()] == [sorted(numbers)]
    assert sum(count_of(each) for each in content_of(volume).values()) == len(numbers)
