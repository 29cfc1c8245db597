from __future__ import annotations

import asyncio
import os
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.contract.store_values import take_due
from tests.unit.engine.bench import FAST, NOW, Bench, a_contact, e164, hawaiian
from tests.unit.engine.scripted_agent import Callee

from dialer.calls.outcome import NotDialed, Outcome
from dialer.engine.settings import Ending, RunUntil
from dialer.errors import CampaignError, EngineRunning
from dialer.results.records import CampaignState

FOREVER = replace(FAST, until=RunUntil.FOREVER)
MINUTE = timedelta(minutes=1)


async def an_interrupted_run(bench: Bench, contacts: int = 2, *, claimed: int = 1) -> int:
    """A campaign that another run, whose process is gone, left with open attempts and bare claims; its id."""
    campaign_id = await bench.campaign([e164(index) for index in range(contacts + claimed)])
    store = bench.store.engine
    await store.start_run("dead", os.getpid(), NOW - MINUTE)
    claims = await take_due(bench.store, "dead", campaign_id, contacts + claimed, bench.clock.now())
    await store.record_decisions([bench.permitted(claim) for claim in claims[:contacts]])
    return campaign_id


class TestDone:
    async def test_every_contact_is_dialed_once_and_has_one_outcome(self, bench: Bench) -> None:
        campaign_id = await bench.campaign([e164(index) for index in range(60)])
        bench.network.callees = {
            e164(0): Callee(Outcome.INVALID_NUMBER),
            e164(1): Callee(Outcome.ACCEPTED, call_s=0.2),
            e164(2): Callee(Outcome.REJECTED, told_twice=True),
        }
        assert await bench.run() is Ending.DONE

        assert (await bench.row()).state is CampaignState.DONE
        assert Counter(bench.network.numbers) == {e164(index): 1 for index in range(60)}
        assert await bench.store.reports.outcome_counts(campaign_id) == {
            Outcome.HEARD: 57,
            Outcome.INVALID_NUMBER: 1,
            Outcome.ACCEPTED: 1,
            Outcome.REJECTED: 1,
        }
        attempts = await bench.attempts()
        assert all(row.record is not None and row.record.attempt_id == row.attempt_id for row in attempts)
        # Those who watch are told of each, and only of what is on disk.
        assert {line.attempt_id for line in bench.watcher.lines} == {row.attempt_id for row in attempts}
        assert bench.watcher.changes == [("reminders", CampaignState.DONE, "")]
        assert bench.watcher.troubles == ["trunk: office is up: 200"]

    async def test_a_contact_that_is_due_again_later_is_called_then(self, bench: Bench) -> None:
        await bench.campaign([e164(0)], gap=1)
        bench.network.callees[e164(0)] = Callee(Outcome.BUSY)
        async with bench.running(replace(FAST, until=RunUntil.DONE)):
            await bench.until(lambda: bench.watcher.lines)
            bench.network.callees[e164(0)] = Callee(Outcome.HEARD)
            bench.clock.forward(29 * MINUTE)
            await asyncio.sleep(0.1)
            assert len(bench.network.placed) == 1
            bench.clock.forward(MINUTE)
            await bench.until(lambda: bench.watcher.changes)
        assert [line.outcome for line in bench.watcher.lines] == [Outcome.BUSY, Outcome.HEARD]

    async def test_several_agents_share_the_calls(self, bench: Bench) -> None:
        await bench.campaign([e164(index) for index in range(30)])
        bench.network.everyone = Callee(call_s=0.05)
        assert await bench.run(replace(FAST, agents=3)) is Ending.DONE
        assert len(bench.network.agents) == 3
        assert all(agent.handled > 3 for agent in bench.network.agents)

    async def test_nothing_to_do_is_done(self, bench: Bench) -> None:
        await bench.campaign([e164(0)], start=False)
        assert await bench.run() is Ending.DONE
        assert bench.network.placed == []

    async def test_an_empty_list_is_done(self, bench: Bench) -> None:
        await bench.campaign([])
        assert await bench.run() is Ending.DONE
        assert (await bench.row()).state is CampaignState.DONE


class TestIdle:
    async def test_it_ends_when_only_deferred_contacts_remain(self, bench: Bench) -> None:
        campaign_id = await bench.campaign([e164(0), hawaiian(0)])
        assert await bench.run() is Ending.IDLE
        assert bench.network.numbers == [e164(0)]
        assert (await bench.row()).state is CampaignState.RUNNING
        summary = await bench.store.engine.queue_summary(campaign_id)
        assert (summary.waiting, summary.claimed, summary.dialing, summary.finished) == (1, 0, 0, 1)

    async def test_a_live_call_is_waited_for(self, bench: Bench) -> None:
        await bench.campaign([e164(0), e164(1)], name="long")
        await bench.campaign([hawaiian(0)], name="deferred")
        bench.network.everyone = Callee(Outcome.BUSY, call_s=0.15)
        assert await bench.run() is Ending.IDLE
        assert [line.outcome for line in bench.watcher.lines] == [Outcome.BUSY] * 2


