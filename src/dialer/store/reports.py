"""What happened, for reports and for whoever asks about one call or one number."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from dialer.calls.outcome import Outcome
from dialer.calls.plan import CallRecord
from dialer.compliance.basis import BasisText
from dialer.compliance.decision import Permit, Refusal
from dialer.errors import StoreError
from dialer.results.records import AttemptRow, RefusalRow
from dialer.results.summary import CallerIdCount, RefusalCount
from dialer.store.campaigns import looking
from dialer.store.database import Database
from dialer.store.schema import attempt, basis_text, campaign, contact, outcome, queue, refusal
from dialer.store.standing import QueueStanding, queue_standing

PAGE = 200  # rows at a time
_permit = msgspec.json.Decoder(Permit)
_record = msgspec.json.Decoder(CallRecord)
_refusal = msgspec.json.Decoder(Refusal)

_ATTEMPTS = (
    sa.select(attempt, campaign.c.name.label("campaign"), contact.c.name.label("contact"), outcome.c.record)
    .join(campaign, campaign.c.id == attempt.c.campaign_id)
    .join(contact, contact.c.id == attempt.c.contact_id)
    .outerjoin(outcome, outcome.c.attempt_id == attempt.c.attempt_id)
)

_REFUSALS = (
    sa.select(refusal, campaign.c.name.label("campaign"), queue.c.contact_id, contact.c.name.label("contact"))
    .join(campaign, campaign.c.id == refusal.c.campaign_id)
    .join(queue, queue.c.id == refusal.c.queue_id)
    .join(contact, contact.c.id == queue.c.contact_id)
)


class Reports:
    """Reads only. Every method raises StoreError when the store cannot be used."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def outcome_counts(self, campaign_id: int) -> dict[Outcome, int]:
        """How many attempts ended how, most frequent first."""
        return await self._database.read(lambda connection: looking(connection).outcome_counts(campaign_id))

    async def queue_standing(self, now: datetime) -> list[QueueStanding]:
        """Where the contacts of each campaign that is running or paused stand."""
        return await self._database.read(lambda connection: queue_standing(connection, now))

    async def refusal_counts(self, campaign_id: int) -> list[RefusalCount]:
        """How many contacts each check turned away for which reason, most frequent first."""
        return await self._database.read(lambda connection: looking(connection).refusal_counts(campaign_id))

    async def caller_id_count(self, caller_id: str) -> CallerIdCount:
        """How often a caller ID was presented, blocked on the way, and called unwanted."""
        return await self._database.read(lambda connection: looking(connection).caller_id_count(caller_id))

    async def attempts(
        self, *, campaign_id: int | None = None, number: str | None = None, newest: int | None = None
    ) -> AsyncIterator[AttemptRow]:
        """Attempts of a campaign, to a number, or both, oldest first; ``newest``: the last so many, newest first."""
        query = _ATTEMPTS
        if campaign_id is not None:
            query = query.where(attempt.c.campaign_id == campaign_id)
        if number is not None:
            query = query.where(attempt.c.e164 == number)
        async for row in self._rows(query, attempt.c.placed_at, attempt.c.attempt_id, newest):
            yield _attempt_of(row)

    async def attempt(self, attempt_id: str) -> AttemptRow | None:
        """One attempt with its whole evidence."""
        query = _ATTEMPTS.where(attempt.c.attempt_id == attempt_id)
        row = await self._database.read(lambda connection: connection.execute(query).first())
        return None if row is None else _attempt_of(row)

    async def basis(self, decision: str) -> bytes | None:
        """What a decision rested on: of an attempt, by its id, or of a refusal, by "r" and its number.

        None for a decision made before this was kept. Raises StoreError when there is no such decision.
        """
        if decision.startswith("r") and decision[1:].isdigit():
            query = sa.select(refusal.c.basis).where(refusal.c.id == int(decision[1:]))
        else:
            query = sa.select(attempt.c.basis).where(attempt.c.attempt_id == decision)
        row = await self._database.read(lambda connection: connection.execute(query).first())
        if row is None:
            raise StoreError(f"there is no decision {decision}", hint="`dialer logs` shows the ids of attempts")
        found: bytes | None = row.basis
        return found

    async def texts(self, digests: Sequence[str]) -> dict[str, BasisText]:
        """The texts that decisions refer to, by digest."""
        query = sa.select(basis_text).where(basis_text.c.digest.in_(digests))
        return await self._database.read(
            lambda connection: {
                row.digest: BasisText(row.digest, row.kind, row.body) for row in connection.execute(query)
            }
        )

    async def refusals(
        self, *, campaign_id: int | None = None, number: str | None = None, newest: int | None = None
    ) -> AsyncIterator[RefusalRow]:
        """Refusals of a campaign, of a number, or both, in the same order as ``attempts``."""
        query = _REFUSALS
        if campaign_id is not None:
            query = query.where(refusal.c.campaign_id == campaign_id)
        if number is not None:
            query = query.where(refusal.c.e164 == number)
        async for row in self._rows(query, refusal.c.decided_at, refusal.c.id, newest):
            yield RefusalRow(
                campaign_id=row.campaign_id,
                campaign=row.campaign,
                contact_id=row.contact_id,
                name=row.contact,
                refusal=msgspec.structs.replace(_refusal.decode(row.refusal), basis=row.basis or b""),
            )

    async def _rows(
        self, query: sa.Select[Any], at: sa.Column[Any], tie: sa.Column[Any], newest: int | None
    ) -> AsyncIterator[sa.Row[Any]]:
        ordered = query.order_by(at, tie) if newest is None else query.order_by(at.desc(), tie.desc()).limit(newest)
        async with self._database.reading() as run:
            result = await run(lambda connection: connection.execute(ordered))
            while rows := await run(lambda _: result.fetchmany(PAGE)):
                for row in rows:
                    yield row


def _attempt_of(row: sa.Row[Any]) -> AttemptRow:
    return AttemptRow(
        attempt_id=row.attempt_id,
        campaign_id=row.campaign_id,
        campaign=row.campaign,
        contact_id=row.contact_id,
        name=row.contact,
        number=row.e164,
        placed_at=row.placed_at,
        permit=msgspec.structs.replace(_permit.decode(row.permit), basis=row.basis or b""),
        record=None if row.record is None else _record.decode(row.record),
        script_id=row.script_id,
    )
