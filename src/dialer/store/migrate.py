"""From whatever a file holds to the tables of this version."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from dialer.errors import StoreError, StoreTooNew

if TYPE_CHECKING:
    from sqlalchemy import Connection

HEAD = "0004"
"""The revision that the tables of schema.py are."""

_SCRIPTS = Path(__file__).parent / "migrations"


def revision_of(path: Path) -> str | None:
    """The revision of the tables in this file; None when it holds no table at all.

    It only looks: nothing of the file changes. Raises StoreError when the tables are not dialer's; sqlite3.Error.
    """
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=5)) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if not tables:
            return None
        if "alembic_version" not in tables or "queue" not in tables:
            raise StoreError(f"{path} is a database, but not one of dialer's", hint="check the path")
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return None if row is None else str(row[0])


def is_current(path: Path, revision: str | None) -> bool:
    """Whether a file of this revision needs no migration. Raises StoreTooNew for one not known to this version."""
    if revision == HEAD:
        return True
    if revision is None:
        return False
    from alembic.script import ScriptDirectory

    if revision not in {script.revision for script in ScriptDirectory(str(_SCRIPTS)).walk_revisions()}:
        raise StoreTooNew(
            f"{path} was written by a later version of dialer (its tables are revision {revision}, "
            f"this version knows {HEAD})",
            hint="use that version, or another file",
        )
    return False


def upgrade(connection: Connection) -> None:
    """Bring the tables up to HEAD, in the connection's transaction."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
