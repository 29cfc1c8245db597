"""Calls ahead of free operators: bounded by them, or by what the abandonment cap has left."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer.campaigns.ahead import MOST_PER_OPERATOR, SAFE, Dialing, Floor, Rates, calls_allowed

CAP = 0.03
PROGRESSIVE, PREDICTIVE = Dialing.PROGRESSIVE, Dialing.PREDICTIVE
MEASURED = Rates(
    placed=20_000, answered=6_000, accepted=1_200, abandoned=0, mean_ring_s=12, mean_to_accept_s=14, mean_talk_s=190
)
IDLE = Floor(operators=20, free=20, waiting=0, ringing=0, talking=0)


@st.composite
def floors(draw: st.DrawFn) -> Floor:
    operators = draw(st.integers(0, 300))
    in_air = st.integers(0, 1000) | st.integers(0, 10)
    return Floor(
        operators, draw(st.integers(0, operators)), draw(st.integers(0, 20)), draw(in_air), draw(st.integers(0, 200))
    )


@st.composite
def rates(draw: st.DrawFn, most_abandoned: float = 1.0) -> Rates:
    placed = draw(st.integers(0, 100_000))
    answered = draw(st.integers(0, placed))
    accepted = draw(st.integers(0, answered))
    abandoned = draw(st.integers(0, int(most_abandoned * accepted)))
    seconds = st.just(0.0) | st.floats(0.01, 2000)
    return Rates(placed, answered, accepted, abandoned, draw(seconds), draw(seconds), draw(seconds))


def progressive(floor: Floor) -> int:
    return max(0, floor.free - floor.waiting - floor.ringing - floor.talking)


@given(floors(), rates())
def test_progressive_never_has_more_calls_in_the_air_than_free_operators(floor: Floor, so_far: Rates) -> None:
    allowed = calls_allowed(PROGRESSIVE, floor, so_far, CAP)
    assert allowed == progressive(floor)
    assert allowed == 0 or floor.ringing + floor.talking + allowed <= floor.free - floor.waiting


@given(floors(), rates(most_abandoned=SAFE * CAP))
def test_predictive_is_between_progressive_and_its_bound(floor: Floor, so_far: Rates) -> None:
    allowed = calls_allowed(PREDICTIVE, floor, so_far, CAP)
    assert 0 <= progressive(floor) <= allowed
    if allowed > progressive(floor):
        assert floor.ringing + floor.talking + allowed <= MOST_PER_OPERATOR * floor.operators


@given(floors(), rates(most_abandoned=SAFE * CAP), st.sampled_from(Dialing))
def test_more_free_operators_never_mean_fewer_calls(floor: Floor, so_far: Rates, dialing: Dialing) -> None:
    """Both when somebody's talk ends and when somebody sits down."""
    one_more = replace(floor, operators=floor.operators + 1, free=floor.free + 1)
    assert calls_allowed(dialing, floor, so_far, CAP) <= calls_allowed(dialing, one_more, so_far, CAP)
    if floor.busy:
        freed = replace(floor, free=floor.free + 1)
        assert calls_allowed(dialing, floor, so_far, CAP) <= calls_allowed(dialing, freed, so_far, CAP)


@given(floors(), rates(most_abandoned=SAFE * CAP), st.integers(1, 5))
def test_more_abandoned_calls_never_mean_more_calls(floor: Floor, so_far: Rates, more: int) -> None:
    worse = replace(so_far, abandoned=so_far.abandoned + more)
    assert calls_allowed(PREDICTIVE, floor, worse, CAP) <= calls_allowed(PREDICTIVE, floor, so_far, CAP)


@given(floors(), rates())
def test_at_and_over_the_cap_predictive_is_progressive(floor: Floor, so_far: Rates) -> None:
    at_cap = replace(so_far, abandoned=max(so_far.abandoned, math.ceil(CAP * so_far.accepted)))
    assert calls_allowed(PREDICTIVE, floor, at_cap, CAP) == progressive(floor)


@given(floors(), st.integers(0, 37), st.integers(1, 50))
def test_until_one_abandoned_call_would_keep_to_the_cap_it_is_progressive(
    floor: Floor, accepted: int, each: int
) -> None:
    few = replace(MEASURED, placed=accepted * each, answered=accepted, accepted=accepted)
    assert calls_allowed(PREDICTIVE, floor, few, CAP) == progressive(floor)


@pytest.mark.parametrize("cap", [0.0, -1.0, math.nan])
def test_a_cap_that_allows_nothing_allows_nothing(cap: float) -> None:
    assert calls_allowed(PREDICTIVE, IDLE, MEASURED, cap) == 20


@pytest.mark.parametrize(
    "unmeasured",
    [
        replace(MEASURED, mean_talk_s=0),
        replace(MEASURED, mean_talk_s=math.nan),
        replace(MEASURED, mean_ring_s=math.nan),
        replace(MEASURED, mean_ring_s=0, mean_to_accept_s=0),
        replace(MEASURED, mean_talk_s=1e300),
    ],
)
def test_times_that_were_not_measured_free_nobody(unmeasured: Rates) -> None:
    all_busy = Floor(operators=20, free=0, waiting=0, ringing=0, talking=0)
    assert calls_allowed(PREDICTIVE, all_busy, unmeasured, CAP) == 0
    assert calls_allowed(PREDICTIVE, all_busy, replace(MEASURED, mean_talk_s=20), CAP) > 0


def test_it_dials_ahead_by_the_chance_that_a_call_is_accepted() -> None:
    """Six in a hundred accept: many calls for twenty free operators; but fewer than fill them on average."""
    allowed = calls_allowed(PREDICTIVE, IDLE, MEASURED, CAP)
    assert 150 < allowed < 20 / 0.06
    eager = replace(MEASURED, accepted=2_400)
    assert calls_allowed(PREDICTIVE, IDLE, eager, CAP) < 0.6 * allowed


