"""An erased person is gone, and is never called again; calls that were placed are kept for their time."""

from __future__ import annotations

import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest
from tests.contract.store_values import NOW, RUN, a_consent, a_contact, a_run, e164, ended, permitted, refused, take_due

from dialer.errors import StoreError
from dialer.store.erasure import YEAR, Expired
from dialer.store.open import Store


async def worked(store: Store) -> None:
    """Person 0 was called, person 1 was refused, person 2 waits, person 3 is being called."""
    campaign_id = await a_run(store, contacts=4)
    for index in range(3):
        await store.consents.add(e164(index), a_consent(), NOW)
    claims = await take_due(store, RUN, campaign_id, 4, NOW)
    by_number = {claim.e164: claim for claim in claims}
    decided = [permitted(by_number[e164(0)]), refused(by_number[e164(1)]), permitted(by_number[e164(3)])]
    await store.engine.record_decisions(decided)
    await store.engine.record_outcomes([ended(decided[0])])
    await store.engine.release_claims("another run", NOW)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "dialer.db"


def everything(path: Path) -> str:
    with sqlite3.connect(path) as connection:
        text = "\n".join(connection.iterdump())
    connection.close()
    return text


async def test_who_was_never_called_leaves_nothing_but_a_keyed_hash(path: Path) -> None:
    async with await Store.open(path, create=True) as store:
        await worked(store)
        gone = await store.erasure.erase(e164(1), "asked by letter", NOW)
        assert (gone.contacts, gone.refusals, gone.calls_kept) == (1, 1, 0)
        assert (await store.audit.verify()).broken is None
    left = everything(path)
    assert e164(1) not in left
    assert "Person 1" not in left
    key = path.with_name("dialer.db.key")
    assert key.stat().st_mode & 0o777 == 0o600


async def test_calls_that_were_placed_are_kept_without_the_person(path: Path) -> None:
    async with await Store.open(path, create=True) as store:
        await worked(store)
        gone = await store.erasure.erase(e164(0), "asked", NOW)
        assert (gone.contacts, gone.refusals, gone.calls_kept) == (1, 0, 1)
        assert [each.name async for each in store.reports.attempts(number=e164(0))] == [""]
        assert (await store.consents.of(e164(0)))[0].source == "web form", "the ground of that call"
        assert (await store.audit.verify()).broken is None
    assert "Person 0" not in everything(path)


@pytest.mark.parametrize("person", [0, 1, 2])
async def test_who_was_erased_is_never_called_again_even_if_imported_anew(path: Path, person: int) -> None:
    async with await Store.open(path, create=True) as store:
        await worked(store)
        await store.engine.end_run(RUN, NOW)
        await store.erasure.erase(e164(person), "asked", NOW)
    async with await Store.open(path) as store:
        await store.lists.import_contacts("new", [a_contact(person)], NOW)
        made = await store.campaigns.create("again", "[campaign]\n", "/", ["new"], NOW)
        facts = await store.campaigns.facts_for(made.row.id, a_contact(person).number, NOW)
        assert facts.internal_dnc is not None
        assert "erased" in facts.internal_dnc.reason
        assert await store.dnc.check(e164(person)) is not None
        assert await store.dnc.check(e164(3)) is None


async def test_without_the_key_nobody_is_called(path: Path) -> None:
    async with await Store.open(path, create=True) as store:
        await worked(store)
        await store.erasure.erase(e164(1), "asked", NOW)
    path.with_name("dialer.db.key").unlink()
    async with await Store.open(path) as store:
        with pytest.raises(StoreError, match="key"):
            await store.dnc.check(e164(2))
        (campaign,) = await store.campaigns.all()
        with pytest.raises(StoreError, match="key"):
            await store.campaigns.facts_for(campaign.id, a_contact(2).number, NOW)


async def test_nobody_is_erased_in_the_middle_of_a_call(path: Path) -> None:
    async with await Store.open(path, create=True) as store:
        await worked(store)
        with pytest.raises(StoreError, match="being called"):
            await store.erasure.erase(e164(3), "asked", NOW)
        assert await store.dnc.check(e164(3)) is None


async def test_records_go_when_their_time_is_over(path: Path) -> None:
    async with await Store.open(path, create=True) as store:
        await worked(store)
        await store.erasure.erase(e164(0), "asked", NOW)
        assert await store.erasure.regions() == ["US"]
        early, late = NOW + 5 * YEAR, NOW + 5 * YEAR + timedelta(minutes=2)
        assert await store.erasure.expired("US", 5, early) == Expired(0, 0)
        assert await store.erasure.expired("US", 5, late) == Expired(1, 1)
        assert await store.erasure.expire("US", 5, early) == Expired(0, 0)
        assert await store.erasure.expire("US", 5, late) == Expired(1, 1)
        assert await store.erasure.expired("US", 5, late) == Expired(0, 0)
        assert (await store.audit.verify()).broken is None
        assert await store.dnc.check(e164(0)) is not None, "the suppression stays"
    left = everything(path)
    assert e164(0) not in left, "nothing is kept of an erased person once the calls are gone"
    assert "Person 1" in left, "who did not ask is still on the list"


async def test_the_law_of_the_store_holds_for_everybody_else(path: Path) -> None:
    async with await Store.open(path, create=True) as store:
        await worked(store)
        await store.erasure.erase(e164(1), "asked", NOW)
    with sqlite3.connect(path) as connection:
        for table in ("contact", "consent", "attempt", "outcome", "queue", "audit", "suppressed"):
            with pytest.raises(sqlite3.IntegrityError):
                connection.execute(f"DELETE FROM {table}")  # noqa: S608  names of our own
    connection.close()
