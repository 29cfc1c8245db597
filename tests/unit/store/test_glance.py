"""Who only looks sees what the store says, by the same queries, and changes nothing."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.contract.store_values import MINUTE, NOW, RUN, a_run, ended, permitted, take_due

from dialer.errors import StoreError
from dialer.store.glance import glance, is_current
from dialer.store.open import Store


async def test_a_glance_sees_what_the_store_says(tmp_path: Path) -> None:
    path = tmp_path / "dialer.db"
    async with await Store.open(path, create=True) as store:
        campaign_id = await a_run(store, contacts=4)
        decided = [permitted(claim) for claim in await take_due(store, RUN, campaign_id, 2, NOW)]
        await store.engine.record_decisions(decided)
        await store.engine.record_outcomes([ended(decided[0])])
        late = NOW + 30 * MINUTE
        with glance(path) as looking:
            (row,) = looking.campaigns()
            assert [row] == await store.campaigns.all()
            assert looking.campaign(row.name) == row
            assert looking.progress(campaign_id) == await store.campaigns.progress(campaign_id)
            assert looking.progress(campaign_id).queue.waiting == 2
            assert looking.waiting(campaign_id) == await store.campaigns.waiting(campaign_id)
            found = looking.overdue(campaign_id, MINUTE, late)
            assert found == await store.campaigns.overdue(campaign_id, MINUTE, late)
            assert len(found) == 1
            with pytest.raises(StoreError, match="no campaign called nobody"):
                looking.campaign("nobody")


async def test_whoever_looks_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "dialer.db"
    async with await Store.open(path, create=True):
        pass
    with pytest.raises(StoreError), glance(path) as looking:
        looking.ask("DELETE FROM campaign", {})


async def test_old_tables_are_not_looked_at(tmp_path: Path) -> None:
    path = tmp_path / "dialer.db"
    assert not is_current(path)
    async with await Store.open(path, create=True):
        pass
    assert is_current(path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
    assert not is_current(path)
