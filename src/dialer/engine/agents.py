"""Keeping the SIP agents alive, and knowing which agent has which call.

An agent that ends, or does not answer for ``silence_s``, takes its calls with it: each is reported lost, the agent is
started anew. The first start is different: its failure is the operator's to mend, and ends the run.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from dialer.calls.frames import (
    CallEnded,
    FromAgent,
    HangUp,
    LoadSound,
    OptOutStored,
    Ping,
    PlaceCall,
    Pong,
    ToAgent,
)
from dialer.calls.plan import CallPlan
from dialer.engine.ports import Agent, AgentFactory, Clock
from dialer.errors import AgentError

FIRST_BACKOFF_S = 0.5
LAST_BACKOFF_S = 30.0
PING_EVERY_S = 2.0
CLOSING_GRACE = timedelta(seconds=3)


@dataclass(slots=True)
class _Slot:
    """One place in the pool; ``agent`` is None while it is being started anew."""

    index: int
    agent: Agent | None = None
    live: set[str] = field(default_factory=set)
    answered_at: float = 0.0


class AgentPool:
    """The agents of one run. Frames go to ``on_frame``, attempts that died with their agent to ``on_lost``."""

    def __init__(
        self,
        factory: AgentFactory,
        clock: Clock,
        *,
        count: int,
        silence_s: float,
        on_frame: Callable[[FromAgent], None],
        on_lost: Callable[[str], None],
        on_trouble: Callable[[str], None],
    ) -> None:
        self._factory = factory
        self._clock = clock
        self._silence_s = silence_s
        self._on_frame = on_frame
        self._on_lost = on_lost
        self._on_trouble = on_trouble
        self._slots = [_Slot(index) for index in range(count)]
        self._sounds: dict[str, str] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._closing = False

    @property
    def live_calls(self) -> int:
        """Calls handed to agents whose end has not come back."""
        return sum(len(slot.live) for slot in self._slots)

    async def start(self) -> None:
        """Start every agent. Raises AgentError when one cannot start."""
        for slot in self._slots:
            slot.agent = await self._factory(slot.index)
            slot.answered_at = self._clock.monotonic()
            self._tasks.append(asyncio.create_task(self._attend(slot)))
        self._tasks.append(asyncio.create_task(self._watch()))

    async def load_sounds(self, sounds: dict[str, str]) -> None:
        """Have every agent load these sounds (id -> path), and load them again into any that is started later."""
        for sound, path in sounds.items():
            if self._sounds.get(sound) == path:
                continue
            self._sounds[sound] = path
            await self.tell_all(LoadSound(sound=sound, path=path))

    async def place(self, plan: CallPlan) -> None:
        """Hand a call to the agent with the fewest. Raises AgentError when none is up; the call was then not placed."""
        up = [(len(slot.live), slot.index, slot.agent) for slot in self._slots if slot.agent is not None]
        if not up:
            raise AgentError("no SIP agent is up")
        _, index, agent = min(up, key=lambda each: each[:2])
        self._slots[index].live.add(plan.attempt_id)
        try:
            await agent.send(PlaceCall(plan=plan))
        except AgentError as error:
            # Whether the frame arrived is unknown: the slot's own ending reports the attempt lost, as interrupted.
            self._on_trouble(f"agent gone while a call was handed over: {error}")

    async def confirm_opt_out(self, attempt_id: str) -> None:
        """Tell the attempt's agent that its opt-out is durable."""
        await self._tell_owner(attempt_id, OptOutStored(attempt_id=attempt_id))

    async def hang_up(self, attempt_id: str) -> None:
        """End one call."""
        await self._tell_owner(attempt_id, HangUp(attempt_id=attempt_id))

    async def hang_up_all(self) -> None:
        """End every call."""
        await self.tell_all(HangUp())

    async def tell_all(self, frame: ToAgent) -> None:
        """Send a frame to every agent that is up."""
        for slot in self._slots:
            await self._tell(slot, frame)

    async def close(self) -> None:
        """End every agent; what they still had is reported lost."""
        self._closing = True
        await asyncio.gather(*(slot.agent.close(CLOSING_GRACE) for slot in self._slots if slot.agent is not None))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for slot in self._slots:
            self._lose(slot)

    async def _tell_owner(self, attempt_id: str, frame: ToAgent) -> None:
        for slot in self._slots:
            if attempt_id in slot.live:
                await self._tell(slot, frame)

    async def _tell(self, slot: _Slot, frame: ToAgent) -> None:
        if slot.agent is None:
            return
        try:
            await slot.agent.send(frame)
        except AgentError as error:
            self._on_trouble(str(error))

    async def _attend(self, slot: _Slot) -> None:
        while not self._is_closing():
            if slot.agent is not None:
                async for frame in slot.agent.frames():
                    slot.answered_at = self._clock.monotonic()
                    if isinstance(frame, CallEnded):
                        slot.live.discard(frame.record.attempt_id)
                    if not isinstance(frame, Pong):
                        self._on_frame(frame)
            agent, slot.agent = slot.agent, None
            self._lose(slot)
            if self._is_closing():
                return
            self._on_trouble("a SIP agent ended; starting another")
            if agent is not None:
                await agent.close(timedelta(0))
            slot.agent = await self._start_again(slot.index)
            slot.answered_at = self._clock.monotonic()
            for sound, path in self._sounds.items():
                await self._tell(slot, LoadSound(sound=sound, path=path))

    def _is_closing(self) -> bool:
        return self._closing

    async def _start_again(self, index: int) -> Agent:
        backoff = FIRST_BACKOFF_S
        while True:
            try:
                return await self._factory(index)
            except AgentError as error:
                self._on_trouble(f"a SIP agent cannot start: {error}")
            await asyncio.sleep(backoff)
            backoff = min(backoff * 2, LAST_BACKOFF_S)

    async def _watch(self) -> None:
        """An agent that is silent is stuck: end it, so that its calls are known to be over."""
        number = 0
        while True:
            await asyncio.sleep(PING_EVERY_S)
            number += 1
            for slot in self._slots:
                if slot.agent is None:
                    continue
                if self._clock.monotonic() - slot.answered_at > self._silence_s:
                    self._on_trouble(f"a SIP agent has not answered for {self._silence_s:g} s; ending it")
                    await slot.agent.close(timedelta(0))
                else:
                    await self._tell(slot, Ping(number=number))

    def _lose(self, slot: _Slot) -> None:
        lost, slot.live = slot.live, set()
        for attempt_id in sorted(lost):
            self._on_lost(attempt_id)
