"""A copy of a store that can be put in its place: made while a run goes on, whole or not at all, and verified.

Pages are copied in steps by SQLite's online backup, from a connection that stands in a read transaction. So every step
sees the same snapshot: the backup never begins anew, as it would with each commit of another process, and writers go
on. Until it is done the WAL cannot be emptied and grows. VACUUM INTO would have been as safe, but says nothing while it
works, and makes pages anew where a copy shows what is there.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from dataclasses import replace as replaced
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from dialer.errors import StoreDamaged, StoreError
from dialer.results.audit import AuditHead
from dialer.store.audit import HEAD_SUFFIX, head_of, head_path, noted_head, write_head
from dialer.store.faults import store_errors
from dialer.store.invariants import WHOLE, examine_snapshot
from dialer.store.migrate import is_current, revision_of
from dialer.store.schema import suppressed
from dialer.store.snapshot import BUSY_TIMEOUT_S, snapshot
from dialer.store.suppression import KEY_SUFFIX

PAGES = 512  # copied in one step
SIDE_FILES = ("-wal", "-shm", "-journal")
NEW = ".new"  # until it is whole

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that was checked whole."""

    path: Path
    size: int  # bytes
    attempts: int
    entries: int  # of its audit chain
    head: AuditHead | None  # the newest one
    key: Path | None  # of the suppressed numbers, beside it
    notes: tuple[str, ...]  # what is wrong with the store that it was made of


def beside(path: Path, suffix: str) -> Path:
    """The file that belongs to ``path`` and is called like it, with ``suffix``."""
    return path.with_name(path.name + suffix)


def back_up(store: Path, to: Path, now: datetime, *, replace: bool, progress: Progress = lambda _: None) -> Backup:
    """Copy the store, with its key and audit head, and check the copy.

    ``to`` appears when it is whole and on the disk. Raises StoreError when it is there already and ``replace`` is not
    said, or it is the store itself; StoreDamaged when the copy does not hold; and its kinds.
    """
    family = {beside(store, suffix).resolve() for suffix in ("", KEY_SUFFIX, HEAD_SUFFIX, *SIDE_FILES)}
    wanted = [beside(to, suffix) for suffix in ("", KEY_SUFFIX, HEAD_SUFFIX)]
    if family & {each.resolve() for each in wanted}:
        raise StoreError(f"{to} is the store itself, or one of its files", hint="name another file")
    for each in wanted:
        if not replace and each.exists():
            raise StoreError(f"{each} is there already", hint="name another file, or say --force to replace it")
    made = beside(to, NEW)
    try:
        with store_errors(store):
            store.stat()
            revision_of(store)  # a file that is none of dialer's is not worth a backup
        copy_store(store, made, lambda done, whole: progress(f"{done / whole:.0%} copied"))
        found = check_backup(made, now, progress)
        with store_errors(to):
            _put_in_place(made, to)
    finally:
        remove_store(made)
    return replaced(found, path=to, key=_there(beside(to, KEY_SUFFIX)))


def check_backup(path: Path, now: datetime, progress: Progress = lambda _: None) -> Backup:
    """Check a backup whole, with its audit head and key. Raises StoreDamaged, and what opening it raises.

    Broken pages, references, tables or audit entries fail. Other things that must never be are faults of the store that
    it was made of, and are told: a backup of it is better than none.
    """
    noted = noted_head(head_path(path))
    with store_errors(path):
        size = path.stat().st_size
        current = is_current(path, revision_of(path))
    if not current:
        raise StoreError(f"{path} has the tables of an earlier version", hint="`dialer init` brings a store up to date")
    with snapshot(path) as connection:
        found = examine_snapshot(connection, noted, now, progress)
        newest = head_of(connection)
        hashes = connection.execute(sa.select(sa.func.count()).select_from(suppressed)).scalar()
    notes = [f"{each.invariant}: {each.detail}" for each in found.violations]
    for violation in found.violations:
        if violation.invariant in WHOLE:
            hint = "`dialer doctor --deep` tells whether the store is broken as well; if so, restore an earlier backup"
            raise StoreDamaged(f"{path}: it does not hold that {violation.invariant}: {violation.detail}", hint=hint)
    key = beside(path, KEY_SUFFIX)
    if hashes and not key.exists():
        notes.append(f"{key.name} is missing: no call can be placed, as nobody can tell whose numbers were erased")
    return Backup(path, size, found.attempts, found.entries, newest, _there(key), tuple(notes))


def copy_store(store: Path, made: Path, told: Callable[[int, int], None] = lambda _done, _whole: None) -> None:
    """Copy a store with its key and newest audit entry as a single file, fsynced; ``told`` hears of pages done.

    Raises StoreError and its kinds; what was made until then stays.
    """
    remove_store(made)
    with store_errors(made):
        made.touch(mode=0o600)
    with store_errors(store), closing(_connected(store, "ro")) as source, closing(_connected(made, "rw")) as target:
        source.execute("BEGIN")
        source.execute("SELECT count(*) FROM sqlite_master").fetchone()  # from here on, one snapshot
        source.backup(target, pages=PAGES, progress=lambda _, left, whole: told(whole - left, whole))
        # The key after the snapshot: it has the key of every hash in it.
        source.rollback()
        target.execute("PRAGMA journal_mode=DELETE")  # one file, with nothing beside it
    with store_errors(made):
        key = beside(store, KEY_SUFFIX)
        if key.exists():
            beside(made, KEY_SUFFIX).touch(mode=0o600)
            beside(made, KEY_SUFFIX).write_bytes(key.read_bytes())
    with snapshot(made) as connection:
        head = head_of(connection)
    if head is not None:
        write_head(head_path(made), head)


def remove_store(path: Path) -> None:
    """Remove a copy that is not wanted, with all that belongs to it."""
    for suffix in ("", *SIDE_FILES, KEY_SUFFIX, HEAD_SUFFIX):
        beside(path, suffix).unlink(missing_ok=True)


def synced(path: Path) -> None:
    """Have what was done to this file, or the names in this directory, on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _put_in_place(made: Path, to: Path) -> None:
    """At every moment what is called ``to`` is a whole backup: the older one with it may lack a key or a newer note."""
    for suffix in SIDE_FILES:
        beside(to, suffix).unlink(missing_ok=True)  # of an older backup: they must not be taken for this one's
    beside(to, HEAD_SUFFIX).unlink(missing_ok=True)
    for suffix in (KEY_SUFFIX, "", HEAD_SUFFIX):
        if beside(made, suffix).exists():
            synced(beside(made, suffix))
            beside(made, suffix).replace(beside(to, suffix))
    synced(to.parent)


def _connected(path: Path, mode: str) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    return sqlite3.connect(uri, uri=True, isolation_level=None, timeout=BUSY_TIMEOUT_S)


def _there(path: Path) -> Path | None:
    return path if path.exists() else None
