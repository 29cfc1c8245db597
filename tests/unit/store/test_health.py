from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.contract.store_values import NOW, a_contact, a_run

from dialer.errors import StoreDamaged, StoreError
from dialer.store.health import examine
from dialer.store.migrate import HEAD
from dialer.store.open import Store


async def test_a_sound_store_has_no_problems(tmp_path: Path) -> None:
    path = tmp_path / "dialer.db"
    async with await Store.open(path, create=True) as store:
        await a_run(store)
        health = examine(path)
        size = path.stat().st_size
    assert health.problems == ()
    assert (health.revision, health.newest_revision, health.journal_mode) == (HEAD, HEAD, "wal")
    assert health.size == size
    assert health.wal_size > 0
    assert health.disk_free > 0


async def test_damage_is_found(tmp_path: Path) -> None:
    path = tmp_path / "dialer.db"
    async with await Store.open(path, create=True) as store:
        await store.lists.import_contacts("patients", [a_contact(index) for index in range(3000)], NOW)
    content = bytearray(path.read_bytes())
    content[-40960:] = b"\xff" * 40960
    path.write_bytes(content)
    with pytest.raises(StoreDamaged, match="damaged"):
        examine(path)


async def test_a_reference_to_nothing_is_found(tmp_path: Path) -> None:
    path = tmp_path / "dialer.db"
    async with await Store.open(path, create=True) as store:
        await a_run(store)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DELETE FROM contact_list")
        connection.commit()
    assert examine(path).problems == ("4 rows point to rows that are not there",)


def test_what_is_no_store_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="No such file"):
        examine(tmp_path / "missing.db")
    (tmp_path / "garbage.db").write_bytes(b"garbage" * 1000)
    with pytest.raises(StoreDamaged):
        examine(tmp_path / "garbage.db")
