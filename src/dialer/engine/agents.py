"""Keeping the SIP agents alive, and knowing which agent has which call.

An agent that ends takes its calls with it: each of them is reported lost, and another agent is started. One that does
not answer for ``silence_s`` is killed. The first start is different: its failure is the operator's to mend, and ends
the run.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from dialer.calls.frames import (
    CallEnded,
    FromAgent,
    HangUp,
    LoadSound,
    MeetOperators,
    OptOutStored,
    Ping,
    PlaceCall,
    Pong,
    ToAgent,
)
from dialer.calls.plan import CallPlan, OperatorLine
from dialer.engine.ports import Agent, AgentFactory, Spawn
from dialer.engine.status import AgentsStatus
from dialer.errors import AgentError

LAST_BACKOFF_S = 30.0
PINGS = 5  # unanswered in a row, after which an agent counts as stuck
MIN_PING_S = 0.05
CLOSING_GRACE = timedelta(seconds=3)
CLOSING_S = 1.0  # for what an agent said last to be read


@dataclass(slots=True)
class _Slot:
    """One place in the pool; ``agent`` is None while it is being started anew."""

    index: int
    agent: Agent | None = None
    live: set[str] = field(default_factory=set)
    unanswered: int = 0  # pings
    tasks: list[asyncio.Task[None]] = field(default_factory=list)


class AgentPool:
    """The agents of one run. Frames go to ``on_frame`` with the agent's place in the pool.

    ``on_gone`` is told that an agent has ended, with the attempts that died with it.
    """

    def __init__(
        self,
        factory: AgentFactory,
        spawn: Spawn,
        *,
        count: int,
        silence_s: float,
        restart_s: float,
        on_frame: Callable[[int, FromAgent], None],
        on_gone: Callable[[int, Sequence[str]], None],
        on_trouble: Callable[[str], None],
    ) -> None:
        self._factory = factory
        self._spawn = spawn
        self._ping_every_s = max(MIN_PING_S, silence_s / (PINGS + 1))
        self._restart_s = restart_s
        self._on_frame = on_frame
        self._on_gone = on_gone
        self._on_trouble = on_trouble
        self._slots = [_Slot(index) for index in range(count)]
        self._sounds: dict[str, str] = {}
        self._operators: tuple[OperatorLine, ...] = ()
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._closing = False
        self.started = False  # every agent was up once
        self._restarts = 0

    @property
    def live_calls(self) -> int:
        """Calls handed to agents whose end has not come back."""
        return sum(len(slot.live) for slot in self._slots)

    @property
    def is_up(self) -> bool:
        """Whether any agent is there to take a call."""
        return any(slot.agent is not None for slot in self._slots)

    @property
    def status(self) -> AgentsStatus:
        """How the agents stand now."""
        up = sum(slot.agent is not None for slot in self._slots)
        return AgentsStatus(wanted=len(self._slots), up=up, restarts=self._restarts, live_calls=self.live_calls)

    async def quiet(self) -> None:
        """Wait until no call is live."""
        await self._quiet.wait()

    async def start(self) -> None:
        """Start every agent. Raises AgentError when one cannot start."""
        for slot in self._slots:
            slot.agent = await self._factory(slot.index)
            slot.tasks = [self._spawn(self._attend(slot, slot.agent)), self._spawn(self._watch(slot))]
        self.started = True

    async def load_sounds(self, sounds: dict[str, str]) -> None:
        """Have every agent load these sounds (id -> path), and load them again into any that is started later."""
        for sound, path in sounds.items():
            if self._sounds.get(sound) != path:
                self._sounds[sound] = path
                await self.tell_all(LoadSound(sound=sound, path=path))

    async def meet_operators(self, operators: Iterable[OperatorLine]) -> None:
        """Let every agent call these for transfers, and any that is started later."""
        new = tuple(each for each in operators if each not in self._operators)
        if new:
            self._operators += new
            await self.tell_all(MeetOperators(operators=new))

    async def tell(self, attempt_id: str, frame: ToAgent) -> None:
        """Send a frame to the agent that has this attempt, if one has."""
        for slot in self._slots:
            if attempt_id in slot.live:
                await self._tell(slot, frame)

    async def place(self, plan: CallPlan) -> None:
        """Hand a call to the agent with the fewest. Raises AgentError when none is up; the call was then not placed."""
        up = [(len(slot.live), slot.index, slot.agent) for slot in self._slots if slot.agent is not None]
        if not up:
            raise AgentError("no SIP agent is up")
        _, index, agent = min(up, key=lambda each: each[:2])
        self._slots[index].live.add(plan.attempt_id)
        self._quiet.clear()
        # Whether the frame arrives is unknown when this fails: the agent's end then reports the attempt lost.
        await self._send(agent, PlaceCall(plan=plan))

    async def confirm_opt_out(self, attempt_id: str) -> None:
        """Tell the attempt's agent that its opt-out is durable."""
        await self.tell(attempt_id, OptOutStored(attempt_id=attempt_id))

    async def hang_up(self, attempts: Iterable[str]) -> None:
        """End these calls."""
        wanted = set(attempts)
        for slot in self._slots:
            for attempt_id in sorted(slot.live & wanted):
                await self._tell(slot, HangUp(attempt_id=attempt_id))

    async def end_agents_of(self, attempts: Iterable[str]) -> None:
        """End the agents that have these calls and do not end them; others take their place."""
        wanted = set(attempts)
        for slot in self._slots:
            if slot.agent is not None and slot.live & wanted:
                self._on_trouble(f"a SIP agent does not end {len(slot.live & wanted)} of its calls; ending it")
                await _end(slot.agent, timedelta(0))

    async def hang_up_all(self) -> None:
        """End every call."""
        await self.tell_all(HangUp())

    async def tell_all(self, frame: ToAgent) -> None:
        """Send a frame to every agent that is up."""
        await asyncio.gather(*(self._tell(slot, frame) for slot in self._slots))

    async def close(self) -> None:
        """End every agent; what they still had is reported lost."""
        self._closing = True
        await asyncio.gather(*(self._close(slot) for slot in self._slots))

    async def _close(self, slot: _Slot) -> None:
        if slot.agent is not None and slot.tasks:
            attending, watching = slot.tasks
            watching.cancel()
            await _end(slot.agent, CLOSING_GRACE)
            await asyncio.wait([attending], timeout=CLOSING_S)
        for task in slot.tasks:
            task.cancel()
        await asyncio.gather(*slot.tasks, return_exceptions=True)
        self._lose(slot)

    async def _tell(self, slot: _Slot, frame: ToAgent) -> None:
        if slot.agent is not None:
            await self._send(slot.agent, frame)

    async def _send(self, agent: Agent, frame: ToAgent) -> None:
        try:
            await agent.send(frame)
        except AgentError as error:
            self._on_trouble(str(error))

    async def _attend(self, slot: _Slot, agent: Agent) -> None:
        """Hear the agent of this place; when it ends, report its calls lost and start another."""
        while True:
            await self._hear(slot, agent)
            slot.agent = None
            if self._is_closing():
                return  # close() reports what is lost
            self._on_trouble("a SIP agent ended; starting another")
            await _end(agent, timedelta(0))
            self._lose(slot)
            agent = await self._start_again(slot.index)
            slot.unanswered = 0
            slot.agent = agent
            self._restarts += 1

    async def _hear(self, slot: _Slot, agent: Agent) -> None:
        async for frame in agent.frames():
            slot.unanswered = 0
            if isinstance(frame, CallEnded):
                slot.live.discard(frame.record.attempt_id)
                self._note_quiet()
            if not isinstance(frame, Pong):
                self._on_frame(slot.index, frame)

    def _is_closing(self) -> bool:
        return self._closing

    async def _start_again(self, index: int) -> Agent:
        """An agent with every sound loaded. There is no await between its readiness and the return."""
        backoff = self._restart_s
        while True:
            await asyncio.sleep(backoff)
            backoff = min(backoff * 2, LAST_BACKOFF_S)
            try:
                agent = await self._factory(index)
            except (AgentError, OSError) as error:
                self._on_trouble(f"a SIP agent cannot start: {error}")
                continue
            given: dict[str, str] = {}
            met: tuple[OperatorLine, ...] = ()
            try:
                while given != self._sounds or met != self._operators:  # a campaign may bring more meanwhile
                    if met != self._operators:
                        met = self._operators
                        await agent.send(MeetOperators(operators=met))
                    for sound, path in list(self._sounds.items()):
                        await agent.send(LoadSound(sound=sound, path=path))
                        given[sound] = path
            except BaseException as error:
                await _end(agent, timedelta(0))
                if not isinstance(error, AgentError):
                    raise
                self._on_trouble(f"a SIP agent ended at its start: {error}")
            else:
                return agent

    async def _watch(self, slot: _Slot) -> None:
        """An agent that is silent is stuck: end it, so that its calls are known to be over.

        Unanswered pings are counted, not seconds: when this process itself was held up, its agents are not to blame.
        """
        number = 0
        while True:
            await asyncio.sleep(self._ping_every_s)
            agent = slot.agent
            if agent is None:
                continue
            if slot.unanswered >= PINGS:
                self._on_trouble(f"a SIP agent has not answered {PINGS} pings; ending it")
                slot.unanswered = 0
                await _end(agent, timedelta(0))  # with that its frames end, and _attend sees to the rest
                continue
            slot.unanswered += 1
            number += 1
            await self._send(agent, Ping(number=number))

    def _lose(self, slot: _Slot) -> None:
        lost, slot.live = sorted(slot.live), set()
        self._note_quiet()
        self._on_gone(slot.index, lost)

    def _note_quiet(self) -> None:
        if not self.live_calls:
            self._quiet.set()


async def _end(agent: Agent, grace: timedelta) -> None:
    """Close, but do not wait longer than that for an agent that takes nothing any more."""
    if grace:
        try:
            async with asyncio.timeout(grace.total_seconds() + CLOSING_S):
                await agent.close(grace)
        except TimeoutError:
            pass
        else:
            return
    await agent.close(timedelta(0))
