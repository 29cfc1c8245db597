"""The rows that pass between the engine and a store: plain values, the same for every store."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

import msgspec

from dialer.calls.outcome import Outcome
from dialer.calls.plan import CallRecord
from dialer.compliance.decision import Decision, Permit, Refusal


class CampaignState(StrEnum):
    """What the operator wants of a campaign, and what became of it."""

    CREATED = "created"  # -> running | stopped
    RUNNING = "running"  # -> paused | stopped | done
    PAUSED = "paused"  # -> running | stopped
    STOPPED = "stopped"  # final
    DONE = "done"  # every contact is finished; -> running when contacts are added


CAMPAIGN_TRANSITIONS: Mapping[CampaignState, frozenset[CampaignState]] = {
    CampaignState.CREATED: frozenset({CampaignState.RUNNING, CampaignState.STOPPED}),
    CampaignState.RUNNING: frozenset({CampaignState.PAUSED, CampaignState.STOPPED, CampaignState.DONE}),
    CampaignState.PAUSED: frozenset({CampaignState.RUNNING, CampaignState.STOPPED}),
    CampaignState.STOPPED: frozenset(),
    CampaignState.DONE: frozenset({CampaignState.RUNNING}),
}


class QueueState(StrEnum):
    """Where one contact of one campaign stands."""

    WAITING = "waiting"  # due at due_at -> claimed
    CLAIMED = "claimed"  # taken by a run -> dialing | waiting | finished
    DIALING = "dialing"  # an attempt is open -> waiting | finished
    FINISHED = "finished"  # nothing more will be tried; ``why`` says so


QUEUE_TRANSITIONS: Mapping[QueueState, frozenset[QueueState]] = {
    QueueState.WAITING: frozenset({QueueState.CLAIMED}),
    QueueState.CLAIMED: frozenset({QueueState.DIALING, QueueState.WAITING, QueueState.FINISHED}),
    QueueState.DIALING: frozenset({QueueState.WAITING, QueueState.FINISHED}),
    QueueState.FINISHED: frozenset(),
}


class OrderKind(StrEnum):
    """What an operator wants of the running engine. What is to be true then stands in other tables already."""

    LOOK = "look"  # something has changed: contacts, states, paces
    HANG_UP = "hang_up"  # the live calls of one campaign, or of all, now
    DRAIN = "drain"  # end the run once the live calls have ended
    STOP = "stop"  # end the run, and its calls, now


class Order(msgspec.Struct, frozen=True):
    """One order, not yet carried out."""

    id: int
    kind: OrderKind
    campaign_id: int | None  # None: all


class PlaceDue(msgspec.Struct, frozen=True):
    """A place in which contacts of a campaign wait. ``key`` is empty where it is not known."""

    place_id: int
    key: str
    next_due: datetime


class Overdue(msgspec.Struct, frozen=True):
    """A contact that has stood in one state past its deadline."""

    e164: str
    state: QueueState
    since: datetime
    deadline: datetime


class CampaignRow(msgspec.Struct, frozen=True):
    """A campaign as stored: its definition is the text of the TOML file it was created from."""

    id: int
    name: str
    state: CampaignState
    definition: str
    base_dir: str  # what relative sound paths are relative to
    pause_reason: str = ""
    cps: float | None = None  # an operator's, instead of the definition's
    channels: int | None = None


class Claim(msgspec.Struct, frozen=True):
    """One due contact taken by this run."""

    queue_id: int
    campaign_id: int
    contact_id: int
    e164: str
    attempts: int  # already made for this contact in this campaign
    run_id: str = ""  # that took it: nothing is decided for it once another run has taken the store over


class Decided(msgspec.Struct, frozen=True):
    """A claim with the gate's decision. A refusal sets the contact waiting until ``due_at``, or finishes it (None)."""

    claim: Claim
    attempt_id: str
    decision: Decision
    decided_at: datetime
    due_at: datetime | None = None
    script_id: str = ""  # which message, by content hash


class Ended(msgspec.Struct, frozen=True):
    """An attempt's record, and what becomes of the contact: due again at ``due_at``, or finished (None)."""

    queue_id: int
    record: CallRecord
    due_at: datetime | None
    why_finished: str = ""


class QueueSummary(msgspec.Struct, frozen=True):
    """How many contacts of a campaign stand where, and when the next is due."""

    waiting: int
    claimed: int
    dialing: int
    finished: int
    next_due: datetime | None


class InterruptedAttempt(msgspec.Struct, frozen=True):
    """An attempt that an earlier run left open."""

    attempt_id: str
    queue_id: int
    campaign_id: int
    e164: str
    attempts: int  # made for this contact in this campaign before this one
    placed_at: datetime


class AttemptRow(msgspec.Struct, frozen=True):
    """An attempt as stored; ``record`` is None while it is open."""

    attempt_id: str
    campaign_id: int
    campaign: str
    contact_id: int
    name: str
    number: str
    placed_at: datetime
    permit: Permit
    record: CallRecord | None
    script_id: str = ""  # the message, by content hash


class RefusalRow(msgspec.Struct, frozen=True):
    """A refusal as stored."""

    campaign_id: int
    campaign: str
    contact_id: int
    name: str
    refusal: Refusal


class AttemptLine(msgspec.Struct, frozen=True):
    """The canonical log line of one attempt, and what live displays show of it."""

    attempt_id: str
    campaign: str
    number: str
    outcome: Outcome
    record: CallRecord
    attempt_number: int
