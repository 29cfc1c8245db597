"""One running campaign: claim, gate, record, place; evenly spaced; until it is paused, stopped or done."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from dialer.calls.frames import ProbeTrunk
from dialer.calls.outcome import NotDialed
from dialer.calls.plan import CallPlan
from dialer.compliance.decision import Permit, Refusal
from dialer.engine.complaint import Complaint
from dialer.errors import AgentError, StoreError
from dialer.results.records import CampaignState, Claim, Decided

if TYPE_CHECKING:
    from dialer.compliance.gate import Gate
    from dialer.engine.agents import AgentPool
    from dialer.engine.attempts import Attempts
    from dialer.engine.lanes import Lane
    from dialer.engine.ports import Clock, EngineStore, LoadedCampaign, Observer
    from dialer.engine.trunks import TrunkBoard

TRUNK_POLL_S = 0.01

PRESSURE = 0.5  # of the abandonment cap, from which on calls are placed more slowly
LONGEST_SLOWDOWN_S = 30.0


def slowdown_s(pressure: float, permitted: int, cps: float) -> float:
    """How long to wait after so many calls, so that half the cap used up means half the pace, nine tenths a tenth."""
    share = max(1.0 - pressure, 0.01)
    return min(LONGEST_SLOWDOWN_S, (1.0 / share - 1.0) * permitted / cps)


class CampaignRun:
    """Drives one campaign. ``idle`` holds while nothing of it is due and nothing of it is under way."""

    def __init__(
        self,
        campaign: LoadedCampaign,
        *,
        run_id: str,
        store: EngineStore,
        gate: Gate,
        attempts: Attempts,
        pool: AgentPool,
        trunks: TrunkBoard,
        clock: Clock,
        observer: Observer,
        lanes: Sequence[Lane],
        held: list[Claim],
        may_dial: Callable[[], bool],
        poll_s: float,
        store_retry_s: float,
        trunk_wait_s: float,
    ) -> None:
        """``held`` are claims of an earlier go at this campaign that came to no decision; what this one leaves is there
        at its end."""
        self.campaign = campaign
        self.idle = False
        self._run_id = run_id
        self._store = store
        self._gate = gate
        self._attempts = attempts
        self._pool = pool
        self._trunks = trunks
        self._clock = clock
        self._observer = observer
        self._lanes = lanes
        self._held = held
        self._may_dial = may_dial
        self._poll_s = poll_s
        self._store_retry_s = store_retry_s
        self._trunk_wait_s = trunk_wait_s
        self._over = asyncio.Event()
        self._permits: deque[Permit] = deque()  # durable, waiting for their turn
        self._permitted = asyncio.Event()
        self._quiet_until: datetime | None = None
        self._texts_kept = False
        self._pressure = 0.0  # of the abandonment cap: 1 is all of it
        self._store_trouble = Complaint(
            lambda detail: observer.trouble("store", f"{campaign.row.name}: {detail}"),
            well_again="the store works again",
        )

    def end(self) -> None:
        """Claim nothing more; calls that are up go on."""
        self._over.set()

    async def run(self) -> None:
        """Work until ended, paused for want of a trunk, or done."""
        self._attempts.forget_trouble(self.campaign.row.id)
        self._join()
        placing = asyncio.create_task(self._place_all())
        placing.add_done_callback(lambda _: self._over.set())
        try:
            await self._see_trunks()
            await self._work()
            if placing.done():
                await placing  # raises: it never ends by itself
        finally:
            self._leave()
            placing.cancel()
            await asyncio.gather(placing, return_exceptions=True)
            for permit in self._permits:
                self._drop(permit, self._why_not() or NotDialed.ENGINE_STOPPED)

    async def _work(self) -> None:
        while not self._over.is_set():
            if (trouble := self._no_way_out()) is not None:
                await self._settle(CampaignState.PAUSED, trouble)
                return
            try:
                worked = self._may_dial() and await self._step()
                done = not worked and await self._is_done()
            except StoreError as error:
                self._store_trouble.failed(f"no call is placed: {error}")
                await self._pause(self._store_retry_s)
                continue
            if done:
                await self._settle(CampaignState.DONE, "")
                return
            if not worked:
                await self._pause(self._poll_s)

    async def _see_trunks(self) -> None:
        """Give the trunks a moment to answer, so that dead ones are known before the first contact is claimed."""
        for trunk in self._trunks.doubt(self.campaign.trunks):
            await self._pool.tell_all(ProbeTrunk(trunk=trunk))
        deadline = self._clock.monotonic() + self._trunk_wait_s
        while not self._trunks.known(self.campaign.trunks) and self._clock.monotonic() < deadline:
            if self._over.is_set():
                return
            await self._pause(TRUNK_POLL_S)

    def _no_way_out(self) -> str | None:
        return self._trunks.trouble(self.campaign.trunks) or self._attempts.trouble(self.campaign.row.id)

    async def _step(self) -> bool:
        """Claim, decide and record a few; False when there was nothing to claim, or no channel for it."""
        if not (room := await self._reserve()):
            return False
        permitted = 0
        try:
            if not self._held:
                self._held += await self._store.claim(self._run_id, self.campaign.row.id, room, self._clock.now())
            if not self._held:
                self._leave()
                return False
            self._join()
            self.idle, self._quiet_until = False, None
            claims = self._held[:room]
            decided = await self._decide(claims)
            del self._held[: len(claims)]
            self._store_trouble.well()
            for each in decided:
                if isinstance(each.decision, Permit):
                    self._attempts.opened(
                        each.attempt_id, each.claim, self.campaign.row, self.campaign.retry, self._lanes
                    )
                    self._permits.append(each.decision)
                    permitted += 1
        finally:
            for lane in self._lanes:
                lane.give_back(room - permitted)
            self._permitted.set()
        for each in decided:
            self._observer.decided(self.campaign.row, each)
        if permitted and self._pressure >= PRESSURE:
            await self._pause(slowdown_s(self._pressure, permitted, self.campaign.cps))
        return True

    async def _reserve(self) -> int:
        """Wait until a few more should be claimed, and keep room for them; 0: every channel is taken."""
        async with contextlib.AsyncExitStack() as turns:
            for lane in self._lanes:
                await turns.enter_async_context(lane.claiming)
                while not self._over.is_set() and (delay := lane.delay(self._clock.monotonic())) > 0:
                    await self._pause(delay)
            now = self._clock.monotonic()
            room = 0 if self._over.is_set() else max(0, min(lane.room(now) for lane in self._lanes))
            for lane in self._lanes:
                lane.reserve(room)
            return room

    def _join(self) -> None:
        for lane in self._lanes:
            lane.join(self)

    def _leave(self) -> None:
        for lane in self._lanes:
            lane.leave(self)

    async def _decide(self, claims: Sequence[Claim]) -> list[Decided]:
        if not self._texts_kept:
            await self._store.keep_texts(self._gate.texts(self.campaign.policy), self._clock.now())
            self._texts_kept = True
        facts = await self._store.facts(claims, self._clock.now())
        decided = []
        for claim, fact in zip(claims, facts, strict=True):
            attempt_id = uuid.uuid4().hex
            now = self._clock.now()
            decision = self._gate.decide(attempt_id, fact, self.campaign.policy, now)
            due_at: datetime | None = decision.defer_until if isinstance(decision, Refusal) else None
            decided.append(
                Decided(
                    claim=claim,
                    attempt_id=attempt_id,
                    decision=decision,
                    decided_at=now,
                    due_at=due_at,
                    script_id=self.campaign.script.message,
                )
            )
        await self._store.record_decisions(decided)
        now = self._clock.now()
        policy = self.campaign.policy
        self._pressure = max((self._gate.abandonment_pressure(fact, policy, now) for fact in facts), default=0.0)
        return decided

    async def _place_all(self) -> None:
        """Place what is permitted, in turn, while more is decided. What does not go out is recorded so."""
        while True:
            await self._permitted.wait()
            self._permitted.clear()
            while self._permits:
                await self._turn()
                permit = self._permits.popleft()
                if (why := self._why_not()) is not None:
                    self._drop(permit, why)
                else:
                    await self._place(permit)

    async def _turn(self) -> None:
        """Wait until the next dial may go; not when none may go any more."""
        for lane in self._lanes:
            async with lane.dialing:
                while not self._why_not() and (wait := lane.wait(self._clock.monotonic())) > 0:
                    await self._pause(wait)

    def _why_not(self) -> NotDialed | None:
        if not self._may_dial() or self._store_trouble.standing:
            return NotDialed.ENGINE_STOPPED
        if self._over.is_set():
            return NotDialed.STOPPED
        return NotDialed.NO_TRUNK if self._no_way_out() else None

    def _drop(self, permit: Permit, why: NotDialed) -> None:
        for lane in self._lanes:
            lane.skipped()
        self._attempts.not_dialed(permit.attempt_id, why)

    async def _place(self, permit: Permit) -> None:
        now = self._clock.monotonic()
        for lane in self._lanes:
            lane.dialed(now)
        plan = CallPlan(
            attempt_id=permit.attempt_id,
            permit=permit,
            script=self.campaign.script,
            limits=self.campaign.limits,
            trunks=self.campaign.trunks,
            display_name=self.campaign.display_name,
        )
        try:
            await self._pool.place(plan)
        except AgentError:
            self._attempts.not_dialed(permit.attempt_id, NotDialed.NO_CHANNEL)

    async def _is_done(self) -> bool:
        """Whether every contact is finished; also finds out whether anything is due."""
        if self._held or self._attempts.unrecorded(self.campaign.row.id):
            self.idle = False
            return False
        if self._quiet_until is not None and self._clock.now() < self._quiet_until:
            return False  # nothing was claimed since; counting a long queue is work
        summary = await self._store.queue_summary(self.campaign.row.id)
        self._store_trouble.well()
        if summary.waiting + summary.claimed + summary.dialing == 0:
            return True
        due = summary.next_due is not None and summary.next_due <= self._clock.now()
        self.idle = not due and self._no_way_out() is None
        self._quiet_until = summary.next_due if self.idle else None
        return False

    async def _settle(self, state: CampaignState, reason: str) -> None:
        """Write the campaign's new state down, however long the store takes to accept it."""
        while True:
            try:
                await self._store.set_campaign_state(self.campaign.row.id, state, self._clock.now(), reason=reason)
                break
            except StoreError as error:
                self._store_trouble.failed(f"cannot be set {state}: {error}")
                if self._over.is_set():
                    return
                await self._pause(self._store_retry_s)
        self._store_trouble.well()
        self._observer.campaign_changed(self.campaign.row, state, reason)

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):  # wait_for may swallow a cancellation
                await self._over.wait()
