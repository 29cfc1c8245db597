"""Importing contacts: part by part into temporary tables, then all of it, or nothing, into the lasting ones.

The temporary tables see to it that reading a long file locks nobody out. Parts are plain values, so that another
process can make them: that is most of the work.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from dialer.compliance.whereabouts import Whereabouts
from dialer.contacts.contact import USUAL_PRIORITY, Contact, LineType, Number, NumberKind
from dialer.contacts.plain import CONSENT_FIELDS, FIELDS, PlainContact, PlainPart
from dialer.contacts.zones import place_key_of
from dialer.results.audit import AuditKind
from dialer.results.records import OrderKind, QueueState
from dialer.store.audit import append
from dialer.store.database import Database
from dialer.store.orders import give_order
from dialer.store.schema import campaign_list, consent, contact, contact_list, place, queue

_CACHE_KIB = 65_536  # numbers come in no order: their index must not be read back from disk

_ROW = (*FIELDS, "priority", "digest")

_staging = sa.MetaData()
_staged = sa.Table(
    "staged_contact",
    _staging,
    sa.Column("row", sa.Integer, primary_key=True),
    sa.Column("place", sa.Integer, nullable=False),
    *(sa.Column(name, contact.c[name].type) for name in _ROW),
    prefixes=["TEMPORARY"],
)
_staged_place = sa.Table(
    "staged_place",
    _staging,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("place_id", sa.Integer),  # of the lasting table, known when it is merged
    prefixes=["TEMPORARY"],
)
_staged_consent = sa.Table(
    "staged_consent",
    _staging,
    sa.Column("row", sa.Integer, primary_key=True),
    *(sa.Column(name, consent.c[name].type) for name in CONSENT_FIELDS),
    prefixes=["TEMPORARY"],
)


def _insert(table: sa.Table, columns: Sequence[str]) -> str:
    names, values = ", ".join(columns), ", ".join("?" * len(columns))
    return f"INSERT INTO {table.name} ({names}) VALUES ({values}) ON CONFLICT DO NOTHING"  # noqa: S608  constants


_INSERTS = (
    _insert(_staged_place, ("id", "key")),
    _insert(_staged, ("place", *_ROW)),
    _insert(_staged_consent, CONSENT_FIELDS),
)


@dataclass(frozen=True, slots=True)
class ImportCounts:
    """What an import came to: ``new`` + ``updated`` + ``unchanged`` contacts were given."""

    new: int
    updated: int
    unchanged: int
    on_other_lists: int  # of the numbers imported, how many some other list has as well
    consents: int  # put on file that were not there


class _Places:
    """The places of one import, numbered as they come up."""

    def __init__(self) -> None:
        self._whereabouts = Whereabouts()
        self._numbers: dict[Hashable, int] = {}
        self._keys: dict[str, int] = {}
        self.new: list[tuple[int, str]] = []

    def number_of(self, row: PlainContact) -> int:
        """The number of the place of a contact."""
        e164, region, kind, _, time_zone, postal_code, state, _, _, line_type, *_ = row
        key = (line_type, place_key_of(e164, region, kind, time_zone, postal_code, state))
        number = self._numbers.get(key)
        if number is None:
            whole = Contact(
                Number(e164, region, NumberKind(kind)),
                time_zone=time_zone,
                postal_code=postal_code,
                state=state,
                line_type=LineType(line_type),
            )
            number = self._numbers[key] = self._numbered(self._whereabouts.place(whole).key)
        return number

    def _numbered(self, key: str) -> int:
        if key not in self._keys:
            self._keys[key] = len(self._keys)
            self.new.append((self._keys[key], key))
        return self._keys[key]


async def import_parts(
    database: Database,
    list_name: str,
    parts: Iterable[PlainPart],
    now: datetime,
    progress: Callable[[int], None] | None,
) -> ImportCounts:
    """See ContactLists.import_parts."""
    given = 0
    async with database.apart() as transact:
        await transact(_prepare)
        places = _Places()
        for each in parts:
            await transact(partial(_stage, part=each, places=places))
            given += len(each.contacts)
            if progress is not None:
                progress(given)
        return await transact(partial(_merge, list_name=list_name, now=now))


def _prepare(connection: sa.Connection) -> None:
    """The tables go with the connection."""
    _staging.create_all(connection)
    connection.exec_driver_sql(f"PRAGMA main.cache_size = -{_CACHE_KIB}")


def _stage(connection: sa.Connection, part: PlainPart, places: _Places) -> None:
    contacts = [(places.number_of(row), *row, contact_digest(row[:-1], row[-1])) for row in part.contacts]
    for statement, rows in zip(_INSERTS, (places.new, contacts, part.consents), strict=True):
        if rows:
            connection.exec_driver_sql(statement, rows)
    places.new.clear()


def _merge(connection: sa.Connection, list_name: str, now: datetime) -> ImportCounts:
    """From the temporary tables into the lasting ones."""
    made = connection.execute(insert(contact_list).values(name=list_name, created_at=now).on_conflict_do_nothing())
    list_id = connection.scalar(sa.select(contact_list.c.id).where(contact_list.c.name == list_name)) or 0
    staged = connection.scalar(sa.select(sa.func.count()).select_from(_staged)) or 0
    known, same = (0, 0) if made.rowcount else _already_there(connection, list_id)
    on_other_lists = _on_other_lists(connection, list_id)

    keys = sa.select(_staged_place.c.key).where(sa.true())
    connection.execute(insert(place).from_select(["key"], keys).on_conflict_do_nothing())
    lasting = sa.select(place.c.id).where(place.c.key == _staged_place.c.key).scalar_subquery()
    connection.execute(sa.update(_staged_place).values(place_id=lasting))
    rows = sa.select(
        sa.literal(list_id),
        sa.literal(now, type_=contact.c.imported_at.type),
        sa.literal(now, type_=contact.c.updated_at.type),
        _staged_place.c.place_id,
        *(_staged.c[name] for name in _ROW),
    ).select_from(_staged.join(_staged_place, _staged_place.c.id == _staged.c.place))
    upsert = insert(contact).from_select(
        ["list_id", "imported_at", "updated_at", "place_id", *_ROW], rows.where(sa.true()).order_by(_staged.c.row)
    )
    changed = {name: upsert.excluded[name] for name in ("updated_at", "place_id", *_ROW) if name != "e164"}
    connection.execute(
        upsert.on_conflict_do_update(
            index_elements=[contact.c.list_id, contact.c.e164],
            set_=changed,
            where=sa.or_(contact.c.digest != upsert.excluded.digest, contact.c.place_id != upsert.excluded.place_id),
        )
    )
    if known:
        _move_in_queues(connection, list_id, now)
    give_order(connection, OrderKind.LOOK, now)
    consents = sa.select(
        sa.literal(now, type_=consent.c.recorded_at.type), *(_staged_consent.c[name] for name in CONSENT_FIELDS)
    )
    put_on_file = insert(consent).from_select(
        ["recorded_at", *CONSENT_FIELDS], consents.where(sa.true()).order_by(_staged_consent.c.row)
    )
    counts = ImportCounts(
        new=staged - known,
        updated=known - same,
        unchanged=same,
        on_other_lists=on_other_lists,
        consents=connection.execute(put_on_file.on_conflict_do_nothing()).rowcount,
    )
    append(connection, now, AuditKind.IMPORT, list_name, **asdict(counts))
    return counts


def _already_there(connection: sa.Connection, list_id: int) -> tuple[int, int]:
    """How many of the contacts the list has, and how many of these just as they are."""
    there = sa.select(contact.c.digest).where(contact.c.list_id == list_id, contact.c.e164 == _staged.c.e164)
    found = sa.select(_staged.c.digest, there.scalar_subquery().label("there")).subquery()
    same = sa.case((found.c.there == found.c.digest, 1), else_=0)
    known, unchanged = connection.execute(sa.select(sa.func.count(found.c.there), sa.func.sum(same))).one()
    return known, unchanged or 0


def _on_other_lists(connection: sa.Connection, list_id: int) -> int:
    others = sa.exists().where(contact.c.list_id == contact_list.c.id)
    if connection.execute(sa.select(contact_list.c.id).where(contact_list.c.id != list_id, others).limit(1)).first():
        there = sa.exists().where(contact.c.e164 == _staged.c.e164, contact.c.list_id != list_id)
        return connection.scalar(sa.select(sa.func.count()).select_from(_staged).where(there)) or 0
    return 0


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


_json = msgspec.json.encode


def contact_digest(said: Sequence[Any], priority: int) -> bytes:
    """Of all that an import says of a contact: the values of FIELDS, and its priority.

    The usual priority is left out: contacts from before there were priorities keep their digest.
    """
    whole = said if priority == USUAL_PRIORITY else (*said, priority)
    return hashlib.blake2b(_json(whole), digest_size=16).digest()
