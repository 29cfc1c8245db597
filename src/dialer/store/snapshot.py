"""A store's file as it is at one moment, read without opening it as a store: for doctors and backups."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import sqlalchemy as sa

from dialer.errors import StoreDamaged
from dialer.store.faults import store_errors
from dialer.store.suppression import SuppressionKey

BUSY_TIMEOUT_S = 5.0


@contextmanager
def snapshot(path: Path) -> Iterator[sa.Connection]:
    """One read-only snapshot, whatever is written meanwhile: writers go on, only their WAL grows. Raises StoreError."""
    with connected(path, read_only=True, begin_with="BEGIN") as connection, store_errors(path):
        connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar()  # a snapshot is taken by reading
        try:
            yield connection
        except (ValueError, LookupError, TypeError, msgspec.MsgspecError) as error:
            raise StoreDamaged(
                f"{path} is damaged: what stands in it cannot be understood: {error}",
                hint="`dialer restore` brings a backup back",
            ) from error


@contextmanager
def connected(path: Path, *, read_only: bool, begin_with: str, attached: Path | None = None) -> Iterator[sa.Connection]:
    """A blocking connection in a transaction; ``attached`` is there, for reading, as ``old``. Raises StoreError.

    What was written is committed at the end, and undone after an error.
    """

    def connect() -> sqlite3.Connection:
        uri = f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rw'}"
        made = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=BUSY_TIMEOUT_S)
        made.execute("PRAGMA foreign_keys=ON")
        made.execute("PRAGMA synchronous=FULL")
        if attached is not None:
            made.execute("ATTACH ? AS old", (f"{attached.absolute().as_uri()}?mode=ro",))
        return made

    engine = sa.create_engine("sqlite://", creator=connect, poolclass=sa.pool.NullPool)

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql(begin_with)

    with store_errors(path), engine.begin() as connection:
        connection.info["suppression"] = SuppressionKey(path)
        yield connection
