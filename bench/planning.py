"""Planning a long queue: which 1,000 contacts of a million, in 60 zones, are to be called next, and taking them.

    python -m bench.planning [--contacts 1000000] [--zones 60] [--quick]

The queue is made as a campaign makes it. Each round plans (where contacts wait, which hours these places keep) and
takes 1,000, as the engine does. The peer is the query that an engine without places would ask: the 1,000 longest due.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from datetime import time as time_of_day
from pathlib import Path
from zoneinfo import available_timezones

import sqlalchemy as sa
from bench.common import BenchError, Figure, machine

from dialer.compliance.gate import Gate
from dialer.compliance.operator import Operator
from dialer.compliance.policy import CampaignPolicy, DailyHours, Purpose
from dialer.compliance.rules import builtin_rules
from dialer.contacts.contact import Contact, Number, NumberKind
from dialer.contacts.zone_names import zone_named
from dialer.engine.planner import Planner
from dialer.results.records import CampaignState
from dialer.store.open import Store

TARGET_MS = 50.0
LIMIT = 1000
QUICK = 30_000
NOW = datetime(2026, 11, 18, 17, 0, tzinfo=UTC)
RUN = "bench"


def people(count: int, zones: list[str]) -> Iterator[Contact]:
    """Contacts of one country, whose zones the operator has confirmed."""
    for index in range(count):
        number = Number(f"+1{2_120_000_000 + index}", "US", NumberKind.FIXED_OR_MOBILE)
        yield Contact(number=number, time_zone=zones[index % len(zones)], priority=1 + index % 9)


async def fill(store: Store, count: int, zones: list[str]) -> int:
    """A running campaign over so many contacts; its id."""
    began = time.monotonic()
    await store.lists.import_contacts("people", people(count, zones), NOW - timedelta(hours=1))
    made = await store.campaigns.create("bench", "[campaign]\n", "/", ["people"], NOW - timedelta(hours=1))
    await store.campaigns.set_state(made.row.id, CampaignState.RUNNING, NOW)
    await store.engine.start_run(RUN, os.getpid(), NOW)
    print(f"{count:,} contacts queued in {time.monotonic() - began:.0f} s", file=sys.stderr)
    return made.row.id


async def rounds(store: Store, campaign_id: int, count: int) -> list[float]:
    """Milliseconds of each plan with its claim."""
    gate = Gate(builtin_rules(), Operator(()), bytes(16))
    own, number = DailyHours(time_of_day(9), time_of_day(20)), "+12125550100"
    policy = CampaignPolicy(campaign_id, Purpose.HEALTH, "Clinic", number, number, own, 3, timedelta(hours=4))
    planner = Planner(store.engine, campaign_id, policy)
    found = []
    for _ in range(count):
        began = time.perf_counter()
        plan = await planner.plan(gate, NOW)
        claims = await store.engine.claim(RUN, campaign_id, plan.places, LIMIT, NOW)
        found.append(1000 * (time.perf_counter() - began))
        if len(claims) != LIMIT:
            raise BenchError(f"{len(claims)} contacts were taken, not {LIMIT}")
    return found


def longest_due_ms(path: Path, campaign_id: int) -> float:
    """Milliseconds of the query without places."""
    engine = sa.create_engine(f"sqlite:///{path}")
    query = sa.text(
        "SELECT id FROM queue WHERE campaign_id = :id AND state = 'waiting' AND due_at <= :now"
        " ORDER BY due_at, priority LIMIT 1000"
    )
    with engine.connect() as connection:
        began = time.perf_counter()
        connection.execute(query, {"id": campaign_id, "now": int(NOW.timestamp() * 1_000_000)}).all()
        return 1000 * (time.perf_counter() - began)


async def measure(contacts: int, zones: list[str]) -> tuple[list[float], float]:
    """Our rounds, and the peer's time."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        path = Path(folder) / "dialer.db"
        async with await Store.open(path, create=True) as store:
            campaign_id = await fill(store, contacts, zones)
            found = await rounds(store, campaign_id, 21)
        return found, longest_due_ms(path, campaign_id)


def main() -> int:
    """Measure, and print the figure."""
    parser = argparse.ArgumentParser(prog="python -m bench.planning", description="the next 1,000 of a long queue")
    parser.add_argument("--contacts", type=int, default=1_000_000)
    parser.add_argument("--zones", type=int, default=60)
    parser.add_argument("--quick", action="store_true", help="30,000 contacts")
    asked = parser.parse_args()
    contacts = QUICK if asked.quick else asked.contacts
    zones = [zone for zone in sorted(available_timezones()) if "/" in zone and zone_named(zone) == zone][: asked.zones]
    print(f"{machine()}\n{contacts:,} contacts in {len(zones)} zones{', quick' if asked.quick else ''}")
    found, peer_ms = asyncio.run(measure(contacts, zones))
    middle = statistics.median(found[1:])
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"first round {found[0]:.1f} ms (the hours of {len(zones)} zones)")
    print(f"then {middle:.1f} ms, at most {max(found[1:]):.1f} ms")
    print(f"without places {peer_ms:.0f} ms; most memory, the import included: {memory:.0f} MB")
    Figure(
        "plan_next_1000", round(middle, 1), "ms", TARGET_MS, "longest due, no places", round(peer_ms, 1),
        round(middle / peer_ms, 3),
    ).print()  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
