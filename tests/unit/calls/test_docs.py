"""The pages made from data are up to date."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from dialer.calls.docs import outcomes_page, states_page
from dialer.calls.outcome import Outcome
from dialer.calls.states import IGNORED, TRANSITIONS, CallState

DOCS = Path(__file__).parents[3] / "docs"


@pytest.mark.parametrize(("page", "made"), [("outcomes.md", outcomes_page), ("call-states.md", states_page)])
def test_the_page_is_what_the_data_makes(page: str, made: Callable[[], str]) -> None:
    assert (DOCS / page).read_text(encoding="utf-8") == made(), f"make docs/{page} again: its first lines say how"


def test_every_outcome_has_its_row() -> None:
    assert re.findall(r"^\| `(\w+)`", outcomes_page(), re.MULTILINE) == list(Outcome)


def test_the_diagram_has_every_transition() -> None:
    page = states_page()
    groups = {name: re.findall(r"\w+", body) for name, body in re.findall(r"state (\w+) \{(.*?)\}", page, re.DOTALL)}
    drawn = {
        (source, target)
        for start, target in re.findall(r"(\w+) --> (\w+):", page)
        for source in groups.get(start, [start])
    }
    in_table = {
        (str(state), str(target))
        for state, row in TRANSITIONS.items()
        for then in row.values()
        if then is not IGNORED
        for target in then.to
    }
    assert drawn == in_table
    assert CallState.ENDED + " --> [*]" in page
