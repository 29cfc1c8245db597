"""The connections to one SQLite file: a writer with group commit, and readers beside it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol, Self, TypeVar

import aiosqlite
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool, ConnectionPoolEntry

from dialer.errors import StoreBusy, StoreError, StoreReadOnly
from dialer.store.faults import not_writable, store_errors
from dialer.store.migrate import is_current, revision_of, upgrade
from dialer.store.own_files import OwnFiles
from dialer.store.suppression import SuppressionKey
from dialer.store.writer import Writer

T = TypeVar("T")

BUSY_TIMEOUT_S = 5.0
READERS = 4


class Transact(Protocol):
    """Runs work in a transaction of its own; SQL errors come out as StoreError."""

    async def __call__(self, work: Callable[[sa.Connection], T], /) -> T: ...


class Database:
    """One open file. WAL: readers see the last commit and never wait for the writer, nor it for them."""

    def __init__(self, path: Path, *, read_only: bool, who: str = "") -> None:
        """``who`` stands in the audit chain for whatever is written."""
        self.path = path
        self.suppression = SuppressionKey(path)
        info = {"who": who, "suppression": self.suppression}
        self._readers = _engine(path, begin_with="BEGIN", pragmas=("query_only=ON",), read_only=read_only, info=info)
        self._writers: AsyncEngine | None = None
        self._writer: Writer | None = None
        self._own_files: OwnFiles | None = None
        if not read_only:
            # FULL: a commit is on the disk, not in its cache, before it returns.
            pragmas = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON")
            self._writers = _engine(path, begin_with="BEGIN IMMEDIATE", pragmas=pragmas, read_only=False, info=info)

    @classmethod
    async def open(cls, path: Path, *, create: bool, read_only: bool, who: str = "") -> Self:
        """Open, and bring the tables up to date. Raises StoreError and its kinds; then nothing stays open."""
        with store_errors(path):
            current = await asyncio.to_thread(_ready, path, create=create, read_only=read_only)
        database = cls(path, read_only=read_only, who=who)
        try:
            if database._writers is not None:
                with store_errors(path):
                    async with database._writers.begin() as connection:  # also proves that it can be written
                        if not current:
                            await connection.run_sync(upgrade)
                database._own_files = OwnFiles(path)
                database._writer = Writer(database._writers, path, database._hold_on)
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
        async with self.reading() as connection:
            return await connection.run_sync(work)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A snapshot to stream from."""
        with store_errors(self.path):
            async with self._readers.begin() as connection:
                yield connection

    @asynccontextmanager
    async def apart(self) -> AsyncIterator[Transact]:
        """A writing connection of one's own, for long work that stages in temporary tables between transactions."""
        if self._writers is None:
            raise StoreReadOnly(f"{self.path} was opened for reading only")
        with store_errors(self.path):
            connection = await self._writers.connect()

        async def transact(work: Callable[[sa.Connection], T]) -> T:
            with store_errors(self.path):
                result = await connection.run_sync(work)
                await connection.commit()
            return result

        try:
            yield transact
        finally:
            await connection.close()

    async def _hold_on(self) -> None:
        """Move what stands in a WAL that was deleted into the file, and begin a new one. Raises StoreError."""
        if self._writers is None or self._own_files is None or not self._own_files.log_lost:
            return
        async with self._writers.connect() as connection:
            driver: Any = (await connection.get_raw_connection()).driver_connection  # outside of any transaction
            async with driver.execute("PRAGMA wal_checkpoint(FULL)") as cursor:
                row = await cursor.fetchone()
        if row is None or row[0] != 0:
            raise StoreBusy(
                f"the WAL of {self.path} was deleted, and what stood in it cannot be moved into the file yet",
                hint="end what else reads the store; do not kill the run, it has the only copy",
            )
        await self._readers.dispose()
        await self._writers.dispose()
        async with self._writers.begin():
            self._own_files.reopened()

    async def close(self) -> None:
        """Finish what was handed in and let the file go."""
        if self._writer is not None:
            await self._writer.close()
        await self._readers.dispose()
        if self._writers is not None:
            await self._writers.dispose()


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
) -> AsyncEngine:
    uri = f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rw'}"

    async def connect() -> aiosqlite.Connection:
        # isolation_level None: the driver begins nothing by itself, the listener below does.
        return await aiosqlite.connect(uri, uri=True, isolation_level=None, timeout=BUSY_TIMEOUT_S)

    engine = create_async_engine(
        "sqlite+aiosqlite://", async_creator=connect, poolclass=AsyncAdaptedQueuePool, pool_size=READERS
    )

    @sa.event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: Any, record: ConnectionPoolEntry) -> None:
        record.info.update(info)
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @sa.event.listens_for(engine.sync_engine, "begin")
    def begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql(begin_with)

    return engine
