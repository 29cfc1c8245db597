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
from collections import defaultdict
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

import structlog

from dialer.calls.frames import AgentFailed, CallEnded, FromAgent, OptOut, TrunkChanged
from dialer.campaigns.retry import RetryPlan
from dialer.compliance.gate import Gate
from dialer.engine.agents import AgentPool
from dialer.engine.attempts import Attempts
from dialer.engine.campaign_run import CampaignRun
from dialer.engine.complaint import Complaint
from dialer.engine.lanes import Lane
from dialer.engine.observing import SafeObserver
from dialer.engine.opt_outs import OptOuts
from dialer.engine.ports import AgentFactory, CampaignLoader, Clock, EngineStore, Observer
from dialer.engine.recorder import Recorder
from dialer.engine.trunks import TrunkBoard
from dialer.errors import DialerError, EngineRunning, StoreError
from dialer.results.records import CampaignRow, CampaignState, Claim

HANG_UP_S = 2.0  # from the hang-up of every call to the end of the agents
WIND_DOWN_S = 5.0  # for the campaigns' tasks to come to an end, should the store hold them up

UNREADABLE = RetryPlan(max_attempts=1_000, gap=timedelta(days=1), waits={})
"""For interrupted contacts of a campaign whose file makes no sense any more: not today, and the gate decides then."""

_log = structlog.stdlib.get_logger("dialer.engine")


class RunUntil(StrEnum):
    """When a run ends by itself."""

    DONE = "done"  # every started campaign is finished, whatever time that takes
    IDLE = "idle"  # nothing is due now
    FOREVER = "forever"  # never: it waits for campaigns


