"""What the engine needs of the world, as Protocols. It never imports a concrete store or SIP agent.

The order of durability is the contract (docs/architecture.md):

1. ``claim`` takes due contacts for this run; a claim alone has placed nothing.
2. ``facts`` is read right before the gate decides.
3. ``record_decisions`` makes attempts and refusals durable (fsync) *before* any permit goes to an agent.
4. ``record_outcomes`` makes outcomes durable; an attempt has exactly one.
5. ``add_opt_outs`` is durable before it returns, and in force for the very next ``facts``.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from dialer.calls.frames import FromAgent, ToAgent
from dialer.calls.plan import CallLimits, CallScript
from dialer.campaigns.ahead import Dialing
from dialer.campaigns.retry import RetryPlan
from dialer.compliance.basis import BasisText
from dialer.compliance.policy import CampaignPolicy, DncEntry, Facts
from dialer.results.records import (
    AttemptLine,
    CampaignRow,
    CampaignState,
    Claim,
    Decided,
    Ended,
    InterruptedAttempt,
    Order,
    PlaceDue,
    QueueSummary,
)

Spawn = Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]
"""Starts a task whose failure does not go unnoticed."""


class Clock(Protocol):
    """The time. The real one is the only one outside tests."""

    def now(self) -> datetime:
        """Aware, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds, never stepping."""
        ...


class EngineStore(Protocol):
    """The memory, as the engine uses it. Every method raises StoreError when the store cannot be used."""

    async def start_run(self, run_id: str, pid: int, now: datetime) -> None:
        """Take the store for this run. Raises EngineRunning, naming the other, while another run is alive."""
        ...

    async def heartbeat(self, run_id: str, now: datetime) -> None:
        """Say that the run is alive. Raises EngineRunning when it was taken for dead in the meantime."""
        ...

    async def end_run(self, run_id: str, now: datetime) -> None:
        """Let the store go: this run's claims that came to nothing are waiting again."""
        ...

    async def open_attempts(self) -> Sequence[InterruptedAttempt]:
        """Attempts without an outcome: at start, those that a dead run left."""
        ...

    async def release_claims(self, run_id: str, now: datetime) -> int:
        """Put what other runs have claimed without opening an attempt back to waiting; return how many."""
        ...

    async def campaigns(self, *states: CampaignState) -> Sequence[CampaignRow]: ...

    async def set_campaign_state(
        self, campaign_id: int, state: CampaignState, now: datetime, *, reason: str = ""
    ) -> None: ...

    async def places(self, campaign_id: int) -> Sequence[PlaceDue]:
        """The places in which contacts of a campaign wait, each with the earliest time that one is due."""
        ...

    async def claim(
        self, run_id: str, campaign_id: int, places: Sequence[int], limit: int, now: datetime
    ) -> Sequence[Claim]:
        """Take up to ``limit`` due contacts, of the first place first, in order of due time and priority.

        Never a number that has an open attempt or claim.
        """
        ...

    async def put_back(self, claims: Sequence[Claim], due_at: Sequence[datetime | None]) -> None:
        """Let claims wait until then, None: as before; nothing was decided about them."""
        ...

    async def wanted(self) -> tuple[Sequence[Order], Sequence[CampaignRow]]:
        """What operators want, at one moment: orders not yet carried out, and running campaigns; oldest first."""
        ...

    async def orders_taken(self, last: int, now: datetime) -> None:
        """Say that the orders up to this number have been carried out."""
        ...

    async def dialed_since(self, since: datetime) -> Sequence[tuple[str, datetime]]:
        """The numbers dialed from then on, and when, oldest first."""
        ...

    async def facts(self, claims: Sequence[Claim], now: datetime) -> Sequence[Facts]:
        """The facts for each claim, in order, read now."""
        ...

    async def keep_texts(self, texts: Sequence[BasisText], now: datetime) -> None:
        """Keep the texts that decisions refer to, before the first of them."""
        ...

    async def record_decisions(self, decided: Sequence[Decided]) -> None: ...

    async def record_outcomes(self, ended: Sequence[Ended]) -> None: ...

    async def add_opt_outs(self, entries: Sequence[DncEntry]) -> None: ...

    async def queue_summary(self, campaign_id: int) -> QueueSummary: ...


class Agent(Protocol):
    """A SIP agent process, seen from the engine."""

    async def send(self, frame: ToAgent) -> None:
        """Queue a frame. Raises AgentError when the agent has gone.

        Nothing is awaited: frames keep their order, none is withdrawn, and an agent that takes none holds nobody up.
        One that takes none answers no ping either, and is ended before the queue grows long.
        """
        ...

    def frames(self) -> AsyncIterator[FromAgent]:
        """What the agent says, until it ends."""
        ...

    async def close(self, grace: timedelta) -> None:
        """Shut down, and kill what does not end within ``grace``."""
        ...


class Observer(Protocol):
    """Who watches the run: the log, the live display."""

    def decided(self, campaign: CampaignRow, decided: Decided) -> None: ...

    def heard(self, frame: FromAgent) -> None:
        """A frame from an agent, as it came."""
        ...

    def ended(self, line: AttemptLine) -> None:
        """Called once the outcome is durable."""
        ...

    def campaign_changed(self, campaign: CampaignRow, state: CampaignState, reason: str) -> None: ...

    def trouble(self, what: str, detail: str) -> None:
        """Something outside the calls went wrong, or is well again.

        ``what``: "engine", "store", "agent", "trunk" or "campaign".
        """
        ...


@dataclass(frozen=True, slots=True)
class OperatorsPlan:
    """The operators of a campaign, and how calls are placed for them."""

    addresses: tuple[str, ...]  # a ring group as often as it has lines
    trunk: str
    dialing: Dialing
    wrap_up_s: float  # after each talk, for the operator's notes


@dataclass(frozen=True, slots=True)
class LoadedCampaign:
    """A campaign made ready to dial: what its file says, and the prepared sounds (id -> path of an 8 kHz WAV)."""

    row: CampaignRow
    policy: CampaignPolicy
    retry: RetryPlan
    script: CallScript
    limits: CallLimits
    trunks: tuple[str, ...]
    cps: float
    channels: int
    display_name: str
    sounds: Mapping[str, str]
    ramp_s: float = 0.0  # from its first call until its full rate
    operators: OperatorsPlan | None = None
    share: float = 1.0  # of the trunks' room, among the campaigns that call at the same time


class CampaignLoader(Protocol):
    """Makes a stored campaign ready."""

    async def load(self, row: CampaignRow) -> LoadedCampaign:
        """Raises CampaignError or AudioError when the file or its sounds no longer hold together."""
        ...

    async def retry_plan(self, row: CampaignRow) -> RetryPlan:
        """Only when its contacts are tried again: needs no sounds."""
        ...


class AgentFactory(Protocol):
    """Starts a SIP agent process, configured and ready."""

    async def __call__(self, index: int) -> Agent:
        """The agent of this place in the pool, 0 and up: each has ports of its own. Raises AgentError."""
        ...
