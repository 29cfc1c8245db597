"""What a forecast is told, and that asking does not read the whole store."""

from __future__ import annotations

import sqlalchemy as sa
from tests.contract.store_values import DAY, MINUTE, NOW, RUN, a_contact, a_run, e164, ended, permitted, take_due

from dialer.calls.outcome import Outcome
from dialer.compliance.whereabouts import Whereabouts
from dialer.results.records import Claim
from dialer.store.campaigns import looking
from dialer.store.open import Store
from dialer.store.rates import LATEST, STANDING, UNPLACED, CampaignRates, Standing, rates_of


async def told(store: Store, campaign_id: int, sample: int = 4000, recent: int = 5000) -> CampaignRates:
    return await store.engine._database.read(
        lambda connection: rates_of(looking(connection), campaign_id, sample=sample, recent=recent)
    )


async def attempt(store: Store, claims: dict[str, Claim], index: int, outcome: Outcome, round_: int) -> None:
    """One more attempt of a contact, which is tried again a day later."""
    at = NOW + round_ * DAY
    decided = permitted(claims[e164(index)], f"attempt-{index}-{round_}", at)
    await store.engine.record_decisions([decided])
    due_at = None if outcome is Outcome.HEARD else at + DAY
    await store.engine.record_outcomes([ended(decided, outcome, due_at, at + MINUTE)])


async def claimed(store: Store, campaign_id: int, round_: int) -> dict[str, Claim]:
    return {each.e164: each for each in await take_due(store, RUN, campaign_id, 99, NOW + round_ * DAY)}


async def test_attempts_are_told_by_their_number(store: Store) -> None:
    campaign_id = await a_run(store, contacts=4)
    first = await claimed(store, campaign_id, 0)
    for index, outcome in enumerate([Outcome.BUSY, Outcome.TRUNK_FAILURE, Outcome.HEARD]):
        await attempt(store, first, index, outcome, 0)
    second = await claimed(store, campaign_id, 1)
    for index, outcome in enumerate([Outcome.NO_ANSWER, Outcome.BUSY]):
        await attempt(store, second, index, outcome, 1)
    rates = await told(store, campaign_id)
    assert rates.outcomes == {1: {"busy": 2, "trunk_failure": 1, "heard": 1}, 2: {"no_answer": 1}}
    first_day, second_day = NOW, NOW + DAY
    assert sorted(rates.dials) == [*[(first_day, 1)] * 3, (second_day, 1), (second_day, 2)], "a dead trunk counts not"
    assert list(rates.lengths_s) == [60] * 4
    assert len((await told(store, campaign_id, recent=2)).dials) == 2


async def test_who_waits_is_told_with_what_the_hours_depend_on(store: Store) -> None:
    campaign_id = await a_run(store, contacts=3)
    claims = await claimed(store, campaign_id, 0)
    await attempt(store, claims, 0, Outcome.BUSY, 0)
    await store.engine.record_decisions([permitted(claims[e164(1)])])
    rates = await told(store, campaign_id)
    assert (rates.waiting, rates.calling) == (2, 1)
    key = Whereabouts().place(a_contact(0)).key
    minute = NOW.replace(second=0, microsecond=0)
    standing = {
        Standing(key, 1, minute + DAY, calling=False, contacts=1),
        Standing(key, 0, minute, calling=True, contacts=1),
        Standing(key, 0, minute, calling=False, contacts=1),
    }
    assert set(rates.sample) == standing
    await store.engine._database.write(
        lambda connection: connection.execute(sa.text("UPDATE queue SET place_id = 0")).close()
    )
    assert set((await told(store, campaign_id)).sample) == standing, "of rows from before there were places, too"


async def test_a_long_queue_is_sampled_from_all_over(store: Store) -> None:
    campaign_id = await a_run(store, contacts=1000)
    rates = await told(store, campaign_id, sample=50)
    assert rates.waiting == 1000
    assert 40 <= sum(each.contacts for each in rates.sample) <= 60


async def test_nothing_is_read_from_end_to_end(store: Store) -> None:
    asked = {"of_campaign": 1, "every": 7, "most": 5000, "nobody_rang": "[]"}

    def plan_of(connection: sa.Connection, query: str) -> list[str]:
        return [row.detail for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}", asked)]

    standing, unplaced, latest = await store.engine._database.read(
        lambda connection: [plan_of(connection, query) for query in (STANDING, UNPLACED, LATEST)]
    )
    assert any("queue_due" in step for step in standing), standing
    assert any("queue_due" in step for step in unplaced), unplaced
    assert any("attempt_by_campaign" in step for step in latest), latest
    assert any("attempt_by_queue" in step for step in latest), latest
    tables = ("SCAN queue", "SCAN contact", "SCAN attempt", "SCAN outcome", "SCAN earlier", "SCAN ended")
    assert not [step for step in standing + unplaced + latest if step.startswith(tables)]
