"""Numbers of every region, in every form that people and machines write: read as phonenumbers reads them."""

from __future__ import annotations

import pytest
from bench.number_forms import NO_COUNTRY, REGIONS, prove

SEEDS = (20261121, 7)


@pytest.mark.parametrize("seed", SEEDS)
def test_both_readers_say_what_phonenumbers_says(seed: int) -> None:
    proof = prove(8_000, seed)
    assert not proof.differences, proof.differences[:10]
    assert len(proof.regions) == len(REGIONS) + len(NO_COUNTRY)
    assert proof.valid > 2_000
    assert min(proof.forms.values()) > 100
    assert proof.more
    assert proof.stricter
