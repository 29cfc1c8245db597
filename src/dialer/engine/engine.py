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
from collections.abc import Coroutine
from dataclasses import dataclass
from enum import StrEnum

from dialer.calls.frames import CallEnded, FromAgent, OptOut, ProbeTrunk, TrunkChanged
from dialer.calls.trunk import TrunkState, TrunkStatus
from dialer.campaigns.pacing import Pacer
from dialer.compliance.gate import Gate
from dialer.compliance.policy import DncEntry
from dialer.engine.agents import AgentPool
from dialer.engine.attempts import Attempts
from dialer.engine.campaign_run import CampaignRun
from dialer.engine.ports import AgentFactory, CampaignLoader, Clock, EngineStore, Observer
from dialer.engine.recorder import Recorder
from dialer.errors import DialerError, StoreError
from dialer.results.records import CampaignRow, CampaignState

HEARTBEAT_S = 2.0
TRUNK_WAIT_S = 5.0


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
    """How the engine runs."""

    until: RunUntil = RunUntil.DONE
    agents: int = 1
    poll_s: float = 0.25  # how soon a change made in another shell is seen
    drain_s: float = 180.0  # how long live calls may go on after a stop
    agent_silence_s: float = 10.0  # after which an agent counts as stuck


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
        self._observer = observer
        self._settings = settings
        self._run_id = uuid.uuid4().hex
        self._recorder = Recorder(
            store,
            on_durable=lambda ended: self._attempts.durable(ended),
            on_trouble=lambda detail: observer.trouble("store", detail),
        )
        self._attempts = Attempts(self._recorder, clock, observer)
        self._pool = AgentPool(
            agent_factory,
            clock,
            count=settings.agents,
            silence_s=settings.agent_silence_s,
            on_frame=self._heard,
            on_lost=self._attempts.lost,
            on_trouble=lambda detail: observer.trouble("agent", detail),
        )
        self._pacers = {trunk: Pacer(cps) for trunk, (cps, _) in trunk_limits.items()}
        self._channels = {trunk: channels for trunk, (_, channels) in trunk_limits.items()}
        self._trunks: dict[str, TrunkStatus] = {}
        self._trunk_news = asyncio.Event()
        self._runs: dict[int, tuple[CampaignRun, asyncio.Task[None]]] = {}
        self._chores: set[asyncio.Task[None]] = set()
        self._drain = asyncio.Event()
        self._hang_up = asyncio.Event()

    def drain(self) -> None:
        """Place no new call; let the live ones end by themselves."""
        self._drain.set()

    def hang_up_now(self) -> None:
        """Place no new call and end the live ones."""
        self._drain.set()
        self._hang_up.set()

    async def run(self) -> Ending:
        """Work until the settings say so or ``drain`` is called. Raises EngineRunning, StoreError, AgentError."""
        await self._store.start_run(self._run_id, os.getpid(), self._clock.now())
        helpers: list[asyncio.Task[None]] = []
        try:
            helpers += [asyncio.create_task(self._recorder.run()), asyncio.create_task(self._beat())]
            await self._recover()
            await self._pool.start()
            await self._see_trunks()
            ending = await self._supervise()
            await self._wind_down()
            return ending
        finally:
            for _, task in self._runs.values():
                task.cancel()
            await self._pool.close()
            # What died with the pool has been given to the recorder: its outcomes are the last thing written.
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._recorder.flushed(), timeout=10)
            for task in (*helpers, *self._chores):
                task.cancel()
            await asyncio.gather(*helpers, *self._chores, return_exceptions=True)
            with contextlib.suppress(StoreError):
                await self._store.end_run(self._run_id, self._clock.now())

    async def _recover(self) -> None:
        """End what an earlier run left open: it may have rung, so it is interrupted and counts."""
        left = await self._store.open_attempts()
        if left:
            rows = {row.id: row for row in await self._store.campaigns(*CampaignState)}
            for attempt in left:
                row = rows[attempt.campaign_id]
                self._attempts.interrupted(attempt, row, await self._loader.retry_plan(row))
            await self._recorder.flushed()
        await self._store.release_claims(self._run_id, self._clock.now())

    async def _see_trunks(self) -> None:
        """Give every trunk a moment to answer, so that a dead one is known before the first contact is claimed."""
        for trunk in self._pacers:
            await self._pool.tell_all(ProbeTrunk(trunk=trunk))
        deadline = self._clock.monotonic() + TRUNK_WAIT_S
        while len(self._trunks) < len(self._pacers):
            left = deadline - self._clock.monotonic()
            if left <= 0 or self._drain.is_set():
                return
            self._trunk_news.clear()
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._trunk_news.wait(), timeout=left)

    async def _supervise(self) -> Ending:
        """Start and end campaign tasks as the store says, until nothing is left to do."""
        while not self._drain.is_set():
            try:
                running = await self._store.campaigns(CampaignState.RUNNING)
            except StoreError as error:
                self._observer.trouble("store", f"campaigns cannot be read, no call is placed: {error}")
                await self._pause(1.0)
                continue
            await self._match(list(running))
            ending = await self._ending(list(running))
            if ending is not None:
                return ending
            await self._pause(self._settings.poll_s)
        return Ending.STOPPED

    async def _match(self, running: list[CampaignRow]) -> None:
        wanted = {row.id: row for row in running}
        for campaign_id in list(self._runs):
            run, task = self._runs[campaign_id]
            if task.done():
                del self._runs[campaign_id]
                if not task.cancelled() and (error := task.exception()) is not None:
                    await self._campaign_failed(run.campaign.row, error)
                    wanted.pop(campaign_id, None)
            elif campaign_id not in wanted:
                run.end()
        for row in wanted.values():
            if row.id in self._runs:
                continue
            try:
                loaded = await self._loader.load(row)
            except DialerError as error:
                await self._campaign_failed(row, error)
                continue
            await self._pool.load_sounds(dict(loaded.sounds))
            run = CampaignRun(
                loaded,
                run_id=self._run_id,
                store=self._store,
                gate=self._gate,
                attempts=self._attempts,
                pool=self._pool,
                clock=self._clock,
                observer=self._observer,
                pacers=[Pacer(loaded.cps), *(self._pacers[name] for name in loaded.trunks[:1])],
                channels=min(loaded.channels, *(self._channels[name] for name in loaded.trunks[:1])),
                may_dial=lambda: not self._drain.is_set() and not self._recorder.failing,
                trunk_trouble=self._trunk_trouble,
                poll_s=self._settings.poll_s,
            )
            self._runs[row.id] = (run, asyncio.create_task(run.run()))

    async def _campaign_failed(self, row: CampaignRow, error: BaseException) -> None:
        """A campaign that cannot go on is paused with the reason; its contacts stay due."""
        reason = str(error) if isinstance(error, DialerError) else f"internal error: {error!r}"
        self._observer.trouble("campaign", f"{row.name}: {reason}")
        with contextlib.suppress(StoreError):
            await self._store.set_campaign_state(row.id, CampaignState.PAUSED, self._clock.now(), reason=reason)
            self._observer.campaign_changed(row, CampaignState.PAUSED, reason)

    async def _ending(self, running: list[CampaignRow]) -> Ending | None:
        if self._settings.until is RunUntil.FOREVER or self._pool.live_calls:
            return None
        if not running and not self._runs:
            paused = await self._store.campaigns(CampaignState.PAUSED)
            return Ending.PAUSED if any(row.pause_reason for row in paused) else Ending.DONE
        idle = all(run.idle for run, _ in self._runs.values()) and len(self._runs) == len(running)
        return Ending.IDLE if idle and self._settings.until is RunUntil.IDLE else None

    async def _wind_down(self) -> None:
        """Let live calls end; hang up when told to, or when the drain has lasted long enough."""
        for run, _ in self._runs.values():
            run.end()
        await asyncio.gather(*(task for _, task in self._runs.values()), return_exceptions=True)
        deadline = self._clock.monotonic() + self._settings.drain_s
        while self._pool.live_calls:
            if self._hang_up.is_set() or self._clock.monotonic() >= deadline:
                await self._pool.hang_up_all()
                break
            await asyncio.sleep(0.05)
        deadline = self._clock.monotonic() + 2.0
        while self._pool.live_calls and self._clock.monotonic() < deadline:
            await asyncio.sleep(0.02)

    def _heard(self, frame: FromAgent) -> None:
        self._observer.heard(frame)
        match frame:
            case CallEnded(record=record):
                self._attempts.ended(record)
            case OptOut():
                self._chore(self._store_opt_out(frame))
            case TrunkChanged(status=status):
                before = self._trunks.get(status.trunk)
                self._trunks[status.trunk] = status
                self._trunk_news.set()
                if before is None or before.state is not status.state:
                    self._observer.trouble("trunk", f"{status.trunk} is {status.state}: {status.detail}")
            case _:
                pass  # progress and pongs are for those who watch

    def _chore(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._chores.add(task)
        task.add_done_callback(self._chores.discard)

    async def _store_opt_out(self, frame: OptOut) -> None:
        """Make an opt-out durable, however long that takes, and tell the agent: the call waits for it."""
        entry = DncEntry(
            e164=frame.number, added_at=frame.at, reason=f"opted out: {frame.how}", source=frame.attempt_id
        )
        while True:
            try:
                await self._store.add_opt_outs([entry])
                break
            except StoreError as error:
                self._observer.trouble("store", f"an opt-out cannot be stored yet: {error}")
                await asyncio.sleep(0.5)
        await self._pool.confirm_opt_out(frame.attempt_id)

    def _trunk_trouble(self, trunks: tuple[str, ...]) -> str | None:
        """Why none of these trunks takes calls, or None."""
        reasons = []
        for name in trunks:
            status = self._trunks.get(name)
            if status is None or status.state in {TrunkState.UP, TrunkState.UNKNOWN}:
                return None
            reasons.append(f"trunk {name} is {status.state}: {status.detail or status.sip_code}")
        return "; ".join(reasons)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            with contextlib.suppress(StoreError):  # the campaign tasks meet the same store, and say so
                await self._store.heartbeat(self._run_id, self._clock.now())

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._drain.wait(), timeout=seconds)
