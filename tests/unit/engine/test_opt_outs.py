from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

from tests.unit.engine.bench import FAST, Bench, e164
from tests.unit.engine.scripted_agent import Callee

from dialer.calls.outcome import Outcome
from dialer.engine.settings import Ending, RunUntil

ON_LIST = "SELECT count(*) FROM internal_dnc WHERE e164 = ? AND removed_at IS NULL"


async def test_it_is_on_disk_before_the_call_may_end_and_binds_the_next_campaign(bench: Bench) -> None:
    await bench.campaign([e164(index) for index in range(4)])
    bench.network.callees[e164(1)] = Callee(opts_out=True)
    found: list[int] = []
    bench.network.at_opt_out_stored = lambda number: found.append(bench.look(ON_LIST, number))
    assert await bench.run() is Ending.DONE
    assert found == [1]
    entry = await bench.store.dnc.check(e164(1))
    assert entry is not None
    assert entry.reason == "opted out: key 9"
    assert [line.outcome for line in bench.watcher.lines if line.number == e164(1)] == [Outcome.OPTED_OUT]

    second = await bench.campaign([e164(1), e164(2)], name="second", gap=1)
    bench.clock.forward(timedelta(hours=1))
    assert await bench.run() is Ending.DONE
    assert bench.network.numbers[4:] == [e164(2)]
    (refused,) = await bench.refusals(second)
    assert refused.refusal.number == e164(1)
    assert refused.refusal.defer_until is None
    assert refused.refusal.refused_by in {"internal_dnc", "consent"}


async def test_it_binds_a_campaign_that_is_under_way(bench: Bench) -> None:
    await bench.campaign([e164(0)], name="first", gap=1)
    await bench.campaign([e164(0)], name="second", gap=1)
    bench.network.callees[e164(0)] = Callee(opts_out=True)
    assert await bench.run() is Ending.DONE  # not deferred for the gap: refused for good
    assert bench.network.numbers == [e164(0)]


async def test_the_call_waits_for_a_store_that_fails_and_no_other_is_placed(bench: Bench) -> None:
    await bench.campaign([e164(index) for index in range(30)], cps=50)
    bench.network.callees[e164(1)] = Callee(opts_out=True)
    bench.faulty.failing.add("add_opt_outs")
    async with bench.running(replace(FAST, until=RunUntil.FOREVER)):
        await bench.until(lambda: any("an opt-out cannot be stored" in each for each in bench.watcher.troubles))
        placed = len(bench.network.placed)
        await asyncio.sleep(0.2)
        assert len(bench.network.placed) == placed < 30
        assert bench.network.up == {e164(1)}
        assert bench.look(ON_LIST, e164(1)) == 0
        bench.faulty.failing.clear()
        await bench.until(lambda: not bench.network.up)
        assert bench.look(ON_LIST, e164(1)) == 1
    assert "store: opt-outs are stored again" in bench.watcher.troubles


async def test_it_outlives_the_agent_that_reported_it(bench: Bench) -> None:
    await bench.campaign([e164(0)])
    bench.network.callees[e164(0)] = Callee(opts_out=True)
    bench.faulty.failing.add("add_opt_outs")
    async with bench.running():
        await bench.until(lambda: "add_opt_outs" in bench.faulty.calls)
        bench.network.agents[0].die()
        await asyncio.sleep(0.05)
        bench.faulty.failing.clear()
        await bench.until(lambda: bench.look(ON_LIST, e164(0)))
        assert await bench.ending() is Ending.IDLE
    assert [line.outcome for line in bench.watcher.lines] == [Outcome.INTERRUPTED]


async def test_one_that_cannot_be_stored_before_the_end_is_named(bench: Bench) -> None:
    await bench.campaign([e164(0)])
    bench.network.callees[e164(0)] = Callee(opts_out=True)
    bench.faulty.failing.add("add_opt_outs")
    async with bench.running(replace(FAST, drain_s=0.1, flush_s=0.1)) as engine:
        await bench.until(lambda: "add_opt_outs" in bench.faulty.calls)
        bench.network.agents[0].die()
        engine.hang_up_now()
        await bench.ending()
    (_, plan) = bench.network.placed[0]
    assert f"store: opt-outs are not stored: attempts {plan.attempt_id}" in bench.watcher.troubles


async def test_unwanted_calls_count_as_opt_outs_too(bench: Bench) -> None:
    await bench.campaign([e164(0)])
    bench.network.callees[e164(0)] = Callee(Outcome.ABUSE)
    assert await bench.run() is Ending.DONE
    assert bench.look(ON_LIST, e164(0)) == 1
