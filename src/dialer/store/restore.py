"""Putting a backup in a store's place without forgetting whom one must not call."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from dialer.errors import EngineRunning, StoreBusy, StoreError
from dialer.results.audit import AuditKind
from dialer.store.audit import HEAD_SUFFIX, append, head_of, head_path, write_head
from dialer.store.backup import SIDE_FILES, Backup, Progress, beside, check_backup, copy_store, remove_store, synced
from dialer.store.carry_over import Carried, carry_over, settle
from dialer.store.faults import store_errors
from dialer.store.migrate import is_current, revision_of
from dialer.store.open import Store
from dialer.store.runs import live_run
from dialer.store.schema import audit, contact, suppressed
from dialer.store.snapshot import connected, snapshot
from dialer.store.suppression import KEY_SUFFIX, SuppressionKey, mac

MADE = ".restoring"
# Of SQLite's lock bytes (its file format, "The Lock-Byte Page"): every open connection shares a lock on these.
SHARED_FIRST, SHARED_SIZE = 0x40000002, 510
EVERYTHING = "opt-outs, revocations and attempts since the backup"


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore came to."""

    backup: Backup
    as_of: datetime | None  # the newest audit entry of the backup
    carried: Carried
    erased_again: int
    kept: Path | None  # the store that was replaced


def restore(
    path: Path, store: Path, now: datetime, *, who: str, accept_loss: bool, progress: Progress = lambda _: None
) -> Restored:
    """Put the backup at ``path`` in the place of ``store``, which is kept under a dated name.

    What binds by law is carried over from ``store``. Raises StoreError, with nothing changed, when some of it cannot be
    and ``accept_loss`` is not said; EngineRunning and StoreBusy while anybody has the store open; StoreDamaged when
    the backup does not hold.
    """
    if path.resolve() == store.resolve():
        raise StoreError(f"{path} is the store itself", hint="name a backup")
    stamp = _stamp(store)
    lost = _unreadable(store, now)
    backup = check_backup(path, now, progress)
    made = beside(store, MADE)
    try:
        copy_store(path, made)
        progress("carrying over what binds")
        if not lost:
            lost = _settle_keys(made, store)
        whole_loss = bool(lost) and lost[0].startswith(EVERYTHING)
        with connected(
            made, read_only=False, begin_with="BEGIN IMMEDIATE", attached=None if whole_loss else store
        ) as connection:
            connection.info["who"] = who
            as_of = connection.scalar(sa.select(audit.c.at).order_by(audit.c.seq.desc()).limit(1))
            before = set(connection.scalars(sa.select(suppressed.c.mac)))
            settle(connection, now)
            carried = Carried({}, tuple(lost)) if whole_loss else carry_over(connection, backup.head, now, lost)
            append(
                connection, now, AuditKind.RESTORE, path.name, as_of=as_of.isoformat() if as_of else "",
                carried=carried.counts, lost=carried.lost, accepted=accept_loss,
            )  # fmt: skip
            again = _numbers_to_erase(connection, before, made)
        if carried.lost and not accept_loss:
            since = f" ({as_of:%Y-%m-%d %H:%M} UTC)" if as_of else ""
            raise StoreError(
                f"nothing was changed: these cannot be carried over from {store}, and would be lost since the "
                f"backup{since}: {'; '.join(carried.lost)}",
                hint="who asked not to be called would be called: put that on the do-not-call list from other records "
                "first (dialer.log has every attempt); --accept-loss goes on without it",
            )
        asyncio.run(_erase(made, again, now, who))
        with snapshot(made) as connection:
            head = head_of(connection)
        if head is not None:
            write_head(head_path(made), head)
        check_backup(made, now, progress)
        kept = _swap(made, store, stamp, now)
    finally:
        remove_store(made)
    return Restored(backup, as_of, carried, len(again), kept)


