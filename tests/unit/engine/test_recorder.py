from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import cast

import pytest
from tests.contract.store_values import take_due
from tests.unit.engine.bench import NOW, Bench, e164

from dialer.calls.outcome import Outcome
from dialer.calls.plan import CallRecord, EndedBy
from dialer.engine.ports import EngineStore
from dialer.engine.recorder import Recorder, opt_out_of
from dialer.errors import StoreError
from dialer.results.records import Ended


async def open_attempts(bench: Bench, contacts: int) -> list[Ended]:
    """Attempts that a run has placed, with the outcomes that they have come to."""
    campaign_id = await bench.campaign([e164(index) for index in range(contacts)])
    store = bench.store.engine
    await store.start_run("this", os.getpid(), bench.clock.now())
    claims = await take_due(bench.store, "this", campaign_id, contacts, bench.clock.now())
    decided = [bench.permitted(claim) for claim in claims]
    await store.record_decisions(decided)
    return [Ended(each.claim.queue_id, a_record(each.attempt_id), None, "reached") for each in decided]


def a_record(attempt_id: str, outcome: Outcome = Outcome.HEARD) -> CallRecord:
    return CallRecord(attempt_id=attempt_id, outcome=outcome, ended_at=NOW, ended_by=EndedBy.CALLEE)


class Recording:
    """A recorder at work on the bench's store."""

    def __init__(self, bench: Bench, gather_s: float = 0.005) -> None:
        self.durable: list[str] = []
        self.troubles: list[str] = []
        self.recorder = Recorder(
            cast("EngineStore", bench.faulty),
            on_durable=lambda ended: self.durable.append(ended.record.attempt_id),
            on_trouble=self.troubles.append,
            retry_s=0.005,
            gather_s=gather_s,
        )

    @asynccontextmanager
    async def working(self) -> AsyncIterator[Recorder]:
        task = asyncio.create_task(self.recorder.run())
        try:
            async with asyncio.timeout(5):
                yield self.recorder
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def until(condition: Callable[[], object]) -> None:
    while not condition():  # noqa: ASYNC110  what is waited for has no event
        await asyncio.sleep(0.002)


async def test_what_is_told_is_on_disk(bench: Bench) -> None:
    outcomes = await open_attempts(bench, 30)
    recording = Recording(bench)
    async with recording.working() as recorder:
        for each in outcomes:
            recorder.ended(each, None)
        assert recorder.unstored == 30
        await recorder.flushed()
        assert len(recording.durable) == 30
        assert bench.look("SELECT count(*) FROM outcome") == 30
        assert recorder.unstored == 0
    assert bench.faulty.calls.count("record_outcomes") < 30  # in groups


async def test_outcomes_wait_for_others_unless_they_are_told_to_hurry(bench: Bench) -> None:
    outcomes = await open_attempts(bench, 4)
    recording = Recording(bench, gather_s=60)
    async with recording.working() as recorder:
        for each in outcomes[:2]:
            recorder.ended(each, None)
            await asyncio.sleep(0.02)
        assert recording.durable == []
        recorder.hurry()
        await until(lambda: len(recording.durable) == 2)
        recorder.hurry()  # nothing waits: the next is not written for it
        recorder.ended(outcomes[2], None)
        await asyncio.sleep(0.02)
        assert len(recording.durable) == 2
        recorder.ended(outcomes[3], opt_out_of(Ended(4, a_record("a", Outcome.ABUSE), None), e164(3)))
        await until(lambda: len(recording.durable) == 4)
    assert bench.faulty.calls.count("record_outcomes") == 2


async def test_nothing_is_lost_while_the_store_fails(bench: Bench) -> None:
    outcomes = await open_attempts(bench, 20)
    recording = Recording(bench)
    async with recording.working() as recorder:
        bench.faulty.failing.add("record_outcomes")
        for each in outcomes[:10]:
            recorder.ended(each, None)
        await until(lambda: recorder.failing)
        for each in outcomes[10:]:
            recorder.ended(each, None)
        await asyncio.sleep(0.05)
        assert recording.durable == []
        assert recorder.unstored == 20
        bench.faulty.failing.clear()
        await recorder.flushed()
        assert sorted(recording.durable) == sorted(each.record.attempt_id for each in outcomes)
        assert not recorder.failing
    assert recording.troubles == [
        "outcomes cannot be stored, no call is placed: no space is left on the disk",
        "outcomes are stored again",
    ]


async def test_one_that_the_store_will_not_take_holds_up_no_other_and_keeps_calls_from_being_placed(
    bench: Bench,
) -> None:
    outcomes = await open_attempts(bench, 12)
    recording = Recording(bench)
    async with recording.working() as recorder:
        recorder.ended(Ended(1, a_record("of nobody"), None, "reached"), None)
        for each in outcomes:
            recorder.ended(each, None)
        await until(lambda: len(recording.durable) == 12)
        assert recorder.failing
        assert recorder.unstored == 1


@pytest.mark.parametrize("error", [StoreError("disk full"), ValueError("a naive datetime")])
async def test_whatever_the_store_raises_the_recorder_goes_on(
    bench: Bench, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcomes = await open_attempts(bench, 2)
    recording = Recording(bench)
    store = bench.store.engine
    async with recording.working() as recorder:
        with monkeypatch.context() as patch:

            async def fail(ended: object) -> None:
                raise error

            patch.setattr(store, "record_outcomes", fail)
            recorder.ended(outcomes[0], None)
            await until(lambda: recorder.failing)
        recorder.ended(outcomes[1], None)
        await recorder.flushed()
    assert len(recording.durable) == 2


async def test_an_opt_out_is_on_disk_before_its_outcome(bench: Bench) -> None:
    (outcome,) = await open_attempts(bench, 1)
    opted_out = Ended(outcome.queue_id, a_record(outcome.record.attempt_id, Outcome.OPTED_OUT), None, "reached")
    recording = Recording(bench)
    bench.faulty.failing.add("record_outcomes")
    async with recording.working() as recorder:
        recorder.ended(opted_out, opt_out_of(opted_out, e164(0)))
        await until(lambda: recorder.failing)
        assert await bench.store.dnc.check(e164(0)) is not None
        assert recording.durable == []


@pytest.mark.parametrize("outcome", list(Outcome))
def test_opting_out_and_abuse_put_a_number_on_the_list(outcome: Outcome) -> None:
    ended = Ended(1, a_record("a", outcome), NOW + timedelta(days=1))
    entry = opt_out_of(ended, e164(0))
    assert (entry is not None) == (outcome in {Outcome.OPTED_OUT, Outcome.ABUSE})
    if entry is not None:
        assert (entry.e164, entry.source, entry.added_at) == (e164(0), "a", NOW)