class Ending(StrEnum):
    """Why a run ended."""

    DONE = "done"
    IDLE = "idle"
    STOPPED = "stopped"  # the operator asked
    PAUSED = "paused"  # every campaign left is paused, with its reason in the store


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """How the engine runs. Durations are in seconds."""

    until: RunUntil = RunUntil.DONE
    agents: int = 1
    poll_s: float = 0.25  # how soon a change made in another shell is seen
    drain_s: float = 180.0  # how long live calls may go on after a stop
    agent_silence_s: float = 10.0  # after which an agent counts as stuck
    agent_restart_s: float = 0.5  # before an agent is started anew; doubled each time that fails
    trunk_wait_s: float = 5.0  # for a campaign's trunks to answer before its first call
    store_retry_s: float = 1.0  # before what the store refused is tried again
    gather_s: float = 0.05  # how long an outcome waits for others, to be stored with them
    heartbeat_s: float = 2.0
    flush_s: float = 10.0  # for the last outcomes to be stored when the run ends


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
    ) -> None:
        """``trunk_limits`` maps each trunk to its calls a second and channels."""
        self._store = store
        self._gate = gate
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
        self._attempts = Attempts(self._recorder, clock, self._observer)
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
        self._runs: dict[int, tuple[CampaignRun, asyncio.Task[None]]] = {}
        self._held: defaultdict[int, list[Claim]] = defaultdict(list)
        self._seen: set[int] = set()  # campaigns that were running in this run
        self._drain = asyncio.Event()
        self._hang_up = asyncio.Event()
        self._failure: Exception | None = None

    def drain(self) -> None:
        """Place no new call; let the live ones end by themselves."""
        self._drain.set()

    def hang_up_now(self) -> None:
        """Place no new call and end the live ones."""
        self._drain.set()
        self._hang_up.set()

    async def run(self) -> Ending:
        """Work until the settings say so or ``drain`` is called.

        Raises EngineRunning (at the start, or when another engine took the store over), StoreError, AgentError; and
        what went wrong inside, after live calls have ended and their outcomes are stored.
        """
        await self._store.start_run(self._run_id, os.getpid(), self._clock.now())
        helpers = [self._spawn(work) for work in (self._recorder.run(), self._beat(), self._hang_up_when_told())]
        try:
            await self._recover()
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
                running = list(await self._store.campaigns(CampaignState.RUNNING))
                await self._match(running)
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

    async def _match(self, running: Sequence[CampaignRow]) -> None:
        wanted = {row.id: row for row in running}
        self._seen |= wanted.keys()
        for campaign_id in list(self._runs):
            run, task = self._runs[campaign_id]
            if task.done():
                await self._reap(campaign_id)
                wanted.pop(campaign_id, None)  # ``running`` may be older than its end: the next look tells
            elif campaign_id not in wanted:
                run.end()
        for row in wanted.values():
            if row.id not in self._runs and not self._drain.is_set():
                try:
                    await self._begin(row)
                except Exception as error:  # noqa: BLE001  the campaign is paused with it
                    await self._campaign_failed(row, error)

    async def _begin(self, row: CampaignRow) -> None:
        loaded = await self._loader.load(row)
        await self._pool.load_sounds(dict(loaded.sounds))
        run = CampaignRun(
            loaded,
            run_id=self._run_id,
            store=self._store,
            gate=self._gate,
            attempts=self._attempts,
            pool=self._pool,
            trunks=self._trunks,
            clock=self._clock,
            observer=self._observer,
            lanes=[Lane(loaded.cps, loaded.channels), self._lanes[loaded.trunks[0]]],
            held=self._held[row.id],
            may_dial=self._may_dial,
            poll_s=self._settings.poll_s,
            store_retry_s=self._settings.store_retry_s,
            trunk_wait_s=self._settings.trunk_wait_s,
        )
        self._runs[row.id] = (run, asyncio.create_task(run.run()))

    async def _reap(self, campaign_id: int) -> None:
        run, task = self._runs.pop(campaign_id)
        if not task.cancelled() and (error := task.exception()) is not None:
            await self._campaign_failed(run.campaign.row, error)

    async def _campaign_failed(self, row: CampaignRow, error: BaseException) -> None:
        """A campaign that cannot go on is paused with the reason; its contacts stay due."""
        if isinstance(error, DialerError):
            reason = str(error)
        else:
            reason = f"internal error: {error!r}"
            _log.error("a campaign's task failed", campaign=row.name, exc_info=error)
        self._observer.trouble("campaign", f"{row.name}: {reason}")
        with contextlib.suppress(StoreError):  # then it is found running again, and fails again
            await self._store.set_campaign_state(row.id, CampaignState.PAUSED, self._clock.now(), reason=reason)
            self._observer.campaign_changed(row, CampaignState.PAUSED, reason)

    async def _ending(self, running: Sequence[CampaignRow]) -> Ending | None:
        if self._settings.until is RunUntil.FOREVER or self._pool.live_calls:
            return None
        if not running and not self._runs:
            paused = await self._store.campaigns(CampaignState.PAUSED)
            return Ending.PAUSED if any(row.id in self._seen for row in paused) else Ending.DONE
        idle = all(run.idle for run, _ in self._runs.values()) and len(self._runs) == len(running)
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
            self._attempts.lost(attempt_id)

    # --- the end -------------------------------------------------------------------------------------------------

    async def _wind_down(self) -> None:
        """Let live calls end; hang up when told to, or when the drain has lasted long enough."""
        for run, _ in self._runs.values():
            run.end()
        if self._runs:
            await asyncio.wait([task for _, task in self._runs.values()], timeout=WIND_DOWN_S)
        quiet, hang_up = self._spawn(self._pool.quiet()), self._spawn(_until(self._hang_up))
        await asyncio.wait({quiet, hang_up}, timeout=self._settings.drain_s, return_when=asyncio.FIRST_COMPLETED)
        if not quiet.done():
            await self._pool.hang_up_all()
            await asyncio.wait({quiet}, timeout=HANG_UP_S)
        quiet.cancel()
        hang_up.cancel()

    async def _let_go(self, helpers: Sequence[asyncio.Task[None]]) -> None:
        """End everything. What dies with the agents has been given to the recorder: it is the last thing written."""
        for _, task in self._runs.values():
            task.cancel()
        await asyncio.gather(*(task for _, task in self._runs.values()), return_exceptions=True)
        for campaign_id in list(self._runs):
            await self._reap(campaign_id)
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

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self._settings.heartbeat_s)
            try:
                await self._store.heartbeat(self._run_id, self._clock.now())
            except EngineRunning:
                raise  # ends this run
            except StoreError:
                continue  # those who claim and record meet the same store, and say so

    def _store_trouble(self, detail: str) -> None:
        self._observer.trouble("store", detail)

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._drain.wait()


async def _until(event: asyncio.Event) -> None:
    await event.wait()
