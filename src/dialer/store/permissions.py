"""What people have said: consents, revocations, and the operator's own do-not-call list."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from dialer.compliance.policy import Dealing, DncEntry, ReassignedAnswer
from dialer.contacts.contact import Consent
from dialer.results.audit import AuditKind, masked
from dialer.store.audit import append
from dialer.store.database import Database
from dialer.store.facts import consents_of, dealings_of, dnc_entry, dnc_of, reassigned_of
from dialer.store.schema import consent, dealing, internal_dnc, reassigned, revocation


@dataclass(frozen=True, slots=True)
class DncHistory:
    """One stay of a number on the do-not-call list; ``removed_at`` is None while it lasts."""

    entry: DncEntry
    removed_at: datetime | None
    removed_reason: str


class Consents:
    """Consents and revocations are only ever added. A revocation ends every consent of its number given until then."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, e164: str, given: Consent, now: datetime) -> bool:
        """Put a consent on file; False when exactly this one is there already, revoked or not."""
        row = {**consent_row(e164, given), "recorded_at": now}

        def work(connection: sa.Connection) -> bool:
            new = connection.execute(insert(consent).values(row).on_conflict_do_nothing()).rowcount == 1
            if new:
                append(connection, now, AuditKind.CONSENT, masked(e164), event="given", kind=given.kind)
            return new

        return await self._database.write(work)

    async def revoke(
        self, e164: str, reason: str, source: str, now: datetime, *, means: str = "", scope: str = ""
    ) -> int:
        """End every consent of this number, for every purpose; return how many were in force.

        ``means`` is how the person said it, ``scope`` what they said it of: for the record, the revocation is whole.
        """

        def work(connection: sa.Connection) -> int:
            in_force = sum(each.revoked_at is None for each in consents_of(connection, [e164])[e164])
            said = DncEntry(e164=e164, added_at=now, reason=reason, source=source)
            revoke(connection, [said], means=means, scope=scope)
            append(connection, now, AuditKind.CONSENT, masked(e164), event="revoked", ended=in_force, means=means)
            return in_force

        return await self._database.write(work)

    async def of(self, e164: str) -> tuple[Consent, ...]:
        """Every consent on file for this number, oldest first, revoked ones too."""
        return await self._database.read(lambda connection: consents_of(connection, [e164])[e164])

    async def of_all(self, numbers: Sequence[str]) -> Mapping[str, tuple[Consent, ...]]:
        """The same for many numbers."""
        return await self._database.read(lambda connection: consents_of(connection, numbers))


class Dealings:
    """What was bought, asked for or applied for; only ever added."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, e164: str, had: Dealing, now: datetime) -> bool:
        """Put a dealing on file; False when exactly this one is there already."""
        row = {"e164": e164, "kind": had.kind, "at": had.at, "seller": had.seller, "source": had.source}

        def work(connection: sa.Connection) -> bool:
            query = insert(dealing).values(**row, recorded_at=now).on_conflict_do_nothing()
            new = connection.execute(query).rowcount == 1
            if new:
                append(connection, now, AuditKind.CONSENT, masked(e164), event="dealing", kind=had.kind)
            return new

        return await self._database.write(work)

    async def of(self, e164: str) -> tuple[Dealing, ...]:
        """Every dealing on file for this number, oldest first."""
        return await self._database.read(lambda connection: dealings_of(connection, [e164])[e164])


class ReassignedNumbers:
    """Answers of the reassigned-numbers database; only ever added, the latest counts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, answers: Mapping[str, ReassignedAnswer]) -> int:
        """Put answers on file, by number, all or none; return how many are new."""
        rows = [
            {
                "e164": e164,
                "answer": each.answer,
                "since": each.since.isoformat(),
                "asked_at": each.asked_at,
                "source": each.source,
            }
            for e164, each in answers.items()
        ]

        def work(connection: sa.Connection) -> int:
            new = connection.execute(insert(reassigned).on_conflict_do_nothing(), rows).rowcount
            if new:
                at = max(each.asked_at for each in answers.values())
                append(connection, at, AuditKind.CONSENT, "", event="reassigned numbers", answers=new)
            return new

        return await self._database.write(work) if rows else 0

    async def of(self, e164: str) -> ReassignedAnswer | None:
        """The latest answer about this number."""
        return await self._database.read(lambda connection: reassigned_of(connection, [e164]).get(e164))


