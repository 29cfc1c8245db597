"""One running campaign: claim, gate, record, place; evenly spaced; until it is paused, stopped or done."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from dialer.calls.outcome import NotDialed
from dialer.calls.plan import CallPlan
from dialer.compliance.decision import Permit, Refusal
from dialer.errors import AgentError, StoreError
from dialer.results.records import CampaignState, Claim, Decided

if TYPE_CHECKING:
    from dialer.campaigns.pacing import Pacer
    from dialer.compliance.gate import Gate
    from dialer.engine.agents import AgentPool
    from dialer.engine.attempts import Attempts
    from dialer.engine.ports import Clock, EngineStore, LoadedCampaign, Observer

HORIZON_S = 0.5  # how far ahead of their dialing contacts are claimed and decided; permits live far longer
TRUNK_FAILURES = 5  # in a row, after which the trunk is taken for dead
STORE_RETRY_S = 1.0


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
        clock: Clock,
        observer: Observer,
        pacers: Sequence[Pacer],
        channels: int,
        may_dial: Callable[[], bool],
        trunk_trouble: Callable[[tuple[str, ...]], str | None],
        poll_s: float,
    ) -> None:
        self.campaign = campaign
        self.idle = False
        self._run_id = run_id
        self._store = store
        self._gate = gate
        self._attempts = attempts
        self._pool = pool
        self._clock = clock
        self._observer = observer
        self._pacers = pacers
        self._channels = channels
        self._may_dial = may_dial
        self._trunk_trouble = trunk_trouble
        self._poll_s = poll_s
        self._over = asyncio.Event()

    def end(self) -> None:
        """Claim nothing more; calls that are up go on."""
        self._over.set()

    async def run(self) -> None:
        """Work until ended, paused for want of a trunk, or done."""
        while not self._over.is_set():
            if (trouble := self._no_way_out()) is not None:
                await self._settle(CampaignState.PAUSED, trouble)
                return
            try:
                worked = self._may_dial() and await self._step()
                if not worked and await self._is_done():
                    await self._settle(CampaignState.DONE, "")
                    return
            except StoreError as error:
                self._observer.trouble("store", f"no call is placed: {error}")
                await self._pause(STORE_RETRY_S)
                continue
            if not worked:
                await self._pause(self._poll_s)

    def _no_way_out(self) -> str | None:
        if self._attempts.trunk_failures(self.campaign.row.id) >= TRUNK_FAILURES:
            return f"{TRUNK_FAILURES} calls in a row found no trunk that takes them"
        return self._trunk_trouble(self.campaign.trunks)

    async def _step(self) -> bool:
        """Claim, decide, record and place a few; False when there was nothing to claim."""
        free = self._channels - self._attempts.live(self.campaign.row.id)
        room = min(free, *(pacer.room(HORIZON_S) for pacer in self._pacers))
        if room <= 0:
            return False
        claims = await self._store.claim(self._run_id, self.campaign.row.id, room, self._clock.now())
        if not claims:
            return False
        self.idle = False
        # From here on these contacts are ours: a store that fails in between is tried again with the same claims.
        while True:
            try:
                decided = await self._decide(claims)
                break
            except StoreError as error:
                self._observer.trouble("store", f"no call is placed: {error}")
                if self._over.is_set():
                    return True
                await self._pause(STORE_RETRY_S)
        for each in decided:
            if isinstance(each.decision, Permit):
                self._attempts.opened(each.attempt_id, each.claim, self.campaign.row, self.campaign.retry)
        for each in decided:
            self._observer.decided(self.campaign.row, each)
            if isinstance(each.decision, Permit):
                await self._place(each.decision)
        return True

    async def _decide(self, claims: Sequence[Claim]) -> list[Decided]:
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
        return decided

    async def _place(self, permit: Permit) -> None:
        """Hand one call over when its turn comes. The permit is durable; what does not go out is recorded so."""
        while (wait := max(pacer.wait(self._clock.monotonic()) for pacer in self._pacers)) > 0:
            await asyncio.sleep(wait)
        if self._over.is_set() or not self._may_dial():
            self._attempts.not_dialed(permit.attempt_id, NotDialed.ENGINE_STOPPED)
            return
        for pacer in self._pacers:
            pacer.dialed(self._clock.monotonic())
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
        if self._attempts.unrecorded(self.campaign.row.id):
            self.idle = False
            return False
        summary = await self._store.queue_summary(self.campaign.row.id)
        if summary.waiting + summary.claimed + summary.dialing == 0:
            return True
        self.idle = summary.next_due is None or summary.next_due > self._clock.now()
        return False

    async def _settle(self, state: CampaignState, reason: str) -> None:
        """Write the campaign's new state down, however long the store takes to accept it."""
        while True:
            try:
                await self._store.set_campaign_state(self.campaign.row.id, state, self._clock.now(), reason=reason)
                break
            except StoreError as error:
                self._observer.trouble("store", str(error))
                if self._over.is_set():
                    return
                await self._pause(STORE_RETRY_S)
        self._observer.campaign_changed(self.campaign.row, state, reason)

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._over.wait(), timeout=seconds)
