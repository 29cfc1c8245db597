from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Coroutine, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.unit.engine.bench import FAST, KEY, NOW, Bench, MovableClock, e164
from tests.unit.engine.scripted_agent import Callee, Network, ScriptedAgent

from dialer.calls.frames import CallEnded, FromAgent, OptOutStored
from dialer.calls.outcome import Outcome
from dialer.calls.plan import CallLimits, CallPlan, CallScript
from dialer.calls.trunk import TrunkState, TrunkStatus
from dialer.compliance.decision import Permit
from dialer.engine.agents import AgentPool
from dialer.engine.settings import Ending, RunUntil
from dialer.errors import AgentError

FOREVER = replace(FAST, until=RunUntil.FOREVER)


class Pool(AgentPool):
    """A pool on a network of its own, with an account of what it reports."""

    def __init__(self, count: int = 1, silence_s: float = 0.6) -> None:
        clock = MovableClock()
        up = TrunkStatus(trunk="office", state=TrunkState.UP)
        self.network = Network(clock, KEY, {"office": up}, everyone=Callee(call_s=None))
        self.ended: list[str] = []
        self.lost: list[str] = []
        self.troubles: list[str] = []
        super().__init__(
            self.network,
            self._start_task,
            count=count,
            silence_s=silence_s,
            restart_s=0.01,
            on_frame=self._note,
            on_gone=self._gone,
            on_trouble=self.troubles.append,
        )

    async def __aenter__(self) -> Pool:
        await self.start()
        await self.load_sounds({"hello": "/sounds/hello.wav"})
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def agent(self, index: int = 0) -> ScriptedAgent:
        """The agent that has this place now."""
        return [each for each in self.network.agents if each.index == index][-1]

    def _start_task(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        return asyncio.create_task(work)

    def _note(self, agent: int, frame: FromAgent) -> None:
        if isinstance(frame, CallEnded):
            self.ended.append(frame.record.attempt_id)

    def _gone(self, agent: int, lost: Sequence[str]) -> None:
        self.lost += lost


def a_plan(attempt_id: str, number: str = "") -> CallPlan:
    permit = Permit(
        attempt_id=attempt_id,
        campaign_id=1,
        number=number or f"+1212555{attempt_id:0>4}",
        caller_id="+12125550100",
        rules_version="1",
        issued_at=NOW,
        expires_at=NOW + timedelta(minutes=1),
    ).sealed(KEY)
    script = CallScript(message="hello", keys={})
    return CallPlan(attempt_id=attempt_id, permit=permit, script=script, limits=CallLimits(), trunks=("office",))


async def until(condition: Any, within: float = 2.0) -> None:
    async with asyncio.timeout(within):
        while not condition():  # noqa: ASYNC110  what is waited for has no event
            await asyncio.sleep(0.005)


class TestPool:
    async def test_a_call_goes_to_the_agent_with_the_fewest(self) -> None:
        async with Pool(3) as pool:
            for number in range(7):
                await pool.place(a_plan(str(number)))
            assert sorted(agent.handled for agent in pool.network.agents) == [2, 2, 3]
            assert pool.live_calls == 7

    async def test_an_agent_that_dies_loses_its_calls_and_no_others(self) -> None:
        async with Pool(2) as pool:
            for number in range(4):
                await pool.place(a_plan(str(number)))
            pool.agent(1).die()
            await until(lambda: pool.lost == ["1", "3"])
            assert pool.live_calls == 2
            await until(lambda: len(pool.network.agents) == 3)
            await until(lambda: pool.agent(1).sounds == {"hello": "/sounds/hello.wav"})
            assert pool.ended == []

    async def test_its_successor_has_every_sound_before_it_gets_a_call(self) -> None:
        async with Pool() as pool:
            await pool.load_sounds({f"sound {each}": "/x.wav" for each in range(20)})
            pool.agent().die()
            await until(lambda: not pool.is_up)
            loading = asyncio.create_task(pool.load_sounds({f"more {each}": "/x.wav" for each in range(20)}))
            await until(lambda: pool.is_up)
            assert len(pool.agent().sounds) == 41
            await loading

    async def test_no_agent_up_means_not_placed(self) -> None:
        async with Pool() as pool:
            pool.network.starts_to_fail = 3
            pool.agent().die()
            await until(lambda: not pool.is_up)
            with pytest.raises(AgentError):
                await pool.place(a_plan("1"))
            assert pool.live_calls == 0
            await until(lambda: pool.is_up)
            assert [each for each in pool.troubles if "cannot start" in each] == [
                "a SIP agent cannot start: the SIP agent did not start"
            ] * 3
            await pool.place(a_plan("2"))
            assert pool.agent().handled == 1

    async def test_a_call_handed_to_an_agent_that_is_gone_is_reported_lost(self) -> None:
        async with Pool() as pool:
            pool.agent().die()
            await pool.place(a_plan("1"))
            await until(lambda: pool.lost == ["1"])

    @pytest.mark.parametrize("how", ["deaf", "stuck"])
    async def test_one_that_does_not_answer_is_ended_in_time(self, how: str) -> None:
        async with Pool(2) as pool:
            await pool.place(a_plan("1"))
            setattr(pool.agent(), how, True)
            begun = time.monotonic()
            await until(lambda: pool.lost == ["1"], within=2.5)
            assert time.monotonic() - begun < 0.6 + 0.1
            assert pool.network.agents[0].dead
            assert not pool.agent(1).dead
            await until(lambda: not pool.agent().dead)

    async def test_one_that_answers_is_left_alone(self) -> None:
        async with Pool(silence_s=0.2) as pool:
            await asyncio.sleep(0.25)
            time.sleep(0.25)  # noqa: ASYNC251  this process is held up, not the agent
            await asyncio.sleep(0.1)
            assert len(pool.network.agents) == 1
            assert pool.troubles == []

    async def test_a_stuck_agent_keeps_nobody_else_from_being_hung_up(self) -> None:
        async with Pool(2, silence_s=30) as pool:
            await pool.place(a_plan("1"))
            await pool.place(a_plan("2"))
            pool.agent(0).stuck = True
            begun = time.monotonic()
            await pool.hang_up_all()
            await until(lambda: pool.ended == ["2"])
            assert time.monotonic() - begun < 0.4
            pool.agent(0).stuck = False

    async def test_an_opt_out_is_confirmed_to_the_agent_that_has_the_call(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with Pool(2) as pool:
            await pool.place(a_plan("1"))
            await pool.place(a_plan("2"))
            heard: list[tuple[int, object]] = []
            for agent in pool.network.agents:

                async def send(frame: object, index: int = agent.index) -> None:
                    heard.append((index, frame))

                monkeypatch.setattr(agent, "send", send)
            await pool.confirm_opt_out("2")
            assert [each for each in heard if isinstance(each[1], OptOutStored)] == [(1, OptOutStored(attempt_id="2"))]
            monkeypatch.undo()

    async def test_closing_hears_what_is_said_last(self) -> None:
        async with Pool(2) as pool:
            for number in range(6):
                await pool.place(a_plan(str(number)))
        assert sorted(pool.ended) == ["0", "1", "2", "3", "4", "5"]
        assert pool.lost == []
        assert all(agent.dead for agent in pool.network.agents)

    async def test_closing_reports_what_a_stuck_agent_had(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("dialer.engine.agents.CLOSING_GRACE", timedelta(seconds=0.1))
        monkeypatch.setattr("dialer.engine.agents.CLOSING_S", 0.1)
        async with Pool(2, silence_s=30) as pool:
            await pool.place(a_plan("1"))
            await pool.place(a_plan("2"))
            pool.agent(0).stuck = True
        assert (pool.ended, pool.lost) == (["2"], ["1"])
        assert pool.network.agents[0].dead

    async def test_closing_while_an_agent_is_started_leaves_none_behind(self) -> None:
        async with Pool() as pool:
            pool.network.starts_to_fail = 100
            pool.agent().die()
            await until(lambda: not pool.is_up)
        assert all(agent.dead for agent in pool.network.agents)


class TestInARun:
    async def test_calls_that_die_with_their_agent_are_interrupted_and_wait_for_the_gap(self, bench: Bench) -> None:
        campaign_id = await bench.campaign([e164(index) for index in range(12)], cps=100)
        bench.network.everyone = Callee(call_s=0.1)
        bench.network.callees[e164(5)] = Callee(kills_agent=True)
        async with bench.running(FOREVER):
            await bench.until(lambda: len(bench.watcher.lines) >= 12)
            bench.network.callees.clear()
            interrupted = {line.number for line in bench.watcher.lines if line.outcome is Outcome.INTERRUPTED}
            assert interrupted == {e164(index) for index in range(6)}
            # No telephone of these rings again before the gap is over, a retry interval or not.
            bench.clock.forward(timedelta(hours=3, minutes=59))
            await bench.idle()
            assert set(Counter(bench.network.numbers).values()) == {1}
            bench.clock.forward(timedelta(minutes=2))
            await bench.until(lambda: len(bench.network.placed) == 18)
            await bench.until(lambda: bench.watcher.changes)
        outcomes = await bench.store.reports.outcome_counts(campaign_id)
        outcomes.pop(Outcome.NOT_DIALED, 0)  # decided already when the agent died
        assert outcomes == {Outcome.HEARD: 12, Outcome.INTERRUPTED: 6}
        assert len(bench.network.agents) == 2

    async def test_a_silent_agent_does_not_hold_the_campaign_up(self, bench: Bench) -> None:
        campaign_id = await bench.campaign([e164(index) for index in range(10)])
        bench.network.everyone = Callee(call_s=0.2)
        async with bench.running(replace(FAST, agents=2)):
            await bench.until(lambda: len(bench.network.placed) == 10)
            bench.network.agents[0].deaf = True
            assert await bench.ending() is Ending.IDLE
        outcomes = await bench.store.reports.outcome_counts(campaign_id)
        assert outcomes == {Outcome.HEARD: 5, Outcome.INTERRUPTED: 5}

    async def test_what_an_agent_complains_of_is_told(self, bench: Bench) -> None:
        await bench.campaign([e164(0)])
        bench.network.everyone = Callee(call_s=0.1)
        async with bench.running():
            await bench.until(lambda: bench.network.placed)
            bench.network.agents[0].complain("hello.wav is no sound")
            await bench.ending()
        assert "agent: hello.wav is no sound" in bench.watcher.troubles
