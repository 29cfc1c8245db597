"""A backup is whole or not there, whoever writes meanwhile, and what is wrong with it is found."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from tests.contract.store_values import NOW, RUN, a_run, e164, ended, permitted, take_due

from dialer.compliance.basis import BasisText
from dialer.errors import StoreDamaged, StoreError
from dialer.store.backup import back_up, check_backup
from dialer.store.open import Store

LATER = NOW + timedelta(minutes=1)

# Writes for as long as its standard input is open, and says what is on the disk.
WRITER = """
import sqlite3, sys, threading
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA synchronous=FULL")
done = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), done.set()), daemon=True).start()
number = 0
while not done.is_set():
    number += 1
    connection.execute(
        "INSERT INTO internal_dnc (e164, added_at, reason, source) VALUES (?, 1, 'asked', 'x')", (f"+1305{number:07}",)
    )
    print(number, flush=True)
connection.close()
"""


async def worked(store: Store) -> None:
    campaign_id = await a_run(store, contacts=3)
    claims = await take_due(store, RUN, campaign_id, 2, NOW)
    decided = [permitted(claim) for claim in claims]
    await store.engine.record_decisions(decided)
    await store.engine.record_outcomes([ended(decided[0])])


@pytest.fixture
async def path(tmp_path: Path) -> Path:
    async with await Store.open(tmp_path / "dialer.db", create=True) as store:
        await worked(store)
        await store.audit.note_head()
    return tmp_path / "dialer.db"


@pytest.fixture
def writer(path: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    process.stdout.readline()
    yield process
    process.communicate(timeout=10)


def test_a_backup_is_one_file_with_its_head_and_holds(path: Path, tmp_path: Path) -> None:
    said: list[str] = []
    made = back_up(path, tmp_path / "copy.db", LATER, replace=False, progress=said.append)
    assert made.notes == ()
    assert made.attempts == 2
    assert made == check_backup(tmp_path / "copy.db", LATER)
    with closing(sqlite3.connect(tmp_path / "copy.db")) as copy:
        assert copy.execute("PRAGMA journal_mode").fetchone() == ("delete",), "one file, not three"
    assert {each.name for each in tmp_path.glob("copy*")} == {"copy.db", "copy.db.head"}
    assert (tmp_path / "copy.db.head").read_bytes() == (tmp_path / "dialer.db.head").read_bytes()
    assert (tmp_path / "copy.db").stat().st_mode & 0o777 == 0o600
    assert any("copied" in each for each in said)


def test_a_backup_neither_waits_for_a_writer_nor_holds_it_up(
    path: Path, tmp_path: Path, writer: subprocess.Popen[str]
) -> None:
    assert writer.stdout is not None
    before = int(writer.stdout.readline())
    steps: list[int] = []

    def progress(what: str) -> None:
        if "copied" in what and writer.stdout is not None:
            steps.append(int(writer.stdout.readline()))  # waits until the writer has written one more

    back_up(path, tmp_path / "copy.db", LATER, replace=False, progress=progress)
    assert steps, "it is copied in steps"
    with closing(sqlite3.connect(tmp_path / "copy.db")) as copy:
        numbers = [each for (each,) in copy.execute("SELECT e164 FROM internal_dnc ORDER BY id")]
    assert len(numbers) >= before, "what was on the disk before is in it"
    assert numbers == [f"+1305{number:07}" for number in range(1, len(numbers) + 1)], (
        "and nothing in between is missing"
    )


async def test_a_large_store_is_copied_on_one_snapshot_though_it_is_written_to_in_every_step(tmp_path: Path) -> None:
    path = tmp_path / "dialer.db"
    async with await Store.open(path, create=True) as store:
        await store.engine.keep_texts([BasisText("large", "rules", bytes(9_000_000))], NOW)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        steps = 0

        def progress(what: str) -> None:
            nonlocal steps
            if "copied" in what:
                steps += 1
                other.execute(
                    "INSERT INTO internal_dnc (e164, added_at, reason, source) VALUES (?, 1, 'asked', 'x')",
                    (e164(steps),),
                )

        back_up(path, tmp_path / "copy.db", LATER, replace=False, progress=progress)
    size = path.stat().st_size
    assert 2 <= steps <= size // (512 * 4096) + 2, "it did not begin anew"
    with closing(sqlite3.connect(tmp_path / "copy.db")) as copy:
        assert copy.execute("SELECT count(*) FROM internal_dnc").fetchone() == (0,)


async def test_the_key_of_erased_numbers_goes_with_it(path: Path, tmp_path: Path) -> None:
    async with await Store.open(path) as store:
        await store.erasure.erase(e164(2), "asked", NOW)
    made = back_up(path, tmp_path / "copy.db", LATER, replace=False)
    assert made.key == tmp_path / "copy.db.key"
    assert made.key.read_bytes() == path.with_name("dialer.db.key").read_bytes()
    made.key.unlink()
    assert any("copy.db.key is missing" in each for each in check_backup(tmp_path / "copy.db", LATER).notes)


def test_nothing_is_overwritten_unless_that_is_said(path: Path, tmp_path: Path) -> None:
    for name in ("copy.db", "copy.db.key", "copy.db.head"):
        (tmp_path / name).write_bytes(b"precious")
        with pytest.raises(StoreError, match="is there already"):
            back_up(path, tmp_path / "copy.db", LATER, replace=False)
        assert (tmp_path / name).read_bytes() == b"precious"
    (tmp_path / "copy.db-wal").write_bytes(b"of the older one")
    back_up(path, tmp_path / "copy.db", LATER, replace=True)
    assert not (tmp_path / "copy.db-wal").exists()
    check_backup(tmp_path / "copy.db", LATER)
    for own in ("dialer.db", "dialer.db-wal"):
        with pytest.raises(StoreError, match="the store itself"):
            back_up(path, tmp_path / own, LATER, replace=True)


@pytest.mark.parametrize(
    "damage",
    [
        "DROP TRIGGER attempt_begins",
        "DROP TRIGGER outcome_unchanged; UPDATE outcome SET sip_code = 999",
        "PRAGMA writable_schema=ON; DELETE FROM sqlite_master WHERE name = 'queue_due'",
    ],
)
def test_a_store_that_does_not_hold_gives_no_backup(path: Path, tmp_path: Path, damage: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(damage)
    with pytest.raises(StoreDamaged, match="does not hold"):
        back_up(path, tmp_path / "copy.db", LATER, replace=False)
    assert not list(tmp_path.glob("copy.db*"))


def test_a_backup_cut_short_is_found_by_its_head(path: Path, tmp_path: Path) -> None:
    back_up(path, tmp_path / "copy.db", LATER, replace=False)
    with closing(sqlite3.connect(tmp_path / "copy.db")) as connection:
        connection.executescript(
            "DROP TRIGGER audit_kept; DELETE FROM audit WHERE seq = (SELECT max(seq) FROM audit);"
            "CREATE TRIGGER audit_kept BEFORE DELETE ON audit\n"
            "    BEGIN SELECT RAISE(ABORT, 'audit rows are never deleted'); END"
        )
    with pytest.raises(StoreDamaged, match="audit chain"):
        check_backup(tmp_path / "copy.db", LATER)


def test_what_is_no_store_gives_no_backup(tmp_path: Path) -> None:
    (tmp_path / "other.db").write_bytes(b"garbage" * 1000)
    with pytest.raises(StoreDamaged):
        back_up(tmp_path / "other.db", tmp_path / "copy.db", LATER, replace=False)
    with pytest.raises(StoreError, match="No such file"):
        back_up(tmp_path / "missing.db", tmp_path / "copy.db", LATER, replace=False)
    assert not list(tmp_path.glob("copy.db*"))
