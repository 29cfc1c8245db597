"""Each thing that must never be is found, by its own check, and a store at work has none of them."""

# ruff: noqa: S608  the statements are the tests' own

from __future__ import annotations

import random
import sqlite3
from contextlib import closing, suppress
from datetime import timedelta
from pathlib import Path

import pytest
from tests.contract.store_values import CALLER_ID, NOW, RUN, a_run, e164, ended, permitted, refused, take_due

from dialer.calls.outcome import Outcome
from dialer.compliance.policy import DncEntry
from dialer.errors import StoreDamaged, StoreError
from dialer.store.health import must_be_sound
from dialer.store.invariants import Examination, examine_deeply
from dialer.store.open import Store

LATER = NOW + timedelta(minutes=1)


async def worked(store: Store) -> None:
    """Four were called: one heard it, one opted out, one found no trunk, one is in the call; one was refused."""
    campaign_id = await a_run(store, contacts=6)
    claims = await take_due(store, RUN, campaign_id, 6, NOW)
    decided = [*(permitted(claim) for claim in claims[:4]), refused(claims[4])]
    await store.engine.record_decisions(decided)
    await store.engine.add_opt_outs([DncEntry(decided[1].claim.e164, NOW, "opted out: 9", "attempt")])
    await store.engine.record_outcomes(
        [
            ended(decided[0]),
            ended(decided[1], Outcome.OPTED_OUT),
            ended(decided[2], Outcome.TRUNK_FAILURE, due_at=LATER),
        ]
    )


@pytest.fixture
async def path(tmp_path: Path) -> Path:
    async with await Store.open(tmp_path / "dialer.db", create=True) as store:
        await worked(store)
        await store.audit.note_head()
    return tmp_path / "dialer.db"


def tamper(path: Path, *statements: str) -> None:
    """As somebody with an sqlite3 shell would; triggers and checks are put aside, and the triggers put back."""
    with closing(sqlite3.connect(path)) as connection:
        triggers = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        connection.execute("PRAGMA ignore_check_constraints=ON")
        for name, _ in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            assert connection.execute(statement).rowcount != 0, statement
        for _, sql in triggers:
            connection.execute(sql)
        connection.commit()


def broken(found: Examination) -> set[str]:
    return {each.invariant for each in found.violations}


async def test_a_store_at_work_has_nothing_wrong_and_is_not_changed(tmp_path: Path) -> None:
    said: list[str] = []
    async with await Store.open(tmp_path / "dialer.db", create=True) as store:
        await worked(store)
        before = (tmp_path / "dialer.db").read_bytes(), (tmp_path / "dialer.db-wal").read_bytes()
        found = examine_deeply(tmp_path / "dialer.db", LATER, said.append)
        assert ((tmp_path / "dialer.db").read_bytes(), (tmp_path / "dialer.db-wal").read_bytes()) == before
    assert found.violations == ()
    assert found.attempts == 4
    assert found.rows == 4 + 1 + 3
    assert len(said) > len(found.checked)


@pytest.mark.parametrize(
    ("invariant", "statement"),
    [
        ("an ended attempt has its outcome", "DELETE FROM outcome WHERE outcome = 'heard'"),
        ("an ended attempt has its outcome", "UPDATE attempt SET state = 'ended' WHERE state = 'open'"),
        ("an open attempt is in hand", "UPDATE queue SET state = 'waiting', claimed_by = NULL WHERE state = 'dialing'"),
        ("an attempt is of the contact", f"UPDATE attempt SET e164 = '{e164(9)}' WHERE state = 'open'"),
        ("an attempt has a permit", "UPDATE attempt SET permit = '{}' WHERE state = 'open'"),
        ("an attempt has a permit", "UPDATE attempt SET permit = 'yes' WHERE state = 'open'"),
        ("an attempt has a permit", f"UPDATE attempt SET permit = replace(permit, '{CALLER_ID}', '{e164(8)}')"),
        ("a contact is as its import said", "UPDATE contact SET time_zone = 'Asia/Tokyo' WHERE id = 1"),
        ("a row of erasing", f"INSERT INTO erasing VALUES ('{e164(0)}')"),
        ("queue.attempts counts", "UPDATE queue SET attempts = 0 WHERE attempts = 1"),
        ("queue.attempts counts", "UPDATE queue SET attempts = 5 WHERE last_outcome = 'trunk_failure'"),
        ("who opted out", "DELETE FROM internal_dnc"),
        ("who opted out", "UPDATE internal_dnc SET removed_at = 1, removed_reason = 'x'"),
        ("live_answers says", "UPDATE live_answers SET answered = answered - 1"),
        ("live_answers says", "UPDATE live_answers SET answered = answered + 1"),
        ("the audit chain", "UPDATE outcome SET sip_code = 486 WHERE outcome = 'heard'"),
        ("the audit chain", "DELETE FROM audit WHERE seq = (SELECT max(seq) FROM audit)"),
        ("references lead", "DELETE FROM contact_list"),
        ("tables, indexes and triggers", "DROP INDEX queue_in_hand"),
        ("tables, indexes and triggers", "CREATE TABLE mine (id)"),
    ],
)
def test_what_must_never_be_is_found(path: Path, invariant: str, statement: str) -> None:
    tamper(path, statement)
    found = examine_deeply(path, LATER)
    (hit,) = [each for each in found.violations if each.invariant.startswith(invariant)]
    assert hit.detail
    assert hit.hint


