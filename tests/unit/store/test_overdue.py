"""A contact that stands in one state for longer than it may is found, whichever state that is."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from tests.contract.store_values import DAY, MINUTE, NOW, RUN, a_run, e164, ended, permitted, take_due

from dialer.results.records import QueueState
from dialer.store.glance import CLAIM_LASTS, WAIT_LASTS
from dialer.store.open import Store

CALL = 5 * MINUTE
SECOND = timedelta(seconds=1)


@pytest.fixture
async def found(tmp_path: Path) -> dict[str, object]:
    """One contact is claimed, one in a call, one finished, one waits; all since NOW."""
    async with await Store.open(tmp_path / "dialer.db", create=True) as store:
        campaign_id = await a_run(store, contacts=4)
        claims = await take_due(store, RUN, campaign_id, 3, NOW)
        decided = [permitted(claim) for claim in claims[:2]]
        await store.engine.record_decisions(decided)
        await store.engine.record_outcomes([ended(decided[1])])
        return {
            name: {each.e164: each.state for each in await store.campaigns.overdue(campaign_id, CALL, NOW + after)}
            for name, after in {
                "in time": CLAIM_LASTS,
                "claim": CLAIM_LASTS + SECOND,
                "call": CALL + SECOND,
                "wait": WAIT_LASTS + SECOND,
            }.items()
        }


async def test_nobody_is_overdue_in_time(found: dict[str, object]) -> None:
    assert found["in time"] == {}


async def test_each_state_has_its_deadline(found: dict[str, object]) -> None:
    claimed, dialing, waiting = (
        {e164(2): QueueState.CLAIMED},
        {e164(0): QueueState.DIALING},
        {e164(3): QueueState.WAITING},
    )
    assert found["claim"] == claimed
    assert found["call"] == claimed | dialing
    assert found["wait"] == claimed | dialing | waiting


async def test_a_contact_that_is_due_later_is_not_overdue(tmp_path: Path) -> None:
    async with await Store.open(tmp_path / "dialer.db", create=True) as store:
        campaign_id = await a_run(store, contacts=1)
        claims = await take_due(store, RUN, campaign_id, 1, NOW)
        await store.engine.put_back(claims, [NOW + 3 * DAY])
        assert await store.campaigns.overdue(campaign_id, CALL, NOW + 2 * DAY) == []
        assert (await store.engine.places(campaign_id))[0].next_due == NOW + 3 * DAY
