"""A killed engine loses nothing that was durable, and nobody is called twice for one claim."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.contract.store_values import NOW, e164, ended, permitted, take_due

from dialer.calls.outcome import Outcome
from dialer.results.records import QueueSummary
from dialer.store.open import Store

pytestmark = pytest.mark.chaos

ENGINE = """
import asyncio, os, signal, sys
sys.path.insert(0, sys.argv[3])
from dialer.store.open import Store
from tests.contract.store_values import NOW, RUN, a_run, ended, permitted, take_due

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def dying(write):
    # The statements of the work are done, but its transaction is not committed.
    return lambda work: write(lambda connection: (work(connection), die()))

async def main(path, moment):
    store = await Store.open(path, create=True)
    campaign_id = await a_run(store, contacts=4)
    claims = await take_due(store, RUN, campaign_id, 3, NOW)
    if moment == "claimed":
        die()
    decided = [permitted(claim) for claim in claims[:2]]
    if moment == "deciding":
        store._database.write = dying(store._database.write)
    await store.engine.record_decisions(decided)
    if moment == "decided":
        die()
    await store.engine.record_outcomes([ended(decided[0])])
    if moment == "ending":
        store._database.write = dying(store._database.write)
    await store.engine.record_outcomes([ended(decided[1])])
    die()

asyncio.run(main(sys.argv[1], sys.argv[2]))
"""


def killed_at(path: Path, moment: str) -> None:
    root = Path(__file__).parents[3]
    process = subprocess.run(
        [sys.executable, "-c", ENGINE, str(path), moment, str(root)],
        timeout=60,
        check=False,
        capture_output=True,
        text=True,
    )
    assert process.returncode == -signal.SIGKILL, process.stderr


@pytest.mark.parametrize(
    ("moment", "left_open", "left"),
    [
        ("claimed", [], QueueSummary(waiting=1, claimed=3, dialing=0, finished=0, next_due=NOW)),
        ("deciding", [], QueueSummary(waiting=1, claimed=3, dialing=0, finished=0, next_due=NOW)),
        ("decided", [0, 1], QueueSummary(waiting=1, claimed=1, dialing=2, finished=0, next_due=NOW)),
        ("ending", [1], QueueSummary(waiting=1, claimed=1, dialing=1, finished=1, next_due=NOW)),
        ("ended", [], QueueSummary(waiting=1, claimed=1, dialing=0, finished=2, next_due=NOW)),
    ],
)
async def test_a_killed_engine_is_recovered_from(
    tmp_path: Path, moment: str, left_open: list[int], left: QueueSummary
) -> None:
    path = tmp_path / "dialer.db"
    killed_at(path, moment)

    async with await Store.open(path) as store:
        (campaign,) = await store.campaigns.all()
        assert await store.engine.queue_summary(campaign.id) == left
        # Its process is gone: the next engine need not wait for its heartbeat to grow old.
        await store.engine.start_run("next", os.getpid(), NOW)
        interrupted = await store.engine.open_attempts()
        assert [each.e164 for each in interrupted] == [e164(index) for index in left_open]
        assert await store.engine.release_claims("next", NOW) == left.claimed

        claims = await take_due(store, "next", campaign.id, 10, NOW)
        assert len(claims) == left.waiting + left.claimed
        assert {claim.e164 for claim in claims}.isdisjoint(each.e164 for each in interrupted)
        for each in interrupted:
            (again,) = [row async for row in store.reports.attempts(number=each.e164)]
            record = ended(permitted(claims[0], each.attempt_id), Outcome.INTERRUPTED, due_at=NOW)
            await store.engine.record_outcomes([record])
            assert again.record is None
        counted = await take_due(store, "next", campaign.id, 10, NOW)
        assert [claim.attempts for claim in counted] == [1] * len(interrupted), "an interrupted attempt counts"