class DoNotCall:
    """The internal do-not-call list. It holds in every campaign from the moment that ``add`` returns."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, entries: Sequence[DncEntry]) -> int:
        """Put numbers on the list, all or none; return how many were not on it. An earlier entry stands."""

        def work(connection: sa.Connection) -> int:
            new = add_dnc(connection, entries)
            if new:
                note_dnc(connection, entries, "added")
            return new

        return await self._database.write(work)

    async def remove(self, e164: str, reason: str, now: datetime) -> bool:
        """Take a number off the list for a reason, which is kept; False when it was not on it.

        Raises StoreError when no reason is given.
        """

        def work(connection: sa.Connection) -> bool:
            query = sa.update(internal_dnc).where(internal_dnc.c.e164 == e164, internal_dnc.c.removed_at.is_(None))
            gone = connection.execute(query.values(removed_at=now, removed_reason=reason.strip())).rowcount == 1
            if gone:
                append(connection, now, AuditKind.DO_NOT_CALL, masked(e164), event="removed", reason=reason.strip())
            return gone

        return await self._database.write(work)

    async def check(self, e164: str) -> DncEntry | None:
        """The number's entry, if it is on the list."""
        return await self._database.read(lambda connection: dnc_of(connection, [e164]).get(e164))

    async def listed(self, numbers: Sequence[str]) -> set[str]:
        """Those of these numbers that are on the list."""
        return await self._database.read(lambda connection: set(dnc_of(connection, numbers)))

    async def history(self, e164: str) -> list[DncHistory]:
        """Every stay of this number on the list, oldest first."""

        def work(connection: sa.Connection) -> list[DncHistory]:
            query = sa.select(internal_dnc).where(internal_dnc.c.e164 == e164).order_by(internal_dnc.c.id)
            return [
                DncHistory(
                    entry=dnc_entry(row),
                    removed_at=row.removed_at,
                    removed_reason=row.removed_reason or "",
                )
                for row in connection.execute(query)
            ]

        return await self._database.read(work)

    async def entries(self, limit: int | None = None) -> list[DncEntry]:
        """The list as it stands, newest first."""

        def work(connection: sa.Connection) -> list[DncEntry]:
            query = (
                sa.select(internal_dnc)
                .where(internal_dnc.c.removed_at.is_(None))
                .order_by(internal_dnc.c.added_at.desc(), internal_dnc.c.id.desc())
                .limit(limit)
            )
            return [dnc_entry(row) for row in connection.execute(query)]

        return await self._database.read(work)

    async def count(self) -> int:
        """How many numbers are on the list."""
        query = sa.select(sa.func.count()).select_from(internal_dnc).where(internal_dnc.c.removed_at.is_(None))
        return await self._database.read(lambda connection: connection.scalar(query) or 0)


def consent_row(e164: str, given: Consent) -> dict[str, Any]:
    """A consent as a row of its table, but for when it was recorded."""
    return {
        "e164": e164,
        "kind": given.kind,
        "given_at": given.given_at,
        "source": given.source,
        "text": given.text,
        "seller": given.seller,
        "expires_at": given.expires_at,
        "signature": given.signature,
        "authorises_recorded": given.authorises_recorded,
        "not_a_condition": given.not_a_condition,
        "evidence": given.evidence,
    }


def revoke(connection: sa.Connection, said: Iterable[DncEntry], *, means: str = "", scope: str = "") -> None:
    """End every consent of these numbers given until ``added_at``."""
    rows = [
        {
            "e164": each.e164,
            "revoked_at": each.added_at,
            "reason": each.reason,
            "source": each.source,
            "means": means,
            "scope": scope,
        }
        for each in said
    ]
    if rows:
        connection.execute(insert(revocation).on_conflict_do_nothing(), rows)


def add_dnc(connection: sa.Connection, entries: Sequence[DncEntry]) -> int:
    """Put numbers on the do-not-call list; return how many were not on it. An entry that has ended makes way."""
    if not entries:
        return 0
    connection.execute(
        sa.update(internal_dnc)
        .where(
            internal_dnc.c.e164 == sa.bindparam("number"),
            internal_dnc.c.removed_at.is_(None),
            sa.or_(
                internal_dnc.c.expires_at <= sa.bindparam("now"),
                sa.and_(internal_dnc.c.expires_at.is_not(None), sa.bindparam("lasts", type_=sa.Boolean)),
            ),
        )
        .values(removed_at=sa.bindparam("now"), removed_reason="ended, or replaced by an entry without an end"),
        [{"number": each.e164, "now": each.added_at, "lasts": each.expires_at is None} for each in entries],
    )
    query = insert(internal_dnc).on_conflict_do_nothing(
        index_elements=[internal_dnc.c.e164], index_where=sa.text("removed_at IS NULL")
    )
    rows = [
        {
            "e164": each.e164,
            "added_at": each.added_at,
            "reason": each.reason,
            "source": each.source,
            "expires_at": each.expires_at,
        }
        for each in entries
    ]
    return connection.execute(query, rows).rowcount


def note_dnc(connection: sa.Connection, entries: Sequence[DncEntry], event: str) -> None:
    """Enter into the audit chain that these numbers were put on the list."""
    numbers = [masked(each.e164) for each in entries[:10]]
    at = max(each.added_at for each in entries)
    append(connection, at, AuditKind.DO_NOT_CALL, ", ".join(numbers), event=event, numbers=len(entries))
