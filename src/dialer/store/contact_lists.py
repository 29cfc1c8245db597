"""Contact lists: importing them whole or not at all, and looking into them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from itertools import islice
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from dialer.compliance.whereabouts import Whereabouts
from dialer.contacts.contact import USUAL_PRIORITY, Contact
from dialer.errors import StoreError
from dialer.results.audit import AuditKind
from dialer.results.records import OrderKind, QueueState
from dialer.store.audit import append
from dialer.store.database import Database
from dialer.store.facts import contact_of
from dialer.store.orders import give_order
from dialer.store.permissions import consent_row
from dialer.store.schema import campaign_list, consent, contact, contact_list, place, queue

BATCH = 1000

_FIELDS = (
    "e164",
    "region",
    "kind",
    "name",
    "time_zone",
    "postal_code",
    "state",
    "address",
    "recipient",
    "line_type",
    "relationship",
    "language",
    "extra",
    "digest",
    "priority",
)

# What is being imported waits in temporary tables, so that reading a long file locks nobody out.
_staging = sa.MetaData()
_staged = sa.Table(
    "staged_contact",
    _staging,
    sa.Column("row", sa.Integer, primary_key=True),
    *(sa.Column(name, contact.c[name].type, unique=name == "e164") for name in _FIELDS),
    sa.Column("place", sa.Text, nullable=False),
    prefixes=["TEMPORARY"],
)
_CONSENT_FIELDS = tuple(column.name for column in consent.columns if column.name not in {"id", "recorded_at"})
_staged_consent = sa.Table(
    "staged_consent",
    _staging,
    sa.Column("row", sa.Integer, primary_key=True),
    *(sa.Column(name, consent.c[name].type) for name in _CONSENT_FIELDS),
    prefixes=["TEMPORARY"],
)


@dataclass(frozen=True, slots=True)
class ImportCounts:
    """What an import came to: ``new`` + ``updated`` + ``unchanged`` + ``repeated`` contacts were given."""

    new: int
    updated: int
    unchanged: int
    repeated: int  # the same number again in this import: the first one stands
    on_other_lists: int  # of the numbers imported, how many some other list has as well
    consents: int  # put on file that were not there


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

        Importing the same again changes nothing; a contact that differs is updated; one that is missing stays. Consents
        go on file for their numbers, and one that was revoked stays revoked. ``contacts`` is read lazily, its errors
        pass through; ``progress`` is told how many were read. The file is locked for the last moment only.
        """
        given = 0
        async with self._database.apart() as transact:
            await transact(_staging.drop_all)  # of an import that broke off
            await transact(_staging.create_all)
            whereabouts = Whereabouts()
            for batch in _batches(contacts):
                await transact(partial(_stage, batch=batch, whereabouts=whereabouts))
                given += len(batch)
                if progress is not None:
                    progress(given)
            counts = await transact(partial(_merge, list_name=list_name, given=given, now=now))
            await transact(_staging.drop_all)
        return counts

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


def _batches(contacts: Iterable[Contact]) -> Iterator[list[Contact]]:
    remaining = iter(contacts)
    while batch := list(islice(remaining, BATCH)):
        yield batch


def _stage(connection: sa.Connection, batch: Sequence[Contact], whereabouts: Whereabouts) -> None:
    rows = [_row(each) | {"place": whereabouts.place(each).key} for each in batch]
    connection.execute(insert(_staged).on_conflict_do_nothing(), rows)
    given = [consent_row(each.number.e164, each.consent) for each in batch if each.consent is not None]
    if given:
        connection.execute(sa.insert(_staged_consent), given)


