"""The run: claim what is due, ask the gate, place what it permits, record what becomes of it.

One task per running campaign does, over and over: claim a few due contacts, read their facts, let the gate decide, make
the decisions durable, and only then hand the permitted calls to the agents, evenly spaced. Whatever fails on the way
fails before the INVITE: a contact is then still claimed, or its attempt is recorded as not dialed or interrupted.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import uuid
from collections.abc import Coroutine, Sequence
from datetime import datetime, timedelta
from typing import Any

from dialer.calls.frames import AgentFailed, CallEnded, FromAgent, OptOut, TrunkChanged
from dialer.campaigns.retry import RetryPlan
from dialer.campaigns.throttle import LONGEST, Throttle
from dialer.compliance.gate import Gate
from dialer.engine.agents import AgentPool
from dialer.engine.attempts import Attempts
from dialer.engine.campaign_run import Shared
from dialer.engine.campaigns import Campaigns
from dialer.engine.complaint import Complaint
from dialer.engine.lanes import Lane
from dialer.engine.observing import SafeObserver
from dialer.engine.operators import Operators
from dialer.engine.opt_outs import OptOuts
from dialer.engine.ports import AgentFactory, CampaignLoader, Clock, EngineStore, Observer
from dialer.engine.recorder import Recorder
from dialer.engine.settings import Ending, EngineSettings, RunUntil
from dialer.engine.status import EngineStatus, Heartbeat, status_of
from dialer.engine.trunks import TrunkBoard
from dialer.errors import DialerError, StoreError
from dialer.log import Log
from dialer.results.records import CampaignRow, CampaignState, Order, OrderKind

HANG_UP_S = 2.0  # from the hang-up of every call to the end of the agents
HANG_UP_GRACE_S = 40.0  # for a call that was told to hang up: a BYE may take 32 s (RFC 3261, 64*T1)
WIND_DOWN_S = 5.0  # for the campaigns' tasks to come to an end, should the store hold them up

UNREADABLE = RetryPlan(max_attempts=1_000, gap=timedelta(days=1), waits={})
"""For interrupted contacts of a campaign whose file makes no sense any more: not today, and the gate decides then."""

_log = Log("dialer.engine")


class Engine:
    """One run over one store."""

    def __init__(
        self,
        *,
        store: EngineStore,
        gate: Gate,
        agent_factory: AgentFactory,
        loader: CampaignLoader,
        trunk_limits: dict[str, tuple[float, int]],
        clock: Clock,
        observer: Observer,
        settings: EngineSettings,
        throttle: Throttle | None = None,
    ) -> None:
        """``trunk_limits`` maps each trunk to its calls a second and channels."""
        self._store = store
        self._gate: Gate | None = gate
        self._loader = loader
        self._clock = clock
        self._observer = SafeObserver(observer, self._fail)
        self._settings = settings
        self._run_id = uuid.uuid4().hex
        self._recorder = Recorder(
            store,
            on_durable=lambda ended: self._attempts.durable(ended),  # noqa: PLW0108  made below
            on_trouble=self._store_trouble,
            retry_s=settings.store_retry_s,
            gather_s=settings.gather_s,
        )
        self._attempts = Attempts(self._recorder, clock, self._observer, on_choked=self._choked)
        self._pool = AgentPool(
            agent_factory,
            self._spawn,
            count=settings.agents,
            silence_s=settings.agent_silence_s,
            restart_s=settings.agent_restart_s,
            on_frame=self._heard,
            on_gone=self._agent_gone,
            on_trouble=lambda detail: self._observer.trouble("agent", detail),
        )
        self._opt_outs = OptOuts(
            store,
            self._spawn,
            confirm=self._pool.confirm_opt_out,
            on_trouble=self._store_trouble,
            retry_s=settings.store_retry_s,
        )
        self._trunks = TrunkBoard(lambda news: self._observer.trouble("trunk", news))
        self._lanes = {trunk: Lane(cps, channels) for trunk, (cps, channels) in trunk_limits.items()}
        self._throttle = throttle or Throttle(())
        self._operators = Operators(self._pool.tell, self._spawn, clock)
        shared = Shared(
            run_id=self._run_id,
            store=store,
            gate=lambda: self._gate,
            attempts=self._attempts,
            pool=self._pool,
            trunks=self._trunks,
            lanes=self._lanes,
            throttle=self._throttle,
            operators=self._operators,
            clock=clock,
            observer=self._observer,
            may_dial=self._may_dial,
            poll_s=settings.poll_s,
            store_retry_s=settings.store_retry_s,
            trunk_wait_s=settings.trunk_wait_s,
            trunk_patience_s=settings.trunk_patience_s,
        )
        self._campaigns = Campaigns(shared, loader, may_begin=lambda: not self._drain.is_set())
        self._drain = asyncio.Event()
        self._hang_up = asyncio.Event()
        self._failure: Exception | None = None
        self._heart = Heartbeat(store, self._run_id, clock, settings.heartbeat_s)

    @property
    def status(self) -> EngineStatus:
        """How it stands now."""
        stopping = self._drain.is_set()
        return status_of(self._pool, self._trunks, self._recorder, self._opt_outs, self._heart, stopping=stopping)

    def drain(self) -> None:
        """Place no new call; let the live ones end by themselves."""
        self._drain.set()

    def hang_up_now(self) -> None:
        """Place no new call and end the live ones."""
        self._drain.set()
        self._hang_up.set()

    @property
    def next_at(self) -> datetime | None:
        """While nobody may be called: when the first may be. None: it is at work, or nobody waits."""
        return self._campaigns.next_at

    def use_gate(self, gate: Gate | None) -> None:
        """Decide by this one from now on; None: nothing may be decided, and no call is placed."""
        self._gate = gate
        self._campaigns.wake()

    async def run(self) -> Ending:
        """Work until the settings say so or ``drain`` is called.

        Raises EngineRunning (at the start, or when another engine took the store over), StoreError, AgentError; and
        what went wrong inside, after live calls have ended and their outcomes are stored.
        """
        await self._store.start_run(self._run_id, os.getpid(), self._clock.now())
        works = (self._recorder.run(), self._heart.run(), self._watch_calls(), self._hang_up_when_told())
        helpers = [self._spawn(work) for work in works]
        try:
            await self._recover()
            for number, at in await self._store.dialed_since(self._clock.now() - LONGEST):
                self._throttle.dialed(number, at)
            if not self._drain.is_set():
                await self._pool.start()
            ending = await self._supervise()
            await self._wind_down()
        finally:
            await self._let_go(helpers)
        if self._failure is not None:
            raise self._failure
        return ending

    # --- the start -----------------------------------------------------------------------------------------------

    async def _recover(self) -> None:
        """End what an earlier run left open: it may have rung, so it is interrupted and counts."""
        left = await self._store.open_attempts()
        if left:
            rows = {row.id: row for row in await self._store.campaigns(*CampaignState)}
            for attempt in left:
                row = rows[attempt.campaign_id]
                self._attempts.interrupted(attempt, row, await self._retry_plan(row))
            stopped = self._spawn(_until(self._drain))
            flushed = self._spawn(self._recorder.flushed())
            await asyncio.wait({stopped, flushed}, return_when=asyncio.FIRST_COMPLETED)
            stopped.cancel()
            flushed.cancel()
        await self._store.release_claims(self._run_id, self._clock.now())

    async def _retry_plan(self, row: CampaignRow) -> RetryPlan:
        try:
            return await self._loader.retry_plan(row)
        except DialerError as error:
            self._observer.trouble("campaign", f"{row.name}: {error}")
            return UNREADABLE

    # --- the campaigns -------------------------------------------------------------------------------------------

    async def _supervise(self) -> Ending:
        """Start and end campaign tasks as the store says, until nothing is left to do."""
        trouble = Complaint(self._store_trouble, well_again="campaigns can be read again")
        while not self._drain.is_set():
            try:
                orders, running = await self._store.wanted()
                await self._campaigns.match(running)
                await self._obey(orders)
                ending = await self._ending(running)
            except StoreError as error:
                trouble.failed(f"campaigns cannot be read: {error}")
                await self._pause(self._settings.store_retry_s)
                continue
            trouble.well()
            if ending is not None:
                return ending
            await self._pause(self._settings.poll_s)
        return Ending.STOPPED

    async def _obey(self, orders: Sequence[Order]) -> None:
        """What the operators want of this run, besides what the campaigns' states say."""
        for order in orders:
            match order.kind:
                case OrderKind.STOP:
                    self.hang_up_now()
                case OrderKind.DRAIN:
                    self.drain()
                case OrderKind.HANG_UP if order.campaign_id is not None:
                    await self._pool.hang_up(self._attempts.of_campaign(order.campaign_id))
                case OrderKind.HANG_UP:
                    await self._pool.hang_up_all()
                case OrderKind.LOOK:
                    pass
        if orders:
            self._campaigns.wake()
            if self._drain.is_set():
                self._campaigns.end()
            await self._store.orders_taken(orders[-1].id, self._clock.now())

    async def _ending(self, running: Sequence[CampaignRow]) -> Ending | None:
        if self._settings.until is RunUntil.FOREVER or self._pool.live_calls:
            return None
        runs = self._campaigns.runs
        if not running and not runs:
            paused = await self._store.campaigns(CampaignState.PAUSED)
            return Ending.PAUSED if any(row.id in self._campaigns.seen for row in paused) else Ending.DONE
        idle = all(run.idle for run in runs) and len(runs) == len(running)
        return Ending.IDLE if idle and self._settings.until is RunUntil.IDLE else None

    def _may_dial(self) -> bool:
        stopped = self._drain.is_set() or self._recorder.failing or self._opt_outs.failing
        return not stopped and self._pool.is_up

    # --- what the agents say -------------------------------------------------------------------------------------

    def _heard(self, agent: int, frame: FromAgent) -> None:
        try:
            self._take(agent, frame)
        except Exception as error:  # noqa: BLE001  the agent's other calls must still be heard; the run ends with it
            self._fail(error)

    def _take(self, agent: int, frame: FromAgent) -> None:
        self._observer.heard(frame)
        self._operators.heard(frame)
        match frame:
            case CallEnded(record=record):
                self._attempts.ended(record)
            case OptOut():
                self._opt_outs.heard(frame)
            case TrunkChanged(status=status):
                self._trunks.heard(agent, status)
            case AgentFailed(message=message):
                self._observer.trouble("agent", message)
            case _:
                pass  # progress is for those who watch

    def _agent_gone(self, agent: int, lost: Sequence[str]) -> None:
        self._trunks.forget(agent)
        for attempt_id in lost:
            self._operators.lost(attempt_id)
            self._attempts.lost(attempt_id)

    # --- the end -------------------------------------------------------------------------------------------------

    async def _wind_down(self) -> None:
        """Let live calls end; hang up when told to, or when the drain has lasted long enough."""
        self._campaigns.end()
        await self._campaigns.ended(WIND_DOWN_S)
        quiet, hang_up = self._spawn(self._pool.quiet()), self._spawn(_until(self._hang_up))
        await asyncio.wait({quiet, hang_up}, timeout=self._settings.drain_s, return_when=asyncio.FIRST_COMPLETED)
        if not quiet.done():
            await self._pool.hang_up_all()
            await asyncio.wait({quiet}, timeout=HANG_UP_S)
        quiet.cancel()
        hang_up.cancel()

    async def _let_go(self, helpers: Sequence[asyncio.Task[None]]) -> None:
        """End everything. What dies with the agents has been given to the recorder: it is the last thing written."""
        await self._campaigns.cancel()
        await self._pool.close()
        try:
            async with asyncio.timeout(self._settings.flush_s):
                await self._opt_outs.stored()
                await self._recorder.flushed()
        except TimeoutError:
            self._store_trouble(
                f"{self._recorder.unstored} outcomes are not stored: the next run takes their attempts for interrupted"
            )
            if self._opt_outs.unstored:
                self._store_trouble(f"opt-outs are not stored: attempts {', '.join(sorted(self._opt_outs.unstored))}")
        for helper in helpers:
            helper.cancel()
        await asyncio.gather(*helpers, return_exceptions=True)
        with contextlib.suppress(StoreError):  # the run is found dead by its process
            await self._store.end_run(self._run_id, self._clock.now())

    async def _hang_up_when_told(self) -> None:
        """At once, whatever the campaigns' tasks are waiting for."""
        await self._hang_up.wait()
        await self._pool.hang_up_all()

    def _fail(self, error: Exception) -> None:
        """Something is wrong inside: no new calls, and the run ends with this error once the live ones have ended."""
        if self._failure is None:
            self._failure = error
            _log.error("the run ends", exc_info=error)
            self._observer.trouble("engine", f"no new calls: {error}")
            self.drain()

    # --- helpers -------------------------------------------------------------------------------------------------

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        task.add_done_callback(self._spawned_over)
        return task

    def _spawned_over(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and isinstance(error := task.exception(), Exception):
            self._fail(error)

    async def _watch_calls(self) -> None:
        """No call may be up for ever: one that its agent does not end is hung up, and then its agent is ended."""
        while True:
            await asyncio.sleep(self._settings.heartbeat_s)
            late = self._attempts.overdue(self._settings.longest_call_s)
            if late:
                await self._pool.hang_up(late)
                await self._pool.end_agents_of(self._attempts.overdue(self._settings.longest_call_s + HANG_UP_GRACE_S))

    def _choked(self, trunk: str) -> None:
        rate = self._lanes[trunk].rate(self._clock.monotonic())
        self._observer.trouble("trunk", f"{trunk} chokes: no more than {rate:.1f} calls a second for now")

    def _store_trouble(self, detail: str) -> None:
        self._observer.trouble("store", detail)

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._drain.wait()


async def _until(event: asyncio.Event) -> None:
    await event.wait()
