"""Contact lists: importing them whole or not at all, and looking into them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

import sqlalchemy as sa

from dialer.contacts.contact import Contact
from dialer.contacts.plain import PART, PlainPart, plain_part
from dialer.errors import StoreError
from dialer.store.database import Database
from dialer.store.facts import contact_of
from dialer.store.importing import ImportCounts, import_parts
from dialer.store.schema import contact, contact_list


@dataclass(frozen=True, slots=True)
class ListRow:
    """A contact list."""

    id: int
    name: str
    contacts: int
    created_at: datetime


class ContactLists:
    """Every method raises StoreError when the store cannot be used."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def import_contacts(
        self,
        list_name: str,
        contacts: Iterable[Contact],
        now: datetime,
        *,
        progress: Callable[[int], None] | None = None,
    ) -> ImportCounts:
        """Put contacts on a list, which is made if need be, in one transaction: all of them or none.

        Importing the same again changes nothing; a contact that differs is updated; one that is missing stays; of
        several with one number the first counts. Consents go on file for their numbers, and one that was revoked stays
        revoked. ``contacts`` is read lazily, its errors pass through; ``progress`` is told how many were read. The file
        is locked for the last moment only.
        """
        seen: set[str] = set()

        def firsts() -> Iterator[Contact]:
            for each in contacts:
                if each.number.e164 not in seen:
                    seen.add(each.number.e164)
                    yield each

        first = firsts()
        parts = (plain_part(some) for some in iter(lambda: list(islice(first, PART)), []))
        return await self.import_parts(list_name, parts, now, progress=progress)

    async def import_parts(
        self,
        list_name: str,
        parts: Iterable[PlainPart],
        now: datetime,
        *,
        progress: Callable[[int], None] | None = None,
    ) -> ImportCounts:
        """The same of contacts that were made parts of an import elsewhere."""
        return await import_parts(self._database, list_name, parts, now, progress)

    async def all(self) -> list[ListRow]:
        """Every list, by name."""
        query = (
            sa.select(contact_list, sa.func.count(contact.c.id).label("contacts"))
            .outerjoin(contact, contact.c.list_id == contact_list.c.id)
            .group_by(contact_list.c.id)
            .order_by(contact_list.c.name)
        )
        return await self._database.read(
            lambda connection: [
                ListRow(id=row.id, name=row.name, contacts=row.contacts, created_at=row.created_at)
                for row in connection.execute(query)
            ]
        )

    async def contacts(self, list_name: str, limit: int | None = None) -> list[Contact]:
        """The contacts of a list, in the order of their import. Raises StoreError when there is no such list."""

        def work(connection: sa.Connection) -> list[Contact]:
            query = (
                sa.select(contact)
                .where(contact.c.list_id == list_ids(connection, [list_name])[0])
                .order_by(contact.c.id)
                .limit(limit)
            )
            return [contact_of(row) for row in connection.execute(query)]

        return await self._database.read(work)

    async def places(self, names: Sequence[str]) -> list[Contact]:
        """A contact of these lists for each place and kind of number in them. Raises StoreError for an unknown list."""
        return await self._database.read(lambda connection: one_of_each_place(connection, list_ids(connection, names)))

    async def of_number(self, e164: str) -> list[tuple[str, Contact]]:
        """The contacts with this number, each with the name of its list."""
        query = (
            sa.select(contact, contact_list.c.name.label("list_name"))
            .join(contact_list, contact_list.c.id == contact.c.list_id)
            .where(contact.c.e164 == e164)
            .order_by(contact_list.c.name)
        )
        return await self._database.read(
            lambda connection: [(row.list_name, contact_of(row)) for row in connection.execute(query)]
        )


def one_of_each_place(connection: sa.Connection, list_ids: Sequence[int]) -> list[Contact]:
    """A contact of these lists for each place and kind of number in them."""
    place = (contact.c.region, contact.c.kind, sa.func.substr(contact.c.e164, 1, 8), contact.c.state)
    first = (
        sa.select(sa.func.min(contact.c.id))
        .where(contact.c.list_id.in_(list_ids))
        .group_by(*place, contact.c.postal_code)
    )
    return [contact_of(row) for row in connection.execute(sa.select(contact).where(contact.c.id.in_(first)))]


def list_ids(connection: sa.Connection, names: Sequence[str]) -> list[int]:
    """The ids of these lists, in order, each once. Raises StoreError, naming those there are, for an unknown one."""
    query = sa.select(contact_list.c.name, contact_list.c.id).order_by(contact_list.c.name)
    known = {row.name: row.id for row in connection.execute(query)}
    for name in names:
        if name not in known:
            raise StoreError(
                f"there is no list called {name}",
                hint=f"there are: {', '.join(known)}" if known else "`dialer contacts import` makes one",
            )
    return [known[name] for name in dict.fromkeys(names)]
