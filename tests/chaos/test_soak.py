"""A short soak: what engine and agent hold does not grow with the calls they have had."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.chaos.soak import WARM, Sample, slopes, soak


@pytest.mark.chaos
@pytest.mark.timeout(240)
def test_two_thousand_calls_leave_nothing_behind(tmp_path: Path) -> None:
    soaked = soak(tmp_path, calls=2000, cps=40, seed=20261121)
    print(soaked.table())  # noqa: T201  pytest shows it when the test fails
    assert soaked.calls == 2000
    # So few calls tell little of a slope in KB, for the allocator still grows, and files come and go with the live
    # calls. One file left behind by each tenth call, or one thread by each hundredth, shows.
    assert soaked.agent.files < 100
    assert soaked.engine.files < 100
    assert soaked.agent.threads < 10
    assert soaked.restarts == 0
    assert soaked.deaf == 0


def test_a_leak_of_two_kilobytes_a_call_shows() -> None:
    leaking = [Sample(calls, 50_000 + 2 * calls, 40, 3) for calls in range(0, 20_000, 50)]
    assert not slopes(leaking).flat
    steady = [Sample(calls, 50_000 + (calls < WARM) * calls + calls % 7 * 30, 40, 3) for calls in range(0, 20_000, 50)]
    assert slopes(steady).flat
    stepped = [Sample(calls, 50_000 + (calls > 12_000) * 3_600, 40, 3) for calls in range(0, 20_000, 50)]
    assert slopes(stepped).flat
    assert slopes(stepped).steps == 1
