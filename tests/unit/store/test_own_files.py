"""What was acknowledged is in the file, whoever deletes what belongs to it."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.contract.store_values import NOW, e164

from dialer.compliance.policy import DncEntry
from dialer.errors import StoreBusy, StoreDamaged
from dialer.store.open import Store

WRITER = """
import asyncio, os, sys
from pathlib import Path
from tests.contract.store_values import NOW, e164
from dialer.compliance.policy import DncEntry
from dialer.store.open import Store

async def main(path, suffixes):
    store = await Store.open(path, create=True)
    await store.dnc.add([DncEntry(e164(1), NOW, "asked", "Jo")])
    for suffix in suffixes:
        Path(path + suffix).unlink()
    for index in range(2, 20):
        await store.dnc.add([DncEntry(e164(index), NOW, "asked", "Jo")])
    assert await store.dnc.count() == 19
    os._exit(9)  # as kill -9: nothing is closed

asyncio.run(main(sys.argv[1], sys.argv[2:]))
"""


@pytest.mark.parametrize("suffixes", [("-wal",), ("-shm",), ("-wal", "-shm")])
def test_a_deleted_wal_takes_nothing_with_it(tmp_path: Path, suffixes: tuple[str, ...]) -> None:
    path = tmp_path / "dialer.db"
    process = subprocess.run(
        [sys.executable, "-c", WRITER, str(path), *suffixes],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (process.returncode, process.stderr) == (9, "")
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM internal_dnc").fetchone() == (19,)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


async def test_work_handed_in_together_is_not_run_again_when_the_wal_was_deleted(store: Store) -> None:
    entries = [DncEntry(e164(index), NOW, "asked", "Jo") for index in range(20)]
    first = asyncio.gather(*(store.dnc.add([each]) for each in entries[:10]))
    _beside(store, "-wal").unlink()
    assert await first == [1] * 10
    assert await asyncio.gather(*(store.dnc.add([each]) for each in entries[10:])) == [1] * 10


async def test_a_store_that_was_replaced_takes_no_more(store: Store) -> None:
    store.path.rename(store.path.with_name("elsewhere.db"))
    with pytest.raises(StoreDamaged, match="deleted or replaced"):
        await store.dnc.add([DncEntry(e164(1), NOW, "asked", "Jo")])
    store.path.with_name("elsewhere.db").rename(store.path)
    assert await store.dnc.add([DncEntry(e164(1), NOW, "asked", "Jo")]) == 1


async def test_what_cannot_be_moved_yet_is_not_acknowledged(store: Store) -> None:
    await store.dnc.add([DncEntry(e164(1), NOW, "asked", "Jo")])
    async with store._database.reading() as run:
        old = sa.text("SELECT * FROM internal_dnc")
        await run(lambda connection: connection.execute(old).all())  # the WAL cannot be moved past this snapshot
        await store.dnc.add([DncEntry(e164(2), NOW, "asked", "Jo")])
        _beside(store, "-wal").unlink()
        with pytest.raises(StoreBusy, match="was deleted"):
            await store.dnc.add([DncEntry(e164(3), NOW, "asked", "Jo")])
    assert await store.dnc.add([DncEntry(e164(3), NOW, "asked", "Jo")]) == 1
    assert await store.dnc.count() == 3


def _beside(store: Store, suffix: str) -> Path:
    return store.path.with_name(store.path.name + suffix)
