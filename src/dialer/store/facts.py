"""What is known of a number at this moment: the facts that the gate decides by."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import Any

import msgspec
import sqlalchemy as sa

from dialer.compliance.caps import ABANDONMENT_PERIOD
from dialer.compliance.policy import (
    AbandonmentCount,
    Dealing,
    DealingKind,
    DncEntry,
    Facts,
    PastAttempt,
    Reassigned,
    ReassignedAnswer,
    RegistryAnswer,
)
from dialer.contacts.contact import (
    Consent,
    ConsentKind,
    Contact,
    LineType,
    Number,
    NumberKind,
    Recipient,
    Relationship,
)
from dialer.results.records import Claim
from dialer.store.schema import (
    attempt,
    consent,
    contact,
    dealing,
    internal_dnc,
    live_answers,
    outcome,
    reassigned,
    revocation,
)
from dialer.store.suppression import suppressed_among
from dialer.store.types import among

HISTORY = timedelta(days=30)

AskRegistries = Callable[[str], tuple[RegistryAnswer, ...]]
"""What every loaded do-not-call registry says of an E.164 number."""


# Made once: putting a statement together takes longer than running it.
_CONTACTS = sa.select(contact).where(among(contact.c.id, "ids"))
_REVOCATIONS = (
    sa.select(revocation.c.e164, revocation.c.revoked_at)
    .where(among(revocation.c.e164, "numbers"))
    .order_by(revocation.c.revoked_at)
)
_CONSENTS = sa.select(consent).where(among(consent.c.e164, "numbers")).order_by(consent.c.given_at, consent.c.id)
_DNC = sa.select(internal_dnc).where(among(internal_dnc.c.e164, "numbers"), internal_dnc.c.removed_at.is_(None))
_DEALINGS = sa.select(dealing).where(among(dealing.c.e164, "numbers")).order_by(dealing.c.at, dealing.c.id)
_REASSIGNED = (
    sa.select(reassigned).where(among(reassigned.c.e164, "numbers")).order_by(reassigned.c.asked_at, reassigned.c.id)
)
_ABANDONMENT = (
    sa.select(live_answers)
    .where(among(live_answers.c.campaign_id, "campaigns"), live_answers.c.since > sa.bindparam("after"))
    .order_by(live_answers.c.since)
)
_HISTORY = (
    sa.select(
        attempt.c.e164,
        attempt.c.attempt_id,
        attempt.c.campaign_id,
        attempt.c.placed_at,
        sa.func.coalesce(outcome.c.outcome, "open").label("outcome"),
    )
    .outerjoin(outcome, outcome.c.attempt_id == attempt.c.attempt_id)
    .where(
        among(attempt.c.e164, "numbers"),
        sa.or_(attempt.c.placed_at >= sa.bindparam("since"), among(attempt.c.queue_id, "queued")),
    )
    .order_by(attempt.c.placed_at)
)


def no_registries(_: str) -> tuple[RegistryAnswer, ...]:
    """Where none is loaded."""
    return ()


def read_facts(
    connection: sa.Connection, claims: Sequence[Claim], now: datetime, ask: AskRegistries = no_registries
) -> list[Facts]:
    """The facts for each claim, in order; eight queries whatever their number."""
    contacts = {
        row.id: contact_of(row)
        for row in connection.execute(_CONTACTS, {"ids": {claim.contact_id for claim in claims}})
    }
    numbers = {claim.e164 for claim in claims}
    consents = consents_of(connection, numbers)
    dnc = dnc_of(connection, numbers)
    history = _history(connection, numbers, {claim.queue_id for claim in claims}, now)
    dealings = dealings_of(connection, numbers)
    answers = reassigned_of(connection, numbers)
    abandoned = _abandonment(connection, {claim.campaign_id for claim in claims}, now)
    return [
        Facts(
            contact=contacts[claim.contact_id],
            consents=consents[claim.e164],
            internal_dnc=dnc.get(claim.e164),
            history=tuple(history[claim.e164]),
            read_at=now,
            registries=ask(claim.e164),
            dealings=dealings[claim.e164],
            reassigned=answers.get(claim.e164),
            abandonment=abandoned.get(claim.campaign_id),
        )
        for claim in claims
    ]


def facts_of_stranger(
    connection: sa.Connection, known: Contact, campaign_id: int, now: datetime, ask: AskRegistries = no_registries
) -> Facts:
    """The facts for a contact that no campaign has queued, as this campaign would have them."""
    e164 = known.number.e164
    return Facts(
        contact=known,
        consents=consents_of(connection, [e164])[e164],
        internal_dnc=dnc_of(connection, [e164]).get(e164),
        history=tuple(_history(connection, [e164], (), now)[e164]),
        read_at=now,
        registries=ask(e164),
        dealings=dealings_of(connection, [e164])[e164],
        reassigned=reassigned_of(connection, [e164]).get(e164),
        abandonment=_abandonment(connection, [campaign_id], now).get(campaign_id),
    )


def contact_of(row: sa.Row[Any]) -> Contact:
    """A row of the contact table. Its consents are facts of the number, not of the row: the field is None."""
    return Contact(
        number=Number(row.e164, row.region, NumberKind(row.kind)),
        name=row.name,
        time_zone=row.time_zone,
        postal_code=row.postal_code,
        state=row.state,
        address=row.address,
        recipient=Recipient(row.recipient),
        line_type=LineType(row.line_type),
        relationship=Relationship(row.relationship),
        language=row.language,
        priority=row.priority,
        extra=MappingProxyType(msgspec.json.decode(row.extra, type=dict[str, str])),
    )


def consents_of(connection: sa.Connection, numbers: Iterable[str]) -> Mapping[str, tuple[Consent, ...]]:
    """Every consent on file for these numbers, oldest first. One given until a revocation is revoked by it."""
    numbers = list(numbers)
    revoked: dict[str, list[datetime]] = defaultdict(list)
    for row in connection.execute(_REVOCATIONS, {"numbers": numbers}):
        revoked[row.e164].append(row.revoked_at)
    found: dict[str, tuple[Consent, ...]] = defaultdict(tuple)
    for row in connection.execute(_CONSENTS, {"numbers": numbers}):
        found[row.e164] += (
            Consent(
                kind=ConsentKind(row.kind),
                given_at=row.given_at,
                source=row.source,
                text=row.text,
                seller=row.seller,
                revoked_at=next((at for at in revoked[row.e164] if at >= row.given_at), None),
                expires_at=row.expires_at,
                signature=row.signature,
                authorises_recorded=row.authorises_recorded,
                not_a_condition=row.not_a_condition,
                evidence=row.evidence,
            ),
        )
    return found


def dnc_of(connection: sa.Connection, numbers: Iterable[str]) -> dict[str, DncEntry]:
    """Those of these numbers that are on the internal do-not-call list, or were erased."""
    numbers = list(numbers)
    listed = connection.execute(_DNC, {"numbers": numbers})
    return suppressed_among(connection, numbers) | {row.e164: dnc_entry(row) for row in listed}


def dealings_of(connection: sa.Connection, numbers: Iterable[str]) -> Mapping[str, tuple[Dealing, ...]]:
    """What makes relationships with these numbers, oldest first."""
    found: dict[str, tuple[Dealing, ...]] = defaultdict(tuple)
    for row in connection.execute(_DEALINGS, {"numbers": numbers}):
        found[row.e164] += (Dealing(DealingKind(row.kind), row.at, row.seller, row.source),)
    return found


def reassigned_of(connection: sa.Connection, numbers: Iterable[str]) -> dict[str, ReassignedAnswer]:
    """The latest answer of the reassigned-numbers database about each of these numbers that it was asked about."""
    return {
        row.e164: ReassignedAnswer(Reassigned(row.answer), date.fromisoformat(row.since), row.asked_at, row.source)
        for row in connection.execute(_REASSIGNED, {"numbers": numbers})
    }


def dnc_entry(row: sa.Row[Any]) -> DncEntry:
    """A row of the do-not-call list."""
    return DncEntry(row.e164, row.added_at, row.reason, row.source, row.expires_at)


def _abandonment(connection: sa.Connection, campaign_ids: Iterable[int], now: datetime) -> dict[int, AbandonmentCount]:
    """Each campaign's period of 30 days that ``now`` lies in, if it has one with an answered call."""
    rows = connection.execute(_ABANDONMENT, {"campaigns": campaign_ids, "after": now - ABANDONMENT_PERIOD})
    return {row.campaign_id: AbandonmentCount(row.since, row.answered, row.abandoned) for row in rows}


def _history(
    connection: sa.Connection, numbers: Iterable[str], queue_ids: Iterable[int], now: datetime
) -> dict[str, list[PastAttempt]]:
    found: dict[str, list[PastAttempt]] = defaultdict(list)
    for row in connection.execute(_HISTORY, {"numbers": numbers, "since": now - HISTORY, "queued": queue_ids}):
        found[row.e164].append(
            PastAttempt(attempt_id=row.attempt_id, campaign_id=row.campaign_id, at=row.placed_at, outcome=row.outcome)
        )
    return found
