"""What was loaded is told from a registry's folder alone, and a damaged folder is an error, not an empty one."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import msgspec
import pytest

from dialer.compliance.dnc.history import CURRENT, LOADS, Form, Load, current_version, loads_of
from dialer.errors import RegistryError

LOADED = Load(
    registry="gb_tps", version="v1", organisation="1", file="list.txt", form=Form.TABLE, data_date=date(2026, 11, 18),
    loaded_at=datetime(2026, 11, 20, 12, tzinfo=UTC), sha256="ab" * 32, read=3, added=3, deleted=0, count=3,
    area_codes=0,
)  # fmt: skip


def test_nothing_was_ever_loaded(tmp_path: Path) -> None:
    assert current_version(tmp_path) is None
    assert loads_of(tmp_path) == []


def test_the_version_in_force_and_every_load(tmp_path: Path) -> None:
    (tmp_path / CURRENT).write_text("v1\n", encoding="ascii")
    (tmp_path / LOADS).write_bytes(2 * (msgspec.json.encode(LOADED) + b"\n"))
    assert current_version(tmp_path) == tmp_path / "v1.dnc"
    assert loads_of(tmp_path) == [LOADED, LOADED]


def test_what_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    (tmp_path / CURRENT).write_bytes(b"\xff")
    (tmp_path / LOADS).write_bytes(b"{}\n")
    with pytest.raises(RegistryError, match="current: cannot be read"):
        current_version(tmp_path)
    with pytest.raises(RegistryError, match=r"loads\.jsonl: cannot be read"):
        loads_of(tmp_path)
