"""What the engine needs of the world, as Protocols. It never imports a concrete store or SIP agent.

The order of durability is the contract (docs/architecture.md):

1. ``claim`` takes due contacts for this run; a claim alone has placed nothing.
2. ``facts`` is read right before the gate decides.
3. ``record_decisions`` makes attempts and refusals durable (fsync) *before* any permit goes to an agent.
4. ``record_outcomes`` makes outcomes durable; an attempt has exactly one.
5. ``add_opt_outs`` is durable before it returns, and in force for the very next ``facts``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from dialer.calls.frames import FromAgent, ToAgent
from dialer.calls.outcome import Outcome
from dialer.calls.plan import CallRecord
from dialer.compliance.decision import Decision
from dialer.compliance.policy import DncEntry, Facts


class Clock(Protocol):
    """The time. The real one is the only one outside tests."""

    def now(self) -> datetime:
        """Aware, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds, never stepping."""
        ...


class CampaignState(StrEnum):
    """What the operator wants of a campaign, and what became of it."""

    CREATED = "created"  # -> running
    RUNNING = "running"  # -> paused | stopped | done
    PAUSED = "paused"  # -> running | stopped
    STOPPED = "stopped"  # final
    DONE = "done"  # every contact is finished; -> running when contacts are added


class QueueState(StrEnum):
    """Where one contact of one campaign stands."""

    WAITING = "waiting"  # due at due_at -> claimed
    CLAIMED = "claimed"  # taken by a run -> dialing | waiting | finished
    DIALING = "dialing"  # an attempt is open -> waiting | finished
    FINISHED = "finished"  # nothing more will be tried; ``why`` says so


@dataclass(frozen=True, slots=True)
class CampaignRow:
    """A campaign as stored: its definition is the text of the TOML file it was created from."""

    id: int
    name: str
    state: CampaignState
    definition: str
    base_dir: str  # what relative sound paths are relative to
    pause_reason: str = ""


@dataclass(frozen=True, slots=True)
class Claim:
    """One due contact taken by this run."""

    queue_id: int
    campaign_id: int
    contact_id: int
    e164: str
    attempts: int  # already made for this contact in this campaign


@dataclass(frozen=True, slots=True)
class Decided:
    """A claim with the gate's decision. A refusal sets the contact waiting until ``due_at``, or finishes it (None)."""

    claim: Claim
    attempt_id: str
    decision: Decision
    decided_at: datetime
    due_at: datetime | None = None
    script_id: str = ""  # which message, by content hash


@dataclass(frozen=True, slots=True)
class Ended:
    """An attempt's record, and what becomes of the contact: due again at ``due_at``, or finished (None)."""

    queue_id: int
    record: CallRecord
    due_at: datetime | None
    why_finished: str = ""


@dataclass(frozen=True, slots=True)
class QueueSummary:
    """How many contacts of a campaign stand where, and when the next is due."""

    waiting: int
    claimed: int
    dialing: int
    finished: int
    next_due: datetime | None


@dataclass(frozen=True, slots=True)
class InterruptedAttempt:
    """An attempt that an earlier run left open."""

    attempt_id: str
    queue_id: int
    campaign_id: int
    e164: str
    placed_at: datetime


class EngineStore(Protocol):
    """The memory, as the engine uses it. Every method raises StoreError when the store cannot be used."""

    async def start_run(self, run_id: str, pid: int, now: datetime) -> None:
        """Take the store for this run. Raises EngineRunning, naming the other, while another run is alive."""
        ...

    async def heartbeat(self, run_id: str, now: datetime) -> None: ...

    async def end_run(self, run_id: str, now: datetime) -> None: ...

    async def open_attempts(self) -> Sequence[InterruptedAttempt]:
        """Attempts without an outcome: at start, those that a dead run left."""
        ...

    async def release_claims(self, run_id: str, now: datetime) -> int:
        """Put contacts that are claimed, but have no open attempt, back to waiting; return how many."""
        ...

    async def campaigns(self, *states: CampaignState) -> Sequence[CampaignRow]: ...

    async def set_campaign_state(
        self, campaign_id: int, state: CampaignState, now: datetime, *, reason: str = ""
    ) -> None: ...

    async def claim(self, run_id: str, campaign_id: int, limit: int, now: datetime) -> Sequence[Claim]:
        """Take up to ``limit`` due contacts, earliest due first; never a number that has an open attempt or claim."""
        ...

    async def facts(self, claims: Sequence[Claim], now: datetime) -> Sequence[Facts]:
        """The facts for each claim, in order, read now."""
        ...

    async def record_decisions(self, decided: Sequence[Decided]) -> None: ...

    async def record_outcomes(self, ended: Sequence[Ended]) -> None: ...

    async def add_opt_outs(self, entries: Sequence[DncEntry]) -> None: ...

    async def queue_summary(self, campaign_id: int) -> QueueSummary: ...


class Agent(Protocol):
    """A SIP agent process, seen from the engine."""

    async def send(self, frame: ToAgent) -> None:
        """Raises AgentError when the agent has gone."""
        ...

    def frames(self) -> AsyncIterator[FromAgent]:
        """What the agent says, until it ends."""
        ...

    async def close(self, grace: timedelta) -> None:
        """Shut down, and kill what does not end within ``grace``."""
        ...


@dataclass(frozen=True, slots=True)
class AttemptLine:
    """The canonical log line of one attempt, and what live displays show of it."""

    attempt_id: str
    campaign: str
    number: str
    outcome: Outcome
    record: CallRecord
    attempt_number: int


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
