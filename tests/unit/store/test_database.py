"""What is wrong with the file is said in one line with a hint; nothing is lost by it, and it passes with its cause."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.contract.store_values import NOW, RUN, a_contact, a_run, e164, ended, permitted, take_due

from dialer.compliance.policy import DncEntry
from dialer.errors import StoreBusy, StoreDamaged, StoreError, StoreReadOnly, StoreTooNew
from dialer.store import database
from dialer.store.open import Store, path_of

ENTRY = DncEntry(e164(0), NOW, "asked", "Jo")


async def made(path: Path) -> Path:
    async with await Store.open(path, create=True) as store:
        await store.dnc.add([ENTRY])
    return path


def sql(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(statement)
        connection.commit()


def content(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None


def fill(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def damage(path: Path, *, start: int) -> None:
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(start)
        file.write(b"\xff" * (size - start))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "dialer.db"


# --- opening -------------------------------------------------------------------------------------------------------


async def test_a_store_is_made_only_when_asked_for(path: Path) -> None:
    with pytest.raises(StoreError, match="does not exist") as error:
        await Store.open(path)
    assert "dialer init" in error.value.hint
    assert content(path) is None
    await made(path)
    async with await Store.open(path) as store:
        assert await store.dnc.check(e164(0)) == ENTRY


async def test_a_new_store_is_for_its_owner_alone(path: Path) -> None:
    assert (await made(path)).stat().st_mode & 0o777 == 0o600


async def test_an_empty_file_becomes_a_store_only_when_asked_for(path: Path) -> None:
    fill(path, b"")
    with pytest.raises(StoreError, match="is empty"):
        await Store.open(path)
    async with await Store.open(path, create=True) as store:
        assert await store.dnc.count() == 0


async def test_a_directory_is_no_store(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="is a directory"):
        await Store.open(tmp_path, create=True)


@pytest.mark.parametrize("create", [False, True])
async def test_garbage_is_no_database_and_is_left_alone(path: Path, create: bool) -> None:
    garbage = b"name;phone\nGrzegorz;+48225550111\n" * 300
    fill(path, garbage)
    with pytest.raises(StoreDamaged, match="is not a database"):
        await Store.open(path, create=create)
    assert content(path) == garbage


@pytest.mark.parametrize("create", [False, True])
async def test_another_programs_database_is_left_alone(path: Path, create: bool) -> None:
    sql(path, "CREATE TABLE queue (id INTEGER)")
    before = content(path)
    with pytest.raises(StoreError, match="not one of dialer's"):
        await Store.open(path, create=create)
    assert content(path) == before


@pytest.mark.parametrize("read_only", [False, True])
async def test_a_file_of_a_later_version_is_left_alone(path: Path, read_only: bool) -> None:
    sql(await made(path), "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreTooNew, match="9999"):
        await Store.open(path, read_only=read_only)


async def test_a_damaged_file_is_called_so(path: Path) -> None:
    async with await Store.open(path, create=True) as store:
        await store.lists.import_contacts("patients", [a_contact(index) for index in range(3000)], NOW)
    damage(path, start=8192)
    with pytest.raises(StoreDamaged, match="damaged"):
        async with await Store.open(path) as store:
            await store.lists.contacts("patients")


@pytest.mark.parametrize("url", ["postgresql://host/dialer", "sqlite://", "sqlite:///"])
def test_other_kinds_of_store_are_not_known(url: str) -> None:
    with pytest.raises(StoreError, match="not known"):
        path_of(url)


def test_a_store_is_named_by_path_or_url() -> None:
    assert path_of("data/dialer.db") == path_of("sqlite:///data/dialer.db") == Path("data/dialer.db")
    assert path_of("sqlite:////var/lib/dialer.db") == Path("/var/lib/dialer.db")


async def test_a_path_may_hold_any_character(tmp_path: Path) -> None:
    path = tmp_path / "dzień dobry ?mode=ro&x#%41.db"
    await made(path)
    assert path.stat().st_size > 0


async def test_a_commit_is_on_the_disk_before_it_returns(path: Path) -> None:
    async with await Store.open(path, create=True) as store:
        pragmas = ("journal_mode", "synchronous", "foreign_keys")
        set_to = await store._database.write(
            lambda each: [each.exec_driver_sql(f"PRAGMA {pragma}").scalar_one() for pragma in pragmas]
        )
    full = 2
    assert set_to == ["wal", full, 1]


# --- locked --------------------------------------------------------------------------------------------------------


async def test_a_locked_file_is_busy_until_it_is_let_go(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT_S", 0.05)
    await made(path)
    other = sqlite3.connect(path, isolation_level=None)
    async with await Store.open(path) as store:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreBusy, match="locked by another process"):
            await store.dnc.remove(e164(0), "wants calls", NOW)
        with pytest.raises(StoreBusy):
            await Store.open(path)
        assert await store.dnc.check(e164(0)) == ENTRY, "reading goes on"
        other.execute("ROLLBACK")
        assert await store.dnc.remove(e164(0), "wants calls", NOW)
    other.close()


async def test_a_long_import_locks_nobody_out(path: Path) -> None:
    await made(path)
    with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as other:
        parts: list[int] = []

        def while_it_runs(rows: int) -> None:
            other.execute("BEGIN IMMEDIATE")
            other.execute("ROLLBACK")
            parts.append(rows)

        async with await Store.open(path) as importing:
            contacts = (a_contact(index) for index in range(3000))
            await importing.lists.import_contacts("patients", contacts, NOW, progress=while_it_runs)
    assert len(parts) > 1


# --- not writable --------------------------------------------------------------------------------------------------


async def test_a_store_opened_for_reading_writes_nothing(path: Path) -> None:
    await made(path)
    async with await Store.open(path, read_only=True) as store:
        assert await store.dnc.check(e164(0)) == ENTRY
        with pytest.raises(StoreReadOnly):
            await store.dnc.add([ENTRY])
        with pytest.raises(StoreReadOnly):
            await store.lists.import_contacts("patients", [], NOW)


OPEN = """
import asyncio, sys
from dialer.errors import StoreError
from dialer.store.open import Store

