"""The engine and its agents are killed and stopped at random moments; the campaign loses nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.chaos.field import Plan
from tests.chaos.kill import campaign, pace

SEED = 20261121


@pytest.mark.chaos
@pytest.mark.timeout(180)
def test_a_campaign_under_kill_9_calls_nobody_twice_and_loses_no_outcome(tmp_path: Path) -> None:
    report = campaign(tmp_path, Plan(SEED, contacts=150, cps=pace(150, 6)), strikes=6, whole=False)
    print(report.json())  # noqa: T201  pytest shows it when the test fails
    assert report.problems == []
    assert report.struck == 6
    assert sum(report.at_stake.values()) > 0
