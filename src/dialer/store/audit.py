"""The audit chain in its table: written in the transaction of what it records."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa

from dialer.contacts.micros import to_micros
from dialer.errors import StoreDamaged, StoreError
from dialer.results.audit import FIRST, AuditEntry, AuditHead, AuditKind, Break, ChainCheck, row_digest
from dialer.store.database import Database
from dialer.store.schema import attempt, audit, basis_text, outcome, refusal

HEAD_SUFFIX = ".head"
BATCH = 500

# The columns that an entry vouches for.
_VOUCHED: Mapping[str, tuple[sa.Table, str, tuple[str, ...]]] = {
    "attempts": (
        attempt,
        "attempt_id",
        ("queue_id", "campaign_id", "contact_id", "e164", "caller_id", "rules_version", "script_id", "permit",
         "placed_at", "basis"),
    ),
    "refusals": (
        refusal,
        "id",
        ("queue_id", "campaign_id", "e164", "decided_at", "check_name", "reason", "citation", "defer_until",
         "refusal", "basis"),
    ),
    "outcomes": (
        outcome,
        "attempt_id",
        ("campaign_id", "outcome", "ended_at", "answered_at", "sip_code", "q850", "answered_by", "heard_ms",
         "key_value", "record"),
    ),
    "texts": (basis_text, "digest", ("kind", "body")),
}  # fmt: skip


def append(connection: sa.Connection, at: datetime, kind: AuditKind, subject: str, /, **body: Any) -> AuditEntry:
    """Chain an entry to the newest one, in this connection's transaction."""
    last = connection.execute(_LAST).first()
    entry = AuditEntry(
        seq=1 if last is None else last.seq + 1,
        at=at,
        who=connection.info.get("who", ""),
        kind=kind,
        subject=subject,
        body=msgspec.json.encode(body, order="sorted").decode(),
        prev=FIRST if last is None else last.hash,
    ).hashed()
    connection.execute(_INSERT, msgspec.structs.asdict(entry))
    return entry


def vouch(what: str, rows: Iterable[Mapping[Any, Any]]) -> list[tuple[Any, str]]:
    """(key, digest) of rows as they go into, or come out of, the table of ``what``."""
    _, key, columns = _VOUCHED[what]
    return [(row[key], row_digest([_plain(row.get(name)) for name in columns])) for row in rows]


_LAST = sa.select(audit.c.seq, audit.c.hash).order_by(audit.c.seq.desc()).limit(1)
_INSERT = sa.insert(audit)


@dataclass(frozen=True, slots=True)
class Verification:
    """What reading the whole chain came to."""

    entries: int
    rows: int  # decisions, outcomes and texts that were held against their digests
    broken: Break | None
    head: AuditHead | None
    head_noted: bool  # whether the newest entry was noted outside of the store


@dataclass
class _Account:
    """What the entries read so far vouch for, by table."""

    vouched: Counter[str] = field(default_factory=Counter)
    before: Counter[str] = field(default_factory=Counter)  # that were there when the chain began
    erased: dict[str, set[Any]] = field(default_factory=lambda: {what: set() for what in _VOUCHED})
    missing: list[tuple[int, str, Any]] = field(default_factory=list)

    def deleted(self) -> Break | None:
        """The first row that is gone, and was not erased lawfully."""
        for seq, what, key in self.missing:
            if key not in self.erased[what]:
                return Break(seq=seq, why=f"{what[:-1]} {key} was deleted")
        return None


class Audit:
    """The chain, as an operator reads it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._head_file = head_path(database.path)

    async def note(self, at: datetime, kind: AuditKind, subject: str, /, **body: Any) -> None:
        """Enter something that happened outside of the store."""
        await self._database.write(lambda connection: append(connection, at, kind, subject, **body))

    async def entries(self, newest: int) -> list[AuditEntry]:
        """The newest so many, newest first."""
        query = sa.select(audit).order_by(audit.c.seq.desc()).limit(newest)
        return await self._database.read(
            lambda connection: [_entry(row) for row in connection.execute(query).mappings()]
        )

    async def head(self) -> AuditHead | None:
        """The newest entry; None before the first."""
        return await self._database.read(head_of)

    async def note_head(self) -> None:
        """Write the newest entry's number and hash beside the store, for a later verification.

        A note that the chain does not reach stays: it is all that tells of what was lost.
        """
        noted = noted_head(self._head_file)
        head = await self.head()
        if head is None or head == noted or (noted is not None and not await self._has(noted)):
            return
        await asyncio.to_thread(write_head, self._head_file, head)

    async def must_have_noted(self) -> None:
        """Raise StoreDamaged when the entry noted as the newest is not in the store: something after it was lost."""
        noted = noted_head(self._head_file)
        if noted is not None and not await self._has(noted):
            raise StoreDamaged(
                f"{self._database.path} has lost what was in it: entry {noted.seq} of its audit chain was noted beside "
                "it, and is not there",
                hint="was its -wal deleted, or an older file put in its place? `dialer doctor --deep` looks closer, "
                "`dialer restore` brings a backup back; no call is placed until then",
            )

    async def verify(self, progress: Callable[[int], None] = lambda _: None) -> Verification:
        """Read every entry and every row that one vouches for, on one snapshot; stop at the first break."""
        noted = noted_head(self._head_file)  # before the snapshot, which then has it
        return await self._database.read(lambda connection: verify_chain(connection, noted, progress))

    async def _has(self, head: AuditHead) -> bool:
        return await self._database.read(lambda connection: has_entry(connection, head))


def has_entry(connection: sa.Connection, head: AuditHead) -> bool:
    """Whether the chain has this entry."""
    query = sa.select(audit.c.seq).where(audit.c.seq == head.seq, audit.c.hash == head.hash)
    return connection.execute(query).first() is not None


def head_of(connection: sa.Connection) -> AuditHead | None:
    """The newest entry; None before the first."""
    row = connection.execute(_LAST).first()
    return None if row is None else AuditHead(seq=row.seq, hash=row.hash)


def head_path(store: Path) -> Path:
    """Where a store's newest entry is noted."""
    return store.with_name(store.name + HEAD_SUFFIX)


