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


class PartKind(StrEnum):
    """What a part of the message says; the rule rows name the parts that they ask for."""

    SELLER_NAME = "seller_name"  # the legal name of the business responsible
    CALLBACK = "callback"  # its telephone number
    OPT_OUT = "opt_out"  # how to be left alone: by a key, or at the toll-free number on a machine
    SALES_PURPOSE = "sales_purpose"  # that the call is to sell
    ARTIFICIAL_VOICE = "artificial_voice"  # that no human is speaking
    ASKS_TO_CONTINUE = "asks_to_continue"  # whether the person wants to hear the rest


class Voice(StrEnum):
    """Who speaks in the recording. An AI-generated voice is an artificial one (FCC 24-17)."""

    HUMAN = "human"
    ARTIFICIAL = "artificial"


@dataclass(frozen=True, slots=True)
class MessagePart:
    """A stretch of the message, in seconds from its beginning; the end is not part of it."""

    kind: PartKind
    begins_s: float
    ends_s: float


@dataclass(frozen=True, slots=True)
class MessageDeclaration:
    """What the operator declares of the message, as the campaign's file has it."""

    voice: Voice
    parts: tuple[MessagePart, ...]  # of what a person hears, in order
    machine_parts: tuple[MessagePart, ...] = ()  # of what is left on a machine; empty: nothing is left there
    opt_out_number: str = ""  # E.164, toll-free, where an automated opt-out answers; spoken to machines


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
    message: MessageDeclaration | None = None  # None: nothing is declared, and no sales call can be made with it


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
    expires_at: datetime | None = None  # as an old registration for five years says; None, as for nearly all: never


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


class DealingKind(StrEnum):
    """What makes an established business relationship, and for how long (47 CFR 64.1200(f)(5))."""

    PURCHASE = "purchase"  # or another transaction: 18 months
    INQUIRY = "inquiry"  # or an application: 3 months


@dataclass(frozen=True, slots=True)
class Dealing:
    """Something between the seller and the person at this number. It never replaces consent to a recording."""

    kind: DealingKind
    at: datetime
    seller: str
    source: str


class Reassigned(StrEnum):
    """The reassigned-numbers database's answer: was the number disconnected for good since a date?"""

    YES = "yes"
    NO = "no"
    NO_DATA = "no_data"


@dataclass(frozen=True, slots=True)
class ReassignedAnswer:
    """What the reassigned-numbers database said (47 CFR 64.1200(m), 52.103(d))."""

    answer: Reassigned
    since: date  # the date that was asked about: of the consent, or of the last contact
    asked_at: datetime
    source: str  # file or service


@dataclass(frozen=True, slots=True)
class AbandonmentCount:
    """A campaign's calls answered by a person in its current period of 30 days, and those abandoned among them."""

    since: datetime  # when the period began; it ends 30 days later
    answered: int
    abandoned: int  # the message began more than 2 s after the greeting, or not at all


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
    registries: tuple[RegistryAnswer, ...] = ()  # of every loaded registry that could hold the number
    dealings: tuple[Dealing, ...] = ()
    reassigned: ReassignedAnswer | None = None  # the latest answer
    abandonment: AbandonmentCount | None = None  # None: the campaign's period has not begun
