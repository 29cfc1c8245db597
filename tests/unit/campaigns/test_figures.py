"""The pace that dials show, and the length of calls."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from dialer.campaigns.figures import PACE_DOUBT, call_length, pace_of, scaled

START = datetime(2026, 11, 23, 15, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def test_without_dials_the_configured_pace_is_taken_and_doubted() -> None:
    pace = pace_of([], 2.0)
    assert pace.per_second == pytest.approx(2.0)
    assert pace.doubt == PACE_DOUBT


def test_many_dials_outvote_the_configuration() -> None:
    pace = pace_of([(START + 4 * each * SECOND, 1) for each in range(500)], 1.0)
    assert pace.per_second == pytest.approx(0.25, rel=0.05)
    assert pace.doubt < 0.02


def test_pauses_and_waits_for_retries_do_not_slow_it_down() -> None:
    before = [(START + each * SECOND, 1) for each in range(200)]
    tomorrow = [(START + (86_400 + each) * SECOND, 1) for each in range(200)]
    retries = [(START + (90_000 + 40 * each) * SECOND, 2) for each in range(200)]
    assert pace_of(before + tomorrow + retries, 1.0).per_second == pytest.approx(1.0)


def test_bursts_are_not_taken_for_speed() -> None:
    bursts = [(START + 10 * (each // 10) * SECOND, 1) for each in range(400)]  # ten at once, every ten seconds
    assert pace_of(bursts, 1.0).per_second == pytest.approx(1.0, rel=0.05)


def test_one_long_call_is_no_mean() -> None:
    assert call_length([]) == 30
    assert call_length([90]) < 40
    assert call_length([90.0] * 1000) == pytest.approx(90, abs=1)


def test_a_sample_stands_for_all() -> None:
    sample = {(0, START, 0): 3, (1, START, 0): 2, (0, START, 1): 1}
    found = {(each.attempts, each.group): each.contacts for each in scaled(sample, 601)}
    assert sum(found.values()) == 601
    assert found[0, 0] == pytest.approx(300, abs=1)
    assert found[1, 0] == pytest.approx(200, abs=1)
    assert scaled({}, 0) == []
    assert sum(each.contacts for each in scaled(sample, 2)) == 2
