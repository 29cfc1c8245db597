"""What becomes of a contact after each outcome."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from dialer.calls.outcome import Outcome
from dialer.campaigns.retry import Finished, RetryPlan, TryAgain, after_attempt

ENDED = datetime(2026, 11, 20, 15, tzinfo=UTC)
PLAN = RetryPlan(
    max_attempts=3,
    gap=timedelta(hours=1),
    waits={"busy": timedelta(minutes=30), "no_answer": timedelta(hours=4), "trunk_failure": timedelta(minutes=5)},
)


@pytest.mark.parametrize(
    "outcome",
    ["accepted", "responded", "heard", "opted_out", "abuse", "rejected", "network_blocked", "invalid_number"],
)
def test_some_outcomes_are_final_whatever_the_campaign_says(outcome: str) -> None:
    eager = RetryPlan(max_attempts=10, gap=timedelta(minutes=1), waits={outcome: timedelta(minutes=1)})
    assert isinstance(after_attempt(eager, outcome, 1, ENDED), Finished)


def test_the_gap_holds_when_the_wait_is_shorter() -> None:
    assert after_attempt(PLAN, "busy", 1, ENDED) == TryAgain(ENDED + timedelta(hours=1))
    assert after_attempt(PLAN, "no_answer", 1, ENDED) == TryAgain(ENDED + timedelta(hours=4))


def test_the_last_attempt_is_the_last() -> None:
    assert after_attempt(PLAN, "busy", 3, ENDED) is Finished.NO_ATTEMPTS_LEFT


def test_an_interrupted_call_may_have_rung_so_it_waits_for_the_gap() -> None:
    assert after_attempt(PLAN, "interrupted", 1, ENDED) == TryAgain(ENDED + PLAN.gap)
    assert after_attempt(PLAN, "interrupted", 3, ENDED) is Finished.NO_ATTEMPTS_LEFT


def test_a_dead_trunk_costs_no_attempt() -> None:
    assert after_attempt(PLAN, "trunk_failure", 9, ENDED) == TryAgain(ENDED + timedelta(minutes=5))
    assert isinstance(after_attempt(PLAN, "not_dialed", 9, ENDED), TryAgain)


def test_what_the_campaign_does_not_name_is_not_tried_again() -> None:
    assert after_attempt(PLAN, "machine", 1, ENDED) is Finished.NOT_RETRIED


@pytest.mark.parametrize("outcome", list(Outcome))
def test_every_outcome_has_a_consequence(outcome: Outcome) -> None:
    assert isinstance(after_attempt(PLAN, outcome, 1, ENDED), (TryAgain, Finished))