class TestOutsideChanges:
    @pytest.mark.parametrize("state", [CampaignState.PAUSED, CampaignState.STOPPED])
    async def test_no_call_follows_and_live_ones_go_on(self, bench: Bench, state: CampaignState) -> None:
        campaign_id = await bench.campaign([e164(index) for index in range(40)], cps=50)
        bench.network.everyone = Callee(call_s=0.2)
        async with bench.running(FOREVER):
            await bench.until(lambda: len(bench.network.placed) >= 5)
            await bench.set_state(campaign_id, state)
            await asyncio.sleep(2 * FAST.poll_s)
            placed = len(bench.network.placed)
            live = len(bench.network.up)
            await asyncio.sleep(0.25)
            assert len(bench.network.placed) == placed < 40
            assert live > 0
        outcomes = Counter(line.outcome for line in bench.watcher.lines)
        assert outcomes[Outcome.HEARD] == placed
        # What was decided already and not placed any more is recorded so, and due again.
        assert {line.record.not_dialed for line in bench.watcher.lines} <= {None, NotDialed.STOPPED}
        summary = await bench.store.engine.queue_summary(campaign_id)
        assert (summary.waiting, summary.finished) == (40 - placed, placed)

    async def test_a_resumed_campaign_goes_on(self, bench: Bench) -> None:
        campaign_id = await bench.campaign([e164(index) for index in range(20)], cps=100)
        async with bench.running(FOREVER):
            await bench.until(lambda: len(bench.network.placed) >= 3)
            await bench.set_state(campaign_id, CampaignState.PAUSED)
            await asyncio.sleep(0.1)
            assert len(bench.network.placed) < 20
            await bench.set_state(campaign_id, CampaignState.RUNNING)
            bench.clock.forward(2 * MINUTE)
            await bench.until(lambda: len(bench.network.placed) == 20)
        assert Counter(bench.network.numbers) == {e164(index): 1 for index in range(20)}

    async def test_a_service_takes_up_what_is_started_later(self, bench: Bench) -> None:
        campaign_id = await bench.campaign([e164(0)], start=False)
        async with bench.running(FOREVER):
            await asyncio.sleep(0.1)
            await bench.set_state(campaign_id, CampaignState.RUNNING)
            await bench.until(lambda: bench.watcher.changes)
            await asyncio.sleep(0.05)
        assert bench.network.numbers == [e164(0)]

    async def test_a_run_whose_campaigns_are_all_paused_ends_and_says_so(self, bench: Bench) -> None:
        old = await bench.campaign([e164(9)], name="old")
        await bench.set_state(old, CampaignState.PAUSED)
        campaign_id = await bench.campaign([e164(0), hawaiian(0)])
        async with bench.running(replace(FAST, until=RunUntil.DONE)):
            await bench.until(lambda: bench.watcher.lines)
            await bench.set_state(campaign_id, CampaignState.PAUSED)
            assert await bench.ending() is Ending.PAUSED

    async def test_one_that_was_paused_all_along_is_not_this_runs_affair(self, bench: Bench) -> None:
        old = await bench.campaign([e164(9)], name="old")
        await bench.set_state(old, CampaignState.PAUSED)
        await bench.campaign([e164(0)])
        assert await bench.run() is Ending.DONE


class TestStopping:
    async def test_drain_lets_live_calls_end_and_places_none(self, bench: Bench) -> None:
        campaign_id = await bench.campaign([e164(index) for index in range(40)], cps=100)
        bench.network.everyone = Callee(call_s=0.15)
        async with bench.running(FOREVER) as engine:
            await bench.until(lambda: len(bench.network.placed) >= 5)
            engine.drain()
            placed = len(bench.network.placed)
            assert await bench.ending() is Ending.STOPPED
        assert len(bench.network.placed) == placed
        assert Counter(line.outcome for line in bench.watcher.lines)[Outcome.HEARD] == placed
        assert {line.record.not_dialed for line in bench.watcher.lines} <= {None, NotDialed.ENGINE_STOPPED}
        summary = await bench.store.engine.queue_summary(campaign_id)
        assert (summary.waiting, summary.claimed, summary.dialing) == (40 - placed, 0, 0)

    async def test_hang_up_ends_live_calls_at_once(self, bench: Bench) -> None:
        await bench.campaign([e164(index) for index in range(10)])
        bench.network.everyone = Callee(call_s=None)
        async with bench.running(FOREVER) as engine:
            await bench.until(lambda: len(bench.network.up) == 10)
            engine.drain()
            await asyncio.sleep(0.1)
            assert len(bench.network.up) == 10
            engine.hang_up_now()
            await bench.until(lambda: not bench.network.up, within=0.3)
            assert await bench.ending() is Ending.STOPPED
        assert Counter(line.outcome for line in bench.watcher.lines) == {Outcome.CANCELED: 10}

    async def test_hang_up_does_not_wait_for_the_store(self, bench: Bench) -> None:
        await bench.campaign([e164(index) for index in range(20)], cps=20)
        bench.network.everyone = Callee(call_s=None)
        async with bench.running(FOREVER) as engine:
            await bench.until(lambda: len(bench.network.up) >= 3)
            bench.faulty.hanging.add("all")
            await asyncio.sleep(0.1)
            engine.hang_up_now()
            placed = len(bench.network.placed)
            await bench.until(lambda: not bench.network.up, within=0.3)
            bench.faulty.hanging.clear()
            assert await bench.ending() is Ending.STOPPED
        assert len(bench.network.placed) == placed

    async def test_calls_that_outlast_the_drain_are_hung_up(self, bench: Bench) -> None:
        await bench.campaign([e164(0)])
        bench.network.everyone = Callee(call_s=None)
        async with bench.running(replace(FOREVER, drain_s=0.2)) as engine:
            await bench.until(lambda: bench.network.up)
            engine.drain()
            assert await bench.ending() is Ending.STOPPED
        assert [line.outcome for line in bench.watcher.lines] == [Outcome.CANCELED]

    async def test_stopped_before_it_begins(self, bench: Bench) -> None:
        await bench.campaign([e164(0)])
        engine = bench.engine()
        engine.drain()
        assert await engine.run() is Ending.STOPPED
        assert bench.network.agents == []


