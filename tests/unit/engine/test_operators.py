"""Transfers: whoever waits longest gets the operator who has been free longest, and nobody is promised twice."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dialer.calls.frames import (
    CallEnded,
    CallProgress,
    ConnectOperator,
    NobodyFree,
    OperatorFailed,
    Stage,
    ToAgent,
    TransferAsked,
)
from dialer.calls.outcome import Outcome
from dialer.calls.plan import CallRecord, EndedBy, KeyPress, TransferResult
from dialer.campaigns.ahead import Dialing
from dialer.engine import operators
from dialer.engine.operators import AWAY_S, Operators
from dialer.engine.ports import OperatorsPlan

NOW = datetime(2026, 11, 20, 17, 30, tzinfo=UTC)
ANNA, BEN = "sip:anna@192.0.2.5", "sip:ben@192.0.2.5"


@dataclass
class Hands:
    """A clock in the test's hands."""

    at: float = 1000.0

    def monotonic(self) -> float:
        return self.at

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.at)


@dataclass
class Desk:
    """Two operators for one campaign, and the frames that went to agents."""

    dialing: Dialing = Dialing.PROGRESSIVE
    wrap_up_s: float = 0.0
    clock: Hands = field(default_factory=Hands)
    sent: list[ToAgent] = field(default_factory=list)

    def __post_init__(self) -> None:
        async def send(attempt_id: str, frame: ToAgent) -> None:
            self.sent.append(frame)

        def spawn(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
            return asyncio.create_task(work)

        self.operators = Operators(send, spawn, self.clock)
        self.operators.serve(1, OperatorsPlan((ANNA, BEN), "office", self.dialing, self.wrap_up_s))

    async def ask(self, *attempts: str) -> None:
        for attempt in attempts:
            self.operators.placed(attempt, 1)
            self.operators.heard(CallProgress(attempt_id=attempt, stage=Stage.ANSWERED, at=self.clock.now()))
            self.operators.heard(TransferAsked(attempt_id=attempt, at=self.clock.now()))
        await asyncio.sleep(0)

    async def end(self, attempt: str, transfer: TransferResult | None = TransferResult.CONNECTED) -> None:
        now = self.clock.now()
        record = CallRecord(
            attempt_id=attempt,
            outcome=Outcome.ACCEPTED if transfer else Outcome.HEARD,
            invite_at=now - timedelta(seconds=20),
            answered_at=now - timedelta(seconds=15),
            ended_at=now,
            ended_by=EndedBy.CALLEE,
            message_started_ms=100,
            keys=(KeyPress(digit="1", after_answer_ms=4000, via="info"),) if transfer else (),
            transfer=transfer,
            talk_ms=9000,
        )
        self.operators.heard(CallEnded(record=record))
        await asyncio.sleep(0)

    def connected(self) -> list[tuple[str, str]]:
        return [(each.attempt_id, each.address) for each in self.sent if isinstance(each, ConnectOperator)]


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock is in the test's hands, and so is the wait."""
    monkeypatch.setattr(operators, "WAIT_S", 0.0)


async def test_each_who_asks_gets_an_operator_of_their_own() -> None:
    desk = Desk()
    await desk.ask("a", "b")
    assert desk.connected() == [("a", ANNA), ("b", BEN)]
    assert desk.operators.floor(1).free == 0


async def test_an_operator_is_free_again_after_the_call_and_its_notes() -> None:
    desk = Desk(wrap_up_s=5.0)
    await desk.ask("a", "b")
    await desk.end("b")
    assert desk.operators.floor(1).free == 0
    desk.clock.at += 5
    assert desk.operators.floor(1).free == 1
    await desk.ask("c")
    assert desk.connected()[-1] == ("c", BEN)


async def test_the_third_is_told_that_nobody_is_free() -> None:
    desk = Desk()
    await desk.ask("a", "b", "c")
    await asyncio.sleep(0.01)
    assert [each for each in desk.sent if isinstance(each, NobodyFree)] == [NobodyFree(attempt_id="c")]


async def test_one_who_becomes_free_in_time_is_given_to_whoever_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operators, "WAIT_S", 10.0)
    desk = Desk()
    await desk.ask("a", "b", "c")
    await desk.end("a")
    await asyncio.sleep(0.01)
    assert ("c", ANNA) in desk.connected()


async def test_one_who_does_not_answer_is_left_alone_and_the_next_is_rung() -> None:
    desk = Desk()
    await desk.ask("a")
    desk.operators.heard(OperatorFailed(attempt_id="a", address=ANNA, sip_code=480))
    await asyncio.sleep(0)
    assert desk.connected() == [("a", ANNA), ("a", BEN)]
    desk.operators.heard(OperatorFailed(attempt_id="a", address=BEN, sip_code=486))
    await asyncio.sleep(0)
    assert NobodyFree(attempt_id="a") in desk.sent
    assert desk.operators.floor(1).free == 0
    desk.clock.at += AWAY_S
    assert desk.operators.floor(1).free == 2


async def test_a_call_that_dies_with_its_agent_gives_its_operator_back() -> None:
    desk = Desk()
    await desk.ask("a")
    desk.operators.lost("a")
    assert desk.operators.floor(1).free == 2


async def test_progressive_dialing_never_has_more_calls_in_the_air_than_free_operators() -> None:
    desk = Desk()
    assert desk.operators.calls_allowed(1, 0.03) == 2
    desk.operators.placed("a", 1)
    assert desk.operators.calls_allowed(1, 0.03) == 1
    await desk.ask("b")
    assert desk.operators.calls_allowed(1, 0.03) == 0
    await desk.end("a", transfer=None)
    assert desk.operators.calls_allowed(1, 0.03) == 1


async def test_a_campaign_without_operators_needs_none() -> None:
    assert Desk().operators.calls_allowed(2, 0.03) is None


async def test_rates_are_of_what_ended() -> None:
    desk = Desk(wrap_up_s=2.0)
    await desk.ask("a", "b")
    await desk.end("a")
    await desk.end("b", TransferResult.NOBODY_FREE)
    desk.operators.placed("c", 1)
    await desk.end("c", None)
    rates = desk.operators.rates(1)
    assert (rates.placed, rates.answered, rates.accepted, rates.abandoned) == (3, 3, 2, 1)
    assert (rates.mean_ring_s, rates.mean_to_accept_s, rates.mean_talk_s) == (5.0, 4.0, 9.0 + 2.0)


async def test_a_ring_group_takes_as_many_calls_as_it_has_lines() -> None:
    desk = Desk()
    desk.operators.serve(1, OperatorsPlan((ANNA, BEN, BEN), "office", Dialing.PROGRESSIVE, 0.0))
    assert desk.operators.floor(1).operators == 3
    await desk.ask("a", "b", "c", "d")
    assert sorted(address for _, address in desk.connected()) == [ANNA, BEN, BEN]
    desk.operators.heard(OperatorFailed(attempt_id="b", address=BEN, sip_code=486))
    assert desk.operators.floor(1).free == 0
    await desk.end("c")
    assert desk.operators.floor(1).free == 1
