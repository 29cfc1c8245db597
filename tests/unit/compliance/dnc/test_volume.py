"""A version of a registry knows exactly the numbers that were put into it, and notices damage."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.compliance.dnc.volumes import AMERICAN, BRITISH, bitmaps, sorted_numbers

from dialer.compliance.dnc.volume import Volume
from dialer.errors import RegistryError


@given(st.sets(AMERICAN, min_size=1, max_size=20), st.lists(AMERICAN, max_size=20))
def test_bitmaps_know_their_numbers(
    tmp_path_factory: pytest.TempPathFactory, numbers: set[int], others: list[int]
) -> None:
    volume = bitmaps(tmp_path_factory.mktemp("v") / "a.dnc", numbers)
    asked = [*numbers, *others, *(each + 1 for each in numbers), 442079460123]
    assert [volume.contains(each) for each in asked] == [each in numbers for each in asked]
    assert volume.header.count == len(numbers)


@given(st.sets(BRITISH, min_size=1, max_size=20), st.lists(BRITISH, max_size=20))
def test_sorted_numbers_too(tmp_path_factory: pytest.TempPathFactory, numbers: set[int], others: list[int]) -> None:
    volume = sorted_numbers(tmp_path_factory.mktemp("v") / "a.dnc", numbers)
    asked = [*numbers, *others, *(each + 1 for each in numbers), 13055550123]
    assert [volume.contains(each) for each in asked] == [each in numbers for each in asked]


def test_every_byte_of_the_numbers_is_checked(tmp_path: Path) -> None:
    path = tmp_path / "a.dnc"
    volume = bitmaps(path, {13055550123})
    volume.verify()
    data = bytearray(path.read_bytes())
    data[5000] ^= 1
    path.write_bytes(data)
    with pytest.raises(RegistryError, match="checksum"):
        Volume(path).verify()


@pytest.mark.parametrize("harm", ["empty", "cut", "header", "magic"])
def test_a_damaged_file_is_never_asked(tmp_path: Path, harm: str) -> None:
    path = tmp_path / "a.dnc"
    bitmaps(path, {13055550123})
    data = bytearray(path.read_bytes())
    if harm == "empty":
        data = bytearray()
    elif harm == "cut":
        del data[-4096:]
    else:
        data[40 if harm == "header" else 0] ^= 1
    path.write_bytes(data)
    with pytest.raises(RegistryError, match="cannot be used"):
        Volume(path)


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RegistryError):
        Volume(tmp_path / "none.dnc")
