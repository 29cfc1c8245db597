"""What goes wrong outside the calls: the store, the files, the engine's own tasks, those who watch."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from tests.unit.engine.bench import FAST, Bench, e164
from tests.unit.engine.scripted_agent import Callee

from dialer.calls.outcome import Outcome
from dialer.calls.trunk import TrunkState
from dialer.compliance.decision import Decision
from dialer.compliance.policy import CampaignPolicy, Facts
from dialer.engine.settings import Ending, RunUntil
from dialer.errors import AgentError, CampaignError
from dialer.results.records import CampaignState

FOREVER = replace(FAST, until=RunUntil.FOREVER)
MINUTE = timedelta(minutes=1)


class TestStoreTrouble:
    async def test_no_call_is_placed_meanwhile_and_no_outcome_is_lost(self, bench: Bench) -> None:
        campaign_id = await bench.campaign([e164(index) for index in range(40)], cps=100)
        bench.network.everyone = Callee(call_s=0.05)
        async with bench.running(FOREVER):
            await bench.until(lambda: len(bench.watcher.lines) >= 5)
            bench.faulty.failing.add("all")
            await bench.until(lambda: any("no call is placed" in each for each in bench.watcher.troubles))
            placed = len(bench.network.placed)
            await asyncio.sleep(0.15)
            assert len(bench.network.placed) == placed < 40
            assert bench.network.up == set()  # they have ended all the same
            bench.faulty.failing.clear()
            bench.clock.forward(2 * MINUTE)  # for what was decided and not dialed
            await bench.until(lambda: len(bench.network.placed) == 40)
        outcomes = await bench.store.reports.outcome_counts(campaign_id)
        assert outcomes[Outcome.HEARD] == 40
        assert set(outcomes) <= {Outcome.HEARD, Outcome.NOT_DIALED}
        assert [each for each in bench.watcher.troubles if "outcomes" in each] == [
            "store: outcomes cannot be stored, no call is placed: no space is left on the disk",
            "store: outcomes are stored again",
        ]

    @pytest.mark.parametrize("method", ["claim", "record_decisions", "set_campaign_state"])
    async def test_any_failure_is_got_over(self, bench: Bench, method: str) -> None:
        await bench.campaign([e164(index) for index in range(8)], cps=100)
        bench.faulty.failing.add(method)
        async with bench.running(replace(FAST, until=RunUntil.DONE)):
            await bench.until(lambda: bench.faulty.calls.count(method) >= 3)
            if method in {"claim", "record_decisions"}:
                assert bench.network.placed == []
            bench.faulty.failing.clear()
            assert await bench.ending() is Ending.DONE
        assert Counter(bench.network.numbers) == {e164(index): 1 for index in range(8)}
        assert len([each for each in bench.watcher.troubles if each.startswith("store")]) == 2

    async def test_a_list_of_campaigns_that_cannot_be_read_ends_nothing(self, bench: Bench) -> None:
        await bench.campaign([e164(index) for index in range(20)], cps=100)
        async with bench.running(replace(FAST, until=RunUntil.DONE)):
            await bench.until(lambda: bench.network.placed)
            bench.faulty.failing.add("wanted")
            await bench.until(lambda: bench.watcher.changes)
            await asyncio.sleep(0.05)
            bench.faulty.failing.clear()
            assert await bench.ending() is Ending.DONE

    async def test_a_run_ends_though_the_store_does_not_come_back(self, bench: Bench) -> None:
        await bench.campaign([e164(index) for index in range(3)])
        bench.network.everyone = Callee(call_s=0.1)
        async with bench.running(replace(FOREVER, flush_s=0.1)) as engine:
            await bench.until(lambda: len(bench.network.up) == 3)
            bench.faulty.failing.add("all")
            engine.drain()
            assert await bench.ending() is Ending.STOPPED
        assert any(each.startswith("store: 3 outcomes are not stored") for each in bench.watcher.troubles)
        # They may have rung: the next run takes them for that.
        bench.faulty.failing.clear()
        bench.clock.forward(MINUTE)
        assert await bench.run() is Ending.IDLE
        assert [line.outcome for line in bench.watcher.lines] == [Outcome.INTERRUPTED] * 3


class TestFaultsInside:
    async def test_a_campaign_that_cannot_be_loaded_is_paused_with_the_reason(self, bench: Bench) -> None:
        await bench.campaign([e164(0)], name="broken")
        await bench.campaign([e164(1)], name="odd")
        await bench.campaign([e164(2)], name="fine")
        bench.loader.broken = {"broken": CampaignError("message.wav is missing"), "odd": ZeroDivisionError()}
        assert await bench.run() is Ending.PAUSED
        assert bench.network.numbers == [e164(2)]
        assert (await bench.row("broken")).pause_reason == "message.wav is missing"
        assert (await bench.row("odd")).pause_reason == "internal error: ZeroDivisionError()"

    async def test_a_fault_in_a_campaigns_task_pauses_it_and_leaves_nothing_open(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        campaign_id = await bench.campaign([e164(index) for index in range(5)])
        await bench.campaign([e164(50)], name="fine")

        decide = bench.gate.decide

        def faulty(attempt_id: str, facts: Facts, policy: CampaignPolicy, now: datetime) -> Decision:
            if policy.campaign_id == campaign_id:
                raise ZeroDivisionError
            return decide(attempt_id, facts, policy, now)

        monkeypatch.setattr(bench.gate, "decide", faulty)
        assert await bench.run() is Ending.PAUSED
        assert (await bench.row()).pause_reason == "internal error: ZeroDivisionError()"
        assert [entry["exception"].splitlines()[-1] for entry in bench.logged] == ["ZeroDivisionError"]
        assert bench.network.numbers == [e164(50)]
        summary = await bench.store.engine.queue_summary(campaign_id)
        assert (summary.waiting, summary.claimed) == (5, 0)

    async def test_a_fault_while_placing_does_so_too(self, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
        campaign_id = await bench.campaign([e164(index) for index in range(30)], cps=50)
        engine = bench.engine()
        monkeypatch.setattr(engine._pool, "place", lambda plan: 1 / 0)
        async with asyncio.timeout(5):
            assert await engine.run() is Ending.PAUSED
        assert (await bench.row()).pause_reason.startswith("internal error: ZeroDivisionError")
        assert [(lane._reserved, lane._taken) for lane in engine._lanes.values()] == [(0, 1)]
        summary = await bench.store.engine.queue_summary(campaign_id)
        assert (summary.waiting, summary.dialing) == (29, 1)

    async def test_claims_that_came_to_nothing_are_decided_when_the_campaign_is_resumed(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        campaign_id = await bench.campaign([e164(index) for index in range(5)])
        with monkeypatch.context() as patch:
            patch.setattr(bench.gate, "decide", lambda *_: 1 / 0)
            async with bench.running(FOREVER):
                await bench.until(lambda: bench.watcher.changes)
                patch.undo()
                await bench.set_state(campaign_id, CampaignState.RUNNING)
                await bench.until(lambda: len(bench.watcher.changes) == 2)
        assert (await bench.row()).state is CampaignState.DONE
        assert len(bench.network.placed) == 5

    async def test_an_observer_that_fails_costs_no_outcome_and_ends_the_run(self, bench: Bench) -> None:
        campaign_id = await bench.campaign([e164(index) for index in range(30)], cps=50)
        bench.network.everyone = Callee(call_s=0.1)
        bench.watcher.raises = ZeroDivisionError()
        with pytest.raises(ZeroDivisionError):
            await bench.run(FOREVER)
        placed = len(bench.network.placed)
        assert 0 < placed < 30
        assert (await bench.store.reports.outcome_counts(campaign_id))[Outcome.HEARD] == placed
        assert (await bench.store.engine.open_attempts()) == []

    async def test_a_frame_that_cannot_be_dealt_with_ends_the_run_in_good_order(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        campaign_id = await bench.campaign([e164(index) for index in range(4)])
        bench.network.everyone = Callee(call_s=0.2)
        engine = bench.engine(FOREVER)
        run = asyncio.create_task(engine.run())
        await bench.until(lambda: len(bench.network.up) == 4)
        monkeypatch.setattr(engine._trunks, "heard", lambda *_: 1 / 0)
        bench.network.trunk_is(TrunkState.UP, 200)
        with pytest.raises(ZeroDivisionError):
            await run
        assert await bench.store.reports.outcome_counts(campaign_id) == {Outcome.HEARD: 4}

    async def test_agents_that_do_not_start_end_the_run(self, bench: Bench) -> None:
        await bench.campaign([e164(0)])
        bench.network.starts_to_fail = 1
        with pytest.raises(AgentError, match="did not start"):
            await bench.run()
        assert await bench.run() is Ending.DONE
