from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from dialer.store.open import Store

pytest.register_assert_rewrite("tests.contract.engine_contract", "tests.contract.operator_contract")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with await Store.open(tmp_path / "dialer.db", create=True) as opened:
        yield opened
