"""What a doctor asks of the file: works on files that cannot be opened as a store, too, and changes nothing in them."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from dialer.errors import StoreDamaged
from dialer.store.faults import store_errors
from dialer.store.migrate import HEAD, is_current, revision_of


@dataclass(frozen=True, slots=True)
class Health:
    """The state of a store's file. Sizes in bytes; no ``problems`` means sound."""

    path: Path
    revision: str
    newest_revision: str
    journal_mode: str
    size: int
    wal_size: int  # written, but not yet moved into the file itself
    disk_free: int
    problems: tuple[str, ...]


def must_be_sound(path: Path) -> None:
    """Check every page, index and reference before calls rest on them; takes seconds per gigabyte.

    Raises StoreDamaged, and what opening the file raises.
    """
    with store_errors(path), closing(_connected(path)) as connection:
        found = [message for (message,) in connection.execute("PRAGMA integrity_check(3)") if message != "ok"]
        stray = connection.execute("PRAGMA foreign_key_check").fetchone()
    if stray is not None:
        found.append(f"a row of {stray[0]} points to a row that is not there")
    if found:
        raise StoreDamaged(
            f"{path} is damaged: {'; '.join(found)}",
            hint="no call is placed on it: `dialer restore` brings a backup back and carries over what can be read",
        )


def _connected(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=5)


def examine(path: Path) -> Health:
    """Read the whole file and check it; takes about a second per gigabyte. Raises StoreError and its kinds."""
    with store_errors(path):
        size = path.stat().st_size
        revision = revision_of(path)
        is_current(path, revision)
        wal = path.with_name(f"{path.name}-wal")
        with closing(_connected(path)) as connection:
            (journal_mode,) = connection.execute("PRAGMA journal_mode").fetchone()
            found = [message for (message,) in connection.execute("PRAGMA quick_check(20)")]
            stray = connection.execute("PRAGMA foreign_key_check").fetchall()
        problems = [message for message in found if message != "ok"]
        if stray:
            problems.append(f"{len(stray)} rows point to rows that are not there")
        return Health(
            path=path,
            revision=revision or "",
            newest_revision=HEAD,
            journal_mode=journal_mode,
            size=size,
            wal_size=wal.stat().st_size if wal.exists() else 0,
            disk_free=shutil.disk_usage(path.parent).free,
            problems=tuple(problems),
        )
