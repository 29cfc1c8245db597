"""Where contacts wait, and taking them: by place, due time and priority, in the order that the engine asks for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from tests.contract.store_values import DAY, MINUTE, NOW, RUN, a_campaign, a_contact, e164, take_due

from dialer.contacts.contact import Contact
from dialer.errors import StoreError
from dialer.results.records import PlaceDue
from dialer.store.open import Store


def in_zone(index: int, zone: str, priority: int = 5) -> Contact:
    return replace(a_contact(index), time_zone=zone, priority=priority)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with await Store.open(tmp_path / "dialer.db", create=True) as opened:
        yield opened


async def queued(store: Store, *people: Contact) -> int:
    await store.lists.import_contacts("patients", people, NOW)
    await store.engine.start_run(RUN, 1, NOW)
    return await a_campaign(store)


def zone_of(place: PlaceDue) -> str:
    return place.key.split("|")[1]


async def test_a_place_is_there_while_somebody_waits_in_it(store: Store) -> None:
    zones = ["America/New_York", "America/Denver", "America/New_York"]
    campaign_id = await queued(store, *(in_zone(index, zone) for index, zone in enumerate(zones)))
    places = {zone_of(each): each for each in await store.engine.places(campaign_id)}
    assert places.keys() == set(zones)
    claims = await store.engine.claim(RUN, campaign_id, [places["America/Denver"].place_id], 9, NOW)
    assert [claim.e164 for claim in claims] == [e164(1)]
    assert [zone_of(each) for each in await store.engine.places(campaign_id)] == ["America/New_York"]
    assert await store.engine.places(campaign_id + 1) == []


async def test_the_first_place_is_emptied_before_the_next(store: Store) -> None:
    people = [in_zone(index, "America/Denver" if index % 2 else "America/New_York") for index in range(6)]
    campaign_id = await queued(store, *people)
    places = {zone_of(each): each.place_id for each in await store.engine.places(campaign_id)}
    order = [places["America/Denver"], places["America/New_York"]]
    claims = await store.engine.claim(RUN, campaign_id, order, 4, NOW)
    assert [claim.e164 for claim in claims] == [e164(1), e164(3), e164(5), e164(0)]


async def test_priority_counts_among_those_due_at_once_and_not_before_them(store: Store) -> None:
    people = [in_zone(index, "America/Denver", priority) for index, priority in enumerate((7, 1, 5))]
    campaign_id = await queued(store, *people)
    (first,) = await take_due(store, RUN, campaign_id, 1, NOW)
    assert first.e164 == e164(1)
    await store.engine.put_back([first], [NOW + MINUTE])
    claims = await take_due(store, RUN, campaign_id, 9, NOW + DAY)
    assert [claim.e164 for claim in claims] == [e164(2), e164(0), e164(1)]


async def test_what_is_put_back_waits_until_then_and_only_once(store: Store) -> None:
    campaign_id = await queued(store, in_zone(0, "America/Denver"))
    claims = await take_due(store, RUN, campaign_id, 1, NOW)
    await store.engine.put_back(claims, [NOW + MINUTE])
    assert await take_due(store, RUN, campaign_id, 1, NOW + timedelta(seconds=59)) == []
    with pytest.raises(StoreError, match="no longer in the hands"):
        await store.engine.put_back(claims, [NOW])


async def test_what_is_put_back_without_a_time_is_due_as_before(store: Store) -> None:
    campaign_id = await queued(store, *(in_zone(index, "America/Denver") for index in range(3)))
    claims = await take_due(store, RUN, campaign_id, 2, NOW)
    await store.engine.put_back(claims, [None, None])
    again = await take_due(store, RUN, campaign_id, 9, NOW)
    assert [claim.e164 for claim in again] == [e164(0), e164(1), e164(2)]


async def test_nothing_is_put_back_that_another_run_has_claimed_since(store: Store) -> None:
    campaign_id = await queued(store, in_zone(0, "America/Denver"))
    claims = await take_due(store, RUN, campaign_id, 1, NOW)
    await store.engine.start_run("other", 1, NOW + MINUTE)
    await store.engine.release_claims("other", NOW + MINUTE)
    assert len(await take_due(store, "other", campaign_id, 1, NOW + MINUTE)) == 1
    with pytest.raises(StoreError, match="no longer in the hands"):
        await store.engine.put_back(claims, [NOW + DAY])


async def test_a_corrected_zone_or_priority_moves_those_who_wait(store: Store) -> None:
    campaign_id = await queued(store, in_zone(0, "America/Denver"), in_zone(1, "America/Denver"))
    await store.lists.import_contacts("patients", [in_zone(1, "America/New_York", priority=1)], NOW + MINUTE)
    zones = {zone_of(each) for each in await store.engine.places(campaign_id)}
    assert zones == {"America/Denver", "America/New_York"}


async def test_the_index_alone_tells_the_places(store: Store) -> None:
    """No step of a plan reads the queue itself, however long it is."""
    campaign_id = await queued(store, in_zone(0, "America/Denver"))

    def explain(connection: object) -> list[str]:
        from dialer.store.claiming import _PLACES

        query = f"EXPLAIN QUERY PLAN {_PLACES.text}".replace(":of_campaign", str(campaign_id))
        return [row[3] for row in connection.exec_driver_sql(query)]  # type: ignore[attr-defined]

    steps = [step for step in await store._database.read(explain) if "queue" in step]
    assert steps
    assert all("USING COVERING INDEX queue_due" in step for step in steps), steps
