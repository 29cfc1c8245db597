"""Who the callees are."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer.errors import ConfigError
from dialer.sim.population import Does, parse_population

TEXT = """
seed = 3
[[callees]]
name = "listens"
share = 3
does = "listen"
after_s = [1, 2]
[[callees]]
name = "busy"
share = 1
does = "refuse"
[[callees]]
name = "the mayor"
numbers = ["+13055550123"]
does = "no_answer"
"""


@given(st.integers(10**9, 10**12))
def test_a_number_has_one_fate(number: int) -> None:
    people = parse_population(TEXT, "test")
    fate = people.fate(f"+{number}")
    assert fate == people.fate(str(number)) == parse_population(TEXT, "test").fate(f"+{number}")
    assert 1 <= fate.after_s <= 2 or fate.callee.name != "listens"


def test_shares_are_kept_and_seeds_matter() -> None:
    people = parse_population(TEXT, "test")
    drawn = Counter(people.fate(f"+1305555{n:04}").callee.name for n in range(4000))
    assert drawn["listens"] / 4000 == pytest.approx(0.75, abs=0.03)
    other = parse_population(TEXT, "test", seed=4)
    assert any(people.fate(f"+1305555{n:04}") != other.fate(f"+1305555{n:04}") for n in range(20))


def test_a_named_number_is_itself() -> None:
    assert parse_population(TEXT, "test").fate("13055550123").callee.does is Does.NO_ANSWER


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("callees = 3", "Expected `array`"),
        ('[[callees]]\nname="x"\ndoes="sing"', "Invalid enum value 'sing'"),
        ('[[callees]]\nname="x"\ndoes="listen"\nshore=3', "unknown field `shore`"),
        ('[[callees]]\nname="x"\ndoes="listen"', "at least one"),
        ("[[callees", "test: "),
    ],
)
def test_a_bad_file_is_told(text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        parse_population(text, "test")
