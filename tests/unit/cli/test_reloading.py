"""What is on file may change while a run goes on; while it cannot be read, nothing is decided."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from dialer.cli.reloading import Reloading
from dialer.compliance.gate import Gate
from dialer.compliance.rules import builtin_rules
from dialer.config import load_config

KEY = bytes(16)
TRUNK = """\
[office]
host = 127.0.0.1
caller_ids =
    +13055550100 | owned | contract 7
"""


class Told:
    """Takes what a run would be told."""

    def __init__(self) -> None:
        self.gates: asyncio.Queue[Gate | None] = asyncio.Queue()
        self.troubles: list[str] = []

    def trouble(self, what: str, detail: str) -> None:
        self.troubles.append(detail)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "dialer.toml").write_text("")
    (tmp_path / "sip.conf").write_text(TRUNK)
    return tmp_path


def change(file: Path, text: str) -> None:
    """Write, and make sure that the time of change is another."""
    before = file.stat().st_mtime_ns
    file.write_text(text)
    os.utime(file, ns=(before + 10**9, before + 10**9))


async def test_a_right_that_is_withdrawn_binds_a_running_engine(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dialer.cli.reloading.LOOK_EVERY_S", 0.01)
    told = Told()
    path = home / "dialer.toml"
    reloading = Reloading(path, load_config(path), builtin_rules(), KEY, told.gates.put_nowait, told)  # type: ignore[arg-type]
    task = asyncio.create_task(reloading.run())
    try:
        async with asyncio.timeout(5):
            change(home / "sip.conf", TRUNK.replace("+13055550100", "+13055550111"))
            gate = await told.gates.get()
            assert gate is not None
            assert [right.number for right in gate.operator.caller_ids] == ["+13055550111"]

            change(home / "sip.conf", "nonsense")
            assert await told.gates.get() is None
            assert "no call is placed until this is mended" in told.troubles[-1]

            change(home / "sip.conf", TRUNK)
            assert await told.gates.get() is not None
    finally:
        task.cancel()
