"""Who takes transfers: which operators are free, who talks to whom, and how far ahead of them may be dialed."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dialer.calls.abandonment import LiveAnswer, live_answer
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
from dialer.calls.plan import CallRecord, TransferResult
from dialer.campaigns.ahead import Floor, Rates, calls_allowed

if TYPE_CHECKING:
    from dialer.calls.frames import FromAgent
    from dialer.engine.ports import Clock, OperatorsPlan, Spawn

WAIT_S = 1.8  # for an operator to become free: the call itself gives up 2 s after the key (16 CFR 310.4(b)(4)(iii))
AWAY_S = 30.0  # an operator who did not answer is not asked again for so long


@dataclass(slots=True)
class _Operator:
    address: str
    attempt: str | None = None  # that they are rung for, or talk in
    free_from: float = 0.0  # monotonic; after wrapping up, or not answering
    idle_since: float = 0.0


@dataclass(slots=True)
class _Tally:
    """What a campaign's calls came to so far, for its rates."""

    counts: Counter[str] = field(default_factory=Counter)
    ring_s: float = 0.0
    accept_s: float = 0.0
    talk_s: float = 0.0


@dataclass(slots=True)
class _Call:
    campaign_id: int
    answered: bool = False
    asked: bool = False  # for an operator


class Operators:
    """All operators of the running campaigns. Each takes one call at a time, whichever campaign it comes from."""

    def __init__(self, send: Callable[[str, ToAgent], Coroutine[Any, Any, None]], spawn: Spawn, clock: Clock) -> None:
        """``send`` takes a frame to the agent that has the attempt."""
        self._send = send
        self._spawn = spawn
        self._clock = clock
        self._lines: dict[str, list[_Operator]] = {}  # by address: a ring group has several
        self._plans: dict[int, OperatorsPlan] = {}
        self._calls: dict[str, _Call] = {}
        self._waiting: dict[str, float] = {}  # attempts that want an operator, since when
        self._tallies: dict[int, _Tally] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def serve(self, campaign_id: int, plan: OperatorsPlan) -> None:
        """These operators take the transfers of this campaign."""
        self._plans[campaign_id] = plan
        self._tallies.setdefault(campaign_id, _Tally())
        for address, lines in Counter(plan.addresses).items():
            known = self._lines.setdefault(address, [])
            known += [_Operator(address) for _ in range(lines - len(known))]

    def calls_allowed(self, campaign_id: int, cap: float) -> int | None:
        """How many more calls the campaign's operators can bear now; None: it has none, and needs none."""
        plan = self._plans.get(campaign_id)
        if plan is None:
            return None
        return calls_allowed(plan.dialing, self.floor(campaign_id), self.rates(campaign_id), cap)

    def placed(self, attempt_id: str, campaign_id: int) -> None:
        """A call was handed to an agent."""
        if campaign_id in self._plans:
            self._calls[attempt_id] = _Call(campaign_id)

    def heard(self, frame: FromAgent) -> None:
        """What an agent says of a call."""
        match frame:
            case CallProgress(attempt_id=attempt_id, stage=Stage.ANSWERED) if attempt_id in self._calls:
                self._calls[attempt_id].answered = True
            case TransferAsked(attempt_id=attempt_id) if attempt_id in self._calls:
                self._calls[attempt_id].asked = True
                self._waiting[attempt_id] = self._clock.monotonic()
                self._connect()
                self._later(WAIT_S)
            case OperatorFailed(attempt_id=attempt_id, address=address):
                self._away(attempt_id, address)
                if attempt_id in self._calls:
                    self._waiting[attempt_id] = self._clock.monotonic()
                    self._connect()
                    self._give_up(attempt_id)
            case CallEnded(record=record):
                self._ended(record)
            case _:
                pass

    def lost(self, attempt_id: str) -> None:
        """The call died with its agent."""
        self._free(attempt_id)

    def floor(self, campaign_id: int) -> Floor:
        """How the campaign's operators and calls stand now."""
        now = self._clock.monotonic()
        mine = self._of(campaign_id)
        calls = [each for each in self._calls.items() if each[1].campaign_id == campaign_id]
        return Floor(
            operators=len(mine),
            free=sum(_is_free(each, now) for each in mine),
            waiting=sum(attempt in self._waiting for attempt, _ in calls),
            ringing=sum(not call.answered for _, call in calls),
            talking=sum(call.answered and not call.asked for _, call in calls),
        )

    def rates(self, campaign_id: int) -> Rates:
        """What the campaign's calls came to in this run."""
        tally = self._tallies[campaign_id]
        counts = tally.counts
        return Rates(
            placed=counts["placed"],
            answered=counts["answered"],
            accepted=counts["asked"],
            abandoned=counts["abandoned"],
            mean_ring_s=tally.ring_s / counts["placed"] if counts["placed"] else 0.0,
            mean_to_accept_s=tally.accept_s / counts["asked"] if counts["asked"] else 0.0,
            mean_talk_s=tally.talk_s / counts["connected"] + self._plans[campaign_id].wrap_up_s
            if counts["connected"]
            else 0.0,
        )

    def _connect(self) -> None:
        """Give whoever waits longest the operator who has been free longest."""
        now = self._clock.monotonic()
        for attempt_id in list(self._waiting):
            campaign_id = self._calls[attempt_id].campaign_id
            free = [operator for operator in self._of(campaign_id) if _is_free(operator, now)]
            if not free:
                continue
            operator = min(free, key=lambda each: each.idle_since)
            operator.attempt = attempt_id
            del self._waiting[attempt_id]
            self._do(self._send(attempt_id, ConnectOperator(attempt_id=attempt_id, address=operator.address)))

    def _give_up(self, attempt_id: str) -> None:
        """Somebody was rung already: whoever is not free now is not waited for."""
        if self._waiting.pop(attempt_id, None) is not None:
            self._do(self._send(attempt_id, NobodyFree(attempt_id=attempt_id)))

    def _later(self, seconds: float) -> None:
        async def look() -> None:
            await asyncio.sleep(seconds)
            latest = self._clock.monotonic() - WAIT_S
            for attempt_id in [each for each, since in self._waiting.items() if since <= latest]:
                self._give_up(attempt_id)
            self._connect()

        self._do(look())

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._spawn(work)
        self._tasks.add(task)  # or nothing would hold it
        task.add_done_callback(self._tasks.discard)

    def _of(self, campaign_id: int) -> list[_Operator]:
        lines = Counter(self._plans[campaign_id].addresses)
        return [operator for address, count in lines.items() for operator in self._lines[address][:count]]

    def _away(self, attempt_id: str, address: str) -> None:
        for operator in self._lines.get(address, []):
            if operator.attempt == attempt_id:
                operator.attempt = None
                operator.free_from = self._clock.monotonic() + AWAY_S

    def _ended(self, record: CallRecord) -> None:
        call = self._calls.get(record.attempt_id)
        if call is None:
            return
        self._count(self._tallies[call.campaign_id], record)
        self._free(record.attempt_id)

    def _free(self, attempt_id: str) -> None:
        self._waiting.pop(attempt_id, None)
        call = self._calls.pop(attempt_id, None)
        if call is None:
            return
        now = self._clock.monotonic()
        for operator in self._of(call.campaign_id):
            if operator.attempt == attempt_id:
                operator.attempt = None
                operator.free_from = operator.idle_since = now + self._plans[call.campaign_id].wrap_up_s
                self._later(self._plans[call.campaign_id].wrap_up_s)

    def _count(self, tally: _Tally, record: CallRecord) -> None:
        if record.outcome is Outcome.NOT_DIALED or record.invite_at is None:
            return
        counts = tally.counts
        counts["placed"] += 1
        tally.ring_s += ((record.answered_at or record.ended_at) - record.invite_at).total_seconds()
        if record.answered_at is None:
            return
        counts["answered"] += 1
        if record.transfer is None:
            return
        counts["asked"] += 1
        if record.keys:
            tally.accept_s += record.keys[-1].after_answer_ms / 1000
        if live_answer(record) is LiveAnswer.ABANDONED:
            counts["abandoned"] += 1
        if record.transfer is TransferResult.CONNECTED:
            counts["connected"] += 1
            tally.talk_s += record.talk_ms / 1000


def _is_free(operator: _Operator, now: float) -> bool:
    return operator.attempt is None and operator.free_from <= now
