"""What operators order from another shell is in effect within a second, whichever engine is there."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import replace
from datetime import timedelta

from tests.unit.engine.bench import FAST, Bench, e164
from tests.unit.engine.scripted_agent import Callee

from dialer.calls.outcome import Outcome
from dialer.engine.settings import Ending, RunUntil
from dialer.results.records import CampaignState, OrderKind

FOREVER = replace(FAST, until=RunUntil.FOREVER)
MINUTE = timedelta(minutes=1)


async def in_effect(bench: Bench, order: int) -> float:
    """Seconds until the engine says that it has carried out the order."""
    began = time.monotonic()
    while not await bench.store.steering.taken(order):
        assert time.monotonic() - began < 3
    return time.monotonic() - began


async def test_stop_all_pauses_everything_hangs_up_and_ends_the_run(bench: Bench) -> None:
    for name, first in (("one", 0), ("two", 40)):
        await bench.campaign([e164(first + index) for index in range(30)], name=name, cps=40)
    bench.network.everyone = Callee(call_s=30.0)
    async with bench.running(FOREVER):
        await bench.until(lambda: len(bench.network.placed) > 5)
        order, paused = await bench.store.steering.stop_all(OrderKind.STOP, bench.clock.now(), "wrong message")
        assert await in_effect(bench, order) < 1
        placed = len(bench.network.placed)
        assert await bench.ending() is Ending.STOPPED
    assert paused == ["one", "two"]
    assert len(bench.network.placed) == placed
    assert not bench.network.up
    assert Counter(line.outcome for line in bench.watcher.lines if line.record.not_dialed is None) == {
        Outcome.CANCELED: placed
    }
    for name in ("one", "two"):
        row = await bench.row(name)
        assert (row.state, row.pause_reason) == (CampaignState.PAUSED, "wrong message")


async def test_drain_lets_live_calls_end(bench: Bench) -> None:
    await bench.campaign([e164(index) for index in range(30)], cps=40)
    bench.network.everyone = Callee(call_s=0.4)
    async with bench.running(FOREVER):
        await bench.until(lambda: len(bench.network.placed) > 3)
        order, _ = await bench.store.steering.stop_all(OrderKind.DRAIN, bench.clock.now(), "enough")
        await in_effect(bench, order)
        placed = len(bench.network.placed)
        assert await bench.ending() is Ending.STOPPED
    assert len(bench.network.placed) == placed
    assert Counter(line.outcome for line in bench.watcher.lines if line.record.not_dialed is None) == {
        Outcome.HEARD: placed
    }


async def test_one_campaign_hangs_up_and_the_other_goes_on(bench: Bench) -> None:
    first = await bench.campaign([e164(index) for index in range(20)], name="one", channels=3)
    await bench.campaign([e164(index) for index in range(50, 53)], name="two")
    bench.network.everyone = Callee(call_s=0.8)
    async with bench.running(FOREVER):
        await bench.until(lambda: len(bench.network.up) == 6)
        order = await bench.store.steering.move(
            first, CampaignState.STOPPED, bench.clock.now(), reason="", hang_up=True
        )
        await in_effect(bench, order)
        await bench.until(lambda: len(bench.network.up) == 3)
        await bench.until(lambda: bench.watcher.changes)
    outcomes = Counter((line.campaign, line.outcome) for line in bench.watcher.lines)
    assert outcomes["one", Outcome.CANCELED] == 3
    assert outcomes["two", Outcome.HEARD] == 3


async def test_a_pace_changes_in_the_middle(bench: Bench) -> None:
    campaign_id = await bench.campaign([e164(index) for index in range(60)], cps=2)
    async with bench.running(FOREVER):
        await bench.until(lambda: bench.network.placed)
        order = await bench.store.steering.pace(campaign_id, 200.0, 50, bench.clock.now())
        assert await in_effect(bench, order) < 1
        await bench.until(lambda: len(bench.network.placed) == 60)


async def test_an_order_to_an_earlier_engine_is_not_carried_out(bench: Bench) -> None:
    campaign_id = await bench.campaign([e164(0)])
    await bench.store.steering.stop_all(OrderKind.STOP, bench.clock.now(), "then")
    await bench.set_state(campaign_id, CampaignState.RUNNING)
    assert await bench.run() is Ending.DONE


async def test_a_call_that_its_agent_never_ends_is_hung_up(bench: Bench) -> None:
    await bench.campaign([e164(0)])
    bench.network.everyone = Callee(call_s=30.0)
    assert await bench.run(replace(FAST, longest_call_s=0.2, heartbeat_s=0.05)) is Ending.DONE
    assert [line.outcome for line in bench.watcher.lines] == [Outcome.CANCELED]
