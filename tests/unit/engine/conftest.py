from __future__ import annotations

import logging
import shutil
from collections.abc import AsyncIterator, MutableMapping
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from tests.unit.engine.bench import Bench

from dialer.store.open import Store


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Making the tables takes longer than most tests."""
    path = tmp_path_factory.mktemp("engine") / "empty.db"
    async with await Store.open(path, create=True):
        pass
    return path


class _Written(logging.Handler):
    """Keeps what was logged as the events that they are."""

    def __init__(self, events: list[MutableMapping[str, Any]]) -> None:
        super().__init__()
        self._events = events

    def emit(self, record: logging.LogRecord) -> None:
        self._events.append(record.msg if isinstance(record.msg, dict) else {"event": record.getMessage()})


@pytest.fixture
async def bench(empty_store: Path, tmp_path: Path) -> AsyncIterator[Bench]:
    async with await Store.open(shutil.copy(empty_store, tmp_path / "dialer.db")) as store:
        bench = Bench(store)
        written = _Written(bench.logged)
        logging.getLogger("dialer").addHandler(written)
        try:
            yield bench
        finally:
            logging.getLogger("dialer").removeHandler(written)
