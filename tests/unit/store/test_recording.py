"""What is counted with outcomes, and what replaces what on the do-not-call list."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import msgspec
from tests.contract.store_values import NOW, RUN, a_contact, a_run, e164, ended, permitted, take_due

from dialer.calls.plan import AnsweredBy
from dialer.compliance.policy import AbandonmentCount, DncEntry
from dialer.results.records import Claim, Ended
from dialer.store.open import Store

DAY = timedelta(days=1)


async def counted(store: Store, campaign_id: int, at: datetime) -> AbandonmentCount | None:
    return (await store.campaigns.facts_for(campaign_id, a_contact(0).number, at)).abandonment


async def test_live_answers_are_counted_in_their_period(tmp_path: Path) -> None:
    async with await Store.open(tmp_path / "dialer.db", create=True) as store:
        campaign_id = await a_run(store, contacts=8)
        claims = list(await take_due(store, RUN, campaign_id, 8, NOW))
        assert await counted(store, campaign_id, NOW) is None

        async def ends(*calls: tuple[Claim, datetime, int | None]) -> None:
            """Answered calls, each with how late its message began; None: a machine."""
            decided = [permitted(claim, at=at) for claim, at, _ in calls]
            await store.engine.record_decisions(decided)
            done: list[Ended] = []
            for each, (_, at, late_ms) in zip(decided, calls, strict=True):
                what = ended(each, at=at)
                by = AnsweredBy.MACHINE if late_ms is None else AnsweredBy.HUMAN
                record = msgspec.structs.replace(what.record, answered_by=by, greeting_to_message_ms=late_ms)
                done.append(Ended(what.queue_id, record, None, "reached"))
            await store.engine.record_outcomes(done)
            await store.engine.record_outcomes(done)  # delivered again: counted once

        await ends((claims[0], NOW, 900), (claims[1], NOW + DAY, 2100), (claims[2], NOW + DAY, None))
        assert await counted(store, campaign_id, NOW + 2 * DAY) == AbandonmentCount(NOW, 2, 1)
        await ends((claims[3], NOW + 29 * DAY, 100))
        assert await counted(store, campaign_id, NOW + 29.9 * DAY) == AbandonmentCount(NOW, 3, 1)
        assert await counted(store, campaign_id, NOW + 30 * DAY) is None

        await ends((claims[4], NOW + 61 * DAY, 2001), (claims[5], NOW + 62 * DAY, 0))
        third = NOW + 60 * DAY
        assert await counted(store, campaign_id, NOW + 70 * DAY) == AbandonmentCount(third, 2, 1), "successive periods"
        await ends((claims[6], NOW + 5 * DAY, 2001))
        assert await counted(store, campaign_id, NOW + 70 * DAY) == AbandonmentCount(third, 3, 2), (
            "late news counts now"
        )


async def test_a_lasting_entry_replaces_one_that_ends_and_never_the_other_way_round(tmp_path: Path) -> None:
    async with await Store.open(tmp_path / "dialer.db", create=True) as store:
        ending = DncEntry(e164(0), NOW, "registered for a day", "file 1", NOW + DAY)
        lasting = DncEntry(e164(0), NOW + DAY / 2, "pressed 9", "a1")
        assert await store.dnc.add([ending]) == 1
        assert await store.dnc.check(e164(0)) == ending
        assert await store.dnc.add([lasting]) == 1
        assert await store.dnc.add([ending]) == 0
        assert await store.dnc.check(e164(0)) == lasting

        over = DncEntry(e164(1), NOW, "registered for a day", "file 1", NOW + DAY)
        again = DncEntry(e164(1), NOW + 2 * DAY, "registered again", "file 2", NOW + 3 * DAY)
        await store.dnc.add([over])
        assert await store.dnc.add([again]) == 1
        assert await store.dnc.check(e164(1)) == again
        assert len(await store.dnc.history(e164(1))) == 2
