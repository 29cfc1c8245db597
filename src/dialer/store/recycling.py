"""A new contact list of those that a campaign did not reach."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

import sqlalchemy as sa

from dialer.calls.outcome import Outcome
from dialer.campaigns.retry import NEVER_RETRIED
from dialer.errors import StoreError
from dialer.results.audit import AuditKind
from dialer.results.records import QueueState
from dialer.store.audit import append
from dialer.store.database import Database
from dialer.store.facts import dnc_of
from dialer.store.schema import campaign, contact, contact_list, queue

T = TypeVar("T")

BATCH = 1000
_OWN = {"id", "list_id", "imported_at", "updated_at"}  # of the row itself; the rest is what the list says of the person
_SAID = [column.name for column in contact.columns if column.name not in _OWN]


@dataclass(frozen=True, slots=True)
class Recycled:
    """What a recycling came to."""

    contacts: int  # on the new list
    on_dnc: int  # left out: on the do-not-call list, or erased


class Recycling:
    """Every method raises StoreError when the store cannot be used."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def recycle(self, campaign_id: int, outcomes: Collection[Outcome], into: str, now: datetime) -> Recycled:
        """Put the finished contacts whose last attempt ended in one of ``outcomes`` on a new list called ``into``.

        Each comes with what its list says of it; consents belong to the number anyway. Contacts on the do-not-call list
        are left out. Raises StoreError, and stores nothing, for an outcome in NEVER_RETRIED, a list that exists, or
        when nobody is left.
        """
        if never := sorted(NEVER_RETRIED & set(outcomes)):
            allowed = ", ".join(each for each in Outcome if each not in NEVER_RETRIED)
            raise StoreError(
                f"nobody is tried again after {', '.join(never)}, in a new campaign neither",
                hint=f"these may be: {allowed}",
            )
        found, kept = await self._database.read(lambda connection: _callable(connection, campaign_id, outcomes, now))
        on_dnc = found - len(kept)
        if not kept:
            why = f"the {on_dnc} there are must not be called" if on_dnc else "there are none"
            raise StoreError(
                f"no finished contact whose last outcome was {' or '.join(sorted(outcomes))} can be called: {why}",
                hint="`dialer campaign status` counts the outcomes of all attempts, earlier ones of a contact as well",
            )

        def work(connection: sa.Connection) -> Recycled:
            if connection.execute(sa.select(contact_list.c.id).where(contact_list.c.name == into)).first():
                raise StoreError(f"there already is a list called {into}", hint="give the new one a name of its own")
            of = connection.scalars(sa.select(campaign.c.name).where(campaign.c.id == campaign_id)).one()
            new = sa.insert(contact_list).values(name=into, created_at=now).returning(contact_list.c.id)
            list_id = connection.execute(new).scalar_one()
            contacts = sum(_copy(connection, list_id, batch, now) for batch in _batches(kept))
            append(
                connection, now, AuditKind.IMPORT, into, recycled_from=of, ended_as=sorted(outcomes), new=contacts,
                on_dnc=on_dnc,
            )  # fmt: skip
            return Recycled(contacts, on_dnc)

        return await self._database.write(work)


def _callable(
    connection: sa.Connection, campaign_id: int, outcomes: Collection[Outcome], now: datetime
) -> tuple[int, list[int]]:
    """How many contacts were not reached, and the ids of those not on the do-not-call list, in the queue's order."""
    query = (
        sa.select(queue.c.contact_id, queue.c.e164)
        .where(
            queue.c.campaign_id == campaign_id,
            queue.c.state == QueueState.FINISHED,
            queue.c.last_outcome.in_(list(outcomes)),
        )
        .order_by(queue.c.id)
    )
    found = [(row.contact_id, row.e164) for row in connection.execute(query)]
    kept: list[int] = []
    for batch in _batches(found):
        listed = dnc_of(connection, [e164 for _, e164 in batch])
        standing = {e164 for e164, entry in listed.items() if entry.expires_at is None or entry.expires_at > now}
        kept += [contact_id for contact_id, e164 in batch if e164 not in standing]
    return len(found), kept


def _batches(whole: Sequence[T]) -> Iterator[Sequence[T]]:
    return (whole[start : start + BATCH] for start in range(0, len(whole), BATCH))


def _copy(connection: sa.Connection, list_id: int, contact_ids: Sequence[int], now: datetime) -> int:
    at = sa.literal(now, type_=contact.c.imported_at.type)
    said = (
        sa.select(sa.literal(list_id), at, at, *(contact.c[name] for name in _SAID))
        .where(contact.c.id.in_(contact_ids))
        .order_by(contact.c.id)
    )
    columns = ["list_id", "imported_at", "updated_at", *_SAID]
    return connection.execute(sa.insert(contact).from_select(columns, said)).rowcount