def _unreadable(store: Path, now: datetime) -> list[str]:
    """Why nothing at all can be carried over, if so. Raises EngineRunning while an engine is alive, StoreBusy."""
    try:
        with store_errors(store):
            store.stat()
            current = is_current(store, revision_of(store))
        with snapshot(store) as connection:
            run = live_run(connection, now)
    except StoreBusy:
        raise
    except StoreError as error:
        return [f"{EVERYTHING}: {error}"]
    if run is not None:
        raise EngineRunning(
            f"an engine works on this store: process {run.pid} on {run.host}", hint="stop it with Ctrl-C, then restore"
        )
    if not current:
        raise StoreError(f"{store} has the tables of an earlier version", hint="`dialer init` brings them up to date")
    return []


def _settle_keys(made: Path, store: Path) -> list[str]:
    """One key tells who was erased, in the backup and since: that of whichever has hashes made with it."""
    new, old = beside(made, KEY_SUFFIX), beside(store, KEY_SUFFIX)
    if not old.exists() or (new.exists() and new.read_bytes() == old.read_bytes()):
        return []
    if new.exists() and _has_hashes(made):
        return (
            ["erased numbers: they were hashed with another key than those of the backup"] if _has_hashes(store) else []
        )
    new.touch(mode=0o600)
    new.write_bytes(old.read_bytes())
    return []


def _has_hashes(path: Path) -> bool:
    with snapshot(path) as connection:
        return connection.execute(sa.select(suppressed.c.mac).limit(1)).first() is not None


def _numbers_to_erase(connection: sa.Connection, before: set[bytes], made: Path) -> list[str]:
    """People who were erased since the backup, and are in it."""
    new = set(connection.scalars(sa.select(suppressed.c.mac))) - before
    if not new:
        return []
    key = SuppressionKey(made).read()
    numbers = connection.scalars(sa.select(contact.c.e164).distinct())
    return [e164 for e164 in numbers if mac(key, e164) in new]


async def _erase(made: Path, numbers: list[str], now: datetime, who: str) -> None:
    async with await Store.open(made, who=who) as opened:  # also turns the WAL on again
        for e164 in numbers:
            await opened.erasure.erase(e164, "erased already; a backup from before was restored", now)


def _stamp(store: Path) -> tuple[tuple[int, int], ...]:
    """Changes with whatever is written; who only reads may make an empty WAL."""
    found = [each.stat() for suffix in ("", "-wal") if (each := beside(store, suffix)).exists()]
    return tuple((each.st_size, each.st_mtime_ns) for each in found if each.st_size)


@contextmanager
def _alone(store: Path) -> Iterator[None]:
    """Nobody has the store open, and nobody can open it, damaged as it may be. Raises StoreBusy."""
    with store_errors(store), store.open("rb+") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, SHARED_SIZE, SHARED_FIRST)
        except BlockingIOError:
            raise StoreBusy(f"{store} is open in another program", hint=f"`fuser {store.name}` names it") from None
        yield


def _swap(made: Path, store: Path, stamp: tuple[tuple[int, int], ...], now: datetime) -> Path | None:
    """The store's name is never without a store; after a power cut in between, a run refuses for want of the note."""
    if not store.exists():
        _move_in(made, store)
        return None
    kept = beside(store, f".before-{now:%Y%m%dT%H%M%SZ}")
    with _alone(store):
        if _stamp(store) != stamp:
            raise StoreBusy(f"{store} was written to while the backup was prepared", hint="try again")
        with store_errors(store):
            for suffix in ("", KEY_SUFFIX, HEAD_SUFFIX):
                if beside(store, suffix).exists():
                    os.link(beside(store, suffix), beside(kept, suffix))
            for suffix in SIDE_FILES:
                if beside(store, suffix).exists():
                    beside(store, suffix).rename(beside(kept, suffix))
        _move_in(made, store)
    return kept


def _move_in(made: Path, store: Path) -> None:
    with store_errors(store):
        for suffix in (KEY_SUFFIX, "", HEAD_SUFFIX):
            if beside(made, suffix).exists():
                synced(beside(made, suffix))
                beside(made, suffix).replace(beside(store, suffix))
        synced(store.parent)