async def main():
    try:
        async with await Store.open(sys.argv[1], create=True):
            print("opened")
    except StoreError as error:
        print(type(error).__name__, error, "|", error.hint)

asyncio.run(main())
"""
# root may write whatever its mode says, unless it gives up that right
WITHOUT_RIGHTS = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.getuid() == 0 else []


def opened_by_a_user_without_rights(path: Path) -> str:
    command = [*WITHOUT_RIGHTS, sys.executable, "-c", OPEN, str(path)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    directory = tmp_path / "store"
    directory.mkdir()
    yield directory
    directory.chmod(0o700)


@pytest.mark.parametrize(("file_mode", "directory_mode"), [(0o400, 0o700), (0o400, 0o500), (0o600, 0o500)])
async def test_a_file_that_may_not_be_written(directory: Path, file_mode: int, directory_mode: int) -> None:
    path = await made(directory / "dialer.db")
    for each, mode in ((path, file_mode), (directory, directory_mode)):
        each.chmod(mode)
    said = opened_by_a_user_without_rights(path)
    assert said.startswith(f"StoreReadOnly {path} cannot be written")
    assert "owner and mode" in said


def test_a_directory_that_may_not_be_written(directory: Path) -> None:
    directory.chmod(0o500)
    assert opened_by_a_user_without_rights(directory / "dialer.db").startswith("StoreReadOnly")
    assert list(directory.iterdir()) == []


# --- no space ------------------------------------------------------------------------------------------------------


async def test_a_full_disk_loses_nothing(path: Path) -> None:
    async with await Store.open(path, create=True) as store:
        campaign_id = await a_run(store, contacts=400)
        decided = [permitted(claim) for claim in await take_due(store, RUN, campaign_id, 400, NOW)]
        await store.engine.record_decisions(decided)
        pages = await store._database.write(lambda each: each.exec_driver_sql("PRAGMA page_count").scalar_one())
        await store._database.write(lambda each: each.exec_driver_sql(f"PRAGMA max_page_count = {pages}"))
        outcomes = [ended(each) for each in decided]
        with pytest.raises(StoreError, match="no space is left") as error:
            await store.engine.record_outcomes(outcomes)
        assert "no call is placed" in error.value.hint
        assert len(await store.engine.open_attempts()) == 400

        await store._database.write(lambda each: each.exec_driver_sql("PRAGMA max_page_count = 1000000"))
        await store.engine.record_outcomes(outcomes)
        assert await store.engine.open_attempts() == []
