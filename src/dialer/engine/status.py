"""How the engine stands, for those who watch over it: health, metrics, the service manager."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from dialer.calls.trunk import TrunkState
from dialer.engine.ports import Clock, EngineStore
from dialer.errors import EngineRunning, StoreError

if TYPE_CHECKING:
    from dialer.engine.agents import AgentPool
    from dialer.engine.opt_outs import OptOuts
    from dialer.engine.recorder import Recorder
    from dialer.engine.trunks import TrunkBoard


class Phase(StrEnum):
    """How far a run has come."""

    STARTING = "starting"  # the store is taken, the agents are not up yet
    RUNNING = "running"
    STOPPING = "stopping"  # no new calls; live ones may go on


def phase_of(*, started: bool, stopping: bool) -> Phase:
    """A run that is asked to stop while it starts is stopping."""
    if stopping:
        return Phase.STOPPING
    return Phase.RUNNING if started else Phase.STARTING


@dataclass(frozen=True, slots=True)
class AgentsStatus:
    """The SIP agents of a run, and what they have to do."""

    wanted: int
    up: int
    restarts: int  # agents started anew since the run began
    live_calls: int  # handed to agents whose end has not come back


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """One look at a run."""

    phase: Phase
    agents: AgentsStatus
    trunks: Mapping[str, TrunkState]  # as the agents know them; the best word of any
    store_failing: bool  # what must be written cannot be: no call is placed
    unstored: int  # outcomes that have ended and are not on disk yet
    heartbeat_age_s: float  # since the store last took this run's sign of life


class Heartbeat:
    """Writes the run's sign of life into the store, and knows when that last went well."""

    def __init__(self, store: EngineStore, run_id: str, clock: Clock, every_s: float) -> None:
        self._store = store
        self._run_id = run_id
        self._clock = clock
        self._every_s = every_s
        self._beaten_at = clock.monotonic()
        self.failing = False

    @property
    def age_s(self) -> float:
        """Seconds since the store last took it."""
        return self._clock.monotonic() - self._beaten_at

    async def run(self) -> None:
        """Beat until cancelled. Raises EngineRunning when another engine took the store over: that ends this run."""
        while True:
            await asyncio.sleep(self._every_s)
            try:
                await self._store.heartbeat(self._run_id, self._clock.now())
            except EngineRunning:
                raise
            except StoreError:
                self.failing = True  # those who claim and record meet the same store, and say so
            else:
                self.failing = False
                self._beaten_at = self._clock.monotonic()


def status_of(
    pool: AgentPool, trunks: TrunkBoard, recorder: Recorder, opt_outs: OptOuts, heart: Heartbeat, *, stopping: bool
) -> EngineStatus:
    """What the parts of an engine say of themselves, as one."""
    return EngineStatus(
        phase=phase_of(started=pool.started, stopping=stopping),
        agents=pool.status,
        trunks=trunks.states(),
        store_failing=recorder.failing or opt_outs.failing or heart.failing,
        unstored=recorder.unstored,
        heartbeat_age_s=heart.age_s,
    )
