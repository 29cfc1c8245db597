"""Which consent a call needs, and whether it is on file.

47 CFR 64.1200(a)(1)-(3), (a)(10)-(11), (f)(9); elsewhere what the rule rows say. A relationship never replaces consent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from dialer.compliance.policy import Dealing, DealingKind, Purpose
from dialer.compliance.rules import MarketingRule, RuleRow
from dialer.contacts.contact import Consent, ConsentKind, Contact, LineType, NumberKind

_LANDLINE_KINDS = {NumberKind.FIXED, NumberKind.FIXED_OR_MOBILE}


class NotCounted(StrEnum):
    """Why a consent on file does not count."""

    REVOKED = "revoked"
    BEFORE_REVOCATION = "given before the latest revocation"
    OTHER_SELLER = "given to another seller"
    IN_THE_FUTURE = "dated in the future"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Standing:
    """What the consents on file come to, for one seller at one instant."""

    best: Consent | None  # written before express, then the latest
    kind: ConsentKind | None  # what ``best`` is good for
    revoked_at: datetime | None  # the latest revocation
    not_counted: tuple[tuple[Consent, NotCounted], ...]

    def suffices(self, needed: ConsentKind) -> bool:
        """Whether it is the consent that a call needs, or a better one."""
        return self.kind is ConsentKind.WRITTEN or self.kind is needed


def is_landline(contact: Contact) -> bool:
    """Whether the line is confirmed to be no mobile: the digits allow it and the operator says it. Doubt is mobile."""
    return contact.line_type is LineType.LANDLINE and contact.number.kind in _LANDLINE_KINDS


def may_go_without(purpose: Purpose, rows: Sequence[RuleRow], *, landline: bool) -> bool:
    """Whether the call needs no consent: emergencies, and what each national row lets landlines have up to a cap."""
    if purpose is Purpose.EMERGENCY:
        return True
    national = [row for row in rows if row.jurisdiction == row.country]
    return (
        landline
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


def missing_from_written(given: Consent) -> tuple[str, ...]:
    """What a written consent lacks (47 CFR 64.1200(f)(9)); without all of it, it counts as express."""
    if given.seller and given.text and given.signature and given.authorises_recorded and given.not_a_condition:
        return ()
    has = {
        "the seller's name": given.seller,
        "the wording shown": given.text,
        "a signature": given.signature,
        "leave for recorded sales messages": given.authorises_recorded,
        "that it is no condition of a purchase": given.not_a_condition,
    }
    return tuple(what for what, there in has.items() if not there)


def standing(consents: Sequence[Consent], seller: str, now: datetime) -> Standing:
    """Weigh the consents on file. A written one that is not complete counts as express."""
    if not consents:
        return _NOTHING
    not_counted: list[tuple[Consent, NotCounted]] = []
    ours: list[Consent] = []
    for each in consents:
        if not each.seller or each.seller == seller or _same(each.seller, seller):
            ours.append(each)
        else:
            not_counted.append((each, NotCounted.OTHER_SELLER))
    revoked_at = max([each.revoked_at for each in ours if each.revoked_at is not None], default=None)
    best: Consent | None = None
    written = False
    for each in ours:
        why = _why_not(each, revoked_at, now)
        if why is not None:
            not_counted.append((each, why))
            continue
        complete = each.kind is ConsentKind.WRITTEN and not missing_from_written(each)
        if best is None or (complete, each.given_at) > (written, best.given_at):
            best, written = each, complete
    kind = None if best is None else ConsentKind.WRITTEN if written else ConsentKind.EXPRESS
    return Standing(best, kind, revoked_at, tuple(not_counted))


def relationship_until(dealings: Sequence[Dealing], seller: str) -> datetime | None:
    """When the established business relationship with ``seller`` ends; None when there never was one.

    18 months after a purchase, 3 months after an inquiry (47 CFR 64.1200(f)(5)), or 540 and 90 days (16 CFR 310.2(q)),
    whichever is the sooner. It is no ground for a recorded sales call by itself.
    """
    ends = [_relationship_end(each) for each in dealings if _same(each.seller, seller)]
    return max(ends, default=None)


_NOTHING = Standing(None, None, None, ())


def _why_not(each: Consent, revoked_at: datetime | None, now: datetime) -> NotCounted | None:
    if each.revoked_at is not None:
        return NotCounted.REVOKED
    if each.given_at > now:
        return NotCounted.IN_THE_FUTURE
    if each.expires_at is not None and each.expires_at <= now:
        return NotCounted.EXPIRED
    if revoked_at is not None and each.given_at <= revoked_at:
        return NotCounted.BEFORE_REVOCATION
    return None


def _relationship_end(dealing: Dealing) -> datetime:
    months, days = {DealingKind.PURCHASE: (18, 540), DealingKind.INQUIRY: (3, 90)}[dealing.kind]
    count = dealing.at.month - 1 + months
    year, month = dealing.at.year + count // 12, count % 12 + 1
    by_months = datetime(year, month, 1, tzinfo=dealing.at.tzinfo) + timedelta(days=dealing.at.day - 1)
    return min(by_months, dealing.at + timedelta(days=days))


def _same(one: str, other: str) -> bool:
    return one.casefold().split() == other.casefold().split()
