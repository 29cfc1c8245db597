"""The connections to one SQLite file: a writer with group commit, and readers beside it."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self, TypeVar

import sqlalchemy as sa
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

from dialer.errors import StoreBusy, StoreError, StoreReadOnly
from dialer.store.faults import not_writable, store_errors
from dialer.store.link import Link, Links, Transact
from dialer.store.migrate import is_current, revision_of, upgrade
from dialer.store.own_files import OwnFiles
from dialer.store.suppression import SuppressionKey
from dialer.store.writer import Writer

T = TypeVar("T")

BUSY_TIMEOUT_S = 5.0


class Database:
    """One open file. WAL: readers see the last commit and never wait for the writer, nor it for them."""

    def __init__(self, path: Path, *, read_only: bool, who: str = "") -> None:
        """``who`` stands in the audit chain for whatever is written."""
        self.path = path
        self.suppression = SuppressionKey(path)
        info = {"who": who, "suppression": self.suppression}
        # FULL: a commit is on the disk, not in its cache, before it returns.
        self._reading = _engine(path, begin_with="BEGIN", pragmas=("query_only=ON",), read_only=read_only, info=info)
        self._writing = None if read_only else _engine(
            path, begin_with="BEGIN IMMEDIATE", pragmas=("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"),
            read_only=False, info=info,
        )  # fmt: skip
        self._readers = Links(self._reading)
        self._link: Link | None = None
        self._writer: Writer | None = None
        self._own_files: OwnFiles | None = None

    @classmethod
    async def open(cls, path: Path, *, create: bool, read_only: bool, who: str = "") -> Self:
        """Open, and bring the tables up to date. Raises StoreError and its kinds; then nothing stays open."""
        with store_errors(path):
            current = await asyncio.to_thread(_ready, path, create=create, read_only=read_only)
        database = cls(path, read_only=read_only, who=who)
        try:
            if database._writing is not None:
                with store_errors(path):
                    database._link = await Link.open(database._writing)
                    # also proves that it can be written
                    await database._link.transact(lambda connection: None if current else upgrade(connection))
                database._own_files = OwnFiles(path)
                database._writer = Writer(database._transact, path, database._hold_on)
        except BaseException:
            await database.close()
            raise
        return database

    async def write(self, work: Callable[[sa.Connection], T]) -> T:
        """Run ``work`` in a transaction that is on disk when this returns; see Writer."""
        if self._writer is None:
            raise StoreReadOnly(f"{self.path} was opened for reading only")
        return await self._writer.do(work)

    async def read(self, work: Callable[[sa.Connection], T]) -> T:
        """Run ``work`` on one snapshot: everything committed before this call."""
        with store_errors(self.path):
            async with self._readers.borrow() as link:
                return await link.transact(work)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Transact]:
        """A snapshot to read from in several steps."""
        with store_errors(self.path):
            async with self._readers.borrow() as link, link.snapshot() as run:
                yield run

    @asynccontextmanager
    async def apart(self) -> AsyncIterator[Transact]:
        """A writing connection of one's own, for long work that stages in temporary tables between transactions.

        Each piece of work is a transaction; SQL errors come out of it as StoreError.
        """
        if self._writing is None:
            raise StoreReadOnly(f"{self.path} was opened for reading only")
        with store_errors(self.path):
            link = await Link.open(self._writing)

        async def transact(work: Callable[[sa.Connection], T]) -> T:
            with store_errors(self.path):
                return await link.transact(work)

        try:
            yield transact
        finally:
            await link.close()

    async def _transact(self, work: Callable[[sa.Connection], T]) -> T:
        if self._link is None:
            raise StoreReadOnly(f"{self.path} was opened for reading only")
        return await self._link.transact(work)

    async def _hold_on(self) -> None:
        """Move what stands in a WAL that was deleted into the file, and begin a new one. Raises StoreError."""
        if self._writing is None or self._own_files is None:
            return
        lost = self._own_files.log_lost
        if self._link is not None:
            if not lost:
                return
            row = await self._link.run(_move_log)
            if row[0] != 0:
                raise StoreBusy(
                    f"the WAL of {self.path} was deleted, and what stood in it cannot be moved into the file yet",
                    hint="end what else reads the store; do not kill the run, it has the only copy",
                )
            await self._readers.close()
            self._readers = Links(self._reading)
            link, self._link = self._link, None
            await link.close()
        self._link = await Link.open(self._writing)
        await self._link.transact(lambda _: None)
        self._own_files.reopened()

    async def close(self) -> None:
        """Finish what was handed in and let the file go."""
        if self._writer is not None:
            await self._writer.close()
        await self._readers.close()
        if self._link is not None:
            await self._link.close()


def _ready(path: Path, *, create: bool, read_only: bool) -> bool:
    """Look at the file before anything is changed in it; tell whether its tables are up to date."""
    if path.is_dir():
        raise StoreError(f"{path} is a directory", hint="name a file in it")
    if not path.exists() or path.stat().st_size == 0:
        if not create or read_only:
            what = "is empty" if path.exists() else "does not exist"
            raise StoreError(f"the store {path} {what}", hint="`dialer init` makes one")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)  # it holds people's names and numbers
        return False
    if not read_only and not os.access(path, os.W_OK):
        raise not_writable(path)  # SQLite would open it for reading, and say so at the first write
    revision = revision_of(path)
    if revision is None and not create:
        raise StoreError(f"the store {path} is empty", hint="`dialer init` makes one")
    current = is_current(path, revision)
    if read_only and not current:
        raise StoreError(f"{path} has the tables of an earlier version", hint="`dialer init` brings them up to date")
    return current


def _engine(
    path: Path, *, begin_with: str, pragmas: tuple[str, ...], read_only: bool, info: Mapping[str, object]
) -> sa.Engine:
    uri = f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rw'}"

    def connect() -> sqlite3.Connection:
        # isolation_level None: the driver begins nothing by itself, the listener below does.
        return sqlite3.connect(uri, uri=True, isolation_level=None, timeout=BUSY_TIMEOUT_S)

    engine = sa.create_engine("sqlite://", creator=connect, poolclass=NullPool)

    @sa.event.listens_for(engine, "connect")
    def prepare(connection: Any, record: ConnectionPoolEntry) -> None:
        record.info.update(info)
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql(begin_with)

    return engine


def _move_log(connection: sa.Connection) -> Any:
    driver: Any = connection.connection.driver_connection  # outside of any transaction
    return driver.execute("PRAGMA wal_checkpoint(FULL)").fetchone()
