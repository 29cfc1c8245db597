from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.engine.bench import NOW, MovableClock, Watcher, e164

from dialer.calls.outcome import NotDialed, Outcome
from dialer.calls.plan import CallRecord, EndedBy
from dialer.campaigns.retry import NEVER_RETRIED, NOBODY_RANG, RetryPlan
from dialer.engine.attempts import TRUNK_FAILURES, Attempts, Flight
from dialer.engine.lanes import Lane, Ticket
from dialer.engine.ports import EngineStore
from dialer.engine.recorder import Recorder
from dialer.results.records import CampaignRow, CampaignState, Claim, Ended, InterruptedAttempt

MINUTE = timedelta(minutes=1)
CAMPAIGN = CampaignRow(1, "reminders", CampaignState.RUNNING, "", "")
PLAN = RetryPlan(max_attempts=3, gap=240 * MINUTE, waits={"busy": 30 * MINUTE, "trunk_failure": 5 * MINUTE})


class Desk:
    """Attempts, with what they hand to the recorder."""

    def __init__(self) -> None:
        self.clock = MovableClock()
        self.watcher = Watcher()
        self.recorder = Recorder(
            cast("EngineStore", None),
            on_durable=lambda ended: None,
            on_trouble=lambda detail: None,
            retry_s=1,
            gather_s=1,
        )
        self.attempts = Attempts(self.recorder, self.clock, self.watcher)
        self.lane = Lane(cps=100, channels=100)

    def open(self, attempt_id: str, attempts: int = 0) -> None:
        claim = Claim(queue_id=1, campaign_id=1, contact_id=1, e164=e164(0), attempts=attempts)
        self.lane.reserve(1)
        self.attempts.opened(attempt_id, Flight(claim, CAMPAIGN, PLAN), Ticket("office", (self.lane,)))

    def end(self, attempt_id: str, outcome: Outcome, **evidence: Any) -> None:
        record = CallRecord(attempt_id=attempt_id, outcome=outcome, ended_at=NOW, ended_by=EndedBy.CALLEE)
        self.attempts.ended(msgspec.structs.replace(record, **evidence))

    def handed_over(self) -> list[Ended]:
        queue = self.recorder._queue
        return [queue.get_nowait()[0] for _ in range(queue.qsize())]


@pytest.mark.parametrize("outcome", list(Outcome))
@pytest.mark.parametrize("before", [0, 1, 2])
def test_no_telephone_that_may_have_rung_rings_again_before_the_gap(outcome: Outcome, before: int) -> None:
    desk = Desk()
    desk.open("a", attempts=before)
    desk.end("a", outcome)
    (ended,) = desk.handed_over()
    if outcome in NEVER_RETRIED:
        assert ended.due_at is None
    elif outcome in NOBODY_RANG:
        assert ended.due_at is not None  # it used up no attempt
    else:
        assert ended.due_at is None or ended.due_at >= NOW + PLAN.gap
        assert before < 2 or ended.due_at is None  # three attempts, and no more
    assert (ended.due_at is None) == bool(ended.why_finished)


@dataclass(frozen=True)
class Step:
    what: str
    attempt: int
    outcome: Outcome = Outcome.HEARD


STEPS = st.lists(
    st.builds(
        Step,
        st.sampled_from(["open", "end", "lose", "drop", "durable"]),
        st.integers(0, 5),
        st.sampled_from(Outcome),
    ),
    max_size=60,
)


