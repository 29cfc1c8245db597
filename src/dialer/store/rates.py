"""What a forecast wants to know of a campaign: who waits since when, and how the latest attempts went.

A long queue is sampled and a long history cut, so that asking costs the same for a million contacts as for ten
thousand, but for one walk over the index of those who wait.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from dialer.campaigns.retry import NOBODY_RANG
from dialer.contacts.contact import Contact
from dialer.results.records import QueueState
from dialer.store.campaigns import looking
from dialer.store.database import Database
from dialer.store.facts import contact_of
from dialer.store.schema import attempt, contact, outcome, queue

SAMPLE = 4000  # contacts that wait
RECENT = 5000  # attempts that ended


@dataclass(frozen=True, slots=True)
class Sampled:
    """One of the contacts that are not finished, standing for as many as its sample does."""

    contact: Contact
    attempts: int  # that may have rung
    due_at: datetime
    calling: bool  # an attempt is open


@dataclass(frozen=True, slots=True)
class CampaignRates:
    """Where a campaign's contacts stand, and its latest attempts, oldest first."""

    waiting: int  # contacts, of which ``sample`` has some or all
    calling: int
    sample: tuple[Sampled, ...]
    dials: tuple[tuple[datetime, int], ...]  # when, and which attempt of its contact, from 1
    outcomes: dict[int, dict[str, int]]  # by attempt number
    lengths_s: tuple[float, ...]  # from the decision to the end of the call


class Rates:
    """Reads only. Every method raises StoreError when the store cannot be used."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, campaign_id: int, *, sample: int = SAMPLE, recent: int = RECENT) -> CampaignRates:
        """On one snapshot; about ``sample`` contacts and at most ``recent`` attempts are read."""

        def work(connection: sa.Connection) -> CampaignRates:
            standing = looking(connection).queue_summary(campaign_id)
            waiting = standing.waiting + standing.claimed
            every = 1 if waiting <= sample else waiting // sample | 1  # odd, so as not to fall in with a list's order
            sampled = connection.execute(_waiting(campaign_id, every))
            contacts = tuple(
                Sampled(contact_of(row), row.attempts, row.due_at, row.queue_state == QueueState.DIALING)
                for row in sampled
            )
            outcomes: defaultdict[int, Counter[str]] = defaultdict(Counter)
            dials: list[tuple[datetime, int]] = []
            lengths: list[float] = []
            for row in reversed(connection.execute(_latest(campaign_id, recent)).all()):
                number = row.before + 1
                outcomes[number][row.outcome] += 1
                dials.append((row.placed_at, number))
                if row.outcome not in NOBODY_RANG:
                    lengths.append((row.ended_at - row.placed_at).total_seconds())
            by_number = {number: dict(counts) for number, counts in outcomes.items()}
            return CampaignRates(waiting, standing.dialing, contacts, tuple(dials), by_number, tuple(lengths))

        return await self._database.read(work)


def _waiting(campaign_id: int, every: int) -> sa.Select[tuple[object, ...]]:
    """One contact in so many. The number of a row is part of the index, so rows passed over are not read."""
    states = (QueueState.WAITING, QueueState.CLAIMED, QueueState.DIALING)
    return (
        sa.select(contact, queue.c.attempts, queue.c.due_at, queue.c.state.label("queue_state"))
        .select_from(queue)
        .join(contact, contact.c.id == queue.c.contact_id)
        .where(queue.c.campaign_id == campaign_id, queue.c.state.in_(states), queue.c.id % every == 0)
    )


def _latest(campaign_id: int, limit: int) -> sa.Select[tuple[object, ...]]:
    """The newest attempts that ended, each with how many before it may have rung."""
    newest = (
        sa.select(attempt.c.queue_id, attempt.c.placed_at, outcome.c.outcome, outcome.c.ended_at)
        .join(outcome, outcome.c.attempt_id == attempt.c.attempt_id)
        .where(attempt.c.campaign_id == campaign_id)
        .order_by(attempt.c.placed_at.desc())
        .limit(limit)
        .subquery("newest")
    )
    earlier, ended = attempt.alias("earlier"), outcome.alias("ended")
    before = (
        sa.select(sa.func.count())
        .select_from(earlier)
        .join(ended, ended.c.attempt_id == earlier.c.attempt_id)
        .where(
            earlier.c.queue_id == newest.c.queue_id,
            earlier.c.placed_at < newest.c.placed_at,
            ended.c.outcome.not_in(sorted(NOBODY_RANG)),
        )
        .scalar_subquery()
    )
    return sa.select(newest, before.label("before")).order_by(newest.c.placed_at.desc())
