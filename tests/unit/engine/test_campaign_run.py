from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.unit.engine.bench import FAST, NOW, Bench, MovableClock, e164
from tests.unit.engine.scripted_agent import Callee

from dialer.calls.outcome import NotDialed, Outcome
from dialer.calls.trunk import TrunkState
from dialer.campaigns.throttle import Throttle, ThrottleRule
from dialer.engine.campaign_run import slowdown_s
from dialer.engine.lanes import HORIZON_S
from dialer.engine.settings import Ending, RunUntil
from dialer.results.records import CampaignState

FOREVER = replace(FAST, until=RunUntil.FOREVER)
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)


class TestPacing:
    async def test_dials_keep_their_distance(self, bench: Bench) -> None:
        await bench.campaign([e164(index) for index in range(11)], cps=20)
        assert await bench.run() is Ending.DONE
        times = [at for at, _ in bench.network.placed]
        # A late dial may take from the distance to the next one, but no more calls ever leave than the rate allows.
        for first in range(11):
            for later in range(first + 1, 11):
                assert times[later] - times[first] >= (later - first - 1) * 0.05
        assert 10 * 0.05 - 0.005 <= times[-1] - times[0] < 10 * 0.05 + 0.4

    async def test_campaigns_share_the_rate_of_their_trunk_and_no_permit_grows_old(self, bench: Bench) -> None:
        bench.trunk("office", cps=20)
        for name, start in (("one", 0), ("two", 10), ("three", 20)):
            await bench.campaign([e164(start + index) for index in range(5)], name=name)
        assert await bench.run() is Ending.DONE
        assert Counter(line.outcome for line in bench.watcher.lines) == {Outcome.HEARD: 15}
        times = [at for at, _ in bench.network.placed]
        for first in range(15):
            for later in range(first + 1, 15):
                assert times[later] - times[first] >= (later - first - 1) * 0.05
        # None of them waits for another to be done.
        assert {plan.permit.campaign_id for _, plan in bench.network.placed[:9]} == {1, 2, 3}
        for at, plan in bench.network.placed:
            issued = (plan.permit.issued_at - NOW).total_seconds() + bench.clock.begun
            assert at - issued < 0.5

    async def test_a_trunk_has_only_so_many_channels_for_all_campaigns(self, bench: Bench) -> None:
        bench.trunk("office", channels=6)
        for name, start in (("one", 0), ("two", 20), ("three", 40)):
            await bench.campaign([e164(start + index) for index in range(6)], name=name, channels=5)
        bench.network.everyone = Callee(call_s=0.05)
        assert await bench.run(replace(FAST, agents=2)) is Ending.DONE
        assert len(bench.network.placed) == 18
        assert bench.network.most_up == 6

    async def test_a_campaign_has_only_so_many_channels(self, bench: Bench) -> None:
        await bench.campaign([e164(index) for index in range(12)], channels=3)
        bench.network.everyone = Callee(call_s=0.05)
        assert await bench.run() is Ending.DONE
        assert bench.network.most_up == 3

    async def test_channels_come_back_however_a_contact_ends(self, bench: Bench) -> None:
        """Refused, not dialed, lost with its agent, busy: none of these may keep a channel for ever."""
        await bench.campaign([e164(index) for index in range(5)], channels=2, attempts=2, gap=1)
        await bench.campaign([e164(index) for index in range(5)], name="again", channels=2, attempts=2, gap=1)
        bench.network.callees = {
            e164(1): Callee(Outcome.NOT_DIALED, not_dialed=NotDialed.NO_CHANNEL),
            e164(2): Callee(kills_agent=True),
            e164(3): Callee(Outcome.BUSY),
        }
        async with bench.running(FOREVER):
            for _ in range(3):
                await bench.idle()
                bench.clock.forward(40 * MINUTE)
        assert bench.lanes() == [(0, 0)]


