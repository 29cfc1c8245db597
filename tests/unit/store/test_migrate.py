"""A file that was migrated has exactly the tables that the queries are written for."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import sqlalchemy as sa
from alembic.script import ScriptDirectory

import dialer.store.migrations
from dialer.store.migrate import HEAD
from dialer.store.open import Store
from dialer.store.schema import metadata


def tables(path: Path) -> dict[str, list[str]]:
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE type IN ('table', 'index') AND sql IS NOT NULL"
        )
        return {name: _normal(sql) for name, sql in rows if name != "alembic_version"}


def _normal(sql: str) -> list[str]:
    """Without regard to space and to the order of columns and constraints."""
    body = re.sub(r"\s+", " ", sql.partition("(")[2]).rstrip().removesuffix(")").strip()
    return sorted(part.strip() for part in re.split(r",(?![^(]*\))", body))


async def test_migrations_lead_to_the_tables_of_the_schema(tmp_path: Path) -> None:
    await (await Store.open(tmp_path / "migrated.db", create=True)).close()
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'declared.db'}")
    metadata.create_all(engine)
    engine.dispose()

    migrated, declared = tables(tmp_path / "migrated.db"), tables(tmp_path / "declared.db")
    assert migrated.keys() == declared.keys()
    for name, sql in declared.items():
        assert migrated[name] == sql


def test_the_schema_is_of_the_newest_revision() -> None:
    directory = Path(dialer.store.migrations.__file__).parent
    assert ScriptDirectory(str(directory)).get_heads() == [HEAD]


async def test_opening_again_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "dialer.db"
    await (await Store.open(path, create=True)).close()
    before = path.read_bytes()
    await (await Store.open(path, create=True)).close()
    assert path.read_bytes() == before