def _merge(connection: sa.Connection, list_name: str, given: int, now: datetime) -> ImportCounts:
    """From the temporary tables into the lasting ones."""
    connection.execute(insert(contact_list).values(name=list_name, created_at=now).on_conflict_do_nothing())
    list_id = list_ids(connection, [list_name])[0]

    def how_many(*conditions: sa.ColumnElement[bool]) -> int:
        query = sa.select(sa.func.count()).select_from(_staged).where(*conditions)
        return connection.scalar(query) or 0

    def there(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
        return sa.exists().where(contact.c.e164 == _staged.c.e164, condition)

    staged = how_many()
    known = how_many(there(contact.c.list_id == list_id))
    same = how_many(there(sa.and_(contact.c.list_id == list_id, contact.c.digest == _staged.c.digest)))
    on_other_lists = how_many(there(contact.c.list_id != list_id))

    places = sa.select(_staged.c.place).distinct().where(sa.true())
    connection.execute(insert(place).from_select(["key"], places).on_conflict_do_nothing())
    rows = sa.select(
        sa.literal(list_id),
        sa.literal(now, type_=contact.c.imported_at.type),
        sa.literal(now, type_=contact.c.updated_at.type),
        place.c.id,
        *(_staged.c[name] for name in _FIELDS),
    ).join(place, place.c.key == _staged.c.place)
    upsert = insert(contact).from_select(
        ["list_id", "imported_at", "updated_at", "place_id", *_FIELDS],
        rows.where(sa.true()).order_by(_staged.c.row),
    )
    changed = {name: upsert.excluded[name] for name in ("updated_at", "place_id", *_FIELDS) if name != "e164"}
    connection.execute(
        upsert.on_conflict_do_update(
            index_elements=[contact.c.list_id, contact.c.e164],
            set_=changed,
            where=sa.or_(contact.c.digest != upsert.excluded.digest, contact.c.place_id != upsert.excluded.place_id),
        )
    )
    _move_in_queues(connection, list_id, now)
    give_order(connection, OrderKind.LOOK, now)
    consents = sa.select(
        sa.literal(now, type_=consent.c.recorded_at.type), *(_staged_consent.c[name] for name in _CONSENT_FIELDS)
    )
    put_on_file = insert(consent).from_select(
        ["recorded_at", *_CONSENT_FIELDS], consents.where(sa.true()).order_by(_staged_consent.c.row)
    )
    counts = ImportCounts(
        new=staged - known,
        updated=known - same,
        unchanged=same,
        repeated=given - staged,
        on_other_lists=on_other_lists,
        consents=connection.execute(put_on_file.on_conflict_do_nothing()).rowcount,
    )
    append(connection, now, AuditKind.IMPORT, list_name, **asdict(counts))
    return counts


def _move_in_queues(connection: sa.Connection, list_id: int, now: datetime) -> None:
    """Contacts that wait in queues do so at the place, and with the priority, that the list now says."""
    wait = (
        sa.select(queue.c.id, contact.c.place_id, contact.c.priority)
        .join(campaign_list, campaign_list.c.list_id == contact.c.list_id)
        .join(queue, sa.and_(queue.c.campaign_id == campaign_list.c.campaign_id, queue.c.e164 == contact.c.e164))
        .where(
            contact.c.list_id == list_id,
            contact.c.updated_at == now,
            contact.c.id == queue.c.contact_id,
            queue.c.state == QueueState.WAITING,
            sa.or_(queue.c.place_id != contact.c.place_id, queue.c.priority != contact.c.priority),
        )
    )
    moved = [row._asdict() for row in connection.execute(wait)]
    if moved:
        to = sa.update(queue).where(queue.c.id == sa.bindparam("queue"))
        connection.execute(
            to.values(place_id=sa.bindparam("to_place"), priority=sa.bindparam("to_priority")),
            [{"queue": m["id"], "to_place": m["place_id"], "to_priority": m["priority"]} for m in moved],
        )


def _row(each: Contact) -> dict[str, Any]:
    row: dict[str, Any] = {
        "e164": each.number.e164,
        "region": each.number.region,
        "kind": each.number.kind.value,
        "name": each.name,
        "time_zone": each.time_zone,
        "postal_code": each.postal_code,
        "state": each.state,
        "address": each.address,
        "recipient": each.recipient.value,
        "line_type": each.line_type.value,
        "relationship": each.relationship.value,
        "language": each.language,
        "extra": msgspec.json.encode(dict(each.extra), order="sorted").decode(),
    }
    row["priority"] = each.priority
    return {**row, "digest": contact_digest(row)}


def contact_digest(row: Mapping[Any, Any]) -> bytes:
    """Of all that an import says of a contact, by the names of the table's columns.

    The usual priority is left out: contacts from before there were priorities keep their digest.
    """
    said = [row[name] for name in _FIELDS[: _FIELDS.index("digest")]]
    if row["priority"] != USUAL_PRIORITY:
        said.append(row["priority"])
    return hashlib.blake2b(msgspec.json.encode(said), digest_size=16).digest()