class TestOneNumberInTwoCampaigns:
    async def test_it_is_never_up_twice_and_is_left_in_peace_for_the_gap(self, bench: Bench) -> None:
        shared = [e164(index) for index in range(5)]
        first = await bench.campaign(shared, name="first")
        second = await bench.campaign([*shared, e164(50)], name="second")
        bench.network.everyone = Callee(call_s=0.05)
        assert await bench.run() is Ending.IDLE

        assert Counter(bench.network.numbers) == dict.fromkeys([*shared, e164(50)], 1)
        refused = await bench.refusals()
        assert {row.refusal.number for row in refused} == set(shared)
        assert {row.refusal.refused_by for row in refused} == {"gap"}
        bench.clock.forward(timedelta(hours=3, minutes=55))
        assert await bench.run() is Ending.IDLE
        assert len(bench.network.placed) == 6
        bench.clock.forward(timedelta(minutes=10))
        assert await bench.run() is Ending.DONE
        assert Counter(bench.network.numbers) == {**dict.fromkeys(shared, 2), e164(50): 1}
        for campaign_id, contacts in ((first, 5), (second, 6)):
            assert await bench.store.reports.outcome_counts(campaign_id) == {Outcome.HEARD: contacts}


class TestTrunks:
    async def test_one_that_is_down_pauses_the_campaign_before_any_contact_is_touched(self, bench: Bench) -> None:
        campaign_id = await bench.campaign([e164(index) for index in range(5)])
        bench.network.trunk_is(TrunkState.DOWN, 503, "Service Unavailable")
        assert await bench.run() is Ending.PAUSED

        row = await bench.row()
        assert (row.state, row.pause_reason) == (
            CampaignState.PAUSED,
            "trunk office is down: 503 Service Unavailable",
        )
        assert (await bench.store.engine.queue_summary(campaign_id)).waiting == 5
        assert await bench.attempts() == []
        assert bench.watcher.changes == [("reminders", CampaignState.PAUSED, row.pause_reason)]

    async def test_another_trunk_is_enough(self, bench: Bench) -> None:
        bench.trunk("spare")
        bench.network.trunk_is(TrunkState.REFUSED, 403, "Forbidden")
        await bench.campaign([e164(0)], trunks=("office", "spare"))
        await bench.campaign([e164(1)], name="elsewhere", trunks=("office",))
        assert await bench.run() is Ending.PAUSED
        assert bench.network.numbers == [e164(0)]
        assert (await bench.row()).state is CampaignState.DONE
        assert (await bench.row("elsewhere")).pause_reason == "trunk office is refused: 403 Forbidden"

    async def test_one_that_goes_down_meanwhile_pauses_too_and_resuming_asks_it_anew(self, bench: Bench) -> None:
        campaign_id = await bench.campaign([e164(index) for index in range(60)], cps=50)
        async with bench.running(FOREVER):
            await bench.until(lambda: len(bench.network.placed) >= 3)
            bench.network.trunk_is(TrunkState.DOWN, 0, "no answer to OPTIONS")
            await bench.until(lambda: bench.watcher.changes)
            assert (await bench.row()).pause_reason == "trunk office is down: no answer to OPTIONS"
            assert len(bench.network.placed) < 60
            # Mended, without anybody being told.
            bench.trunk("office")
            await bench.set_state(campaign_id, CampaignState.RUNNING)
            bench.clock.forward(6 * MINUTE)
            await bench.until(lambda: len(bench.watcher.changes) == 2)
        assert bench.watcher.changes[1] == ("reminders", CampaignState.DONE, "")

    async def test_one_that_was_well_is_waited_for_and_goes_on_by_itself(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("dialer.engine.campaign_run.TRUNK_ASK_S", 0.1)
        await bench.campaign([e164(index) for index in range(60)], cps=50)
        async with bench.running(replace(FOREVER, trunk_patience_s=30.0)):
            await bench.until(lambda: len(bench.network.placed) >= 3)
            bench.network.trunk_is(TrunkState.DOWN, 0, "no answer to OPTIONS")
            await bench.until(lambda: any("no calls for now" in each for each in bench.watcher.troubles))
            placed = len(bench.network.placed)
            await asyncio.sleep(0.3)
            assert len(bench.network.placed) == placed
            bench.trunk("office")
            bench.clock.forward(6 * MINUTE)
            await bench.until(lambda: bench.watcher.changes, within=10.0)
        assert len(set(bench.network.numbers)) == 60
        assert bench.watcher.changes == [("reminders", CampaignState.DONE, "")]

    async def test_a_trunk_that_takes_nothing_is_tried_with_one_call_at_a_time(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("dialer.engine.campaign_run.TRUNK_ASK_S", 0.2)
        await bench.campaign([e164(index) for index in range(40)], channels=1)
        bench.network.everyone = Callee(Outcome.TRUNK_FAILURE, detail="time-out")
        async with bench.running(replace(FOREVER, trunk_patience_s=1.0)):
            await bench.until(lambda: bench.watcher.changes, within=6.0)
            assert (await bench.row()).pause_reason.startswith("5 calls in a row found no trunk")
        assert 6 <= len(bench.network.placed) <= 11

    async def test_five_failures_in_a_row_pause_and_a_resumed_campaign_gets_five_more(self, bench: Bench) -> None:
        campaign_id = await bench.campaign([e164(index) for index in range(40)], channels=1)
        bench.network.everyone = Callee(Outcome.TRUNK_FAILURE, detail="time-out")
        async with bench.running(FOREVER):
            await bench.until(lambda: bench.watcher.changes)
            assert (await bench.row()).pause_reason == "5 calls in a row found no trunk that takes them; last: time-out"
            assert len(bench.network.placed) == 5
            await bench.set_state(campaign_id, CampaignState.RUNNING)
            await bench.until(lambda: len(bench.watcher.changes) == 2)
            assert len(bench.network.placed) == 10
        summary = await bench.store.engine.queue_summary(campaign_id)
        assert (summary.waiting, summary.finished) == (40, 0)

    async def test_failures_with_a_success_between_them_do_not(self, bench: Bench) -> None:
        await bench.campaign([e164(index) for index in range(8)], channels=1)
        bench.network.callees = {e164(index): Callee(Outcome.TRUNK_FAILURE) for index in range(8) if index % 4}
        assert await bench.run() is Ending.IDLE
        assert len(bench.network.placed) == 8

    async def test_calls_that_no_agent_can_make_sense_of_pause_the_campaign(self, bench: Bench) -> None:
        campaign_id = await bench.campaign([e164(index) for index in range(9)], cps=50)
        bench.network.everyone = Callee(Outcome.NOT_DIALED, not_dialed=NotDialed.BAD_PLAN, detail="no such sound")
        assert await bench.run() is Ending.PAUSED
        assert (await bench.row()).pause_reason == "its calls cannot be placed: no such sound"
        assert (await bench.store.engine.queue_summary(campaign_id)).waiting == 9


class TestPermits:
    async def test_one_that_expires_on_its_way_leaves_the_contact_due(self, bench: Bench) -> None:
        campaign_id = await bench.campaign([e164(0)])
        bench.network.clock = MovableClock(NOW + 10 * SECOND)
        assert await bench.run() is Ending.IDLE
        assert [line.record.not_dialed for line in bench.watcher.lines] == [NotDialed.PERMIT_INVALID]
        summary = await bench.store.engine.queue_summary(campaign_id)
        assert (summary.waiting, summary.finished) == (1, 0)

        # No telephone rang: it used up no attempt, and needs no gap.
        bench.network.clock = bench.clock
        bench.clock.forward(2 * MINUTE)
        assert await bench.run() is Ending.DONE
        assert [(line.outcome, line.attempt_number) for line in bench.watcher.lines[1:]] == [(Outcome.HEARD, 1)]

    async def test_the_attempt_is_on_disk_before_the_agent_hears_of_it(self, bench: Bench) -> None:
        await bench.campaign([e164(index) for index in range(6)])
        found: list[int] = []
        bench.network.at_place = lambda plan: found.append(
            bench.look("SELECT count(*) FROM attempt WHERE attempt_id = ? AND state = 'open'", plan.attempt_id)
        )
        assert await bench.run() is Ending.DONE
        assert found == [1] * 6

    async def test_none_is_placed_once_the_next_cannot_be_decided(self, bench: Bench) -> None:
        await bench.campaign([e164(index) for index in range(30)], cps=50)
        async with bench.running(FOREVER):
            await bench.until(lambda: bench.network.placed)
            bench.faulty.failing.add("facts")
            await bench.until(lambda: any("no call is placed" in each for each in bench.watcher.troubles))
            placed = len(bench.network.placed)
            assert len(bench.watcher.decisions) > placed
            await asyncio.sleep(0.15)
            assert len(bench.network.placed) == placed

    async def test_no_contact_is_claimed_while_no_agent_is_up(self, bench: Bench) -> None:
        campaign_id = await bench.campaign([e164(index) for index in range(20)], cps=100)
        bench.network.callees[e164(2)] = Callee(kills_agent=True)
        async with bench.running(replace(FOREVER, agent_restart_s=0.2)):
            await bench.until(lambda: bench.network.agents[-1:] and bench.network.agents[0].dead)
            await asyncio.sleep(0.05)
            decided = len(bench.watcher.decisions)
            await asyncio.sleep(0.1)
            assert len(bench.watcher.decisions) == decided
            bench.clock.forward(2 * MINUTE)
            await bench.until(lambda: len(set(bench.network.numbers)) == 20)
        interrupted = {line.number for line in bench.watcher.lines if line.outcome is Outcome.INTERRUPTED}
        summary = await bench.store.engine.queue_summary(campaign_id)
        assert (summary.waiting, summary.finished) == (len(interrupted), 20 - len(interrupted))


class TestClaims:
    async def test_more_are_claimed_than_decided_and_let_go_when_nothing_may_be_decided(self, bench: Bench) -> None:
        campaign_id = await bench.campaign([e164(index) for index in range(99)], cps=50)
        claimed = "SELECT count(*) FROM queue WHERE state = 'claimed'"
        async with bench.running(replace(FOREVER, gather_s=60.0)) as engine:
            await bench.until(lambda: len(bench.network.placed) > 10)
            assert bench.look(claimed) > 0
            engine.use_gate(None)
            await bench.until(lambda: not bench.look(claimed))
            engine.use_gate(bench.gate)
            await bench.until(lambda: len(bench.network.placed) > 40)
            assert bench.faulty.calls.count("claim") < bench.faulty.calls.count("record_decisions")
            assert bench.watcher.lines  # stored along with decisions, long before their own time
            assert bench.look(claimed) > 0
            await bench.set_state(campaign_id, CampaignState.PAUSED)
            await bench.until(lambda: not bench.look(claimed))
            waiting = bench.look("SELECT count(*) FROM queue WHERE state = 'waiting' AND why_finished = ''")
            assert waiting >= 99 - len(bench.watcher.decisions)
            await bench.set_state(campaign_id, CampaignState.RUNNING)
            bench.clock.forward(2 * MINUTE)
            await bench.until(lambda: len(set(bench.network.numbers)) == 99)
        assert max(Counter(bench.network.numbers).values()) == 1

    @pytest.mark.parametrize("channels", [12, 50])
    async def test_none_is_taken_from_others_that_has_no_channel_or_may_not_go_yet(
        self, bench: Bench, channels: int
    ) -> None:
        if channels == 50:
            bench.throttle = Throttle([ThrottleRule("+1", 1, ((MINUTE, 1000),))])
        await bench.campaign([e164(index) for index in range(99)], cps=50, channels=channels)
        bench.network.everyone = Callee(call_s=0.05)
        async with bench.running(FOREVER):
            await bench.until(lambda: len(bench.network.placed) > 10)
            assert bench.look("SELECT count(*) FROM queue WHERE state = 'claimed'") <= 50 * HORIZON_S
        assert bench.network.most_up <= channels


async def test_a_long_queue_is_not_counted_while_nothing_is_due(bench: Bench) -> None:
    await bench.campaign([e164(0)], gap=1)
    bench.network.everyone = Callee(Outcome.BUSY)
    async with bench.running(FOREVER):
        await bench.until(lambda: bench.watcher.lines)
        await bench.until(lambda: "queue_summary" in bench.faulty.calls)
        counted = bench.faulty.calls.count("queue_summary")
        polls = bench.faulty.calls.count("wanted")
        await bench.until(lambda: bench.faulty.calls.count("wanted") > polls + 3)
        assert bench.faulty.calls.count("queue_summary") == counted


@pytest.mark.parametrize(("pressure", "times_slower"), [(0.5, 2), (0.75, 4), (0.9, 10)])
def test_the_nearer_the_abandonment_cap_the_slower(pressure: float, times_slower: int) -> None:
    pace_s = 5 / 10.0  # five calls at ten a second
    assert pace_s + slowdown_s(pressure, permitted=5, cps=10.0) == pytest.approx(pace_s * times_slower)


def test_no_slowdown_is_for_ever() -> None:
    assert slowdown_s(1.0, permitted=50, cps=0.1) == 30.0
