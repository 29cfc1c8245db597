"""Two engines on one store by mistake."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.chaos.engines import campaign
from tests.chaos.field import Plan

SEED = 20261122


@pytest.mark.chaos
@pytest.mark.timeout(180)
def test_a_second_engine_is_refused_and_one_that_was_superseded_places_no_further_call(tmp_path: Path) -> None:
    report = campaign(tmp_path, Plan(SEED, never_answers=0, contacts=90, cps=2.5))
    print(report.json())  # noqa: T201  pytest shows it when the test fails
    assert report.problems == []