class TestOneEngine:
    async def test_a_second_one_is_told_of_the_first(self, bench: Bench) -> None:
        await bench.campaign([hawaiian(0)])
        async with bench.running(FOREVER):
            await bench.idle()
            with pytest.raises(EngineRunning, match=str(os.getpid())):
                await bench.engine().run()
        assert await bench.run() is Ending.IDLE

    async def test_one_that_is_taken_for_dead_places_no_more_and_ends(self, bench: Bench) -> None:
        await bench.campaign([e164(0)])
        bench.network.everyone = Callee(call_s=0.3)
        run = asyncio.create_task(bench.run(replace(FOREVER, heartbeat_s=0.05)))
        await bench.until(lambda: bench.network.up)
        await bench.store.engine.start_run("other", os.getpid(), bench.clock.now() + MINUTE)
        await bench.campaign([e164(1)], name="more")
        with pytest.raises(EngineRunning):
            await run
        assert bench.network.numbers == [e164(0)]


class TestRecovery:
    async def test_what_a_dead_run_left_is_interrupted_and_waits_for_the_gap(self, bench: Bench) -> None:
        campaign_id = await an_interrupted_run(bench, 2, claimed=1)
        assert await bench.run() is Ending.IDLE

        outcomes = await bench.store.reports.outcome_counts(campaign_id)
        assert outcomes == {Outcome.INTERRUPTED: 2, Outcome.HEARD: 1}
        assert bench.network.numbers == [e164(2)]  # it was claimed, no more
        summary = await bench.store.engine.queue_summary(campaign_id)
        assert summary.waiting == 2
        assert summary.next_due is not None
        assert summary.next_due >= NOW + timedelta(hours=4)
        # They counted: with the gap over, the second of three attempts is made.
        bench.clock.forward(timedelta(hours=4, minutes=1))
        assert await bench.run() is Ending.DONE
        assert {line.attempt_number for line in bench.watcher.lines if line.number != e164(2)} == {1, 2}

    async def test_a_campaign_file_that_makes_no_sense_any_more_holds_nobody_up(self, bench: Bench) -> None:
        campaign_id = await an_interrupted_run(bench)
        await bench.campaign([e164(50)], name="fine")
        bench.loader.broken["reminders"] = CampaignError("unknown key")
        assert await bench.run() is Ending.PAUSED
        assert bench.network.numbers == [e164(50)]
        summary = await bench.store.engine.queue_summary(campaign_id)
        assert (summary.waiting, summary.dialing) == (3, 0)
        assert (await bench.row()).pause_reason == "unknown key"

    async def test_ctrl_c_is_heard_while_the_store_refuses(self, bench: Bench) -> None:
        await an_interrupted_run(bench)
        bench.faulty.failing.add("record_outcomes")
        async with bench.running(replace(FAST, flush_s=0.1)) as engine:
            await bench.until(lambda: bench.watcher.troubles)
            engine.drain()
            assert await bench.ending() is Ending.STOPPED
        assert bench.network.agents == []
        bench.faulty.failing.clear()
        assert await bench.run() is Ending.IDLE
        assert len(bench.watcher.lines) == 3


async def test_a_contact_that_the_gate_refuses_never_reaches_an_agent(bench: Bench) -> None:
    campaign_id = await bench.campaign(
        [e164(0), hawaiian(0)], contacts=[a_contact(e164(1), consent=False), a_contact("+18005550123")]
    )
    assert await bench.run() is Ending.IDLE
    assert bench.network.numbers == [e164(0)]
    refusals = {row.refusal.number: row.refusal for row in await bench.refusals(campaign_id)}
    assert {number: (no.refused_by, no.defer_until) for number, no in refusals.items()} == {
        e164(1): ("consent", None),
        "+18005550123": ("number", None),
    }
    bench.clock.forward(30 * MINUTE)
    assert await bench.run() is Ending.DONE
    assert bench.network.numbers == [e164(0), hawaiian(0)]
