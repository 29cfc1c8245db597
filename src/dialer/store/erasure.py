"""Erasing a person, and letting go of what has been kept long enough. Both are entered into the audit chain."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from dialer.errors import StoreError
from dialer.results.audit import AuditKind, masked
from dialer.store.audit import append
from dialer.store.database import Database
from dialer.store.schema import (
    IN_HAND,
    AttemptState,
    attempt,
    consent,
    contact,
    dealing,
    erasing,
    internal_dnc,
    outcome,
    queue,
    reassigned,
    refusal,
    revocation,
    suppressed,
)
from dialer.store.suppression import mac

YEAR = timedelta(days=365.25)
BATCH = 500
_OF_THE_PERSON = (consent, revocation, internal_dnc, dealing, reassigned)


@dataclass(frozen=True, slots=True)
class Erased:
    """What an erasure came to."""

    contacts: int  # emptied or removed
    refusals: int  # removed
    calls_kept: int  # records of calls that were placed, which the law wants kept


@dataclass(frozen=True, slots=True)
class Expired:
    """What is, or was, past its retention."""

    attempts: int
    refusals: int


class Erasure:
    """Every method raises StoreError when the store cannot be used."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def erase(self, e164: str, reason: str, now: datetime) -> Erased:
        """Remove what is known of the person at this number, and have it never called again.

        The number stays as a keyed hash. Calls that were placed, and the consents for them, are kept as long as the law
        wants (16 CFR 310.5). Raises StoreError while a call to it is open.
        """
        key = self._database.suppression.make()

        def work(connection: sa.Connection) -> Erased:
            if connection.execute(sa.select(queue.c.id).where(queue.c.e164 == e164, sa.text(IN_HAND))).first():
                raise StoreError(f"{e164} is being called now", hint="try again when the call has ended")
            connection.execute(
                insert(suppressed).values(mac=mac(key, e164), since=now, reason=reason).on_conflict_do_nothing()
            )
            calls, contacts = _count(connection, attempt, e164), _count(connection, contact, e164)
            connection.execute(sa.insert(erasing).values(e164=e164))
            refusals = _remove_refusals(connection, refusal.c.e164 == e164)
            if calls:
                _empty_contacts(connection, e164, now)
            else:
                _remove_person(connection, [e164])
            connection.execute(sa.delete(erasing))
            append(
                connection, now, AuditKind.ERASURE, masked(e164), reason=reason, contacts=contacts, calls_kept=calls,
                erased_refusals=refusals,
            )  # fmt: skip
            return Erased(contacts, len(refusals), calls)

        return await self._database.write(work)

    async def regions(self) -> list[str]:
        """The regions of the numbers that were ever called."""
        query = sa.select(contact.c.region).join(attempt, attempt.c.contact_id == contact.c.id).distinct()
        return await self._database.read(lambda connection: list(connection.scalars(query)))

    async def expired(self, region: str, years: int, now: datetime) -> Expired:
        """How much of a region is past its retention."""

        def work(connection: sa.Connection) -> Expired:
            attempts, refusals = _past(region, now - years * YEAR)
            return Expired(len(list(connection.scalars(attempts))), len(list(connection.scalars(refusals))))

        return await self._database.read(work)

    async def expire(self, region: str, years: int, now: datetime) -> Expired:
        """Remove a region's records of calls and refusals that are older than so many years."""

        def work(connection: sa.Connection) -> Expired:
            attempts, refusals = _past(region, now - years * YEAR)
            old = list(connection.scalars(attempts))
            numbers = sorted(
                set(connection.scalars(sa.select(attempt.c.e164).where(attempt.c.attempt_id.in_(attempts))))
            )
            numbers += sorted(set(connection.scalars(sa.select(refusal.c.e164).where(refusal.c.id.in_(refusals)))))
            if not numbers:
                return Expired(0, 0)
            connection.execute(insert(erasing).on_conflict_do_nothing(), [{"e164": each} for each in numbers])
            gone = _remove_refusals(connection, refusal.c.id.in_(refusals))
            connection.execute(sa.delete(outcome).where(outcome.c.attempt_id.in_(attempts)))
            connection.execute(sa.delete(attempt).where(attempt.c.attempt_id.in_(old)))
            _remove_person(connection, _without_calls(connection, numbers))
            connection.execute(sa.delete(erasing))
            append(
                connection, now, AuditKind.ERASURE, f"retention of {region}", years=years, erased_attempts=old,
                erased_outcomes=old, erased_refusals=gone,
            )  # fmt: skip
            return Expired(len(old), len(gone))

        return await self._database.write(work)


def _count(connection: sa.Connection, table: sa.Table, e164: str) -> int:
    query = sa.select(sa.func.count()).select_from(table).where(table.c.e164 == e164)
    count: int | None = connection.execute(query).scalar()
    return count or 0


def _past(region: str, until: datetime) -> tuple[sa.Select[Any], sa.Select[Any]]:
    attempts = (
        sa.select(attempt.c.attempt_id)
        .join(contact, contact.c.id == attempt.c.contact_id)
        .where(contact.c.region == region, attempt.c.placed_at < until, attempt.c.state == AttemptState.ENDED)
    )
    refusals = (
        sa.select(refusal.c.id)
        .join(queue, queue.c.id == refusal.c.queue_id)
        .join(contact, contact.c.id == queue.c.contact_id)
        .where(contact.c.region == region, refusal.c.decided_at < until)
    )
    return attempts, refusals


def _remove_refusals(connection: sa.Connection, which: sa.ColumnElement[bool]) -> list[int]:
    ids = list(connection.scalars(sa.select(refusal.c.id).where(which)))
    for start in range(0, len(ids), BATCH):
        connection.execute(sa.delete(refusal).where(refusal.c.id.in_(ids[start : start + BATCH])))
    return ids


def _empty_contacts(connection: sa.Connection, e164: str, now: datetime) -> None:
    nothing = dict.fromkeys(("name", "postal_code", "state", "address", "language"), "")
    connection.execute(
        sa.update(contact)
        .where(contact.c.e164 == e164)
        .values(**nothing, time_zone=None, extra="{}", digest=b"", updated_at=now)
    )


def _without_calls(connection: sa.Connection, numbers: Iterable[str]) -> list[str]:
    """Those numbers of erased people that no record of a call stands for any more: their contacts are empty already."""
    return [
        e164
        for e164 in numbers
        if not _count(connection, attempt, e164)
        and _count(connection, contact, e164)
        and not connection.execute(
            sa.select(contact.c.id).where(contact.c.e164 == e164, contact.c.digest != b"")
        ).first()
    ]


def _remove_person(connection: sa.Connection, numbers: Sequence[str]) -> None:
    for table in (queue, *_OF_THE_PERSON, contact):
        connection.execute(sa.delete(table).where(table.c.e164.in_(numbers)))
