"""Each contact of a campaign is counted once, and counting looks at the index alone."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa
from tests.contract.store_values import MINUTE, NOW, RUN, a_run, ended, permitted, refused, take_due

from dialer.results.records import CampaignState
from dialer.store.open import Store
from dialer.store.standing import QueueStanding, queue_standing


async def test_each_contact_stands_in_one_place(store: Store) -> None:
    campaign_id = await a_run(store, contacts=9)
    claims = await take_due(store, RUN, campaign_id, 5, NOW)
    later = refused(claims[0], NOW + timedelta(hours=1))
    never, done, dialing = refused(claims[1]), permitted(claims[2]), permitted(claims[3])
    await store.engine.record_decisions([later, never, done, dialing])
    await store.engine.record_outcomes([ended(done)])
    (standing,) = await store.reports.queue_standing(NOW)
    assert standing == QueueStanding("reminders", due=4, deferred=1, in_hand=2, finished=2)
    (standing,) = await store.reports.queue_standing(NOW + 61 * MINUTE)
    assert (standing.due, standing.deferred) == (5, 0)


async def test_campaigns_that_are_over_are_left_out(store: Store) -> None:
    campaign_id = await a_run(store, contacts=1)
    await store.campaigns.set_state(campaign_id, CampaignState.PAUSED, NOW)
    assert [each.campaign for each in await store.reports.queue_standing(NOW)] == ["reminders"]
    await store.campaigns.set_state(campaign_id, CampaignState.STOPPED, NOW)
    assert await store.reports.queue_standing(NOW) == []


async def test_a_campaign_with_an_empty_list_is_there(store: Store) -> None:
    await a_run(store, contacts=0)
    assert await store.reports.queue_standing(NOW) == [QueueStanding("reminders", 0, 0, 0, 0)]


async def test_the_rows_themselves_are_not_read(store: Store) -> None:
    await a_run(store)
    asked: list[tuple[str, object]] = []

    def explained(connection: sa.Connection) -> list[str]:
        @sa.event.listens_for(connection, "before_cursor_execute")
        def note(_: object, __: object, statement: str, parameters: object, *___: object) -> None:
            asked.append((statement, parameters))

        queue_standing(connection, NOW)
        statement, parameters = asked[-1]
        plan = connection.exec_driver_sql("EXPLAIN QUERY PLAN " + statement, tuple(parameters))  # type: ignore[arg-type]
        return [row.detail for row in plan]

    plan = await store.reports._database.read(explained)
    assert len(plan) == 1
    assert "USING COVERING INDEX queue_due" in plan[0], plan
