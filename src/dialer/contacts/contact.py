"""Who may be called: the values that one row of a contact list becomes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping


USUAL_PRIORITY = 5


class NumberKind(StrEnum):
    """What a telephone number is for, as far as its digits tell."""

    FIXED = "fixed"
    MOBILE = "mobile"
    FIXED_OR_MOBILE = "fixed_or_mobile"  # North America: the digits cannot tell
    VOIP = "voip"
    TOLL_FREE = "toll_free"
    PREMIUM = "premium"
    SHARED_COST = "shared_cost"
    PERSONAL = "personal"
    PAGER = "pager"
    COMPANY = "company"  # universal access numbers
    VOICEMAIL = "voicemail"
    EMERGENCY = "emergency"
    SHORT_CODE = "short_code"  # N11 services and carriers' short codes
    UNKNOWN = "unknown"


class Number(msgspec.Struct, frozen=True):  # made in a fraction of the time of a dataclass: one for every row
    """A telephone number that exists in its country's plan.

    ``e164`` has the leading plus (ITU-T E.164); ``region`` is the ISO 3166 code of the country whose plan it is in
    ("US", "CA", "PR"), or "001" for a number of no country.
    """

    e164: str
    region: str
    kind: NumberKind


class Recipient(StrEnum):
    """Who answers there. The registries protect households; unknown counts as household."""

    HOUSEHOLD = "household"
    BUSINESS = "business"
    UNKNOWN = "unknown"


class LineType(StrEnum):
    """What the operator knows of the line, beyond what its digits tell."""

    LANDLINE = "landline"
    MOBILE = "mobile"
    VOIP = "voip"
    UNKNOWN = "unknown"


class Relationship(StrEnum):
    """How the seller knows the person. None of these replaces consent to a recorded message."""

    COLD = "cold"
    WARM = "warm"
    CUSTOMER = "customer"


class ConsentKind(StrEnum):
    """47 CFR 64.1200(a), (f)(9): what the person agreed to."""

    EXPRESS = "express"  # PEC: prior express consent, oral is enough
    WRITTEN = "written"  # PEWC: prior express written consent


@dataclass(frozen=True, slots=True)
class Consent:
    """One consent that a person gave, and the evidence for it. Dates are aware, UTC.

    A written one is only complete (47 CFR 64.1200(f)(9)) with the seller's name, the wording, a signature, the words
    that authorise recorded sales messages, and those that make it no condition of a purchase.
    """

    kind: ConsentKind
    given_at: datetime
    source: str  # where it was given: form, call recording, contract
    text: str = ""  # the exact wording shown or read out
    seller: str = ""  # in whose favour; empty: unknown
    revoked_at: datetime | None = None
    expires_at: datetime | None = None
    signature: str = ""  # how it was signed: "e-sign 88-12", "paper, folder 3"
    authorises_recorded: bool = False  # the wording authorises recorded or artificial-voice sales messages
    not_a_condition: bool = False  # the wording says that buying does not depend on it
    evidence: str = ""  # what proves it: a file's hash, an IP address, a recording


@dataclass(frozen=True, slots=True)
class Contact:
    """One person on one list, as imported."""

    number: Number
    name: str = ""
    time_zone: str | None = None  # IANA name, as the operator confirmed it
    postal_code: str = ""
    state: str = ""  # subdivision of the number's region, without its prefix ("FL")
    address: str = ""
    recipient: Recipient = Recipient.UNKNOWN
    line_type: LineType = LineType.UNKNOWN
    relationship: Relationship = Relationship.COLD
    language: str = ""
    consent: Consent | None = None
    priority: int = USUAL_PRIORITY  # 1, called first, to 9: among contacts who are due together
    extra: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