@given(STEPS)
def test_every_attempt_ends_exactly_once_whatever_is_reported_of_it(steps: list[Step]) -> None:
    desk = Desk()
    opened, first, told = list[str](), dict[str, Outcome](), list[str]()
    waiting: list[Ended] = []
    for number, step in enumerate(steps):
        live = [each for each in opened if each not in first]
        attempt_id = str(step.attempt)
        match step.what:
            case "open" if attempt_id not in opened:
                desk.open(attempt_id)
                opened.append(attempt_id)
            case "end":
                desk.end(attempt_id, step.outcome)
                if attempt_id in live:
                    first[attempt_id] = step.outcome
            case "lose":
                desk.attempts.lost(attempt_id)
                if attempt_id in live:
                    first[attempt_id] = Outcome.INTERRUPTED
            case "drop":
                desk.attempts.not_dialed(attempt_id, NotDialed.STOPPED)
                if attempt_id in live:
                    first[attempt_id] = Outcome.NOT_DIALED
            case "durable" if waiting:
                ended = waiting.pop(number % len(waiting))
                desk.attempts.durable(ended)
                told.append(ended.record.attempt_id)
            case _:
                continue
        handed = desk.handed_over()
        assert all(ended.record.outcome is first[ended.record.attempt_id] for ended in handed)
        waiting += handed
        assert sorted([*told, *(ended.record.attempt_id for ended in waiting)]) == sorted(first)
        assert desk.attempts.unrecorded(1) == bool(len(opened) - len(told))
        assert desk.lane._taken == len(opened) - len(first)
    assert [line.attempt_id for line in desk.watcher.lines] == told


class TestTrouble:
    def test_failures_in_a_row_are_counted_with_what_was_said_last(self) -> None:
        desk = Desk()
        for number in range(TRUNK_FAILURES):
            assert desk.attempts.trouble(1) is None
            desk.open(str(number))
            desk.end(str(number), Outcome.CONGESTION, sip_code=503, sip_reason="Service Unavailable")
        assert desk.attempts.trouble(1) == (
            "5 calls in a row found no trunk that takes them; last: 503 Service Unavailable"
        )
        assert desk.attempts.trouble(2) is None
        desk.attempts.forget_trouble(1)
        assert desk.attempts.trouble(1) is None

    @pytest.mark.parametrize(
        ("between", "counts_on"),
        [
            (Outcome.BUSY, False),
            (Outcome.HEARD, False),
            (Outcome.CONGESTION, False),
            (Outcome.NOT_DIALED, True),  # an expired permit says nothing of the trunk
            (Outcome.CANCELED, True),
            (Outcome.INTERRUPTED, True),
        ],
    )
    def test_only_a_trunk_that_took_a_call_breaks_the_row(self, between: Outcome, counts_on: bool) -> None:
        desk = Desk()
        outcomes = [Outcome.TRUNK_FAILURE] * (TRUNK_FAILURES - 1) + [between, Outcome.TRUNK_FAILURE]
        for number, outcome in enumerate(outcomes):
            desk.open(str(number))
            desk.end(str(number), outcome)
        assert (desk.attempts.trouble(1) is not None) == counts_on

    def test_a_503_with_a_cause_of_the_network_says_nothing_of_the_trunk(self) -> None:
        desk = Desk()
        for number in range(TRUNK_FAILURES):
            desk.open(str(number))
            desk.end(str(number), Outcome.CONGESTION, sip_code=503, q850=34, q850_received=True)
        assert desk.attempts.trouble(1) is None

    def test_an_agent_without_a_usable_trunk_counts_as_one(self) -> None:
        desk = Desk()
        for number in range(TRUNK_FAILURES):
            desk.open(str(number))
            desk.end(str(number), Outcome.NOT_DIALED, not_dialed=NotDialed.NO_TRUNK, detail="office is down")
        assert "office is down" in (desk.attempts.trouble(1) or "")

    def test_a_plan_that_makes_no_sense_is_enough_once(self) -> None:
        desk = Desk()
        desk.open("a")
        desk.end("a", Outcome.NOT_DIALED, not_dialed=NotDialed.BAD_PLAN, detail="no such sound")
        assert desk.attempts.trouble(1) == "its calls cannot be placed: no such sound"


def test_what_a_dead_run_left_counts_as_an_attempt() -> None:
    desk = Desk()
    for number, attempts in enumerate((0, 2)):
        left = InterruptedAttempt(str(number), 1, 1, e164(number), attempts, NOW - MINUTE)
        desk.attempts.interrupted(left, CAMPAIGN, PLAN)
    again, no_more = desk.handed_over()
    assert again.record.outcome is no_more.record.outcome is Outcome.INTERRUPTED
    assert again.due_at is not None
    assert again.due_at >= NOW + PLAN.gap
    assert (no_more.due_at, no_more.why_finished) == (None, "no_attempts_left")
