"""A restored store has forgotten nothing that binds, and what it had to forget is said before anything is changed."""

# ruff: noqa: S608  the statements are the tests' own

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.contract.store_values import DAY, NOW, RUN, a_consent, a_contact, a_run, e164, ended, permitted, take_due

from dialer.calls.outcome import Outcome
from dialer.compliance.policy import DncEntry
from dialer.errors import EngineRunning, StoreBusy, StoreDamaged, StoreError
from dialer.results.records import CampaignState, Claim
from dialer.store.backup import back_up
from dialer.store.carry_over import PAUSED
from dialer.store.invariants import examine_deeply
from dialer.store.open import Store
from dialer.store.restore import Restored, restore

LATER = NOW + DAY


class Shop:
    """A store whose backup was made in the middle of a day's work."""

    def __init__(self, home: Path) -> None:
        self.store = home / "dialer.db"
        self.copy = home / "copy.db"

    def back_up(self) -> None:
        back_up(self.store, self.copy, NOW, replace=False)

    def restore(self, *, accept_loss: bool = False) -> Restored:
        return restore(self.copy, self.store, LATER, who="jo@desk", accept_loss=accept_loss)

    def rows(self, query: str, path: Path | None = None) -> list[Any]:
        with closing(sqlite3.connect(path or self.store)) as connection:
            return connection.execute(query).fetchall()


async def _claims(store: Store, campaign: str, how_many: int, run: str = RUN) -> list[Claim]:
    row = await store.campaigns.by_name(campaign)
    return list(await take_due(store, run, row.id, how_many, NOW + timedelta(hours=1)))


@pytest.fixture
async def shop(tmp_path: Path) -> Shop:
    """At the backup: 0 was called, 1 and 2 are in calls, 3 is claimed. Since then 1 ended, 4 was called twice and is
    in a third call, 5 opted out, 6 was erased, 7 revoked; another campaign called 0 and a new contact."""
    shop = Shop(tmp_path)
    async with await Store.open(shop.store, create=True, who="jo@desk") as store:
        campaign_id = await a_run(store, contacts=8)
        for index in range(8):
            await store.consents.add(e164(index), a_consent(), NOW)
        by_number = {each.e164: each for each in await take_due(store, RUN, campaign_id, 4, NOW)}
        decided = [permitted(by_number[e164(index)]) for index in range(3)]
        await store.engine.record_decisions(decided)
        await store.engine.record_outcomes([ended(decided[0])])
        shop.back_up()
        await store.engine.record_outcomes([ended(decided[1], Outcome.BUSY, due_at=NOW)])
        await store.engine.release_claims("nobody", NOW)
        for attempt in ("a", "b", "c"):
            claims = {each.e164: each for each in await _claims(store, "reminders", 9)}
            called = permitted(claims[e164(4)], f"{attempt}-of-4")
            await store.engine.record_decisions([called])
            if attempt != "c":
                await store.engine.record_outcomes([ended(called, Outcome.NO_ANSWER, due_at=NOW)])
            await store.engine.release_claims("nobody", NOW)
        await store.engine.add_opt_outs([DncEntry(e164(5), NOW, "opted out", "x")])
        await store.erasure.erase(e164(6), "asked", NOW)
        await store.consents.revoke(e164(7), "wrote", "letter", NOW + timedelta(minutes=3))
        await store.lists.import_contacts("others", [a_contact(0), replace(a_contact(20), priority=1)], NOW)
        other = (await store.campaigns.create("offers", "[campaign]\n", "/x", ["others"], NOW)).row
        await store.campaigns.set_state(other.id, CampaignState.RUNNING, NOW)
        offers = [permitted(each) for each in await _claims(store, "offers", 9)]
        await store.engine.record_decisions(offers)
        await store.engine.record_outcomes([ended(each, Outcome.OPTED_OUT) for each in offers])
        await store.dnc.add([DncEntry(each.claim.e164, NOW, "opted out", "x") for each in offers])
        await store.engine.end_run(RUN, LATER - timedelta(minutes=5))
        await store.audit.note_head()
    return shop


