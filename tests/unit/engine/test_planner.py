"""Whom a campaign calls next, on a real store and by the real law."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from tests.unit.engine.bench import FAST, NOW, Bench, a_contact, e164, hawaiian

from dialer.campaigns.throttle import EVERY_DIGIT, HOUR, MINUTE, Throttle, ThrottleRule
from dialer.engine.planner import Planner
from dialer.engine.settings import Ending, RunUntil
from dialer.results.records import CampaignState

FOREVER = replace(FAST, until=RunUntil.FOREVER)


def californian(index: int) -> str:
    return f"+1213555{100 + index:04}"


async def planner(bench: Bench, campaign_id: int) -> Planner:
    definition = await bench.loader.load(await bench.row())
    return Planner(bench.store.engine, campaign_id, definition.policy)


async def test_the_coast_that_closes_first_is_called_first(bench: Bench) -> None:
    await bench.campaign([californian(0), californian(1), e164(0), e164(1)], cps=50)
    assert await bench.run() is Ending.DONE
    assert bench.network.numbers == [e164(0), e164(1), californian(0), californian(1)]


async def test_priority_decides_among_those_due_together(bench: Bench) -> None:
    people = [replace(a_contact(e164(index)), priority=priority) for index, priority in enumerate((5, 9, 1, 5))]
    await bench.campaign(contacts=people, cps=50)
    assert await bench.run() is Ending.DONE
    assert bench.network.numbers == [e164(2), e164(0), e164(3), e164(1)]


async def test_it_says_when_the_first_may_be_called_and_goes_on_then(bench: Bench) -> None:
    campaign_id = await bench.campaign([hawaiian(0)])
    opens = NOW.replace(hour=18, minute=0)
    async with bench.running(FOREVER) as engine:
        await bench.until(lambda: engine.next_at == opens)
        assert bench.network.placed == []
        bench.clock.forward(opens - bench.clock.now() - timedelta(seconds=0.3))
        await bench.until(lambda: bench.network.placed)
        assert bench.clock.now() >= opens
        assert bench.clock.now() - opens < timedelta(seconds=0.5)
    plan = await (await planner(bench, campaign_id)).plan(bench.gate, NOW)
    assert plan.next_at is None


async def test_a_planner_that_keeps_hours_plans_as_one_that_does_not(bench: Bench) -> None:
    campaign_id = await bench.campaign([hawaiian(0), e164(0)])
    steady = await planner(bench, campaign_id)
    steps = [NOW + timedelta(minutes=17 * step) for step in range(1, 170)]  # two days
    kept = [await steady.plan(bench.gate, at) for at in steps]
    assert kept == [await (await planner(bench, campaign_id)).plan(bench.gate, at) for at in steps]
    assert {len(each.places) for each in kept} == {0, 1, 2}


async def test_a_new_contact_in_an_open_place_wakes_it(bench: Bench) -> None:
    campaign_id = await bench.campaign([hawaiian(0)])
    async with bench.running(FOREVER):
        await bench.idle()
        await bench.store.lists.import_contacts("reminders", [a_contact(e164(7))], bench.clock.now())
        await bench.store.campaigns.refresh(campaign_id, bench.clock.now())
        await bench.store.steering.move(campaign_id, CampaignState.RUNNING, bench.clock.now())
        await bench.until(lambda: bench.network.numbers == [e164(7)], within=1.0)


async def test_a_contact_whose_zone_is_corrected_is_planned_by_the_new_one(bench: Bench) -> None:
    campaign_id = await bench.campaign([hawaiian(0)])
    moved = replace(a_contact(hawaiian(0)), time_zone="America/New_York")
    at = (await (await planner(bench, campaign_id)).plan(bench.gate, NOW)).next_at
    assert at == NOW.replace(hour=18, minute=0)
    await bench.store.lists.import_contacts("reminders", [moved], NOW + timedelta(seconds=1))
    found = await (await planner(bench, campaign_id)).plan(bench.gate, NOW + timedelta(seconds=2))
    assert len(found.places) == 1


async def test_campaigns_get_their_shares_of_a_trunk(bench: Bench) -> None:
    bench.trunk("office", cps=40)
    for name, start, share in (("small", 0, 1.0), ("large", 30, 3.0)):
        bench.loader.shares[name] = share
        await bench.campaign([e164(start + index) for index in range(30)], name=name)
    assert await bench.run() is Ending.DONE
    both = [plan.permit.campaign_id for _, plan in bench.network.placed[12:38]]  # the first began alone
    assert 1.7 <= both.count(2) / both.count(1) <= 4.0


async def test_two_trunks_carry_what_neither_can_alone(bench: Bench) -> None:
    bench.trunk("office", cps=10)
    bench.trunk("spare", cps=30)
    await bench.campaign([e164(index) for index in range(41)], trunks=("office", "spare"))
    assert await bench.run() is Ending.DONE
    times = [at for at, _ in bench.network.placed]
    assert times[-1] - times[0] >= 0.9
    by_trunk = [plan.trunks[0] for _, plan in bench.network.placed]
    assert 8 <= by_trunk.count("office") <= 16
    assert all(set(plan.trunks) == {"office", "spare"} for _, plan in bench.network.placed)


async def test_a_throttled_number_waits_until_its_time_whichever_campaign_calls(bench: Bench) -> None:
    bench.throttle = Throttle([ThrottleRule("+1212", 4, ((MINUTE, 3),))])
    first = await bench.campaign([e164(index) for index in range(5)], cps=100)
    await bench.campaign([e164(50), californian(0)], name="second", cps=100)
    assert await bench.run() is Ending.IDLE
    assert len([number for number in bench.network.numbers if number.startswith("+1212")]) == 3
    assert californian(0) in bench.network.numbers
    assert await bench.refusals(first) == []
    bench.clock.forward(MINUTE)
    assert await bench.run() is Ending.DONE
    assert len(bench.network.placed) == 7


async def test_what_an_earlier_run_dialed_is_not_forgotten(bench: Bench) -> None:
    await bench.campaign([e164(0)], name="first")
    assert await bench.run() is Ending.DONE
    bench.throttle = Throttle([ThrottleRule("+", EVERY_DIGIT, ((HOUR, 1),))])
    await bench.campaign([e164(0), e164(1)], name="second", gap=1)
    bench.clock.forward(10 * MINUTE)
    assert await bench.run() is Ending.IDLE
    assert bench.network.numbers == [e164(0), e164(1)]
    at: datetime = (await bench.store.engine.places(2))[0].next_due
    assert timedelta(minutes=45) < at - bench.clock.now() < timedelta(minutes=51)


async def test_nothing_is_decided_while_there_is_no_gate(bench: Bench) -> None:
    await bench.campaign([e164(0)])
    async with bench.running(FOREVER) as engine:
        engine.use_gate(None)
        await bench.campaign([e164(1)], name="more")
        asked = bench.faulty.calls.count("wanted")
        await bench.until(lambda: bench.faulty.calls.count("wanted") > asked + 5)
        placed = len(bench.network.placed)
        engine.use_gate(bench.gate)
        await bench.until(lambda: len(bench.network.placed) == 2)
    assert placed <= 1
