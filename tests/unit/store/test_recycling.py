"""Those whom a campaign did not reach become a list, and nobody else does."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
from tests.contract.store_values import (
    DAY,
    MINUTE,
    NOW,
    RUN,
    a_campaign,
    a_consent,
    a_contact,
    a_run,
    e164,
    ended,
    permitted,
    take_due,
)

from dialer.calls.outcome import Outcome
from dialer.campaigns.retry import NEVER_RETRIED
from dialer.compliance.policy import DncEntry
from dialer.errors import StoreError
from dialer.store.open import Store
from dialer.store.recycling import Recycled

LAST = [Outcome.BUSY, Outcome.HEARD, Outcome.NO_ANSWER, Outcome.BUSY, Outcome.OPTED_OUT, Outcome.MACHINE]


async def worked(store: Store, waiting: Sequence[int] = ()) -> int:
    """A campaign whose contacts ended as LAST says, in order; those in ``waiting`` are tried again later."""
    campaign_id = await a_run(store, contacts=len(LAST))
    claims = await take_due(store, RUN, campaign_id, len(LAST), NOW)
    by_number = {claim.e164: claim for claim in claims}
    decided = [permitted(by_number[e164(index)]) for index in range(len(LAST))]
    await store.engine.record_decisions(decided)
    await store.engine.record_outcomes(
        [
            ended(each, outcome, NOW + DAY if index in waiting else None)
            for index, (each, outcome) in enumerate(zip(decided, LAST, strict=True))
        ]
    )
    return campaign_id


async def test_contacts_come_with_what_their_list_says(store: Store) -> None:
    campaign_id = await worked(store)
    made = await store.recycling.recycle(campaign_id, {Outcome.BUSY, Outcome.NO_ANSWER}, "again", NOW)
    assert made == Recycled(contacts=3, on_dnc=0)
    assert await store.lists.contacts("again") == [a_contact(index) for index in (0, 2, 3)]
    await store.lists.import_contacts("again", [a_contact(0)], NOW)
    second = await a_campaign(store, "second round", ["again"])
    assert (await store.campaigns.progress(second)).queue.waiting == 3


async def test_whoever_is_still_to_be_tried_is_left_to_the_campaign(store: Store) -> None:
    campaign_id = await worked(store, waiting=[0])
    assert (await store.recycling.recycle(campaign_id, {Outcome.BUSY}, "again", NOW)).contacts == 1
    assert [each.number.e164 for each in await store.lists.contacts("again")] == [e164(3)]


async def test_the_do_not_call_list_and_the_erased_are_left_out_and_counted(store: Store) -> None:
    campaign_id = await worked(store)
    await store.dnc.add([DncEntry(e164(0), NOW, "asked", "letter"), DncEntry(e164(2), NOW, "asked", "letter", NOW)])
    await store.erasure.erase(e164(3), "asked", NOW)
    outcomes = {Outcome.BUSY, Outcome.NO_ANSWER}
    assert await store.recycling.recycle(campaign_id, outcomes, "again", NOW + MINUTE) == Recycled(1, 2)
    assert [each.number.e164 for each in await store.lists.contacts("again")] == [e164(2)], "its entry has ended"
    with pytest.raises(StoreError, match="the 2 there are must not be called"):
        await store.recycling.recycle(campaign_id, {Outcome.BUSY}, "more", NOW)


@pytest.mark.parametrize("outcome", sorted(NEVER_RETRIED))
async def test_no_list_is_made_of_those_whom_nobody_may_try_again(store: Store, outcome: str) -> None:
    campaign_id = await worked(store)
    with pytest.raises(StoreError, match=outcome) as error:
        await store.recycling.recycle(campaign_id, {Outcome.BUSY, Outcome(outcome)}, "again", NOW)
    assert "busy" in error.value.hint
    assert outcome not in error.value.hint.split(": ")[1].split(", ")
    assert [row.name for row in await store.lists.all()] == ["patients"]


async def test_a_list_that_exists_and_nobody_at_all_are_refused(store: Store) -> None:
    campaign_id = await worked(store)
    with pytest.raises(StoreError, match="already is a list called patients"):
        await store.recycling.recycle(campaign_id, {Outcome.BUSY}, "patients", NOW)
    with pytest.raises(StoreError, match="there are none"):
        await store.recycling.recycle(campaign_id, {Outcome.CONGESTION}, "again", NOW)
    assert [row.name for row in await store.lists.all()] == ["patients"]


async def test_consents_stay_with_the_number(store: Store) -> None:
    campaign_id = await worked(store)
    await store.consents.add(e164(0), a_consent(), NOW)
    await store.recycling.recycle(campaign_id, {Outcome.BUSY}, "again", NOW)
    assert await store.consents.of(e164(0)) == (a_consent(),)


async def test_it_is_in_the_audit_chain(store: Store) -> None:
    campaign_id = await worked(store)
    await store.recycling.recycle(campaign_id, {Outcome.NO_ANSWER, Outcome.BUSY}, "again", NOW)
    entry = (await store.audit.entries(1))[0]
    assert (entry.kind, entry.subject) == ("import", "again")
    said = {"recycled_from": "reminders", "ended_as": ["busy", "no_answer"], "new": 3, "on_dnc": 0}
    assert json.loads(entry.body) == said
    assert (await store.audit.verify()).broken is None
