"""What the engine says of itself while it runs."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.engine.bench import FAST, Bench, e164
from tests.unit.engine.scripted_agent import Callee

from dialer.calls.trunk import TrunkState
from dialer.engine.settings import RunUntil
from dialer.engine.status import AgentsStatus, Phase, phase_of

FOREVER = replace(FAST, until=RunUntil.FOREVER, heartbeat_s=0.02)


@pytest.mark.parametrize(
    ("started", "stopping", "phase"),
    [(False, False, Phase.STARTING), (True, False, Phase.RUNNING), (True, True, Phase.STOPPING),
     (False, True, Phase.STOPPING)],
)  # fmt: skip
def test_a_run_that_stops_is_stopping_however_far_it_came(started: bool, stopping: bool, phase: Phase) -> None:
    assert phase_of(started=started, stopping=stopping) is phase


async def test_from_the_start_to_the_end(bench: Bench) -> None:
    await bench.campaign([e164(0), e164(1)])
    bench.network.everyone = Callee(call_s=None)
    assert bench.engine(FOREVER).status.phase is Phase.STARTING
    async with bench.running(FOREVER) as engine:
        await bench.until(lambda: len(bench.network.up) == 2)
        status = engine.status
        assert status.phase is Phase.RUNNING
        assert status.agents == AgentsStatus(wanted=1, up=1, restarts=0, live_calls=2)
        assert status.trunks == {"office": TrunkState.UP}
        engine.drain()
        assert engine.status.phase is Phase.STOPPING
        engine.hang_up_now()
        await bench.ending()
    assert engine.status.agents.live_calls == 0


async def test_an_agent_that_dies_is_missing_and_then_counted(bench: Bench) -> None:
    async with bench.running(replace(FOREVER, agents=2, agent_restart_s=0.2)) as engine:
        await bench.until(lambda: engine.status.agents.up == 2)
        bench.network.agents[0].die()
        await bench.until(lambda: engine.status.agents.up == 1)
        assert engine.status.agents.restarts == 0
        await bench.until(lambda: engine.status.agents == AgentsStatus(wanted=2, up=2, restarts=1, live_calls=0))


async def test_a_store_that_refuses_is_failing_until_it_works_again(bench: Bench) -> None:
    async with bench.running(FOREVER) as engine:
        await bench.until(lambda: engine.status.phase is Phase.RUNNING)
        assert not engine.status.store_failing
        bench.faulty.failing.add("all")
        await bench.until(lambda: engine.status.store_failing)
        await bench.until(lambda: engine.status.heartbeat_age_s > 0.1)
        bench.faulty.failing.clear()
        await bench.until(lambda: not engine.status.store_failing and engine.status.heartbeat_age_s < 0.1)


async def test_outcomes_that_cannot_be_stored_are_counted(bench: Bench) -> None:
    await bench.campaign([e164(0)])
    bench.network.at_place = lambda _: bench.faulty.failing.add("record_outcomes")
    async with bench.running(FOREVER) as engine:
        await bench.until(lambda: engine.status.store_failing)
        assert engine.status.unstored == 1
        bench.faulty.failing.clear()
        await bench.until(lambda: not engine.status.store_failing)
        assert engine.status.unstored == 0
