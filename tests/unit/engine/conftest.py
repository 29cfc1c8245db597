from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from structlog.testing import capture_logs
from tests.unit.engine.bench import Bench

from dialer.store.open import Store


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Making the tables takes longer than most tests."""
    path = tmp_path_factory.mktemp("engine") / "empty.db"
    async with await Store.open(path, create=True):
        pass
    return path


@pytest.fixture
async def bench(empty_store: Path, tmp_path: Path) -> AsyncIterator[Bench]:
    async with await Store.open(shutil.copy(empty_store, tmp_path / "dialer.db")) as store:
        bench = Bench(store)
        with capture_logs() as bench.logged:
            yield bench