def test_a_missing_trigger_is_found(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TRIGGER attempt_begins")
        connection.commit()
    (hit,) = examine_deeply(path, LATER).violations
    assert hit.detail == "trigger attempt_begins is missing"


async def test_a_second_outcome_and_a_second_open_attempt_are_found_though_their_index_hides_them(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP INDEX attempt_open_number")
        connection.execute("DROP INDEX attempt_open_contact")
        connection.execute("DROP TRIGGER attempt_begins")
        columns = "queue_id, campaign_id, contact_id, e164, caller_id, rules_version, script_id, permit, placed_at"
        connection.execute(
            f"INSERT INTO attempt (attempt_id, {columns}, state) SELECT 'again', {columns}, state FROM attempt "
            "WHERE state = 'open'"
        )
        connection.commit()
    assert "a number has at most one open attempt" in broken(examine_deeply(path, LATER))


async def test_hands_of_a_dead_run_are_found_once_the_new_engine_has_settled(path: Path) -> None:
    async with await Store.open(path) as store:
        await store.engine.end_run(RUN, NOW)
        await store.engine.start_run("next", 1, NOW)
        assert examine_deeply(path, NOW + timedelta(seconds=5)).violations == (), "it is still putting things in order"
        later = NOW + timedelta(seconds=60)
        await store.engine.heartbeat("next", later)
        assert broken(examine_deeply(path, later)) == {"only the live engine has contacts in hand"}
    assert examine_deeply(path, later + timedelta(hours=1)).violations == (), "no engine: the next one will do it"


async def test_too_many_attempts_are_found(path: Path) -> None:
    definition = (
        '[campaign]\nname = "reminders"\npurpose = "health"\ncaller_id = "+13055550100"\n[seller]\nname = "A"\n'
        'callback = "+13055550100"\n[message]\nsound = "m.wav"\n[attempts]\nmax = 1\n'
    )
    async with await Store.open(path) as store:
        campaign_id = (await store.campaigns.by_name("reminders")).id
        (waiting,) = await take_due(store, RUN, campaign_id, 9, NOW + timedelta(hours=1))
        again = permitted(waiting, "a second", NOW + timedelta(hours=1))
        await store.engine.record_decisions([again])
        await store.engine.record_outcomes([ended(again, Outcome.BUSY, due_at=LATER)])
        (waiting,) = await take_due(store, RUN, campaign_id, 9, NOW + timedelta(hours=1))
        third = permitted(waiting, "a third", NOW + timedelta(hours=1))
        await store.engine.record_decisions([third])
    quoted = definition.replace("'", "''")
    tamper(path, f"UPDATE campaign SET definition = '{quoted}'")
    (hit,) = [each for each in examine_deeply(path, LATER).violations if "more often" in each.invariant]
    assert "2 times" in hit.detail


async def test_retention_is_no_violation(path: Path) -> None:
    async with await Store.open(path) as store:
        assert (await store.erasure.expire("US", 1, NOW + timedelta(days=800))).attempts == 3
        await store.audit.note_head()
    assert examine_deeply(path, LATER).violations == ()


async def test_an_erased_opt_out_is_no_violation_but_a_lost_key_is(path: Path) -> None:
    async with await Store.open(path) as store:
        (entry,) = await store.dnc.entries()
        await store.erasure.erase(entry.e164, "asked", NOW)
        await store.audit.note_head()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"INSERT INTO erasing VALUES ('{entry.e164}')")
        connection.execute("DELETE FROM internal_dnc")
        connection.execute("DELETE FROM erasing")
        connection.commit()
    assert examine_deeply(path, LATER).violations == ()
    path.with_name("dialer.db.key").unlink()
    assert broken(examine_deeply(path, LATER)) == {"who opted out is on the do-not-call list"}


def test_damaged_pages_are_found_and_nothing_else_is_claimed(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        page_size = connection.execute("PRAGMA page_size").fetchone()[0]
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'queue_due'").fetchone()
    content = bytearray(path.read_bytes())
    content[(page - 1) * page_size + 3 : (page - 1) * page_size + 5] = b"\x00\x00"  # the count of its entries
    path.write_bytes(content)
    found = examine_deeply(path, LATER)
    assert broken(found) == {"the pages of the file add up"}
    assert found.checked == ("the pages of the file add up",)
    assert "restore" in found.violations[0].hint


def test_what_cannot_be_read_is_an_error(path: Path, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="No such file"):
        examine_deeply(tmp_path / "missing.db", LATER)
    tamper(path, "UPDATE alembic_version SET version_num = '0001'")
    with pytest.raises(StoreError, match="earlier version"):
        examine_deeply(path, LATER)
    path.write_bytes(b"x" * 10000)
    with pytest.raises(StoreDamaged):
        examine_deeply(path, LATER)


def test_whatever_bit_is_another_it_is_an_answer_and_never_a_traceback(path: Path) -> None:
    sound, rng = path.read_bytes(), random.Random(20261121)
    for _ in range(150):
        content = bytearray(sound)
        place = rng.randrange(len(content) * 8)
        content[place // 8] ^= 1 << place % 8
        path.write_bytes(content)
        for look in (must_be_sound, lambda each: examine_deeply(each, LATER)):
            with suppress(StoreError):
                look(path)
