"""Group commit: what is handed in together is committed together, and one bad piece of work spoils no other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.contract.store_values import NOW, e164

from dialer.compliance.policy import DncEntry
from dialer.errors import StoreError
from dialer.store.database import Database
from dialer.store.open import Store
from dialer.store.permissions import add_dnc

Work = Callable[[sa.Connection], int]


def add(index: int, transactions: list[int]) -> Work:
    def work(connection: sa.Connection) -> int:
        transactions.append(id(connection.get_transaction()))
        return add_dnc(connection, [DncEntry(e164(index), NOW, "asked", "Jo")])

    return work


def fail(connection: sa.Connection) -> int:
    connection.execute(sa.text("INSERT INTO contact_list (name, created_at) VALUES ('half', 0)"))
    raise StoreError("this cannot be")


async def test_work_handed_in_together_shares_a_transaction(store: Store) -> None:
    transactions: list[int] = []
    results = await asyncio.gather(*(store._database.write(add(index, transactions)) for index in range(20)))
    assert results == [1] * 20
    assert len(set(transactions)) < 5
    assert await store.dnc.count() == 20


async def test_failing_work_undoes_only_itself(store: Store) -> None:
    transactions: list[int] = []
    jobs = [add(1, transactions), add(2, transactions), fail, add(3, transactions), add(1, transactions)]
    results = await asyncio.gather(*(store._database.write(work) for work in jobs), return_exceptions=True)

    assert [each if isinstance(each, int) else str(each) for each in results] == [1, 1, "this cannot be", 1, 0]
    assert await store.dnc.count() == 3
    assert await store.lists.all() == []


async def test_a_cancelled_caller_holds_up_nobody(store: Store) -> None:
    first = asyncio.create_task(store._database.write(add(1, [])))
    await asyncio.sleep(0)
    second = asyncio.create_task(store._database.write(add(2, [])))
    await asyncio.sleep(0)
    first.cancel()
    second.cancel()
    assert await store._database.write(add(3, [])) == 1
    assert [
        isinstance(each, asyncio.CancelledError) for each in await asyncio.gather(first, second, return_exceptions=True)
    ] == [True, True]


async def test_what_was_handed_in_before_closing_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "dialer.db"
    database = await Database.open(path, create=True, read_only=False)
    writes = [asyncio.create_task(database.write(add(index, []))) for index in range(10)]
    await asyncio.sleep(0)
    await database.close()
    assert await asyncio.gather(*writes) == [1] * 10
    with pytest.raises(StoreError, match="closed"):
        await database.write(add(11, []))
    async with await Store.open(path) as store:
        assert await store.dnc.count() == 10
