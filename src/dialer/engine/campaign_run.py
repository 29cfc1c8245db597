"""One running campaign: plan, claim, gate, record; until it is paused, stopped or done. Placer places the calls."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from dialer.calls.frames import ProbeTrunk
from dialer.calls.outcome import NotDialed
from dialer.campaigns.spread import next_try
from dialer.compliance.decision import Permit, Refusal
from dialer.engine.attempts import Flight
from dialer.engine.complaint import Complaint
from dialer.engine.lanes import Lane, Ticket, give_back, tickets
from dialer.engine.placing import Placer
from dialer.engine.planner import Planner
from dialer.errors import StoreError
from dialer.results.records import CampaignState, Claim, Decided

if TYPE_CHECKING:
    from dialer.campaigns.throttle import Throttle
    from dialer.compliance.gate import Gate
    from dialer.compliance.policy import Facts
    from dialer.engine.agents import AgentPool
    from dialer.engine.attempts import Attempts
    from dialer.engine.operators import Operators
    from dialer.engine.ports import Clock, EngineStore, LoadedCampaign, Observer
    from dialer.engine.trunks import TrunkBoard

SHORT_S = 0.02
TRUNK_POLL_S = 0.01
TRUNK_ASK_S = 5.0  # between two questions whether a trunk is well again

PRESSURE = 0.5  # of the abandonment cap, from which on calls are placed more slowly
LONGEST_SLOWDOWN_S = 30.0
CLAIMED_AHEAD = 3  # times as many as are decided at once: a claim binds nobody, so the facts stay as new
OPERATORS_CAP = 0.03  # of those who ask for an operator: 47 CFR 64.1200(a)(7), 16 CFR 310.4(b)(4)(i)


def slowdown_s(pressure: float, permitted: int, cps: float) -> float:
    """How long to wait after so many calls, so that half the cap used up means half the pace, nine tenths a tenth."""
    share = max(1.0 - pressure, 0.01)
    return min(LONGEST_SLOWDOWN_S, (1.0 / share - 1.0) * permitted / cps)


@dataclass(frozen=True, slots=True)
class Shared:
    """What all campaigns of a run have in common. ``gate`` gives the one in force; None: nothing may be decided now."""

    run_id: str
    store: EngineStore
    gate: Callable[[], Gate | None]
    attempts: Attempts
    pool: AgentPool
    trunks: TrunkBoard
    lanes: Mapping[str, Lane]
    throttle: Throttle
    operators: Operators
    clock: Clock
    observer: Observer
    may_dial: Callable[[], bool]
    poll_s: float
    store_retry_s: float
    trunk_wait_s: float
    trunk_patience_s: float


class CampaignRun:
    """Drives one campaign. ``idle`` holds while nothing of it may be called and nothing of it is under way."""

    def __init__(self, campaign: LoadedCampaign, shared: Shared, held: list[Claim]) -> None:
        """``held`` are claims of an earlier go at this campaign that came to no decision; what this one leaves is there
        at its end."""
        self.campaign = campaign
        self.idle = False
        self.next_at: datetime | None = None  # while idle: when it goes on
        self._shared = shared
        self._store, self._clock = shared.store, shared.clock
        self._held = held
        self._own = Lane(campaign.cps, campaign.channels, ramp_s=campaign.ramp_s)
        self._planner = Planner(shared.store, campaign.row.id, campaign.policy)
        self._placer = Placer(
            campaign,
            attempts=shared.attempts,
            pool=shared.pool,
            clock=shared.clock,
            why_not=self._why_not,
            pause=self._pause,
            placed=lambda attempt_id: shared.operators.placed(attempt_id, campaign.row.id),
        )
        self._over = asyncio.Event()
        self._stir = asyncio.Event()  # it is over, or something has changed
        self._texts_kept: Gate | None = None
        self._waits_since: float | None = None  # for a trunk that was well before
        self._pressure = 0.0  # of the abandonment cap: 1 is all of it
        self._store_trouble = Complaint(
            lambda detail: shared.observer.trouble("store", f"{campaign.row.name}: {detail}"),
            well_again="the store works again",
        )

    def end(self) -> None:
        """Claim nothing more; calls that are up go on."""
        self._over.set()
        self._stir.set()

    def wake(self) -> None:
        """Something has changed: look again, now."""
        self.next_at = None
        self._stir.set()

    def pace(self, cps: float | None, channels: int | None) -> None:
        """An operator's pace; None: the campaign's own."""
        self._own.pace(cps or self.campaign.cps, channels or self.campaign.channels)

    async def run(self) -> None:
        """Work until ended, paused for want of a trunk, or done."""
        self._shared.attempts.forget_trouble(self.campaign.row.id)
        self.pace(self.campaign.row.cps, self.campaign.row.channels)
        self._join()
        placing = asyncio.create_task(self._placer.run())
        placing.add_done_callback(lambda _: self.end())
        try:
            await self._see_trunks()
            await self._work()
            await self._put_back()
            if placing.done():
                await placing  # raises: it never ends by itself
        finally:
            self._leave()
            placing.cancel()
            await asyncio.gather(placing, return_exceptions=True)
            self._placer.drop_all(NotDialed.ENGINE_STOPPED)

    async def _work(self) -> None:
        while not self._over.is_set():
            if (trouble := self._no_way_out()) is not None:
                await self._put_back()
                if await self._waits_for(trouble):
                    continue
                await self._settle(CampaignState.PAUSED, trouble)
                return
            if self._shared.attempts.went_well(self.campaign.row.id):
                self._waits_since = None
            self._stir.clear()
            if self._over.is_set():
                return
            try:
                worked = await self._step()
                if not worked:
                    await self._put_back()
                done = not worked and await self._is_done()
            except StoreError as error:
                self._store_trouble.failed(f"no call is placed: {error}")
                await self._pause(self._shared.store_retry_s)
                continue
            if done:
                await self._settle(CampaignState.DONE, "")
                return
            if not worked:
                await self._rest()

    async def _see_trunks(self) -> None:
        """Give the trunks a moment to answer, so that dead ones are known before the first contact is claimed."""
        board, names = self._shared.trunks, self.campaign.trunks
        for trunk in board.doubt(names):
            await self._shared.pool.tell_all(ProbeTrunk(trunk=trunk))
        deadline = self._clock.monotonic() + self._shared.trunk_wait_s
        while not board.known(names) and self._clock.monotonic() < deadline and not self._over.is_set():
            await self._pause(TRUNK_POLL_S)

    async def _waits_for(self, trouble: str) -> bool:
        """Whether to wait for a trunk that has been well in this run, and ask it now and then; not for ever."""
        shared, now = self._shared, self._clock.monotonic()
        began, self._waits_since = self._waits_since, self._waits_since or now
        if not self._placer.has_placed or now - self._waits_since >= shared.trunk_patience_s:
            return False
        if began is None:
            shared.observer.trouble("campaign", f"{self.campaign.row.name}: no calls for now: {trouble}")
        await self._pause(min(TRUNK_ASK_S, shared.trunk_patience_s))
        await self._see_trunks()
        return shared.attempts.try_again(self.campaign.row.id)

    def _no_way_out(self) -> str | None:
        shared = self._shared
        return shared.trunks.trouble(self.campaign.trunks) or shared.attempts.trouble(self.campaign.row.id)

    async def _step(self) -> bool:
        """Plan, claim, decide and record a few; False when there was nobody to call, or no channel for it."""
        if self.idle and self.next_at is not None and self._clock.now() < self.next_at:
            return False
        room = await self._reserve()
        try:
            gate = self._shared.gate()  # asked for now: the room may have been long to come
            if gate is None or not room or not self._shared.may_dial():
                return False
            if len(self._held) < len(room):
                self._held += await self._claim(gate, len(room) - len(self._held) + self._ahead(room))
            if not self._held:
                return False
            self._join()
            self.idle, self.next_at = False, None
            claims = self._held[: len(room)]
            decided = await self._decide(gate, claims)
            del self._held[: len(claims)]
            self._store_trouble.well()
            permitted = 0
            for each, flight in decided:
                if isinstance(each.decision, Permit):
                    ticket = room.pop(0)
                    self._shared.attempts.opened(each.attempt_id, flight, ticket)
                    self._placer.add(each.decision, ticket)
                    permitted += 1
                else:
                    self._shared.throttle.not_dialed(each.claim.e164)
        finally:
            give_back(room)
        for each, _ in decided:
            self._shared.observer.decided(self.campaign.row, each)
        if permitted and self._pressure >= PRESSURE:
            await self._pause(slowdown_s(self._pressure, permitted, self.campaign.cps))
        return True

    async def _claim(self, gate: Gate, limit: int) -> list[Claim]:
        """Take who is due where people may be called now; the throttled are put back. Also finds out when to go on."""
        now = self._clock.now()
        found = await self._planner.plan(gate, now)
        self.next_at = found.next_at
        if not found.places:
            return []
        row = self.campaign.row
        claims = await self._store.claim(self._shared.run_id, row.id, found.places, limit, now)
        throttle, early, free = self._shared.throttle, [], []
        for claim in claims:
            at = throttle.earliest(claim.e164, now)
            if at > now:
                early.append((claim, at))
            else:
                throttle.dialed(claim.e164, now)
                free.append(claim)
        if early:
            await self._store.put_back([claim for claim, _ in early], [at for _, at in early])
        return free

    def _ahead(self, room: Sequence[Ticket]) -> int:
        """How many to claim besides, for which nothing is decided yet: none for what may not come soon."""
        if self.campaign.operators is not None or self._shared.throttle.holds:
            return 0
        free = min(lane.free for ticket in room for lane in ticket.lanes)
        return min(free, CLAIMED_AHEAD * (len(room) - 1))

    async def _put_back(self) -> None:
        """Let go of what is claimed and not decided: others may want these numbers. If the store fails they stay."""
        if not self._held:
            return
        with contextlib.suppress(StoreError):
            await self._store.put_back(self._held, [None] * len(self._held))
            for claim in self._held:
                self._shared.throttle.not_dialed(claim.e164)
            self._held.clear()

    async def _reserve(self) -> list[Ticket]:
        """Wait until a few more should be claimed, and keep room for them; none: every channel is taken."""
        lanes = self._trunk_lanes()
        async with contextlib.AsyncExitStack() as turns:
            for _, lane in sorted(lanes):  # in one order for all campaigns, or two would wait for each other
                await turns.enter_async_context(lane.claiming)
            while not self._over.is_set():
                now = self._clock.monotonic()
                delay = max(self._own.delay(now), min(lane.delay(now) for _, lane in lanes))
                if delay <= 0:
                    return tickets(self._own, lanes, self, now, most=self._for_operators())
                await self._pause(delay)
        return []

    def _for_operators(self) -> int | None:
        """How many more calls its operators can bear, less those that are decided and not placed; None: any number."""
        allowed = self._shared.operators.calls_allowed(self.campaign.row.id, OPERATORS_CAP)
        return None if allowed is None else max(0, allowed - self._placer.waiting)

    def _trunk_lanes(self) -> list[tuple[str, Lane]]:
        """Those that may take calls, in the campaign's order."""
        shared = self._shared
        usable = [name for name in self.campaign.trunks if shared.trunks.trouble([name]) is None]
        return [(name, shared.lanes[name]) for name in usable or self.campaign.trunks]

    def _join(self) -> None:
        for name in self.campaign.trunks:
            self._shared.lanes[name].join(self, self.campaign.share)

    def _leave(self) -> None:
        for name in self.campaign.trunks:
            self._shared.lanes[name].leave(self)

    async def _decide(self, gate: Gate, claims: Sequence[Claim]) -> list[tuple[Decided, Flight]]:
        policy = self.campaign.policy
        if self._texts_kept is not gate:
            await self._store.keep_texts(gate.texts(policy), self._clock.now())
            self._texts_kept = gate
        facts = await self._store.facts(claims, self._clock.now())
        decided = []
        for claim, fact in zip(claims, facts, strict=True):
            attempt_id = uuid.uuid4().hex
            now = self._clock.now()
            decision = gate.decide(attempt_id, fact, policy, now)
            due_at: datetime | None = decision.defer_until if isinstance(decision, Refusal) else None
            each = Decided(
                claim=claim,
                attempt_id=attempt_id,
                decision=decision,
                decided_at=now,
                due_at=due_at,
                script_id=self.campaign.script.message,
            )
            decided.append((each, self._flight(claim, fact, gate)))
        self._shared.attempts.hurry()
        await self._store.record_decisions([each for each, _ in decided])
        self._pressure = self._abandonment(gate, facts)
        return decided

    def _flight(self, claim: Claim, fact: Facts, gate: Gate) -> Flight:
        campaign, place = self.campaign, gate.place_of(fact.contact)
        tried = [past.at for past in fact.history if past.campaign_id == campaign.row.id]
        again = partial(
            next_try,
            tried=(*tried, self._clock.now()),
            zones=place.zones,
            opens=self._planner.openings(gate, place),
            plan=campaign.retry,
        )
        return Flight(claim, campaign.row, campaign.retry, again)

    def _abandonment(self, gate: Gate, facts: Iterable[Facts]) -> float:
        now = self._clock.now()
        return max((gate.abandonment_pressure(fact, self.campaign.policy, now) for fact in facts), default=0.0)

    def _why_not(self) -> NotDialed | None:
        if not self._shared.may_dial() or self._store_trouble.standing:
            return NotDialed.ENGINE_STOPPED
        if self._over.is_set():
            return NotDialed.STOPPED
        return NotDialed.NO_TRUNK if self._no_way_out() else None

    async def _is_done(self) -> bool:
        """Whether every contact is finished; also finds out whether anybody may be called."""
        if self._held or self._shared.attempts.unrecorded(self.campaign.row.id):
            self.idle = False
            return False
        if self.idle and self.next_at is not None and self._clock.now() < self.next_at:
            return False  # nothing was claimed since; counting a long queue is work
        summary = await self._store.queue_summary(self.campaign.row.id)
        self._store_trouble.well()
        if summary.waiting + summary.claimed + summary.dialing == 0:
            return True
        waits = self.next_at is not None and self.next_at > self._clock.now()
        self.idle = waits and self._no_way_out() is None
        if self.idle:
            self._leave()
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
                await self._pause(self._shared.store_retry_s)
        self._store_trouble.well()
        self._shared.observer.campaign_changed(self.campaign.row, state, reason)

    async def _rest(self) -> None:
        """Wait until somebody may be called, or something has changed; else for the poll's time."""
        wait = self._shared.poll_s
        if self.idle and self.next_at is not None:
            wait = min(wait, max(0.0, (self.next_at - self._clock.now()).total_seconds()))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait):
                await self._stir.wait()

    async def _pause(self, seconds: float) -> None:
        """Not longer than until it is over, but for what is too short to matter: that is between any two calls."""
        if seconds <= SHORT_S:
            await asyncio.sleep(seconds)
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):  # wait_for may swallow a cancellation
                await self._over.wait()
