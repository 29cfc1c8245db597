"""The trunk fails while calls are up, and comes back: what was not called is called then, once."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.chaos.field import Plan
from tests.chaos.trunk import FAULTS, campaign

SEED = 20261124


@pytest.mark.chaos
@pytest.mark.timeout(180)
@pytest.mark.parametrize("name", FAULTS)
def test_a_trunk_that_fails_loses_no_outcome_and_leaves_no_call_up(tmp_path: Path, name: str) -> None:
    plan = Plan(SEED, never_answers=0, contacts=80, cps=8, agents=1, transport=FAULTS[name].transport)
    report = campaign(tmp_path, plan, name, strikes=1)
    print(report.json())  # noqa: T201  pytest shows it when the test fails
    assert report.problems == []
    assert report.recovery_s