def test_what_binds_is_carried_over_and_the_old_store_is_kept(shop: Shop) -> None:
    attempts = shop.rows("SELECT attempt_id, queue_id, e164, state, placed_at, permit FROM attempt ORDER BY 1")
    outcomes = shop.rows("SELECT attempt_id, outcome, record FROM outcome ORDER BY 1")
    answers = shop.rows("SELECT * FROM live_answers ORDER BY 1, 2")
    columns = "id, e164, attempts, last_outcome, why_finished, place_id, priority"
    places = f"SELECT {columns} FROM queue WHERE id IN (SELECT queue_id FROM attempt WHERE state = 'ended')"
    people = shop.rows("SELECT * FROM contact WHERE list_id = 2 ORDER BY id")
    queue = shop.rows(f"{places} ORDER BY id")
    old_key = shop.store.with_name("dialer.db.key").read_bytes()

    done = shop.restore()

    assert done.carried.lost == ()
    assert done.carried.counts["attempts"] == 3 + 2 + 1  # of 4, of the offers, and the one that ended since
    assert done.erased_again == 1
    assert shop.rows("SELECT attempt_id, queue_id, e164, state, placed_at, permit FROM attempt ORDER BY 1") == attempts
    assert shop.rows("SELECT attempt_id, outcome, record FROM outcome ORDER BY 1") == outcomes
    assert shop.rows("SELECT * FROM live_answers ORDER BY 1, 2") == answers
    assert shop.rows(f"{places} ORDER BY id") == queue
    assert shop.rows("SELECT * FROM contact WHERE list_id = 2 ORDER BY id") == people
    assert {row[0] for row in shop.rows("SELECT place_id FROM queue")} <= {
        row[0] for row in shop.rows("SELECT id FROM place")
    }
    assert examine_deeply(shop.store, LATER).violations == ()
    assert shop.store.with_name("dialer.db.key").read_bytes() == old_key
    assert not list(shop.store.parent.glob("*.restoring*"))
    assert done.kept is not None
    assert done.kept.name == "dialer.db.before-20261121T173000Z"
    assert shop.rows("SELECT count(*) FROM attempt", done.kept) == [(len(attempts),)]
    assert examine_deeply(done.kept, LATER).violations == (), "its head and key are kept with it"


async def test_nobody_who_must_not_be_called_can_be_and_nothing_runs_by_itself(shop: Shop) -> None:
    await _in_thread(shop.restore)
    async with await Store.open(shop.store) as store:
        await store.audit.must_have_noted()
        assert await store.dnc.check(e164(5)) is not None
        assert await store.dnc.check(e164(6)) is not None, "erased"
        assert [each async for each in store.reports.attempts(number=e164(6))] == []
        assert e164(6) not in {each for (each,) in shop.rows("SELECT e164 FROM contact")}
        assert all(each.revoked_at is not None for each in await store.consents.of(e164(7)))
        campaigns = {each.name: each for each in await store.campaigns.all()}
        assert (campaigns["reminders"].state, campaigns["reminders"].pause_reason) == (CampaignState.PAUSED, PAUSED)
        assert campaigns["offers"].state is CampaignState.CREATED, "it was made since: somebody must start it again"

        # What was in flight is interrupted with the next run, as after a crash.
        await store.engine.start_run("next", os.getpid(), LATER)
        assert {each.e164 for each in await store.engine.open_attempts()} == {e164(2), e164(4)}
        await store.campaigns.set_state(campaigns["reminders"].id, CampaignState.RUNNING, LATER)
        claims = await take_due(store, "next", campaigns["reminders"].id, 9, LATER)
        assert {each.e164: each.attempts for each in claims} == {e164(1): 1, e164(3): 0, e164(5): 0, e164(7): 0}


def test_restoring_twice_changes_nothing_more(shop: Shop) -> None:
    shop.restore()
    attempts = shop.rows("SELECT * FROM attempt ORDER BY attempt_id")
    done = restore(shop.copy, shop.store, LATER + DAY, who="jo@desk", accept_loss=False)
    assert done.carried.lost == ()
    assert shop.rows("SELECT * FROM attempt ORDER BY attempt_id") == attempts
    assert examine_deeply(shop.store, LATER).violations == ()


