"""What the engine may rely on, whatever the store: see dialer.engine.ports.EngineStore.

A store is tested by a class that inherits this and gives a ``store`` fixture.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone

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
    refused,
    take_due,
)

from dialer.calls.outcome import Outcome
from dialer.compliance.policy import DncEntry
from dialer.errors import EngineRunning, StoreError
from dialer.results.records import CampaignState, Claim, OrderKind, QueueSummary
from dialer.store.open import Store


def an_opt_out(number: str, at: datetime = NOW) -> DncEntry:
    return DncEntry(e164=number, added_at=at, reason="opted out by key 9", source="attempt-1")


def pid_of_the_dead() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


class EngineContract:
    # --- one run at a time ---------------------------------------------------------------------------------------

    async def test_a_second_engine_is_refused_while_the_first_lives(self, store: Store) -> None:
        await store.engine.start_run("first", os.getpid(), NOW)
        await store.engine.heartbeat("first", NOW + 10 * MINUTE)

        with pytest.raises(EngineRunning, match=str(os.getpid())) as refusal:
            await store.engine.start_run("second", os.getpid(), NOW + 10 * MINUTE + timedelta(seconds=14))
        assert f"{NOW:%Y-%m-%d %H:%M:%S}" in refusal.value.message

    async def test_the_store_is_free_again_after_a_run_ends(self, store: Store) -> None:
        await store.engine.start_run("first", os.getpid(), NOW)
        await store.engine.end_run("first", NOW)
        await store.engine.start_run("second", os.getpid(), NOW)

    async def test_a_run_whose_process_is_gone_is_dead_at_once(self, store: Store) -> None:
        await store.engine.start_run("first", pid_of_the_dead(), NOW)
        await store.engine.start_run("second", os.getpid(), NOW)

    async def test_a_silent_run_loses_the_store_and_is_told_so(self, store: Store) -> None:
        campaign_id = await a_run(store)
        later = NOW + timedelta(seconds=15)
        await store.engine.start_run("second", os.getpid(), later)

        with pytest.raises(EngineRunning):
            await store.engine.heartbeat(RUN, later)
        with pytest.raises(EngineRunning):
            await take_due(store, RUN, campaign_id, 10, later)

    async def test_a_run_that_lost_the_store_decides_nothing_for_what_it_had_claimed(self, store: Store) -> None:
        campaign_id = await a_run(store, contacts=1)
        (claim,) = await take_due(store, RUN, campaign_id, 1, NOW)
        later = NOW + timedelta(seconds=15)
        await store.engine.start_run("second", os.getpid(), later)
        with pytest.raises(StoreError):
            await store.engine.record_decisions([permitted(claim)])

        await store.engine.release_claims("second", later)
        (again,) = await take_due(store, "second", campaign_id, 1, later)
        with pytest.raises(StoreError):
            await store.engine.record_decisions([refused(claim, None)])
        await store.engine.record_decisions([permitted(again)])

    # --- claims --------------------------------------------------------------------------------------------------

    async def test_claims_come_earliest_due_first_and_once(self, store: Store) -> None:
        campaign_id = await a_run(store, contacts=3)
        (first,) = await take_due(store, RUN, campaign_id, 1, NOW)
        await store.engine.record_decisions([refused(first, defer_until=NOW + MINUTE)])

        rest = await take_due(store, RUN, campaign_id, 10, NOW + MINUTE)
        assert [claim.e164 for claim in (first, *rest)] == [e164(0), e164(1), e164(2), e164(0)]
        assert await take_due(store, RUN, campaign_id, 10, NOW + MINUTE) == []

    async def test_nothing_is_claimed_before_it_is_due(self, store: Store) -> None:
        campaign_id = await a_run(store, contacts=1)
        assert await take_due(store, RUN, campaign_id, 10, NOW - timedelta(microseconds=1)) == []
        assert len(await take_due(store, RUN, campaign_id, 10, NOW)) == 1

    @pytest.mark.parametrize("state", [CampaignState.PAUSED, CampaignState.STOPPED, CampaignState.DONE])
    async def test_nothing_is_claimed_for_a_campaign_that_does_not_run(
        self, store: Store, state: CampaignState
    ) -> None:
        campaign_id = await a_run(store)
        await store.engine.set_campaign_state(campaign_id, state, NOW)
        assert await take_due(store, RUN, campaign_id, 10, NOW) == []

    async def test_a_number_in_hand_is_not_claimed_by_another_campaign(self, store: Store) -> None:
        first = await a_run(store, contacts=2)
        await store.lists.import_contacts("others", [a_contact(index) for index in (1, 2)], NOW)
        second = await a_campaign(store, "others", ["others"])
        mine = await take_due(store, RUN, first, 10, NOW)

        theirs = await take_due(store, RUN, second, 10, NOW)
        assert [claim.e164 for claim in theirs] == [e164(2)]
        # It stays in hand while its attempt is open, and is free with the outcome.
        decided = [permitted(claim) for claim in mine]
        await store.engine.record_decisions(decided)
        assert await take_due(store, RUN, second, 10, NOW) == []
        await store.engine.record_outcomes([ended(each) for each in decided])
        assert [claim.e164 for claim in await take_due(store, RUN, second, 10, NOW)] == [e164(1)]

    async def test_claimers_at_the_same_time_never_get_the_same_number(self, store: Store) -> None:
        contacts = 60
        campaigns = [await a_run(store, contacts)]
        campaigns += [await a_campaign(store, f"again {index}") for index in range(3)]

        async def claimer(campaign_id: int) -> list[Claim]:
            taken: list[Claim] = []
            while claims := await take_due(store, RUN, campaign_id, 7, NOW):
                taken += claims
            return taken

        taken = await asyncio.gather(*(claimer(each) for each in campaigns for _ in range(3)))
        numbers = [claim.e164 for claims in taken for claim in claims]
        assert len(numbers) == contacts
        assert len(set(numbers)) == contacts

    async def test_released_claims_are_due_as_before(self, store: Store) -> None:
        campaign_id = await a_run(store, contacts=3)
        claims = await take_due(store, RUN, campaign_id, 2, NOW)
        await store.engine.record_decisions([permitted(claims[0])])
        later = NOW + DAY
        await store.engine.start_run("second", os.getpid(), later)

        assert await store.engine.release_claims("second", later) == 1
        again = await take_due(store, "second", campaign_id, 10, NOW)
        assert [claim.e164 for claim in again] == [e164(1), e164(2)]
        assert await store.engine.release_claims("second", later) == 0

    async def test_a_run_that_ends_leaves_no_claim_behind(self, store: Store) -> None:
        campaign_id = await a_run(store, contacts=3)
        await take_due(store, RUN, campaign_id, 2, NOW)
        await store.engine.end_run(RUN, NOW)
        assert await store.engine.queue_summary(campaign_id) == QueueSummary(3, 0, 0, 0, NOW)

    # --- decisions -----------------------------------------------------------------------------------------------

    async def test_a_permit_becomes_an_open_attempt(self, store: Store) -> None:
        campaign_id = await a_run(store, contacts=1)
        (claim,) = await take_due(store, RUN, campaign_id, 1, NOW)
        decided = permitted(claim)
        await store.engine.record_decisions([decided])

        (left,) = await store.engine.open_attempts()
        assert (left.attempt_id, left.queue_id, left.campaign_id) == (decided.attempt_id, claim.queue_id, campaign_id)
        assert (left.e164, left.attempts, left.placed_at) == (e164(0), 0, NOW)
        assert await store.engine.queue_summary(campaign_id) == QueueSummary(0, 0, 1, 0, None)
        row = await store.reports.attempt(decided.attempt_id)
        assert row is not None
        assert row.permit == decided.decision
        assert row.record is None

    async def test_a_deferred_contact_waits_and_a_refused_one_is_finished(self, store: Store) -> None:
        campaign_id = await a_run(store, contacts=2)
        deferred, never = await take_due(store, RUN, campaign_id, 2, NOW)
        decided = [refused(deferred, defer_until=NOW + DAY), refused(never)]
        await store.engine.record_decisions(decided)

        assert await store.engine.queue_summary(campaign_id) == QueueSummary(1, 0, 0, 1, NOW + DAY)
        assert [row.refusal async for row in store.reports.refusals()] == [each.decision for each in decided]
        assert await store.engine.open_attempts() == []
        (again,) = await take_due(store, RUN, campaign_id, 2, NOW + DAY)
        assert (again.e164, again.attempts) == (e164(0), 0)

    async def test_decisions_are_recorded_all_or_none(self, store: Store) -> None:
        campaign_id = await a_run(store, contacts=2)
        mine, lost = await take_due(store, RUN, campaign_id, 2, NOW)
        await store.engine.record_decisions([refused(lost)])

        with pytest.raises(StoreError, match="no longer in the hands"):
            await store.engine.record_decisions([permitted(mine), permitted(lost)])
        assert await store.engine.open_attempts() == []
        await store.engine.record_decisions([permitted(mine)])

    async def test_one_claim_makes_one_attempt(self, store: Store) -> None:
        campaign_id = await a_run(store, contacts=1)
        (claim,) = await take_due(store, RUN, campaign_id, 1, NOW)
        await store.engine.record_decisions([permitted(claim)])
        with pytest.raises(StoreError):
            await store.engine.record_decisions([permitted(claim, "another")])
        assert len(await store.engine.open_attempts()) == 1

    async def test_a_permit_for_another_number_opens_nothing(self, store: Store) -> None:
        campaign_id = await a_run(store, contacts=2)
        one, other = await take_due(store, RUN, campaign_id, 2, NOW)
        swapped = Claim(one.queue_id, one.campaign_id, one.contact_id, other.e164, one.attempts)
        with pytest.raises(StoreError):
            await store.engine.record_decisions([permitted(swapped)])
        assert await store.engine.open_attempts() == []

    # --- outcomes ------------------------------------------------------------------------------------------------

    async def test_an_outcome_ends_the_attempt_and_says_when_to_try_again(self, store: Store) -> None:
        campaign_id = await a_run(store, contacts=2)
        claims = await take_due(store, RUN, campaign_id, 2, NOW)
        busy, heard = [permitted(claim) for claim in claims]
        await store.engine.record_decisions([busy, heard])
        again = ended(busy, Outcome.BUSY, due_at=NOW + 30 * MINUTE)
        await store.engine.record_outcomes([again, ended(heard)])

        assert await store.engine.open_attempts() == []
        assert await store.engine.queue_summary(campaign_id) == QueueSummary(1, 0, 0, 1, NOW + 30 * MINUTE)
        assert await take_due(store, RUN, campaign_id, 2, NOW + 29 * MINUTE) == []
        (claim,) = await take_due(store, RUN, campaign_id, 2, NOW + 30 * MINUTE)
        assert (claim.e164, claim.attempts) == (e164(0), 1)
        row = await store.reports.attempt(busy.attempt_id)
        assert row is not None
        assert row.record == again.record

    @pytest.mark.parametrize("outcome", list(Outcome))
    async def test_what_may_have_rung_counts_as_an_attempt(self, store: Store, outcome: Outcome) -> None:
        campaign_id = await a_run(store, contacts=1)
        (claim,) = await take_due(store, RUN, campaign_id, 1, NOW)
        decided = permitted(claim)
        await store.engine.record_decisions([decided])
        await store.engine.record_outcomes([ended(decided, outcome, due_at=NOW)])

        (claim,) = await take_due(store, RUN, campaign_id, 1, NOW)
        assert claim.attempts == (0 if outcome in {Outcome.NOT_DIALED, Outcome.TRUNK_FAILURE} else 1)

    async def test_an_outcome_delivered_twice_changes_nothing_more(self, store: Store) -> None:
        campaign_id = await a_run(store, contacts=1)
        (claim,) = await take_due(store, RUN, campaign_id, 1, NOW)
        decided = permitted(claim)
        await store.engine.record_decisions([decided])
        outcome = ended(decided, Outcome.BUSY, due_at=NOW + MINUTE)
        await store.engine.record_outcomes([outcome, outcome])
        await store.engine.record_outcomes([outcome])

        (claim,) = await take_due(store, RUN, campaign_id, 1, NOW + MINUTE)
        assert claim.attempts == 1

    async def test_an_attempt_has_one_outcome(self, store: Store) -> None:
        campaign_id = await a_run(store, contacts=2)
        one, other = [permitted(claim) for claim in await take_due(store, RUN, campaign_id, 2, NOW)]
        await store.engine.record_decisions([one, other])
        await store.engine.record_outcomes([ended(one, Outcome.HEARD)])

        with pytest.raises(StoreError, match=r"ended as heard.*busy"):
            await store.engine.record_outcomes([ended(other), ended(one, Outcome.BUSY)])
        assert [left.attempt_id for left in await store.engine.open_attempts()] == [other.attempt_id]

    async def test_an_outcome_of_an_unknown_attempt_is_refused(self, store: Store) -> None:
        await a_run(store)
        with pytest.raises(StoreError, match="attempt-77-0"):
            await store.engine.record_outcomes([ended(permitted(Claim(77, 1, 1, e164(0), 0)))])

    async def test_many_at_once_are_all_kept(self, store: Store) -> None:
        campaign_id = await a_run(store, contacts=300)
        claims = await take_due(store, RUN, campaign_id, 300, NOW)

        async def one_call(claim: Claim) -> None:
            decided = permitted(claim)
            await store.engine.record_decisions([decided])
            await store.engine.record_outcomes([ended(decided)])

        await asyncio.gather(*(one_call(claim) for claim in claims))
        assert await store.engine.queue_summary(campaign_id) == QueueSummary(0, 0, 0, 300, None)
        assert await store.reports.outcome_counts(campaign_id) == {Outcome.HEARD: 300}

    # --- facts ---------------------------------------------------------------------------------------------------

    async def test_facts_are_of_the_claims_in_their_order(self, store: Store) -> None:
        campaign_id = await a_run(store, contacts=3)
        claims = list(reversed(await take_due(store, RUN, campaign_id, 3, NOW)))
        facts = await store.engine.facts(claims, NOW)

        assert [fact.contact for fact in facts] == [a_contact(index) for index in (2, 1, 0)]
        assert {fact.read_at for fact in facts} == {NOW}
        assert {(fact.consents, fact.internal_dnc, fact.history) for fact in facts} == {((), None, ())}

    async def test_facts_follow_a_correction_of_the_list(self, store: Store) -> None:
        campaign_id = await a_run(store, contacts=1)
        claims = await take_due(store, RUN, campaign_id, 1, NOW)
        await store.lists.import_contacts("patients", [a_contact(0, name="Łucja Żółć")], NOW)
        (fact,) = await store.engine.facts(claims, NOW)
        assert fact.contact.name == "Łucja Żółć"

    async def test_an_opt_out_is_in_the_very_next_facts_and_ends_every_consent(self, store: Store) -> None:
        campaign_id = await a_run(store, contacts=2)
        for number, given in ((e164(0), NOW - DAY), (e164(0), NOW + DAY), (e164(1), NOW - DAY)):
            await store.consents.add(number, a_consent(given), NOW)
        claims = await take_due(store, RUN, campaign_id, 2, NOW)
        entry = an_opt_out(e164(0))
        await store.engine.add_opt_outs([entry])

        out, other = await store.engine.facts(claims, NOW)
        assert (out.internal_dnc, other.internal_dnc) == (entry, None)
        assert [consent.revoked_at for consent in out.consents] == [NOW, None]
        assert [consent.revoked_at for consent in other.consents] == [None]

    async def test_an_opt_out_said_twice_keeps_the_first(self, store: Store) -> None:
        await store.engine.add_opt_outs([an_opt_out(e164(0)), an_opt_out(e164(0), NOW + MINUTE)])
        await store.engine.add_opt_outs([an_opt_out(e164(0), NOW + DAY)])
        assert await store.dnc.entries() == [an_opt_out(e164(0))]

    async def test_history_is_of_the_number_for_thirty_days_and_of_the_campaign_for_ever(self, store: Store) -> None:
        first = await a_run(store, contacts=1)
        second = await a_campaign(store, "second")
        for campaign_id, ago in ((first, 40), (second, 35), (second, 30), (first, 20)):
            at = NOW - ago * DAY
            (claim,) = await take_due(store, RUN, campaign_id, 1, NOW)
            decided = permitted(claim, f"{campaign_id}-{ago}", at)
            await store.engine.record_decisions([decided])
            await store.engine.record_outcomes([ended(decided, Outcome.NO_ANSWER, due_at=NOW, at=at + MINUTE)])

        (claim,) = await take_due(store, RUN, first, 1, NOW)
        await store.engine.record_decisions([permitted(claim, "open now")])
        (facts,) = await store.engine.facts([claim], NOW)
        assert [(past.attempt_id, past.campaign_id, past.outcome) for past in facts.history] == [
            (f"{first}-40", first, "no_answer"),
            (f"{second}-30", second, "no_answer"),
            (f"{first}-20", first, "no_answer"),
            ("open now", first, "open"),
        ]
        assert facts.history[0].at == NOW - 40 * DAY

    # --- campaigns and times -------------------------------------------------------------------------------------

    async def test_campaigns_are_found_by_state_with_the_reason_of_a_pause(self, store: Store) -> None:
        first = await a_run(store)
        second = await a_campaign(store, "second")
        await store.engine.set_campaign_state(second, CampaignState.PAUSED, NOW, reason="trunk office is down")

        assert [row.id for row in await store.engine.campaigns(CampaignState.RUNNING)] == [first]
        (paused,) = await store.engine.campaigns(CampaignState.PAUSED)
        assert (paused.name, paused.pause_reason) == ("second", "trunk office is down")
        assert (paused.definition, paused.base_dir) == ("[campaign]\n", "/srv/campaigns")
        assert len(await store.engine.campaigns(*CampaignState)) == 2
        await store.engine.set_campaign_state(second, CampaignState.RUNNING, NOW)
        assert [row.pause_reason for row in await store.engine.campaigns(CampaignState.RUNNING)] == ["", ""]

    async def test_what_operators_want_is_told_until_it_is_carried_out(self, store: Store) -> None:
        first = await a_run(store)
        paused = await a_campaign(store, "second")
        await store.engine.set_campaign_state(paused, CampaignState.PAUSED, NOW)
        _, running = await store.engine.wanted()
        assert [row.id for row in running] == [first]
        drain, _ = await store.steering.stop_all(OrderKind.DRAIN, NOW, "enough")
        stop, _ = await store.steering.stop_all(OrderKind.STOP, NOW, "at once")
        orders, running = await store.engine.wanted()
        assert [(each.id, each.kind) for each in orders][-2:] == [(drain, OrderKind.DRAIN), (stop, OrderKind.STOP)]
        assert running == []
        await store.engine.orders_taken(drain, NOW)
        orders, _ = await store.engine.wanted()
        assert [each.id for each in orders] == [stop]

    async def test_a_stopped_campaign_stays_stopped(self, store: Store) -> None:
        campaign_id = await a_run(store)
        await store.engine.set_campaign_state(campaign_id, CampaignState.STOPPED, NOW)
        with pytest.raises(StoreError, match="reminders is stopped and cannot become running"):
            await store.engine.set_campaign_state(campaign_id, CampaignState.RUNNING, NOW)

    async def test_times_come_back_in_utc_to_the_microsecond(self, store: Store) -> None:
        campaign_id = await a_run(store, contacts=1)
        (claim,) = await take_due(store, RUN, campaign_id, 1, NOW)
        there = NOW.astimezone(timezone(timedelta(hours=-5)))
        await store.engine.record_decisions([refused(claim, defer_until=there)])
        due = (await store.engine.queue_summary(campaign_id)).next_due
        assert due == NOW
        assert due.tzinfo is UTC

    async def test_a_naive_time_is_refused(self, store: Store) -> None:
        campaign_id = await a_run(store, contacts=1)
        with pytest.raises(ValueError, match="no naive datetime"):
            await take_due(store, RUN, campaign_id, 1, NOW.replace(tzinfo=None))
        assert len(await take_due(store, RUN, campaign_id, 1, NOW)) == 1
