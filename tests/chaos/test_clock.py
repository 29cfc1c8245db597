"""The engine's clock is stepped while it calls: nobody is dialed outside the hours, nor before the gap."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.chaos.clock import SCENARIOS, campaign, library
from tests.chaos.field import Plan

SEED = 20261123


@pytest.mark.chaos
@pytest.mark.timeout(180)
@pytest.mark.skipif(library() is None, reason="needs libfaketime: Debian's package faketime")
@pytest.mark.parametrize("name", SCENARIOS)
def test_no_call_leaves_outside_the_hours_or_before_the_gap_whatever_the_clock_does(tmp_path: Path, name: str) -> None:
    report = campaign(
        tmp_path, Plan(SEED, never_answers=0, contacts=250 if name == "steps" else 100, cps=10, agents=1), name
    )
    print(report.json())  # noqa: T201  pytest shows it when the test fails
    assert report.problems == []
    assert report.calls > 0
