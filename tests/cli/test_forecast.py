"""The forecast in ``dialer campaign status``."""

from __future__ import annotations

import asyncio
import json
import os
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from tests.contract.store_values import RUN, ended, permitted, take_due

from dialer.calls.outcome import Outcome
from dialer.results.records import CampaignState
from dialer.store.open import Store

if TYPE_CHECKING:
    from tests.operators import Operator

NUMBERS = [f"+1212555{n:04}" for n in range(100, 200)]
NAME = "Appointment reminders"


def half_way(operator: Operator, outcomes: list[Outcome]) -> None:
    """The campaign that ``dialer init`` writes, over a hundred people, of whom so many were called a moment ago."""
    operator.write("people.csv", "phone\n" + "\n".join(NUMBERS) + "\n")
    operator.run("contacts", "import", "people.csv", "--list", "people", "--region", "US")
    operator.run("campaign", "create", "campaign.toml", "--list", "people")

    async def call() -> None:
        now = datetime.now(UTC) - timedelta(minutes=5)
        async with await Store.open(operator.home / "dialer.db") as store:
            row = (await store.campaigns.all())[0]
            await store.engine.start_run(RUN, os.getpid(), now)
            await store.engine.set_campaign_state(row.id, CampaignState.RUNNING, now)
            claims = await take_due(store, RUN, row.id, len(outcomes), datetime.now(UTC))
            decided = [permitted(claim, at=now + place * timedelta(seconds=1)) for place, claim in enumerate(claims)]
            await store.engine.record_decisions(decided)
            done = []
            for each, outcome in zip(decided, outcomes, strict=True):
                again = now + timedelta(hours=4) if outcome is Outcome.NO_ANSWER else None
                done.append(ended(each, outcome, again, each.decided_at + timedelta(seconds=20)))
            await store.engine.record_outcomes(done)
            await store.engine.end_run(RUN, now)

    asyncio.run(call())


def test_a_campaign_under_way_is_forecast(operator: Operator) -> None:
    half_way(operator, [Outcome.HEARD] * 30 + [Outcome.NO_ANSWER] * 30)
    [status] = json.loads(operator.run("campaign", "status", NAME, "--json"))
    told = status["forecast"]
    assert told["contacts"] == 100
    assert 30 < told["reached"]["p10"] <= told["reached"]["median"] <= told["reached"]["p90"] <= 100
    assert datetime.now(UTC).isoformat() < told["ends"]["p10"] <= told["ends"]["median"] <= told["ends"]["p90"]
    said = operator.run("campaign", "status", NAME)
    assert re.search(
        r"forecast: ends \w{3} \d{4}-\d\d-\d\d \d\d:\d\d UTC \(between .+ UTC and .+ UTC\), "
        r"\d+ of 100 reached \(\d+ to \d+\)",
        said,
    ), said
    operator.run("campaign", "pause", NAME)
    assert "forecast, if resumed now: ends" in operator.run("campaign", "status", NAME)
    operator.run("campaign", "stop", NAME)
    assert "forecast" not in operator.run("campaign", "status", NAME)


def test_before_the_first_outcome_nothing_is_forecast(operator: Operator) -> None:
    half_way(operator, [])
    [status] = json.loads(operator.run("campaign", "status", NAME, "--json"))
    assert status["forecast"] is None
    assert "forecast" not in operator.run("campaign", "status", NAME)
