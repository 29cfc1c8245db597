"""What becomes of contacts, and how often."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from tests.unit.campaigns.campaign_world import MONDAY

from dialer.calls.outcome import Outcome
from dialer.campaigns.odds import Again, Ending, Floats, drawn_rates, fate_of, fates_of
from dialer.campaigns.retry import Finished, RetryPlan, TryAgain, after_attempt

HOUR = timedelta(hours=1)
PLAN = RetryPlan(
    max_attempts=3,
    gap=HOUR,
    waits={"busy": HOUR / 2, "no_answer": 4 * HOUR, "trunk_failure": HOUR / 12},
)


def rates(outcomes: dict[int, dict[str, int]], plan: RetryPlan = PLAN) -> list[Floats]:
    return drawn_rates(np.random.default_rng(1), fates_of(plan, outcomes), plan, outcomes, 2000)


@pytest.mark.parametrize("outcome", list(Outcome))
@pytest.mark.parametrize("number", [1, 3])
def test_a_fate_is_what_the_retry_plan_says(outcome: Outcome, number: int) -> None:
    match after_attempt(PLAN, outcome, number, MONDAY):
        case TryAgain(due_at=due_at):
            fate = fate_of(PLAN, outcome, number)
            assert isinstance(fate, Again)
            assert fate.wait_s == (due_at - MONDAY).total_seconds()
            assert fate.counts == (outcome not in {"trunk_failure", "not_dialed"})
        case Finished.REACHED:
            assert fate_of(PLAN, outcome, number) is Ending.REACHED
        case _:
            assert fate_of(PLAN, outcome, number) is Ending.NOT_REACHED


def test_outcomes_with_the_same_wait_are_one_fate() -> None:
    plan = RetryPlan(3, HOUR, {"busy": HOUR / 2, "congestion": HOUR / 4, "no_answer": HOUR})
    assert fates_of(plan, {}) == [*Ending, Again(3600, counts=True)]


def test_shares_are_shares_and_the_last_attempt_is_the_last() -> None:
    drawn = rates({1: {"busy": 10, "heard": 5}, 3: {"busy": 4}})
    assert len(drawn) == 3
    for each in drawn:
        assert each.sum(axis=1) == pytest.approx(1)
    again = [isinstance(fate, Again) and fate.counts for fate in fates_of(PLAN, {})]
    assert not drawn[2][:, again].any()
    assert drawn[1][:, again].sum(axis=1).all()


def test_evidence_drowns_out_the_prior() -> None:
    few, many = rates({1: {"heard": 1, "busy": 1}}), rates({1: {"heard": 700, "busy": 300}})
    assert many[0][:, 0].mean() == pytest.approx(0.7, abs=0.01)
    assert many[0][:, 0].std() < few[0][:, 0].std() / 5


def test_later_attempts_are_thought_of_as_the_ones_before_and_a_little_worse() -> None:
    drawn = rates({1: {"heard": 500, "busy": 500}})
    assert drawn[1][:, 0].mean() == pytest.approx(0.4, abs=0.02)
    seen = rates({1: {"heard": 500, "busy": 500}, 2: {"heard": 50, "busy": 950}})
    assert seen[1][:, 0].mean() == pytest.approx(0.07, abs=0.02)


def test_with_one_attempt_there_is_no_second() -> None:
    drawn = rates({}, RetryPlan(1, HOUR, {"busy": HOUR}))
    assert len(drawn) == 1
    assert drawn[0][:, :2].sum(axis=1) == pytest.approx(1)
