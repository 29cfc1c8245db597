"""Forecasts held against campaigns whose end is known."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from tests.unit.campaigns.campaign_world import HOUR, MONDAY, Played, World, play

from dialer.campaigns.figures import Figures, Pace, Waiting
from dialer.campaigns.forecast import Forecast, forecast
from dialer.campaigns.retry import RetryPlan
from dialer.campaigns.spread import DayOpening

CAMPAIGNS = 200
SHARES = (0.2, 0.5)
DAYS = [DayOpening(MONDAY + day * 24 * HOUR + 14 * HOUR, MONDAY + day * 24 * HOUR + 22 * HOUR) for day in range(7)]
NOON = MONDAY + 15 * HOUR
ONCE = RetryPlan(1, HOUR, {})
FIGURES = Figures(
    waiting=[Waiting(600, 0, NOON - HOUR, 0)],
    calling=[],
    openings=[DAYS],
    finished=400,
    reached=200,
    refused=0,
    outcomes={1: {"heard": 200, "machine": 200}},
    pace=Pace(0.1, 0.0),
    call_s=30,
)


@pytest.fixture(scope="module")
def campaigns() -> list[tuple[World, Played]]:
    worlds = [World.drawn(seed) for seed in range(CAMPAIGNS)]
    return [(world, play(world, SHARES)) for world in worlds]


@pytest.mark.timeout(600)  # four hundred forecasts
@pytest.mark.parametrize("place", range(len(SHARES)), ids=[f"{share:.0%} finished" for share in SHARES])
def test_the_truth_lies_within_in_eight_of_ten_campaigns(campaigns: Sequence[tuple[World, Played]], place: int) -> None:
    ends = reached = asked = 0
    for world, played in campaigns:
        if len(played.seen) <= place:
            continue  # nobody was left to be forecast
        seen = played.seen[place]
        told = forecast(seen.figures, world.plan, seen.at, seed=world.seed, runs=100)
        assert told.contacts == world.contacts
        asked += 1
        ends += _within(told, played.ended)
        reached += told.reached.p10 <= played.reached <= told.reached.p90
    assert asked > 0.9 * CAMPAIGNS, asked
    told_by = f"seeds 0 to {CAMPAIGNS - 1}: {asked} asked, end within in {ends}, reached within in {reached}"
    assert 0.7 <= ends / asked <= 0.9, told_by
    assert 0.7 <= reached / asked <= 0.9, told_by


def _within(told: Forecast, ended: datetime) -> bool:
    early, late = told.ends.p10, told.ends.p90
    return early is not None and early <= ended and (late is None or ended <= late)


def test_a_campaign_that_dials_evenly_ends_when_its_list_does() -> None:
    told = forecast(FIGURES, ONCE, NOON, seed=1)
    assert told.ends.median is not None
    minutes = (told.ends.median - NOON) / timedelta(minutes=1)
    assert minutes == pytest.approx(100, abs=2), "600 contacts at one in ten seconds"
    assert told.contacts == 1000
    assert told.reached.median == pytest.approx(500, abs=25)
    assert told.reached.p10 < told.reached.median < told.reached.p90


def test_what_is_not_done_when_the_window_closes_goes_on_in_the_morning() -> None:
    evening = DAYS[0].closes_at - timedelta(minutes=50)
    told = forecast(dataclasses.replace(FIGURES, pace=Pace(0.1, 0)), ONCE, evening, seed=1)
    assert told.ends.median is not None
    assert told.ends.median == pytest.approx(DAYS[1].opens_at + timedelta(minutes=50), abs=timedelta(minutes=3))


def test_a_retry_waits_its_time() -> None:
    plan = RetryPlan(2, HOUR, {"no_answer": 3 * HOUR})
    figures = dataclasses.replace(
        FIGURES, waiting=[Waiting(50, 0, NOON, 0)], pace=Pace(10, 0), outcomes={1: {"no_answer": 400}}
    )
    told = forecast(figures, plan, NOON, seed=1)
    assert told.ends.median is not None
    assert told.ends.median == pytest.approx(NOON + 3 * HOUR, abs=timedelta(minutes=4))


def test_a_wait_shorter_than_the_forecast_looks_is_a_wait_all_the_same() -> None:
    plan = RetryPlan(1, HOUR, {"trunk_failure": timedelta(seconds=5)})
    figures = dataclasses.replace(FIGURES, outcomes={1: {"trunk_failure": 500, "heard": 500}})
    told = forecast(figures, plan, NOON, seed=1)
    assert told.ends.p90 is not None
    assert told.ends.p90 > NOON + timedelta(minutes=150), "every other dial comes to nothing"
    assert told.ends.p90 < DAYS[0].closes_at


def test_who_is_being_called_is_not_called_again() -> None:
    figures = dataclasses.replace(FIGURES, waiting=[], calling=FIGURES.waiting)
    told = forecast(figures, ONCE, NOON, seed=1)
    assert told.ends.p90 is not None
    assert told.ends.p90 <= NOON + timedelta(minutes=1)
    assert told.reached.median == pytest.approx(500, abs=25)


def test_who_is_refused_is_not_reached() -> None:
    refusing = dataclasses.replace(FIGURES, finished=1000, refused=600)  # of a thousand, four hundred were called
    told, before = forecast(refusing, ONCE, NOON, seed=1), forecast(FIGURES, ONCE, NOON, seed=1)
    assert told.reached.median == pytest.approx(200 + 0.4 * 600 * 0.5, abs=30)
    assert told.ends.median is not None
    assert before.ends.median is not None
    assert told.ends.median < before.ends.median


def test_an_end_beyond_the_days_looked_at_is_not_told() -> None:
    told = forecast(dataclasses.replace(FIGURES, pace=Pace(0.001, 0)), ONCE, NOON, seed=1)
    assert (told.ends.p10, told.ends.median, told.ends.p90) == (None, None, None)


def test_contacts_that_are_never_open_hold_nothing_up() -> None:
    figures = dataclasses.replace(
        FIGURES, openings=[DAYS, []], waiting=[*FIGURES.waiting, Waiting(100, 0, NOON - HOUR, 1)]
    )
    told, before = forecast(figures, ONCE, NOON, seed=1), forecast(FIGURES, ONCE, NOON, seed=1)
    assert told.contacts == 1100
    assert told.ends.median is not None
    assert before.ends.median is not None
    assert abs(told.ends.median - before.ends.median) < timedelta(minutes=5)


def test_with_nobody_left_all_is_known() -> None:
    told = forecast(dataclasses.replace(FIGURES, waiting=[]), ONCE, NOON, seed=1)
    assert (told.reached.p10, told.reached.p90) == (200, 200)
    assert told.ends.median == NOON


def test_more_evidence_narrows_the_forecast() -> None:
    little = dataclasses.replace(FIGURES, outcomes={1: {"heard": 4, "machine": 4}})
    told, before = forecast(FIGURES, ONCE, NOON, seed=1), forecast(little, ONCE, NOON, seed=1)
    assert told.reached.p90 - told.reached.p10 < (before.reached.p90 - before.reached.p10) / 2


def test_the_same_figures_give_the_same_forecast() -> None:
    assert forecast(FIGURES, ONCE, NOON, seed=7) == forecast(FIGURES, ONCE, NOON, seed=7)
