"""A SIP agent without SIP: it keeps the real one's promises towards the engine, and its callees do as they are told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import timedelta

from dialer.calls.frames import (
    AgentFailed,
    CallEnded,
    CallProgress,
    FromAgent,
    HangUp,
    LoadSound,
    OptOut,
    OptOutStored,
    Ping,
    PlaceCall,
    Pong,
    ProbeTrunk,
    Stage,
    ToAgent,
    TrunkChanged,
)
from dialer.calls.outcome import NotDialed, Outcome
from dialer.calls.plan import CallPlan, CallRecord, EndedBy
from dialer.calls.trunk import TrunkState, TrunkStatus
from dialer.engine.ports import Clock
from dialer.errors import AgentError, PermitError


@dataclass(frozen=True)
class Callee:
    """Who is at a number: after ``call_s`` seconds the call ends so; None: only a hang-up ends it."""

    outcome: Outcome = Outcome.HEARD
    call_s: float | None = 0.01
    not_dialed: NotDialed | None = None
    detail: str = ""
    opts_out: bool = False
    told_twice: bool = False
    kills_agent: bool = False


@dataclass
class Network:
    """What lies behind the agents, and an account of what went over it. Also the factory of agents."""

    clock: Clock
    key: bytes
    trunks: dict[str, TrunkStatus]
    everyone: Callee = Callee()
    callees: dict[str, Callee] = field(default_factory=dict)
    at_place: Callable[[CallPlan], None] = lambda plan: None
    at_opt_out_stored: Callable[[str], None] = lambda number: None
    agents: list[ScriptedAgent] = field(default_factory=list)
    placed: list[tuple[float, CallPlan]] = field(default_factory=list)  # monotonic seconds
    up: set[str] = field(default_factory=set)  # numbers
    most_up: int = 0
    faults: list[str] = field(default_factory=list)  # what no engine may ever do
    starts_to_fail: int = 0

    async def __call__(self, index: int) -> ScriptedAgent:
        if self.starts_to_fail:
            self.starts_to_fail -= 1
            raise AgentError("the SIP agent did not start")
        agent = ScriptedAgent(self, index)
        self.agents.append(agent)
        return agent

    @property
    def numbers(self) -> list[str]:
        """Every number dialed, in order."""
        return [plan.permit.number for _, plan in self.placed]

    def trunk_is(self, state: TrunkState, code: int = 0, detail: str = "", *, trunk: str = "office") -> None:
        """Change a trunk and have every agent tell."""
        self.trunks[trunk] = TrunkStatus(trunk=trunk, state=state, sip_code=code, detail=detail)
        for agent in self.agents:
            agent.say(TrunkChanged(status=self.trunks[trunk]))


class ScriptedAgent:
    """One agent. ``deaf``: takes frames and answers none. ``stuck``: takes no frames any more, nor ends when asked."""

    def __init__(self, network: Network, index: int) -> None:
        self.index = index
        self.deaf = False
        self.stuck = False
        self.dead = False
        self.sounds: dict[str, str] = {}
        self._network = network
        self._said: asyncio.Queue[FromAgent | None] = asyncio.Queue()
        self._calls: dict[str, tuple[asyncio.Task[None], asyncio.Event]] = {}
        self._confirmed: dict[str, asyncio.Event] = {}
        self._used: set[str] = set()

    @property
    def handled(self) -> int:
        """How many calls it placed."""
        return len(self._used)

    async def send(self, frame: ToAgent) -> None:
        if self.dead:
            raise AgentError("the SIP agent has gone")
        if self.stuck or self.deaf:
            return
        match frame:
            case PlaceCall(plan=plan):
                self._place(plan)
            case HangUp(attempt_id=attempt_id):
                for each, (_, hung_up) in self._calls.items():
                    if attempt_id in {"", each}:
                        hung_up.set()
            case OptOutStored(attempt_id=attempt_id):
                self._confirmed[attempt_id].set()
            case LoadSound(sound=sound, path=path):
                self.sounds[sound] = path
            case ProbeTrunk(trunk=trunk):
                self.say(TrunkChanged(status=self._network.trunks[trunk]))
            case Ping(number=number):
                self.say(Pong(number=number, live_calls=len(self._calls)))
            case _:
                raise AssertionError(f"not for a running agent: {frame}")

    async def frames(self) -> AsyncIterator[FromAgent]:
        while (frame := await self._said.get()) is not None:
            yield frame

    async def close(self, grace: timedelta) -> None:
        if grace:
            if self.stuck:
                await asyncio.Event().wait()
            for _, hung_up in self._calls.values():
                hung_up.set()
            await asyncio.gather(*(task for task, _ in self._calls.values()))
        self.die()

    def say(self, frame: FromAgent) -> None:
        """Tell the engine."""
        if not self.deaf and not self.dead:
            self._said.put_nowait(frame)

    def die(self) -> None:
        """As a process does: no last words."""
        if not self.dead:
            self.dead = True
            for task, _ in self._calls.values():
                task.cancel()
            self._calls.clear()
            self._said.put_nowait(None)

    def _place(self, plan: CallPlan) -> None:
        network, number = self._network, plan.permit.number
        callee = network.callees.get(number, network.everyone)
        network.at_place(plan)
        refusal = self._refusal(plan)
        if refusal is not None:
            why, detail = refusal
            self._ended(plan, Outcome.NOT_DIALED, not_dialed=why, detail=detail)
            return
        network.placed.append((network.clock.monotonic(), plan))
        if number in network.up:
            network.faults.append(f"{number} is up twice")
        network.up.add(number)
        network.most_up = max(network.most_up, len(network.up))
        hung_up = asyncio.Event()
        task = asyncio.create_task(self._call(plan, callee, hung_up))
        self._calls[plan.attempt_id] = task, hung_up
        task.add_done_callback(lambda _: network.up.discard(number))

    def _refusal(self, plan: CallPlan) -> tuple[NotDialed, str] | None:
        try:
            plan.permit.verify(self._network.key, self._network.clock.now())
        except PermitError as error:
            return NotDialed.PERMIT_INVALID, error.message
        if plan.attempt_id in self._used or plan.permit.attempt_id != plan.attempt_id:
            self._network.faults.append(f"attempt {plan.attempt_id} handed over twice")
            return NotDialed.PERMIT_INVALID, "the permit was used before"
        self._used.add(plan.attempt_id)
        if plan.script.message not in self.sounds:
            return NotDialed.BAD_PLAN, f"the sound {plan.script.message} is not loaded"
        states = {self._network.trunks[trunk].state for trunk in plan.trunks}
        if not states & {TrunkState.UP, TrunkState.UNKNOWN}:
            return NotDialed.NO_TRUNK, "no trunk is up"
        return None

    async def _call(self, plan: CallPlan, callee: Callee, hung_up: asyncio.Event) -> None:
        self._progress(plan, Stage.INVITED)
        if callee.kills_agent:
            self.die()
            return
        outcome = callee.outcome
        try:
            async with asyncio.timeout(callee.call_s):
                await hung_up.wait()
                outcome = Outcome.CANCELED
        except TimeoutError:
            pass
        if callee.opts_out:
            outcome = Outcome.OPTED_OUT
            self._confirmed[plan.attempt_id] = asyncio.Event()
            number = plan.permit.number
            self.say(OptOut(attempt_id=plan.attempt_id, number=number, at=self._network.clock.now(), how="key 9"))
            await self._confirmed[plan.attempt_id].wait()
            self._network.at_opt_out_stored(number)
        self._network.up.discard(plan.permit.number)
        del self._calls[plan.attempt_id]
        self._ended(plan, outcome, not_dialed=callee.not_dialed, detail=callee.detail)
        if callee.told_twice:
            self._ended(plan, Outcome.BUSY)

    def _progress(self, plan: CallPlan, stage: Stage) -> None:
        self.say(CallProgress(attempt_id=plan.attempt_id, stage=stage, at=self._network.clock.now()))

    def _ended(
        self, plan: CallPlan, outcome: Outcome, *, not_dialed: NotDialed | None = None, detail: str = ""
    ) -> None:
        record = CallRecord(
            attempt_id=plan.attempt_id,
            outcome=outcome,
            not_dialed=not_dialed,
            ended_at=self._network.clock.now(),
            ended_by=EndedBy.CALLEE,
            detail=detail,
        )
        self.say(CallEnded(record=record))

    def complain(self, message: str) -> None:
        """Report that something of its own failed."""
        self.say(AgentFailed(kind="AudioError", message=message))
