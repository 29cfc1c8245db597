"""Whatever happens in whatever order, each number is in one hand at most and each attempt ends once."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.contract.store_values import (
    MINUTE,
    NOW,
    RUN,
    a_campaign,
    a_contact,
    a_run,
    e164,
    ended,
    permitted,
    refused,
    take_due,
)

from dialer.calls.outcome import Outcome
from dialer.campaigns.retry import NOBODY_RANG
from dialer.compliance.policy import DncEntry
from dialer.errors import StoreError
from dialer.results.records import Claim, Decided
from dialer.store.open import Store

T = TypeVar("T")

CONTACTS = 4
minutes = st.integers(min_value=0, max_value=3)


class EngineStoreMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.directory = Path(tempfile.mkdtemp(prefix="dialer-store-"))
        self.now = NOW
        self.run_id = RUN
        self.claims: list[Claim] = []
        self.open: list[Decided] = []
        self.rang: Counter[tuple[int, str]] = Counter()
        self.finished: set[tuple[int, str]] = set()
        self.outcomes = 0

    @initialize()
    def begin(self) -> None:
        async def begin() -> tuple[Store, list[int]]:
            store = await Store.open(self.directory / "dialer.db", create=True)
            first = await a_run(store, CONTACTS)
            await store.lists.import_contacts("others", [a_contact(index) for index in (2, 3, 4)], NOW)
            return store, [first, await a_campaign(store, "second", ["others", "patients"])]

        self.store, self.campaigns = self.runner.run(begin())

    @rule(which=st.integers(0, 1), limit=st.integers(1, 4))
    def claim(self, which: int, limit: int) -> None:
        campaign_id = self.campaigns[which]
        claims = self.runner.run(take_due(self.store, self.run_id, campaign_id, limit, self.now))
        assert {claim.e164 for claim in claims}.isdisjoint(self.in_hand())
        for claim in claims:
            assert (campaign_id, claim.e164) not in self.finished
            assert claim.attempts == self.rang[campaign_id, claim.e164]
        self.claims += claims

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), wait=st.none() | minutes, permit=st.booleans())
    def decide(self, data: st.DataObject, wait: int | None, permit: bool) -> None:
        claim = self.take(data, self.claims)
        if permit:
            decided = permitted(claim, f"{claim.queue_id}-{self.outcomes}-{len(self.open)}-{self.now}", self.now)
            self.open.append(decided)
        else:
            decided = refused(claim, None if wait is None else self.now + wait * MINUTE, self.now)
            if wait is None:
                self.finished.add((claim.campaign_id, claim.e164))
        self.runner.run(self.store.engine.record_decisions([decided]))

    @precondition(lambda self: self.open)
    @rule(data=st.data(), outcome=st.sampled_from(Outcome), wait=st.none() | minutes)
    def end(self, data: st.DataObject, outcome: Outcome, wait: int | None) -> None:
        decided = self.take(data, self.open)
        done = ended(decided, outcome, None if wait is None else self.now + wait * MINUTE, self.now)
        self.runner.run(self.store.engine.record_outcomes([done, done]))
        self.outcomes += 1
        key = (decided.claim.campaign_id, decided.claim.e164)
        self.rang[key] += outcome not in NOBODY_RANG
        if wait is None:
            self.finished.add(key)
        other = Outcome.BUSY if outcome is not Outcome.BUSY else Outcome.HEARD
        with pytest.raises(StoreError):
            self.runner.run(self.store.engine.record_outcomes([ended(decided, other)]))

    @rule()
    def another_engine_takes_over(self) -> None:
        self.now += timedelta(seconds=15)
        self.run_id = f"run at {self.now}"

        async def take_over() -> tuple[int, set[str]]:
            await self.store.engine.start_run(self.run_id, os.getpid(), self.now)
            left = {attempt.attempt_id for attempt in await self.store.engine.open_attempts()}
            return await self.store.engine.release_claims(self.run_id, self.now), left

        released, left = self.runner.run(take_over())
        assert released == len(self.claims)
        assert left == {decided.attempt_id for decided in self.open}
        for lost in self.claims:
            with pytest.raises(StoreError):
                self.runner.run(self.store.engine.record_decisions([permitted(lost)]))
        self.claims.clear()

    @rule(index=st.integers(0, CONTACTS))
    def opt_out(self, index: int) -> None:
        entry = DncEntry(e164(index), self.now, "key 9", "test")
        self.runner.run(self.store.engine.add_opt_outs([entry, entry]))

    @rule(wait=minutes)
    def time_passes(self, wait: int) -> None:
        self.now += wait * MINUTE
        self.runner.run(self.store.engine.heartbeat(self.run_id, self.now))

    @invariant()
    def the_store_counts_as_we_do(self) -> None:
        for campaign_id in self.campaigns:
            summary = self.runner.run(self.store.engine.queue_summary(campaign_id))
            assert summary.claimed == sum(claim.campaign_id == campaign_id for claim in self.claims)
            assert summary.dialing == sum(decided.claim.campaign_id == campaign_id for decided in self.open)
            assert summary.finished == sum(of == campaign_id for of, _ in self.finished)

    def in_hand(self) -> set[str]:
        return {claim.e164 for claim in self.claims} | {decided.claim.e164 for decided in self.open}

    def take(self, data: st.DataObject, among: list[T]) -> T:
        return among.pop(data.draw(st.integers(0, len(among) - 1)))

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.runner.run(self.store.close())
        self.runner.close()
        shutil.rmtree(self.directory)


TestEngineStore = EngineStoreMachine.TestCase
TestEngineStore.settings = settings(max_examples=15, stateful_step_count=30, deadline=None)
