"""What the gate is told of a campaign, and the facts it is given about one dial."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dialer.contacts.contact import Consent, Contact


class Purpose(StrEnum):
    """Why the campaign calls; it decides which consent is needed (47 CFR 64.1200(a)(2), (a)(3))."""

    MARKETING = "marketing"
    INFORMATIONAL = "informational"
    SURVEY = "survey"
    NONPROFIT = "nonprofit"
    HEALTH = "health"
    POLITICAL = "political"
    DEBT = "debt"
    EMERGENCY = "emergency"


@dataclass(frozen=True, slots=True)
class DailyHours:
    """The campaign's own calling hours on the called person's wall clock, narrower than the law's; end exclusive."""

    opens: time
    closes: time


@dataclass(frozen=True, slots=True)
class CampaignPolicy:
    """The part of a campaign that decides whether a call is lawful."""

    campaign_id: int
    purpose: Purpose
    seller: str
    caller_id: str  # E.164, the number presented
    callback_number: str  # E.164, spoken in the message
    hours: DailyHours | None  # None: the law's own
    max_attempts: int  # per contact in this campaign
    gap: timedelta  # between two dials of one number, whatever the list or campaign


@dataclass(frozen=True, slots=True)
class CallerIdRight:
    """A number that this operator may present, and on what ground (47 CFR 64.1604: no misleading caller ID)."""

    number: str  # E.164
    ground: str  # "owned", "assigned by carrier", "letter of authorisation"
    evidence: str = ""  # where the proof is kept
    valid_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class DncEntry:
    """A number on the operator's own do-not-call list."""

    e164: str
    added_at: datetime
    reason: str  # "opted out by key 9", "asked in writing"
    source: str  # attempt id, file or person


@dataclass(frozen=True, slots=True)
class RegistryAnswer:
    """What one do-not-call registry, in the version that is loaded, says of one number."""

    registry: str  # "us_national", "us_tx", "gb_tps"
    listed: bool
    covered: bool  # whether that version holds the number's area code or country at all
    data_date: date  # of the data, as the registry's keeper made them
    loaded_at: datetime
    version: str  # the load's id
    sha256: str  # of the file that was loaded


@dataclass(frozen=True, slots=True)
class PastAttempt:
    """A call to this number that was, or may have been, placed: interrupted ones count."""

    attempt_id: str
    campaign_id: int
    at: datetime  # when the attempt was made durable, before its INVITE
    outcome: str  # value of calls.outcome.Outcome, or "open"


@dataclass(frozen=True, slots=True)
class Facts:
    """All that is known of one number at the moment of dialing, read from the store just before.

    ``read_at`` is when; facts older than the gate's tolerance refuse. ``history`` holds every attempt to this number
    by any campaign within the last 30 days, and every one of this campaign for this contact, oldest first.
    """

    contact: Contact
    consents: tuple[Consent, ...]  # every consent on file for the number, revoked ones too
    internal_dnc: DncEntry | None
    history: tuple[PastAttempt, ...]
    read_at: datetime
