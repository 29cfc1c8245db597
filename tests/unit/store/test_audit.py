"""Whatever is changed in the file behind the program's back, the audit finds."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.contract.store_values import NOW, RUN, a_consent, a_run, e164, ended, permitted, refused, take_due

from dialer.compliance.basis import BasisText
from dialer.compliance.policy import DncEntry
from dialer.errors import StoreDamaged, StoreError
from dialer.results.audit import AuditKind
from dialer.store.audit import Verification
from dialer.store.open import Store


@dataclass
class Shop:
    """A store with a day's work in it, closed."""

    path: Path

    async def verify(self) -> Verification:
        async with await Store.open(self.path) as store:
            return await store.audit.verify()

    def tamper(self, *statements: str) -> None:
        """As somebody with an sqlite3 shell would, triggers put aside."""
        with sqlite3.connect(self.path) as connection:
            for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                connection.execute(f"DROP TRIGGER {name}")
            for statement in statements:
                assert connection.execute(statement).rowcount > 0, statement
        connection.close()


@pytest.fixture
async def shop(tmp_path: Path) -> Shop:
    path = tmp_path / "dialer.db"
    async with await Store.open(path, create=True, who="jo@desk") as store:
        campaign_id = await a_run(store, contacts=6)
        await store.consents.add(e164(0), a_consent(), NOW)
        await store.dnc.add([DncEntry(e164(5), NOW, "asked", "Jo")])
        await store.engine.keep_texts([BasisText("abc", "rules", b"{}")], NOW)
        claims = await take_due(store, RUN, campaign_id, 4, NOW)
        decided = [permitted(claims[0]), permitted(claims[1]), refused(claims[2]), refused(claims[3])]
        await store.engine.record_decisions(decided)
        await store.engine.record_outcomes([ended(decided[0]), ended(decided[1])])
        await store.engine.end_run(RUN, NOW)
        await store.audit.note_head()
    return Shop(path)


async def test_an_untouched_store_is_whole(shop: Shop) -> None:
    found = await shop.verify()
    assert found.broken is None
    assert found.rows == 2 + 2 + 2 + 1
    assert found.head_noted
    async with await Store.open(shop.path) as store:
        entries = await store.audit.entries(100)
    assert {each.kind for each in entries} >= {
        AuditKind.BEGIN, AuditKind.RUN, AuditKind.TEXT, AuditKind.DECISIONS, AuditKind.OUTCOMES, AuditKind.CAMPAIGN,
        AuditKind.IMPORT, AuditKind.DO_NOT_CALL, AuditKind.CONSENT,
    }  # fmt: skip
    assert {each.who for each in entries} == {"jo@desk"}
    assert e164(5) not in "".join(each.subject + each.body for each in entries), "numbers are masked"


PUT_IN = """
    INSERT INTO refusal SELECT 99, queue_id, campaign_id, e164, decided_at, check_name, reason, citation, defer_until,
        refusal, basis FROM refusal LIMIT 1
"""


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("UPDATE attempt SET caller_id = '+13055550199'", "attempt .* was changed"),
        ("UPDATE attempt SET basis = x'00'", "attempt .* was changed"),
        ("UPDATE attempt SET placed_at = placed_at + 1", "attempt .* was changed"),
        ("UPDATE outcome SET outcome = 'busy'", "outcome .* was changed"),
        ("UPDATE outcome SET record = '{}'", "outcome .* was changed"),
        ("UPDATE refusal SET reason = 'none'", "refusal .* was changed"),
        ("UPDATE basis_text SET body = x'00'", "text abc was changed"),
        ("DELETE FROM outcome WHERE rowid = 1", "outcome .* was deleted"),
        ("DELETE FROM refusal WHERE id = 1", "refusal 1 was deleted"),
        (PUT_IN, "1 refusals were put in past the chain"),
        ("UPDATE audit SET who = 'al@desk' WHERE seq = 3", "it was changed"),
        ("UPDATE audit SET body = '{}' WHERE kind = 'decisions'", "it was changed"),
        ("DELETE FROM audit WHERE seq = 4", "entry 4 is missing"),
        ("DELETE FROM audit WHERE seq = (SELECT max(seq) FROM audit)", "noted as the newest"),
        ("UPDATE audit SET seq = CASE seq WHEN 4 THEN 1005 ELSE seq END WHERE seq IN (4, 5)", "entry 4 is missing"),
    ],
)  # fmt: skip
async def test_tampering_is_found(shop: Shop, statement: str, says: str) -> None:
    shop.tamper(statement)
    found = await shop.verify()
    assert found.broken is not None
    assert re.search(says, found.broken.why), found.broken.why


async def test_work_after_the_note_does_not_break_the_chain(shop: Shop) -> None:
    async with await Store.open(shop.path) as store:
        await store.dnc.add([DncEntry(e164(4), NOW, "asked", "Jo")])
    assert (await shop.verify()).broken is None


async def test_a_note_that_is_damaged_is_an_error(shop: Shop) -> None:
    shop.path.with_name("dialer.db.head").write_bytes(b"{")
    with pytest.raises(StoreError, match="cannot be read"):
        await shop.verify()


async def test_rows_from_before_the_chain_are_counted_and_not_vouched_for(shop: Shop) -> None:
    async with await Store.open(shop.path) as store:
        first = (await store.audit.entries(100))[-1]
    assert (first.seq, first.kind, first.body) == (
        1,
        AuditKind.BEGIN,
        '{"attempts":0,"outcomes":0,"refusals":0,"texts":0}',
    )


async def test_a_store_that_lost_what_was_noted_is_known_and_the_note_stays(shop: Shop) -> None:
    note = shop.path.with_name("dialer.db.head")
    noted = note.read_bytes()
    async with await Store.open(shop.path) as store:
        await store.audit.must_have_noted()
    shop.tamper("DELETE FROM audit WHERE seq = (SELECT max(seq) FROM audit)")
    async with await Store.open(shop.path) as store:
        with pytest.raises(StoreDamaged, match="has lost what was in it"):
            await store.audit.must_have_noted()
        await store.audit.note_head()
        assert note.read_bytes() == noted
        await store.dnc.add([DncEntry(e164(4), NOW, "asked", "Jo")])  # an entry of the same number, and another hash
        await store.audit.note_head()
        with pytest.raises(StoreDamaged):
            await store.audit.must_have_noted()
    assert note.read_bytes() == noted


async def test_what_is_written_while_the_chain_is_read_is_not_taken_for_put_in_past_it(shop: Shop) -> None:
    async with await Store.open(shop.path) as store, await Store.open(shop.path) as other:
        campaign = (await store.campaigns.all())[0]
        await other.engine.start_run("next", 1, NOW)
        begun = asyncio.Event()
        reading = asyncio.create_task(store.audit.verify(lambda _: begun.set()))
        await begun.wait()
        claims = await take_due(other, "next", campaign.id, 1, NOW)
        await other.engine.record_decisions([permitted(claims[0])])
        assert (await reading).broken is None