def test_a_stopped_campaign_stays_stopped(shop: Shop) -> None:
    with closing(sqlite3.connect(shop.store)) as connection:
        connection.execute("UPDATE campaign SET state = 'stopped'")
        connection.commit()
    assert shop.restore().carried.counts["stopped campaigns"] == 2
    assert shop.rows("SELECT DISTINCT state FROM campaign") == [("stopped",)]


def _gone(shop: Shop) -> None:
    for each in shop.store.parent.glob("dialer.db*"):
        each.unlink()


def _no_database(shop: Shop) -> None:
    shop.store.write_bytes(b"garbage" * 1000)


def _files(shop: Shop) -> dict[str, bytes]:
    """Whatever has something in it, but for the index of a WAL."""
    files = {each.name: each.read_bytes() for each in shop.store.parent.iterdir() if not each.name.endswith("-shm")}
    return {name: content for name, content in files.items() if content}


def _another(shop: Shop) -> None:
    with closing(sqlite3.connect(shop.store)) as connection:
        connection.executescript("DROP TRIGGER audit_unchanged; UPDATE audit SET hash = 'x' || seq")


@pytest.mark.parametrize(("fault", "lost"), [(_gone, "opt-outs"), (_no_database, "opt-outs"), (_another, "attempts: ")])
def test_what_cannot_be_carried_over_is_said_and_nothing_is_changed_unless_that_is_accepted(
    shop: Shop, fault: Callable[[Shop], None], lost: str
) -> None:
    fault(shop)
    before = _files(shop)
    with pytest.raises(StoreError, match=lost) as refused:
        shop.restore()
    assert "2026-11-20" in refused.value.message
    assert _files(shop) == before
    done = shop.restore(accept_loss=True)
    assert len(done.carried.lost) == 1
    assert done.carried.lost[0].startswith(lost)
    assert done.carried.counts.get("do-not-call entries", 0) == (3 if fault is _another else 0)
    assert examine_deeply(shop.store, LATER).violations == ()
    (body,) = shop.rows("SELECT body FROM audit WHERE kind = 'restore' AND subject = 'copy.db'")
    assert lost in body[0]


def test_erased_numbers_of_another_key_are_lost_loudly(shop: Shop) -> None:
    _with_another_key(shop)
    with pytest.raises(StoreError, match="erased numbers: they were hashed with another key"):
        shop.restore()


def _with_another_key(shop: Shop) -> None:
    """As if the backup had an erasure of its own."""
    shop.copy.with_name("copy.db.key").write_bytes(b"k" * 32)
    with closing(sqlite3.connect(shop.copy)) as connection:
        connection.execute("INSERT INTO suppressed VALUES (x'00', 1, 'asked')")
        connection.commit()


READER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("SELECT * FROM queue").fetchall()
print(flush=True)
input()
"""


@contextmanager
def somebody_reading(path: Path) -> Iterator[None]:
    """Another process, which has read from the store and not closed it."""
    with subprocess.Popen(
        [sys.executable, "-c", READER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as reader:
        assert reader.stdout is not None
        reader.stdout.readline()
        yield
        reader.communicate(b"\n")


async def test_a_live_engine_or_anybody_who_has_it_open_forbids_it(shop: Shop) -> None:
    before = shop.store.read_bytes()
    async with await Store.open(shop.store) as store:
        await store.engine.start_run("live", os.getpid(), LATER)
        with pytest.raises(EngineRunning, match=str(os.getpid())):
            await _in_thread(shop.restore)
        await store.engine.end_run("live", LATER)
    with somebody_reading(shop.store), pytest.raises(StoreBusy, match="open in another program"):
        await _in_thread(shop.restore)
    await _in_thread(shop.restore)
    assert shop.store.read_bytes() != before


async def _in_thread(work: Callable[[], Restored]) -> Restored:
    return await asyncio.to_thread(work)


def test_a_damaged_backup_is_not_put_in_place(shop: Shop) -> None:
    content = bytearray(shop.copy.read_bytes())
    content[8192:8292] = b"\xff" * 100
    shop.copy.write_bytes(content)
    before = shop.store.read_bytes()
    with pytest.raises(StoreDamaged):
        shop.restore(accept_loss=True)
    assert shop.store.read_bytes() == before
    with pytest.raises(StoreError, match="the store itself"):
        restore(shop.store, shop.store, LATER, who="jo", accept_loss=True)
