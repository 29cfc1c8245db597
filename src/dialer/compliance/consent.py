"""Which consent a call needs, and whether it is on file.

47 CFR 64.1200(a)(1)-(3), (a)(10)-(11), (f)(9); elsewhere what the rule rows say. A relationship never replaces consent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from dialer.compliance.policy import Purpose
from dialer.compliance.rules import MarketingRule, RuleRow
from dialer.contacts.contact import Consent, ConsentKind, Contact, LineType, NumberKind

_LANDLINE_KINDS = {NumberKind.FIXED, NumberKind.FIXED_OR_MOBILE}


class NotCounted(StrEnum):
    """Why a consent on file does not count."""

    REVOKED = "revoked"
    BEFORE_REVOCATION = "given before the latest revocation"
    OTHER_SELLER = "given to another seller"
    IN_THE_FUTURE = "dated in the future"


@dataclass(frozen=True, slots=True)
class Standing:
    """What the consents on file come to, for one seller at one instant."""

    best: Consent | None  # written before express, then the latest
    kind: ConsentKind | None  # what ``best`` is good for
    revoked_at: datetime | None  # the latest revocation
    not_counted: tuple[tuple[Consent, NotCounted], ...]


def is_landline(contact: Contact) -> bool:
    """Whether the line is confirmed to be no mobile: the digits allow it and the operator says it. Doubt is mobile."""
    return contact.line_type is LineType.LANDLINE and contact.number.kind in _LANDLINE_KINDS


def may_go_without(contact: Contact, purpose: Purpose, rows: Sequence[RuleRow]) -> bool:
    """Whether the call needs no consent: emergencies, and what each national row lets landlines have up to a cap."""
    if purpose is Purpose.EMERGENCY:
        return True
    national = [row for row in rows if row.jurisdiction == row.country]
    return (
        is_landline(contact)
        and bool(national)
        and all(any(cap.without_consent and purpose in cap.purposes for cap in row.caps) for row in national)
    )


def needed(purpose: Purpose, rows: Sequence[RuleRow]) -> ConsentKind:
    """The consent that a call for ``purpose`` needs when it may not go without: the strictest of all rows."""
    if purpose is not Purpose.MARKETING:
        return ConsentKind.EXPRESS
    if rows and all(row.marketing is MarketingRule.EXPRESS for row in rows):
        return ConsentKind.EXPRESS
    return ConsentKind.WRITTEN


def standing(consents: Sequence[Consent], seller: str, now: datetime) -> Standing:
    """Weigh the consents on file. One that names no seller counts as express at most: a written one must name it."""
    ours = [each for each in consents if not each.seller or _same(each.seller, seller)]
    revoked_at = max((each.revoked_at for each in ours if each.revoked_at is not None), default=None)
    not_counted: list[tuple[Consent, NotCounted]] = []
    counted: list[tuple[bool, datetime, Consent]] = []
    for each in consents:
        if each not in ours:
            not_counted.append((each, NotCounted.OTHER_SELLER))
        elif each.revoked_at is not None:
            not_counted.append((each, NotCounted.REVOKED))
        elif each.given_at > now:
            not_counted.append((each, NotCounted.IN_THE_FUTURE))
        elif revoked_at is not None and each.given_at <= revoked_at:
            not_counted.append((each, NotCounted.BEFORE_REVOCATION))
        else:
            counted.append((each.kind is ConsentKind.WRITTEN and bool(each.seller), each.given_at, each))
    written, _, best = max(counted, key=lambda entry: entry[:2], default=(False, None, None))
    kind = None if best is None else ConsentKind.WRITTEN if written else ConsentKind.EXPRESS
    return Standing(best, kind, revoked_at, tuple(not_counted))


def _same(one: str, other: str) -> bool:
    return one.casefold().split() == other.casefold().split()
