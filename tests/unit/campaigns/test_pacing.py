"""Even spacing, no burst after a stall."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dialer.campaigns.pacing import LATE_S, Pacer


@given(st.floats(0.5, 400), st.lists(st.floats(0, 3), min_size=1, max_size=60))
def test_no_window_sees_more_dials_than_its_rate(cps: float, stalls: list[float]) -> None:
    pacer = Pacer(cps)
    now = 100.0
    dials = []
    for stall in stalls:
        now += stall
        now += pacer.wait(now)
        pacer.dialed(now)
        dials.append(now)
    for first in range(len(dials)):
        for last in range(first + 1, len(dials)):
            # The slack: a dial that is late by less than a spacing, or than LATE_S, keeps its place in the schedule.
            assert last - first <= (dials[last] - dials[first]) * cps + max(1.0, LATE_S * cps) + 1e-6


def test_a_steady_caller_gets_the_whole_rate() -> None:
    pacer = Pacer(50.0)
    now = 0.0
    for _ in range(500):
        now += pacer.wait(now) + 0.004  # a little late each time, as a busy loop is
        pacer.dialed(now)
    assert 499 / 50 - 0.1 <= now <= 499 / 50 + 0.1


def test_a_fast_caller_whose_loop_is_busy_gets_the_whole_rate() -> None:
    pacer = Pacer(250.0)
    now = 0.0
    for call in range(2500):
        now += pacer.wait(now) + (0.03 if call % 40 == 0 else 0.0005)
        pacer.dialed(now)
    assert 9.9 <= now <= 10.1


def test_a_stall_is_not_made_up_for() -> None:
    pacer = Pacer(10.0)
    pacer.dialed(0.0)
    assert pacer.wait(60.0) == 0.0
    pacer.dialed(60.0)
    assert pacer.wait(60.0) > 0.09
