"""A trunk that chokes gets less, and all of it again when it has recovered."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer.campaigns.backoff import HOLD_S, LEAST, STEP, STEP_S, BackOff, Sign


def test_a_trunk_that_takes_its_calls_has_its_whole_rate() -> None:
    back_off = BackOff()
    assert not any(back_off.heard(Sign.TAKEN, 0.5, float(second)) for second in range(100))
    assert back_off.share(100.0) == 1.0


def test_one_refusal_among_many_is_no_sign() -> None:
    back_off = BackOff()
    for second in range(20):
        assert not back_off.heard(Sign.REFUSED if second == 10 else Sign.TAKEN, None, float(second))


def test_refusals_halve_the_rate_once_in_a_while_down_to_the_least() -> None:
    back_off = BackOff()
    cuts = [back_off.heard(Sign.REFUSED, None, index / 50) for index in range(50 * 20)]
    assert sum(cuts[:50]) == 1, "a burst of refusals is one piece of news"
    assert LEAST <= back_off.share(20.0) < 0.05


def test_it_recovers_step_by_step() -> None:
    back_off = BackOff()
    for _ in range(3):
        back_off.heard(Sign.REFUSED, None, 10.0)
    assert back_off.share(10.0) == 0.5
    assert back_off.share(10.0 + STEP_S) == 0.5 + STEP
    assert back_off.share(10.0 + 5 * STEP_S) == 1.0


def test_from_next_to_nothing_it_doubles_before_it_climbs() -> None:
    back_off = BackOff()
    for index in range(50 * 20):
        back_off.heard(Sign.REFUSED, None, index / 50)
    least = back_off.share(20.0)
    assert back_off.share(20.0 + STEP_S) == pytest.approx(2 * least, rel=0.05)
    assert back_off.share(20.0 + 30 * STEP_S) == 1.0


def test_a_post_dial_delay_that_grows_cuts_the_rate_and_one_that_is_long_as_ever_does_not() -> None:
    slow_ever = BackOff()
    assert not any(slow_ever.heard(Sign.TAKEN, 6.0, float(second)) for second in range(50))
    slows = BackOff()
    assert not any(slows.heard(Sign.TAKEN, 0.4, second / 10) for second in range(50))
    assert any(slows.heard(Sign.TAKEN, 4.0, 5 + second / 10) for second in range(10))


signs = st.tuples(st.sampled_from(Sign), st.none() | st.floats(0, 30), st.floats(0, 5))


@given(st.lists(signs, max_size=100))
def test_the_share_stays_in_its_bounds_and_cuts_keep_their_distance(
    heard: list[tuple[Sign, float | None, float]],
) -> None:
    back_off, now = BackOff(), 0.0
    cuts: list[float] = []
    for sign, delay, later in heard:
        now += later
        before = back_off.share(now)
        if back_off.heard(sign, delay, now):
            cuts.append(now)
            assert back_off.share(now) < before or before == LEAST
        else:
            assert back_off.share(now) == before
        assert LEAST <= back_off.share(now) <= 1.0
    assert all(later - first >= HOLD_S for first, later in pairwise(cuts))
