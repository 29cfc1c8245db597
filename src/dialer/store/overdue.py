"""Contacts that stand where they stand for longer than they may: none should, so whoever looks is told."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from dialer.results.records import Overdue, QueueState
from dialer.store.schema import AttemptState, attempt, queue

CLAIM_LASTS = timedelta(minutes=1)  # from being taken to the gate's decision
WAIT_LASTS = timedelta(days=1)  # from being due: a whole day's hours have passed
MOST = 100


def overdue(connection: sa.Connection, campaign_id: int, longest_call: timedelta, now: datetime) -> list[Overdue]:
    """The longest overdue first, at most ``MOST`` of each state; ``longest_call`` is from the permit to the record."""
    of_campaign = queue.c.campaign_id == campaign_id
    open_since = (
        sa.select(attempt.c.placed_at)
        .where(attempt.c.queue_id == queue.c.id, attempt.c.state == AttemptState.OPEN)
        .scalar_subquery()
    )
    found: list[Overdue] = []
    for state, since, lasts in (
        (QueueState.CLAIMED, queue.c.claimed_at, CLAIM_LASTS),
        (QueueState.DIALING, sa.func.coalesce(open_since, queue.c.claimed_at), longest_call),
        (QueueState.WAITING, queue.c.due_at, WAIT_LASTS),
    ):
        stands = sa.type_coerce(since, queue.c.due_at.type)
        query = (
            sa.select(queue.c.e164, stands.label("since"))
            .where(of_campaign, queue.c.state == state, stands < sa.literal(now - lasts, type_=queue.c.due_at.type))
            .order_by(stands)
            .limit(MOST)
        )
        found += [Overdue(row.e164, state, row.since, row.since + lasts) for row in connection.execute(query)]
    return found
