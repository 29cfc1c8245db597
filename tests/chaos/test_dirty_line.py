"""A campaign over a line with loss, jitter and duplicates."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.chaos.dirty_line import TUN, Dirt, campaign
from tests.chaos.field import Plan

SEED = 20261125


@pytest.mark.chaos
@pytest.mark.timeout(240)
@pytest.mark.skipif(os.geteuid() != 0 or not TUN.exists(), reason="needs root and /dev/net/tun: network namespaces")
def test_outcomes_stay_consistent_over_a_line_that_loses_nearly_a_third(tmp_path: Path) -> None:
    report = campaign(tmp_path, Plan(SEED, never_answers=0, contacts=30, cps=4, agents=1), Dirt())
    print(report.json())  # noqa: T201  pytest shows it when the test fails
    assert report.problems == []
    assert report.opt_outs_missed <= max(1, report.opt_outs // 3)