def test_a_small_floor_dials_less_ahead_for_each_operator_than_a_large_one() -> None:
    each = [
        calls_allowed(PREDICTIVE, Floor(count, count, 0, 0, 0), MEASURED, CAP) / count for count in (2, 10, 50, 250)
    ]
    assert each == sorted(each)
    assert each[-1] > 1.5 * each[0]


def test_operators_who_will_be_free_by_then_count() -> None:
    busy = Floor(operators=100, free=0, waiting=0, ringing=0, talking=0)
    long_talks, short_talks = replace(MEASURED, mean_talk_s=600), replace(MEASURED, mean_talk_s=60)
    assert calls_allowed(PREDICTIVE, busy, long_talks, CAP) < calls_allowed(PREDICTIVE, busy, short_talks, CAP)


def test_those_who_listen_weigh_more_than_those_who_ring() -> None:
    ringing, talking = replace(IDLE, ringing=30), replace(IDLE, talking=30)
    assert calls_allowed(PREDICTIVE, talking, MEASURED, CAP) < calls_allowed(PREDICTIVE, ringing, MEASURED, CAP)


def test_those_who_wait_take_the_free_operators_first() -> None:
    nobody_freed = replace(MEASURED, mean_talk_s=0)
    allowed = [
        calls_allowed(PREDICTIVE, replace(IDLE, waiting=waiting), nobody_freed, CAP) for waiting in (0, 10, 19, 20, 25)
    ]
    assert allowed == sorted(allowed, reverse=True)
    assert allowed[1] < 0.6 * allowed[0]
    assert allowed[3:] == [0, 0]


def test_who_accepted_and_still_talks_counts_as_accepted() -> None:
    """In the first minutes those who refused have ended and those who accepted have not."""
    early = replace(MEASURED, placed=2_000, answered=600, accepted=60, mean_talk_s=0)
    talking = replace(IDLE, operators=120)
    assert calls_allowed(PREDICTIVE, talking, early, CAP) < 0.6 * calls_allowed(PREDICTIVE, IDLE, early, CAP)


def test_talks_that_ended_early_in_the_day_are_taken_as_the_short_ones() -> None:
    all_accept = Rates(200, 200, 200, 0, 12, 14, 1000)  # and a cap so wide that only the operators count
    all_accepted = Rates(200_000, 200_000, 200_000, 0, 12, 14, 1000)
    busy = Floor(operators=200, free=0, waiting=0, ringing=0, talking=0)
    assert calls_allowed(PREDICTIVE, busy, all_accept, 0.5) < 0.7 * calls_allowed(PREDICTIVE, busy, all_accepted, 0.5)


def test_little_evidence_dials_less_ahead_than_much_of_the_same() -> None:
    little = replace(MEASURED, placed=1_000, answered=300, accepted=60)
    assert 20 < calls_allowed(PREDICTIVE, IDLE, little, CAP) < calls_allowed(PREDICTIVE, IDLE, MEASURED, CAP)


def test_a_large_floor_does_not_stake_all_on_the_first_few_dozen() -> None:
    """So a simulated day began, with fewer accepted than usual: 2,211 calls placed at once, 28 then abandoned."""
    floor = Floor(operators=200, free=148, waiting=0, ringing=120, talking=22)
    unlucky = Rates(1_963, 597, 38, 0, 12, 14, 113)
    allowed = calls_allowed(PREDICTIVE, floor, unlucky, CAP)
    assert 0 < allowed < 148 / 0.08


@pytest.mark.parametrize("operators", [1, 4, 20, 100])
@pytest.mark.parametrize("abandoned", [0, 15, 25])
def test_what_is_allowed_keeps_to_what_is_left_and_one_block_more_would_not(operators: int, abandoned: int) -> None:
    """Counted anew: every free operator, nobody else, each call accepted or not."""
    so_far = replace(MEASURED, abandoned=abandoned, mean_talk_s=0)
    floor = Floor(operators, operators, 0, 0, 0)
    left = SAFE * CAP * so_far.accepted - abandoned
    share = min(CAP, 3 * left / so_far.accepted)
    accepted_so_far = so_far.accepted + 10
    chance = (accepted_so_far + 2 * math.sqrt(accepted_so_far)) / (so_far.placed + 10)

    def bearable(calls: int) -> bool:
        accepted = binomial(calls, chance)
        short = sum((count - operators) * likely for count, likely in enumerate(accepted) if count > operators)
        return short <= share * calls * chance and sum(accepted[operators + int(left) + 1 :]) <= 0.001

    allowed = calls_allowed(PREDICTIVE, floor, so_far, CAP)
    assert bearable(allowed)
    assert not bearable(math.ceil(1.25 * allowed) + 2)  # the Poisson bound is that close to the truth


def binomial(calls: int, chance: float) -> list[float]:
    likely = [1.0]
    for _ in range(calls):
        likely = [
            (likely[count] if count < len(likely) else 0) * (1 - chance) + (likely[count - 1] * chance if count else 0)
            for count in range(len(likely) + 1)
        ]
    return likely


def test_thousands_of_operators_are_no_trouble() -> None:
    floor = Floor(operators=20_000, free=9_000, waiting=3, ringing=40_000, talking=5_000)
    allowed = calls_allowed(PREDICTIVE, floor, replace(MEASURED, placed=2_000_000, accepted=120_000), CAP)
    assert 0 < allowed < MOST_PER_OPERATOR * 20_000