def noted_head(path: Path) -> AuditHead | None:
    """The note in this file, None where there is none. Raises StoreError when it cannot be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=AuditHead)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        raise StoreError(f"{path}: cannot be read: {error}") from error


def write_head(path: Path, head: AuditHead) -> None:
    """Put a note into this file, whole or not at all. Raises StoreError."""
    made = path.with_name(path.name + ".new")
    try:
        with made.open("wb") as file:
            file.write(msgspec.json.encode(head) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        made.chmod(0o600)
        made.replace(path)
    except OSError as error:
        raise StoreError(f"{path}: cannot be written: {error.strerror}") from error


def verify_chain(
    connection: sa.Connection, noted: AuditHead | None, progress: Callable[[int], None] = lambda _: None
) -> Verification:
    """Hold the chain against itself, ``noted`` (its newest entry, as known elsewhere), and the rows it vouches for."""
    check = ChainCheck(noted)
    account = _Account()
    entries = 0
    broken: Break | None = None
    while broken is None and (page := _page(connection, entries)):
        for entry in page:
            broken = check.look_at(entry) or _rows_of(connection, entry, account)
            if broken is not None:
                break
            entries += 1
        progress(entries)
    broken = broken or check.end() or account.deleted() or _past_the_chain(connection, account, entries)
    return Verification(entries, sum(account.vouched.values()), broken, check.newest, noted is not None)


def _page(connection: sa.Connection, after: int) -> list[AuditEntry]:
    query = sa.select(audit).where(audit.c.seq > after).order_by(audit.c.seq).limit(BATCH)
    return [_entry(row) for row in connection.execute(query).mappings()]


def _rows_of(connection: sa.Connection, entry: AuditEntry, account: _Account) -> Break | None:
    """Hold the rows that an entry vouches for against its digests."""
    body = msgspec.json.decode(entry.body)
    for what in _VOUCHED:
        account.erased[what].update(body.get(f"erased_{what}", ()))
        if entry.kind is AuditKind.BEGIN:
            account.before[what] = body[what]
            continue
        claimed = dict(body.get(what, ()))
        if not claimed:
            continue
        account.vouched[what] += len(claimed)
        found = _rows(connection, what, list(claimed))
        for key, digest in claimed.items():
            if key not in found:
                account.missing.append((entry.seq, what, key))
            elif found[key] != digest:
                return Break(seq=entry.seq, why=f"{what[:-1]} {key} was changed since")
    return None


def _past_the_chain(connection: sa.Connection, account: _Account, entries: int) -> Break | None:
    """Rows that no entry vouches for were put in by somebody else."""
    for what, (table, _, _) in _VOUCHED.items():
        count = connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0
        known = account.vouched[what] + account.before[what] - len(account.erased[what])
        if count > known:
            return Break(seq=entries, why=f"{count - known} {what} were put in past the chain")
    return None


def _rows(connection: sa.Connection, what: str, keys: Sequence[Any]) -> dict[Any, str]:
    table, key, _ = _VOUCHED[what]
    found: dict[Any, str] = {}
    for start in range(0, len(keys), BATCH):
        query = sa.select(table).where(table.c[key].in_(keys[start : start + BATCH]))
        found |= dict(vouch(what, connection.execute(query).mappings().all()))
    return found


def _entry(row: sa.RowMapping) -> AuditEntry:
    return AuditEntry(**{**row, "kind": AuditKind(row["kind"])})


def _plain(value: Any) -> Any:
    return to_micros(value) if isinstance(value, datetime) else value
