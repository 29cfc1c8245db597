"""Placing what is permitted, in turn and evenly spaced, while more is decided. What does not go out is recorded so."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from dialer.calls.outcome import NotDialed
from dialer.calls.plan import CallPlan
from dialer.errors import AgentError

if TYPE_CHECKING:
    from dialer.compliance.decision import Permit
    from dialer.engine.agents import AgentPool
    from dialer.engine.attempts import Attempts
    from dialer.engine.lanes import Ticket
    from dialer.engine.ports import Clock, LoadedCampaign


class Placer:
    """The permits of one campaign that are durable and wait for their turn."""

    def __init__(
        self,
        campaign: LoadedCampaign,
        *,
        attempts: Attempts,
        pool: AgentPool,
        clock: Clock,
        why_not: Callable[[], NotDialed | None],
        pause: Callable[[float], Awaitable[None]],
        placed: Callable[[str], None],
    ) -> None:
        """``why_not`` tells why no call may be placed now; ``pause`` waits, not longer than calls may be placed.

        ``placed`` is told of each attempt before it goes to an agent.
        """
        self._placed = placed
        self._campaign = campaign
        self._attempts = attempts
        self._pool = pool
        self._clock = clock
        self._why_not = why_not
        self._pause = pause
        self._waiting: deque[tuple[Permit, Ticket]] = deque()
        self._more = asyncio.Event()
        self.has_placed = False

    @property
    def waiting(self) -> int:
        """How many wait for their turn."""
        return len(self._waiting)

    def add(self, permit: Permit, ticket: Ticket) -> None:
        """One more; its attempt is durable."""
        self._waiting.append((permit, ticket))
        self._more.set()

    async def run(self) -> None:
        """Place until cancelled."""
        while True:
            await self._more.wait()
            self._more.clear()
            while self._waiting:
                await self._turn(self._waiting[0][1])
                permit, ticket = self._waiting.popleft()
                if (why := self._why_not()) is not None:
                    self._drop(permit, ticket, why)
                else:
                    await self._place(permit, ticket)

    def drop_all(self, otherwise: NotDialed) -> None:
        """Nothing goes out any more."""
        for permit, ticket in self._waiting:
            self._drop(permit, ticket, self._why_not() or otherwise)
        self._waiting.clear()

    async def _turn(self, ticket: Ticket) -> None:
        """Wait until the next dial may go; not when none may go any more."""
        for lane in ticket.lanes:
            async with lane.dialing:
                while (wait := lane.wait(self._clock.monotonic())) > 0 and not self._why_not():
                    await self._pause(wait)

    def _drop(self, permit: Permit, ticket: Ticket, why: NotDialed) -> None:
        for lane in ticket.lanes:
            lane.skipped()
        self._attempts.not_dialed(permit.attempt_id, why)

    async def _place(self, permit: Permit, ticket: Ticket) -> None:
        now = self._clock.monotonic()
        for lane in ticket.lanes:
            lane.dialed(now)
        campaign = self._campaign
        others = tuple(trunk for trunk in campaign.trunks if trunk != ticket.trunk)
        plan = CallPlan(
            attempt_id=permit.attempt_id,
            permit=permit,
            script=campaign.script,
            limits=campaign.limits,
            trunks=(ticket.trunk, *others),
            display_name=campaign.display_name,
        )
        self.has_placed = True
        self._placed(permit.attempt_id)
        try:
            await self._pool.place(plan)
        except AgentError:
            self._attempts.not_dialed(permit.attempt_id, NotDialed.NO_CHANNEL)
