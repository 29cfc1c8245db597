from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from dialer.store.open import Store
from tests.unit.engine.bench import Bench


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
        yield Bench(store)
