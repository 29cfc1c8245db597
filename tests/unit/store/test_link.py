"""Work runs on its connection's own thread, whole; who goes away leaves nothing behind for others."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.contract.store_values import NOW, e164

from dialer.compliance.policy import DncEntry
from dialer.store.database import Database
from dialer.store.link import KEPT
from dialer.store.open import Store
from dialer.store.permissions import add_dnc


def listed(connection: sa.Connection) -> int:
    count: int = connection.exec_driver_sql("SELECT count(*) FROM internal_dnc").scalar_one()
    return count


async def test_work_is_one_trip_to_another_thread(store: Store) -> None:
    def where(connection: sa.Connection) -> tuple[int, int]:
        first = threading.get_ident()
        connection.exec_driver_sql("SELECT 1").all()
        return first, threading.get_ident()

    before, after = await store._database.read(where)
    assert before == after != threading.get_ident()


async def test_failing_work_is_undone_and_the_next_goes_on(store: Store) -> None:
    def half(connection: sa.Connection) -> None:
        add_dnc(connection, [DncEntry(e164(1), NOW, "asked", "Jo")])
        raise LookupError

    async with store._database.apart() as transact:
        with pytest.raises(LookupError):
            await transact(half)
        assert await transact(listed) == 0


async def test_nobody_waits_for_a_reader_that_went_away(store: Store) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def long(_: sa.Connection) -> None:
        begun.set()
        go_on.wait(30)

    reader = asyncio.create_task(store._database.read(long))
    await asyncio.to_thread(begun.wait, 30)
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader
    async with asyncio.timeout(10):
        assert await store._database.read(listed) == 0
    go_on.set()


async def test_a_snapshot_stays_as_it_was(store: Store) -> None:
    async with store._database.reading() as run:
        assert await run(listed) == 0
        await store.dnc.add([DncEntry(e164(1), NOW, "asked", "Jo")])
        assert await run(listed) == 0
    assert await store._database.read(listed) == 1


async def test_a_few_readers_are_kept_and_none_after_closing(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "dialer.db", create=True, read_only=False)
    together = threading.Barrier(KEPT + 2)

    def whose(_: sa.Connection) -> threading.Thread:
        together.wait(30)
        return threading.current_thread()

    threads = set(await asyncio.gather(*(database.read(whose) for _ in range(KEPT + 2))))
    assert len(threads) == KEPT + 2
    assert len(database._readers._idle) == KEPT
    await database.close()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()
