"""The rows that pass between the engine and a store: plain values, the same for every store."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from dialer.calls.outcome import Outcome
from dialer.calls.plan import CallRecord
from dialer.compliance.decision import Decision


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
    attempts: int  # made for this contact in this campaign before this one
    placed_at: datetime


@dataclass(frozen=True, slots=True)
class AttemptLine:
    """The canonical log line of one attempt, and what live displays show of it."""

    attempt_id: str
    campaign: str
    number: str
    outcome: Outcome
    record: CallRecord
    attempt_number: int
