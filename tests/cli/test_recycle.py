"""``dialer campaign recycle``, as an operator uses it after a campaign has ended."""

from __future__ import annotations

import asyncio
import json
import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from tests.contract.store_values import RUN, ended, permitted, take_due

from dialer.calls.outcome import Outcome
from dialer.compliance.policy import DncEntry
from dialer.results.records import CampaignState
from dialer.store.open import Store

if TYPE_CHECKING:
    from tests.operators import Operator

NUMBERS = [f"+1212555{n:04}" for n in range(100, 104)]
LAST = [Outcome.BUSY, Outcome.NO_ANSWER, Outcome.HEARD, Outcome.BUSY]
NAME = "Appointment reminders"


def worked(operator: Operator) -> None:
    """The campaign that ``dialer init`` writes, over four people, called with these outcomes; one opted out since."""
    operator.write("people.csv", "phone,name\n" + "\n".join(f"{number},Ann" for number in NUMBERS) + "\n")
    operator.run("contacts", "import", "people.csv", "--list", "people")
    operator.run("campaign", "create", "campaign.toml", "--list", "people")

    async def call() -> None:
        now = datetime.now(UTC)
        async with await Store.open(operator.home / "dialer.db") as store:
            row = (await store.campaigns.all())[0]
            await store.engine.start_run(RUN, os.getpid(), now)
            await store.engine.set_campaign_state(row.id, CampaignState.RUNNING, now)
            by_number = {each.e164: each for each in await take_due(store, RUN, row.id, 9, now)}
            decided = [permitted(by_number[number], at=now) for number in NUMBERS]
            await store.engine.record_decisions(decided)
            at = now + timedelta(seconds=20)
            await store.engine.record_outcomes(
                [ended(each, outcome, at=at) for each, outcome in zip(decided, LAST, strict=True)]
            )
            await store.engine.end_run(RUN, at)
            await store.dnc.add([DncEntry(NUMBERS[3], now, "asked", "letter")])

    asyncio.run(call())


def test_who_was_not_reached_becomes_a_list_for_a_new_campaign(operator: Operator) -> None:
    worked(operator)
    arguments = ("campaign", "recycle", NAME, "--outcome", "busy", "--outcome", "no_answer", "--into")
    told = json.loads(operator.run(*arguments, "second round", "--json"))
    assert told == {
        "campaign": NAME,
        "list": "second round",
        "outcomes": ["busy", "no_answer"],
        "contacts": 2,
        "on_dnc": 1,
    }
    second = (operator.home / "campaign.toml").read_text().replace(NAME, "Second round")
    operator.write("second.toml", second)
    assert "2 contacts queued" in operator.run("campaign", "create", "second.toml", "--list", "second round")
    assert "import" in operator.run("audit", "list")

    said = operator.run(*arguments, "third round")
    assert "2 contacts" in said
    assert "1 on the do-not-call list left out" in said
    assert "already is a list" in operator.run(*arguments, "people", code=1)


def test_who_must_not_be_tried_again_is_refused_with_a_hint(operator: Operator) -> None:
    worked(operator)
    said = operator.run("campaign", "recycle", NAME, "--outcome", "opted_out", "--into", "again", code=1)
    assert "nobody is tried again after opted_out" in said
    assert "no_answer" in said
    operator.run("campaign", "recycle", NAME, "--outcome", "asleep", "--into", "again", code=2)
